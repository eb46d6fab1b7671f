//! From a program to operations.

use alloc::boxed::Box;
use alloc::vec::Vec;

use javm_isa::cost::{Pipeline, latency};
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{BlockStarts, CostModel, Instruction, Kind, Mode, Opcode, Program};

use crate::code::Positions;
use crate::op::{Handler, Op};
use crate::sealed::{NOWHERE, Ops};
use crate::step::LONGEST_CHAIN;

pub(crate) struct Predecoded {
    pub ops: Ops,
    pub pcs: Box<[u32]>,
    pub positions: Positions,
}

pub(crate) fn predecode(program: &Program, mode: Mode, model: CostModel, starts: &BlockStarts) -> Predecoded {
    let end = program.code_length();
    let (mut ops, mut pcs) = match model {
        CostModel::Flat => {
            let mut length = 0;
            translate_all(program, mode, |instruction, _| {
                length += 1;
                instruction.opcode.is_terminator().then(|| core::mem::take(&mut length))
            })
        }
        CostModel::Pipeline => {
            let mut pipeline = Pipeline::new();
            translate_all(program, mode, |instruction, next| {
                pipeline.issue(instruction, latency(program, instruction, next));
                instruction.opcode.is_terminator().then(|| pipeline.drain())
            })
        }
    };
    let positions = Positions::new(&pcs, end);
    let resolve = |target: u32| starts.contains(target).then(|| positions.index_of(target)).flatten();
    for index in 0..ops.len() {
        if ops[index].handler.is_static_jump() {
            let target = resolve(ops[index].y).unwrap_or_else(|| {
                // Taken, it panics without having left: a trap that stands where the jump stands and costs nothing.
                ops.push(translate(&Instruction::new(Opcode::Trap)));
                pcs.push(pcs[index]);
                ops.len() as u32 - 1
            });
            ops[index].y = target.wrapping_sub(index as u32);
        }
    }
    fuse(&mut ops);
    Predecoded { ops: Ops::seal(ops, jumps(program, resolve)), pcs: pcs.into(), positions }
}

/// Gives neighbours that one handler runs to that handler, and cuts long blocks.
fn fuse(ops: &mut [Op]) {
    let mut length = 0;
    for index in 0..ops.len() - 1 {
        let handler = ops[index].handler;
        length += 1;
        if ops[index].cost != 0 {
            length = 0;
        } else if length >= LONGEST_CHAIN {
            // Not at the head of a block, so that the place for the cost is free.
            ops[index].cost = handler as u32;
            ops[index].handler = Handler::Cut;
            length = 0;
            continue;
        }
        if let Some(fused) = Handler::fused(handler, ops[index + 1].handler) {
            ops[index].handler = fused;
        }
    }
}

/// The operation and the offset of each instruction, traps where there is none and one at the end of the code.
/// `issue` is given each instruction and where the next one stands; at the end of a block it says what that costs.
fn translate_all(
    program: &Program,
    mode: Mode,
    mut issue: impl FnMut(&Instruction, u32) -> Option<u32>,
) -> (Vec<Op>, Vec<u32>) {
    let end = program.code_length();
    // Most instructions have three bytes or more.
    let expected = end as usize / 3 + 2;
    let mut ops: Vec<Op> = Vec::with_capacity(expected);
    let mut pcs = Vec::with_capacity(expected);
    let mut head = 0;
    let mut pc = 0;
    while pc <= end {
        let instruction = program.decode(pc, mode);
        let next = program.next(pc);
        ops.push(translate(&instruction));
        pcs.push(pc);
        if let Some(cost) = issue(&instruction, next) {
            ops[head].cost = cost;
            head = ops.len();
        }
        pc = next;
    }
    (ops, pcs)
}

/// The operations that the jump table leads to.
fn jumps(program: &Program, resolve: impl Fn(u32) -> Option<u32>) -> Vec<u32> {
    // Behind this many entries addresses would be larger than 32 bits, and odd ones would find an entry.
    const ADDRESSABLE: usize = 0x7FFF_FFFF;
    const HALT_ENTRY: usize = HALT_ADDRESS as usize / 2 - 1;
    let mut jumps: Vec<u32> =
        program.jump_table().iter().take(ADDRESSABLE).map(|&target| resolve(target).unwrap_or(NOWHERE)).collect();
    if let Some(entry) = jumps.get_mut(HALT_ENTRY) {
        *entry = NOWHERE;
    }
    jumps
}

/// The operation of one instruction; its target is still a code offset, its cost not known.
fn translate(instruction: &Instruction) -> Op {
    let &Instruction { opcode, a, b, d, x, y, target } = instruction;
    let y = match opcode.row().kind {
        Kind::Jump | Kind::Branch => target,
        _ if opcode == Opcode::LoadImm64 => (x >> 32) as u32,
        _ => y as u32,
    };
    Op { handler: opcode.into(), a: a.into(), b: b.into(), d: d.into(), x: x as i32, y, cost: 0 }
}
