//! Generated programs on the engine, on the reference and on polkavm. `NUB_PROGRAMS` sets how many, `NUB_SEED` the
//! first seed.

use std::collections::BTreeSet;

use javm_interpreter::bare::BareMemory;
use javm_interpreter::{Code, State, run, run_traced};
use javm_isa::{CostModel, Mode, Opcode, Program, block_cost};
use javm_testgen::{Case, Config, generate, seeds, shrink};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::machine::{Calls, engine, engine_with, reference};
use crate::peer::{Peer, comparable, known_difference};
use crate::reference::{Bytes, Reference};

/// How many programs an ordinary test run takes.
const PROGRAMS: u64 = 10_000;

const MODELS: [CostModel; 2] = [CostModel::Flat, CostModel::Pipeline];

/// Fails with the smallest case for which `difference` finds one.
fn check(case: &Case, mut difference: impl FnMut(&Case) -> Option<String>) {
    if difference(case).is_some() {
        let smallest = shrink(case, |case| difference(case).is_some());
        let difference = difference(&smallest).unwrap_or_default();
        panic!("NUB_SEED={}:\n{smallest}\n{difference}", case.seed);
    }
}

fn against_reference(case: &Case) -> Option<String> {
    MODELS.into_iter().find_map(|model| {
        let (ours, expected) = (engine(case, model, &mut Calls), reference(case, model, &mut Calls));
        (ours != expected).then(|| format!("{model:?}\nengine:    {ours}\nreference: {expected}"))
    })
}

#[test]
fn valid_bare_programs_run_as_on_polkavm_and_as_on_the_reference() {
    let config = Config { sbrk: false, ..Config::default() };
    let peer = Peer::new();
    let mut compared = 0;
    let mut known = 0;
    let seeds = seeds("NUB_PROGRAMS", PROGRAMS + PROGRAMS / 20);
    for seed in seeds.clone() {
        let case = generate(&config, seed);
        // One model a program, so that both get their share.
        let model = MODELS[(seed % 2) as usize];
        let mut outcome = None;
        check(&case, |case| {
            if known_difference(case, model, &mut Calls).is_some() {
                outcome = Some(false);
                return None;
            }
            let theirs = peer.run(case, model, &mut Calls)?;
            outcome = Some(true);
            let ours = comparable(engine(case, model, &mut Calls));
            (ours != theirs).then(|| format!("{model:?}\nengine:  {ours}\npolkavm: {theirs}"))
        });
        match outcome {
            Some(true) => compared += 1,
            Some(false) => known += 1,
            None => {}
        }
        check(&case, against_reference);
    }
    let all = seeds.end - seeds.start;
    println!("{all} programs: {compared} compared with polkavm, {known} with a known difference");
    // A twentieth more are generated than are to be compared: few have a known difference or are none for polkavm.
    assert!(all < 1_000 || compared * 21 >= all * 20, "only {compared} of {all} programs were compared");
}

#[test]
fn any_bytes_run_as_on_the_reference() {
    for mode in [Mode::Bare, Mode::Image] {
        let config = Config { mode, only_valid: false, ..Config::default() };
        for seed in seeds("NUB_PROGRAMS", PROGRAMS / 2) {
            check(&generate(&config, seed), against_reference);
        }
    }
}

#[test]
fn valid_image_programs_run_as_on_the_reference() {
    let config = Config { mode: Mode::Image, ..Config::default() };
    for seed in seeds("NUB_PROGRAMS", PROGRAMS / 5) {
        check(&generate(&config, seed), against_reference);
    }
}

/// Code, bitmask and jump table as they come, entered anywhere, paid or not.
#[test]
fn random_bytes_run_as_on_the_reference() {
    for seed in seeds("NUB_PROGRAMS", PROGRAMS) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let length = rng.random_range(0..=120_u8);
        let entries = rng.random_range(0..=20_u8);
        let is_start: u8 = rng.random_range(1..=255);
        let bits: Vec<bool> = (0..length).map(|_| rng.random::<u8>() <= is_start).collect();
        let mut blob = vec![entries, 1, length];
        blob.extend((0..entries).map(|_| rng.random::<u8>() % length.max(1)));
        blob.extend((0..length).map(|_| rng.random::<u8>() >> rng.random_range(0..3)));
        blob.extend(bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))));
        let program = Program::parse(&blob).unwrap();
        let mode = if rng.random() { Mode::Bare } else { Mode::Image };
        let model = MODELS[rng.random_range(0..2)];
        let code = Code::new(&program, mode, model);
        for pc in 0..=u32::from(length) + 2 {
            let mut state = State::new(pc, 200);
            state.block_paid = rng.random();
            state.registers.iter_mut().for_each(|register| *register = rng.random::<u64>() >> rng.random_range(0..64));
            let mut expected = Reference::new(&program, mode, model, state.clone(), Bytes::default());
            let expected_exit = expected.run();
            let exit = run(&code, &mut state, &mut BareMemory::new());
            assert_eq!((exit, &state), (expected_exit, &expected.state), "NUB_SEED={seed}, from {pc}: {blob:?}");
        }
    }
}

/// Blocks long enough to be cut, loops long enough to use up many slices of gas.
#[test]
fn long_blocks_and_long_runs_are_as_on_the_reference() {
    let config = Config { blocks: 1..=4, steps: 0..=400, gas: 20_000, ..Config::default() };
    for seed in seeds("NUB_PROGRAMS", PROGRAMS / 50) {
        check(&generate(&config, seed), against_reference);
    }
}

/// The comparisons above are worth as much as what the generated programs do.
#[test]
fn generated_programs_execute_every_instruction() {
    for mode in [Mode::Bare, Mode::Image] {
        let mut executed = BTreeSet::new();
        for seed in 0..1_000 {
            let case = generate(&Config { mode, ..Config::default() }, seed);
            let code = Code::new(&case.program(), mode, CostModel::Flat);
            engine_with(&code, &case, &mut Calls, |state, memory| {
                run_traced(&code, state, memory, &mut |_, instruction| {
                    executed.insert(instruction.opcode);
                })
            });
        }
        let missing: Vec<_> = Opcode::ALL
            .iter()
            .filter(|&&opcode| Opcode::in_mode(opcode.number(), mode).is_some() && !executed.contains(&opcode))
            .collect();
        assert!(missing.is_empty(), "{mode:?}: {missing:?}");
    }
}

#[test]
fn costs_of_blocks_are_those_of_the_cost_model() {
    for seed in seeds("NUB_PROGRAMS", PROGRAMS / 20) {
        let case = generate(&Config { only_valid: seed % 2 == 0, ..Config::default() }, seed);
        let program = case.program();
        for model in MODELS {
            let code = Code::new(&program, case.mode, model);
            let starts = program.block_starts(case.mode);
            for pc in 0..=program.code_length() {
                let expected = starts.contains(pc).then(|| u64::from(block_cost(&program, case.mode, model, pc)));
                assert_eq!(code.block_cost(pc), expected, "NUB_SEED={seed}, pc {pc}:\n{case}");
                assert_eq!(code.is_block_start(pc), expected.is_some(), "NUB_SEED={seed}, pc {pc}:\n{case}");
            }
        }
    }
}
