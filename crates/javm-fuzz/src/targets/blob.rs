//! Program blobs. Whatever the bytes are:
//! - reading them gives a program that is these very bytes, or an error with a place in them;
//! - every code offset decodes, and what it decodes to encodes to something that decodes to the same;
//! - blocks start where the specification says;
//! - every way to ask what a block costs gives the same, within the bound that Images rely on;
//! - its text assembles to the same bytes.

use std::collections::BTreeSet;

use javm_interpreter::Code;
use javm_isa::cost::{BlockCosts, block_cost};
use javm_isa::program::MAX_SKIP;
use javm_isa::{
    BlockStarts, CostModel, Instruction, Listing, Mode, Opcode, Program, ProgramBuilder, assemble, disassemble,
};
use rand::RngExt;

use crate::{Random, Reached, Target, mutation, program};

/// This target.
pub const TARGET: Target = Target { name: "blob", run, generate, mutate, repair: program::repair, least_accepted: 60 };

fn run(bytes: &[u8]) -> Reached {
    let program = match Program::parse(bytes) {
        Ok(program) => program,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error} in {} bytes", bytes.len());
            return Reached::Refused;
        }
    };
    assert!(program.blob() == bytes, "the program keeps other bytes than it was read from");
    for mode in [Mode::Bare, Mode::Image] {
        decode_everywhere(&program, mode);
        let starts = program.block_starts(mode);
        check_starts(&program, mode, &starts);
        check_costs(&program, mode, &starts);
    }
    check_text(&program);
    Reached::Accepted
}

fn decode_everywhere(program: &Program, mode: Mode) {
    let length = program.code_length();
    for pc in (0..length + 40).chain(program.jump_table().iter().copied()).chain([1 << 31, u32::MAX]) {
        let next = program.next(pc);
        assert!(next > pc || pc == u32::MAX, "nothing follows {pc:#x}");
        assert!(next - pc <= 1 + MAX_SKIP, "{next:#x} is too far from {pc:#x}");
        let instruction = program.decode(pc, mode);
        let expected = program.opcode_at(pc, mode).unwrap_or(Opcode::Trap);
        assert_eq!(instruction.opcode, expected, "at {pc:#x}");
        if program.opcode_at(pc, mode).is_some() {
            check_encoding(pc, &instruction, mode);
        }
    }
}

/// At offset 0 what goes to a fixed place goes as far as it did.
fn check_encoding(pc: u32, instruction: &Instruction, mode: Mode) {
    let mut moved = *instruction;
    if moved.static_target().is_some() {
        moved.target = moved.target.wrapping_sub(pc);
    }
    let mut builder = ProgramBuilder::new();
    let built = builder.push(&moved).map(|_| builder.build());
    match built {
        Ok(Ok(program)) => assert_eq!(program.decode(0, mode), moved, "encoded again, from {pc:#x}"),
        other => panic!("{instruction:?} at {pc:#x} has no encoding: {other:?}"),
    }
}

fn check_starts(program: &Program, mode: Mode, starts: &BlockStarts) {
    let ends = (0..program.code_length())
        .filter(|&pc| program.opcode_at(pc, mode).is_some_and(Opcode::is_terminator))
        .map(|pc| program.next(pc));
    let expected: BTreeSet<u32> = std::iter::once(0)
        .chain(ends)
        .filter(|&pc| pc < program.code_length() && program.opcode_at(pc, mode).is_some())
        .collect();
    assert!(starts.iter().eq(expected.iter().copied()), "{mode:?}: blocks start at {starts:?}, not {expected:?}");
    for pc in (0..program.code_length() + 70).chain([u32::MAX]) {
        assert_eq!(starts.contains(pc), expected.contains(&pc), "{mode:?}: {pc:#x}");
    }
}

fn check_costs(program: &Program, mode: Mode, starts: &BlockStarts) {
    let [flat, pipeline] = [CostModel::Flat, CostModel::Pipeline].map(|model| {
        let costs = BlockCosts::of(program, mode, model, starts);
        let code = Code::new(program, mode, model);
        assert!(costs.iter().map(|(start, _)| start).eq(starts.iter()), "{model:?}: costs of other blocks");
        for pc in 0..=program.code_length() {
            let cost = costs.get(pc);
            assert_eq!(cost.map(u64::from), code.block_cost(pc), "{mode:?}, {model:?}: the block at {pc:#x}");
            if let Some(cost) = cost {
                assert_eq!(cost, block_cost(program, mode, model, pc), "{mode:?}, {model:?}: the block at {pc:#x}");
            }
        }
        costs
    });
    for ((start, instructions), (_, cycles)) in flat.iter().zip(pipeline.iter()) {
        assert!(instructions >= 1 && cycles >= 1, "the block at {start:#x} is free");
        assert!(cycles <= most_cycles(program, mode, start), "the block at {start:#x} costs {cycles}");
    }
}

/// What a block can cost at most, instructions one after the other, the trap at the end of the code included.
fn most_cycles(program: &Program, mode: Mode, start: u32) -> u32 {
    let mut most = 0;
    let mut pc = start;
    loop {
        let opcode = program.decode(pc, mode).opcode;
        let cost = &opcode.row().cost;
        most += u32::from(cost.latency) + u32::from(cost.slots) + 2;
        if opcode.is_terminator() {
            return most;
        }
        pc = program.next(pc);
    }
}

fn check_text(program: &Program) {
    let text = disassemble(program);
    match assemble(&text) {
        Ok(again) => assert!(again.blob() == program.blob(), "the text is another program's:\n{text}"),
        Err(error) => panic!("the text does not assemble: {error}\n{text}"),
    }
    let listing = Listing::read(&text).map(|listing| listing.to_string());
    assert!(listing.as_ref() == Ok(&text), "read and written again the text is another:\n{text}\n{listing:?}");
}

fn generate(random: &mut Random) -> Vec<u8> {
    let mode = if random.random() { Mode::Bare } else { Mode::Image };
    if random.random_ratio(1, 20) {
        return (0..random.random_range(0..40)).map(|_| random.random()).collect();
    }
    program::generate(random, mode)
}

fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if random.random_ratio(1, 4) {
        mutation::bytes(random, bytes, other);
    } else {
        program::mutate(random, bytes, other);
    }
}
