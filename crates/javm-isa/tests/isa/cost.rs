//! Costs of basic blocks: against `polkavm`, and the flat model.

use javm_isa::{BlockCosts, CostModel, Mode, Program, assemble, block_cost};
use javm_testgen::{Config, generate, seeds, shrink};
use proptest::prelude::*;

use crate::blobs::any_program;
use crate::model;
use crate::oracle::{Polkavm, can_be_asked, compare};

/// Sets how many blocks of generated programs are compared.
const BLOCKS_VARIABLE: &str = "NUB_BLOCKS";
const BLOCKS: u64 = 20_000;

/// Programs of few blocks with many instructions: what fills the reorder buffer.
fn long_blocks(mode: Mode) -> Config {
    Config { mode, blocks: 1..=3, steps: 0..=80, sbrk: false, ..Config::default() }
}

fn short_blocks(mode: Mode) -> Config {
    Config { mode, sbrk: false, ..Config::default() }
}

#[test]
fn generated_blocks_cost_what_polkavm_says() {
    let polkavm = Polkavm::new();
    let configs = [
        short_blocks(Mode::Bare),
        short_blocks(Mode::Image),
        long_blocks(Mode::Bare),
        long_blocks(Mode::Image),
        Config { only_valid: false, ..short_blocks(Mode::Bare) },
        Config { only_valid: false, ..long_blocks(Mode::Image) },
    ];
    // With a seed in the environment that seed's programs alone, unless a number of blocks is asked for as well.
    let seeds = seeds(BLOCKS_VARIABLE, BLOCKS);
    let (mut wanted, mut loaded) = (seeds.end - seeds.start, 0);
    let mut seed = seeds.start;
    while wanted > 0 {
        for config in &configs {
            let case = generate(config, seed);
            let program = case.program();
            let module = polkavm.load(&program, config.mode);
            loaded += u64::from(module.is_some());
            match compare(&program, config.mode, module.as_ref()) {
                Ok(blocks) => wanted = wanted.saturating_sub(blocks),
                Err(_) => {
                    let differs = |case: &javm_testgen::Case| compare(&case.program(), case.mode, None).is_err();
                    let small = shrink(&case, differs);
                    let program = small.program();
                    let module = polkavm.load(&program, config.mode);
                    panic!("{}\n{small}", compare(&program, config.mode, module.as_ref()).expect_err("still differs"));
                }
            }
        }
        seed += 1;
    }
    println!("seeds {} to {}, {loaded} of the programs loaded", seeds.start, seed - 1);
    assert!(loaded > 0 || !can_be_asked(), "polkavm loaded none of the programs");
}

/// The machine as the page describes it gives the same, also where `polkavm` cannot be asked.
#[test]
fn blocks_cost_what_the_page_says() {
    for mode in [Mode::Bare, Mode::Image] {
        let mut config = Config { only_valid: false, ..long_blocks(mode) };
        config.sbrk = true;
        for seed in seeds("NUB_PROGRAMS", 60) {
            let case = generate(&config, seed);
            let program = case.program();
            let starts = program.block_starts(mode);
            for (start, cost) in BlockCosts::of(&program, mode, CostModel::Pipeline, &starts).iter() {
                assert_eq!(cost, model::cost(&program, mode, start), "the block at {start:#x}\n{case}");
            }
        }
    }
}

/// Programs made of few instructions in many orders, which is where the machine's limits meet: full buffers, units that
/// run short, five starts in a cycle.
#[test]
fn dense_blocks_cost_what_polkavm_says() {
    use javm_isa::{Instruction, Opcode, ProgramBuilder, Reg};
    use rand::rngs::ChaCha8Rng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    let pool = [
        Opcode::Unlikely,
        Opcode::Unlikely,
        Opcode::LoadImm,
        Opcode::StoreIndU8,
        Opcode::StoreIndU8,
        Opcode::LoadIndU8,
        Opcode::Mul64,
        Opcode::DivU64,
        Opcode::SetLtUImm,
        Opcode::TrailingZeroBits64,
        Opcode::Ecalli,
        Opcode::MoveReg,
        Opcode::Add64,
    ];
    for seed in seeds("NUB_DENSE_BLOCKS", 5_000) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let opcodes: Vec<Opcode> =
            (0..rng.random_range(1..=4)).filter_map(|_| pool.choose(&mut rng).copied()).collect();
        let registers = rng.random_range(1..=4_usize);
        let mut builder = ProgramBuilder::new();
        for _ in 0..rng.random_range(0..=70) {
            let mut register = || Reg::all().nth(rng.random_range(0..registers)).expect("a register");
            let (a, b, d) = (register(), register(), register());
            let opcode = *opcodes.choose(&mut rng).expect("an opcode");
            builder.push(&Instruction { a, b, d, ..Instruction::new(opcode) }).expect("it fits");
        }
        let ends = [Opcode::Trap, Opcode::Jump, Opcode::JumpInd, Opcode::BranchEq];
        builder.push(&Instruction::new(*ends.choose(&mut rng).expect("an end"))).expect("it fits");
        let program = builder.build().expect("a program");
        if let Err(difference) = compare(&program, Mode::Bare, None) {
            panic!("seed {seed}: {difference}\n{}", javm_isa::disassemble(&program));
        }
    }
}

/// When the clock is put forward to the next result, what could have started in between but found the five starts of
/// its cycle taken waits as well. It takes a crowd for that, which random blocks do not gather: a full buffer of
/// instructions that wait for one division, and behind them more hints than start in two cycles.
#[test]
fn starts_miss_the_cycles_that_are_skipped() {
    for waiting in 27..36 {
        for hints in 8..34 {
            let text = "div_u_64 a0, a0, a0\n".to_owned()
                + &"count_set_bits_64 a1, a0\n".repeat(waiting)
                + &"unlikely\n".repeat(hints)
                + "trap";
            let program = assemble(&text).expect("a program");
            compare(&program, Mode::Bare, None).unwrap_or_else(|difference| panic!("{difference}\n{text}"));
            let cost = block_cost(&program, Mode::Bare, CostModel::Pipeline, 0);
            assert_eq!(cost, model::cost(&program, Mode::Bare, 0), "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn blocks_of_any_bytes_cost_what_polkavm_says(program in any_program()) {
        for mode in [Mode::Bare, Mode::Image] {
            compare(&program, mode, None).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn a_table_of_costs_is_the_costs_one_by_one(program in any_program()) {
        for (mode, model) in [
            (Mode::Bare, CostModel::Flat),
            (Mode::Bare, CostModel::Pipeline),
            (Mode::Image, CostModel::Flat),
            (Mode::Image, CostModel::Pipeline),
        ] {
            let starts = program.block_starts(mode);
            let costs = BlockCosts::of(&program, mode, model, &starts);
            prop_assert!(costs.iter().map(|(start, _)| start).eq(starts.iter()));
            for pc in 0..program.code_length() + 2 {
                let cost = starts.contains(pc).then(|| block_cost(&program, mode, model, pc));
                prop_assert_eq!(costs.get(pc), cost);
            }
        }
    }

    #[test]
    fn flat_blocks_cost_their_instructions(program in any_program()) {
        for start in 0..program.code_length() + 2 {
            prop_assert_eq!(
                block_cost(&program, Mode::Bare, CostModel::Flat, start),
                instructions_from(&program, start)
            );
        }
    }
}

/// The instructions that run from `start` on until a block ends, a trap where there is none counted.
fn instructions_from(program: &Program, start: u32) -> u32 {
    let instruction = program.decode(start, Mode::Bare);
    if instruction.opcode.is_terminator() { 1 } else { 1 + instructions_from(program, program.next(start)) }
}
