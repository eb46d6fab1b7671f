//! A case from a seed.

use javm_isa::asm::{Listing, Target};
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{Instruction, Kind, Lengths, Opcode, REG_COUNT};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::case::Case;
use crate::config::Config;
use crate::operands::{immediate, lengths, offset_length, register_pool, sign_extended, value};
use crate::steps::Steps;

/// The most bytes that a region's initial contents have.
const CONTENT_BYTES: u32 = 64;

/// The case of this seed. The same seed and configuration give the same case on every machine.
#[must_use]
pub fn generate(config: &Config, seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let listing = listing(config, &mut rng);
    let mut registers = [0; REG_COUNT];
    registers.iter_mut().for_each(|register| *register = value(&mut rng));
    let contents = config.memory.iter().map(|region| {
        let length = rng.random_range(0..=CONTENT_BYTES);
        let offset = if rng.random() { 0 } else { region.length - length };
        (region.address + offset, (0..length).map(|_| rng.random()).collect())
    });
    let contents = contents.collect();
    Case { seed, mode: config.mode, listing, registers, memory: config.memory.clone(), contents, gas: config.gas }
}

fn label(block: usize) -> String {
    format!("b{block}")
}

fn listing(config: &Config, rng: &mut ChaCha8Rng) -> Listing {
    let blocks = rng.random_range(config.blocks.clone()).max(1);
    let compute = compute_opcodes(rng);
    let jump_table = jump_table(config, blocks, rng);
    let mut steps = Steps { registers: register_pool(rng), compute, rng, config, statements: Vec::new() };
    for block in 0..blocks {
        let start = steps.statements.len();
        for _ in 0..steps.rng.random_range(config.steps.clone()) {
            steps.step();
        }
        let is_last = block + 1 == blocks;
        terminate(&mut steps, blocks, jump_table.len(), is_last && config.only_valid);
        steps.statements[start].labels.push(label(block));
    }
    if !config.only_valid && steps.rng.random_ratio(1, 3) {
        // Run off the end, at times in the middle of an instruction's operands.
        steps.step();
    }
    let statements = steps.statements;
    let entry_width = rng.random_ratio(1, 4).then_some(4);
    Listing { statements, end_labels: Vec::new(), jump_table, entry_width }
}

/// The opcodes that only compute, all of them or a few that then meet each other often.
fn compute_opcodes(rng: &mut ChaCha8Rng) -> Vec<Opcode> {
    let kinds = |opcode: &&Opcode| matches!(opcode.row().kind, Kind::Compute | Kind::ConditionalMove);
    let mut all: Vec<Opcode> = Opcode::ALL.iter().filter(kinds).copied().collect();
    if rng.random_ratio(1, 3) {
        let few = rng.random_range(1..=6);
        all = (0..few).filter_map(|_| all.choose(rng).copied()).collect();
    }
    all
}

fn jump_table(config: &Config, blocks: usize, rng: &mut ChaCha8Rng) -> Vec<Target> {
    let entry = |rng: &mut ChaCha8Rng| {
        if config.stray_targets && rng.random_ratio(1, 8) {
            Target::Offset(u64::from(rng.next_u32() >> rng.random_range(0..32)))
        } else {
            Target::Label(label(rng.random_range(0..blocks)))
        }
    };
    (0..rng.random_range(0..=2 * blocks)).map(|_| entry(rng)).collect()
}

/// Ends a block; with `is_final` so that nothing can run on behind it.
fn terminate(steps: &mut Steps<'_>, blocks: usize, entries: usize, is_final: bool) {
    let choice = if is_final { steps.rng.random_range(0..10) } else { steps.rng.random_range(0..40) };
    match choice {
        0 | 1 => steps.push(Instruction::new(Opcode::Trap)),
        2..=4 => static_jump(steps, blocks, Opcode::Jump),
        5 => static_jump(steps, blocks, Opcode::LoadImmJump),
        6..=9 => indirect_jump(steps, entries),
        10..=15 => steps.push(Instruction::new(Opcode::Fallthrough)),
        16..=19 => call(steps, blocks, entries),
        20..=22 => count_down(steps, blocks),
        _ => branch(steps, blocks),
    }
}

/// Where a jump goes: a block's label, or now and then some offset.
fn destination(steps: &mut Steps<'_>, blocks: usize) -> (Option<String>, u32) {
    if steps.config.stray_targets && steps.rng.random_ratio(1, 24) {
        (None, steps.rng.next_u32() >> steps.rng.random_range(0..32))
    } else {
        (Some(label(steps.rng.random_range(0..blocks))), 0)
    }
}

fn static_jump(steps: &mut Steps<'_>, blocks: usize, opcode: Opcode) {
    let mut instruction = steps.operands(opcode);
    let (label, target) = destination(steps, blocks);
    instruction.target = target;
    let length = offset_length(steps.rng);
    let asked = match opcode {
        Opcode::Jump => Lengths { x: length, y: None },
        _ => Lengths { y: length, ..lengths(steps.rng, instruction.x, 0) },
    };
    steps.push_with(instruction, asked, label);
}

/// A branch whose operands are often equal or one apart.
fn branch(steps: &mut Steps<'_>, blocks: usize) {
    let branches: Vec<Opcode> =
        Opcode::ALL.iter().copied().filter(|opcode| opcode.row().kind == Kind::Branch).collect();
    let Some(&opcode) = branches.choose(steps.rng) else { return };
    let mut instruction = steps.operands(opcode);
    let with_immediate = opcode.row().form == javm_isa::Form::RegImmOffset;
    if steps.rng.random() {
        let value = if with_immediate { instruction.x } else { immediate(steps.rng) };
        let apart = steps.rng.random_range(0..=2_u64);
        steps.set(instruction.a, value.wrapping_add(apart).wrapping_sub(1));
        if !with_immediate {
            steps.set(instruction.b, value);
        }
    }
    let (label, target) = destination(steps, blocks);
    instruction.target = target;
    let length = offset_length(steps.rng);
    let asked = match with_immediate {
        false => Lengths { x: length, y: None },
        true => Lengths { y: length, ..lengths(steps.rng, instruction.x, 0) },
    };
    steps.push_with(instruction, asked, label);
}

/// An address for an indirect jump: mostly one of the jump table's, otherwise one that has something wrong.
fn jump_address(steps: &mut Steps<'_>, entries: usize) -> u32 {
    let entries = entries as u32;
    match steps.rng.random_range(0..16) {
        0 => HALT_ADDRESS,
        1 => 0,
        2 => 2 * entries + steps.rng.random_range(0..=3),
        3 => 2 * steps.rng.random_range(0..=entries) + 1,
        4 => steps.rng.next_u32(),
        _ => 2 * steps.rng.random_range(1..=entries.max(1)),
    }
}

fn indirect_jump(steps: &mut Steps<'_>, entries: usize) {
    let opcode = if steps.rng.random_ratio(1, 3) { Opcode::LoadImmJumpInd } else { Opcode::JumpInd };
    let instruction = steps.operands(opcode);
    let (base, offset) = match opcode {
        Opcode::JumpInd => (instruction.a, instruction.x),
        _ => (instruction.b, instruction.y),
    };
    if steps.rng.random_ratio(7, 8) {
        let low = jump_address(steps, entries).wrapping_sub(offset as u32);
        let high = if steps.rng.random_ratio(1, 8) { value(steps.rng) << 32 } else { 0 };
        let value = if high == 0 && steps.rng.random() { sign_extended(low) } else { u64::from(low) | high };
        steps.set(base, value);
    }
    let asked = lengths(steps.rng, instruction.x, instruction.y);
    steps.push_with(instruction, asked, None);
}

/// A call: the return address is one of the jump table's.
fn call(steps: &mut Steps<'_>, blocks: usize, entries: usize) {
    let address = 2 * steps.rng.random_range(1..=entries.max(1)) as u64;
    let mut instruction = steps.operands(Opcode::LoadImmJump);
    instruction.x = address;
    let (label, target) = destination(steps, blocks);
    instruction.target = target;
    steps.push_with(instruction, Lengths::default(), label);
}

/// A loop's end: a register goes down and the branch is taken until it is there.
fn count_down(steps: &mut Steps<'_>, blocks: usize) {
    let counter = steps.register();
    let by = sign_extended(*[u32::MAX, u32::MAX - 1, 1].choose(steps.rng).unwrap_or(&1));
    steps.push(Instruction { a: counter, b: counter, x: by, ..Instruction::new(Opcode::AddImm64) });
    let (label, target) = destination(steps, blocks);
    let opcode = *[Opcode::BranchNeImm, Opcode::BranchGtUImm, Opcode::BranchGtSImm]
        .choose(steps.rng)
        .unwrap_or(&Opcode::BranchNeImm);
    steps.push_with(Instruction { a: counter, target, ..Instruction::new(opcode) }, Lengths::default(), label);
}
