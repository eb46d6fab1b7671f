//! From a program to operations.

use alloc::boxed::Box;
use alloc::vec::Vec;

use javm_isa::cost::{Pipeline, latency};
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{CostModel, Instruction, Mode, Opcode, Program};

use crate::op::{Handler, Op};
use crate::positions::Positions;
use crate::sealed::{NOWHERE, Ops};
use crate::step::LONGEST_CHAIN;

pub(crate) struct Predecoded {
    pub ops: Ops,
    pub pcs: Box<[u32]>,
    pub positions: Positions,
}

pub(crate) fn predecode(program: &Program, mode: Mode, model: CostModel) -> Predecoded {
    let mut draft = match model {
        CostModel::Flat => {
            let mut length = 0;
            Draft::of(program, mode, |instruction, _| {
                length += 1;
                instruction.opcode.is_terminator().then(|| core::mem::take(&mut length))
            })
        }
        CostModel::Pipeline => {
            let mut pipeline = Pipeline::new();
            Draft::of(program, mode, |instruction, next| {
                pipeline.issue(instruction, latency(program, instruction, next));
                instruction.opcode.is_terminator().then(|| pipeline.drain())
            })
        }
    };
    draft.fuse();
    draft.resolve_jumps();
    let Draft { ops, pcs, positions, .. } = draft;
    Predecoded { ops: Ops::seal(ops, jumps(program, &positions)), pcs: pcs.into(), positions }
}

/// Operations on their way.
struct Draft {
    ops: Vec<Op>,
    /// The code offset of each.
    pcs: Vec<u32>,
    /// Which of them are static jumps. Their `y` is still the code offset that they go to.
    jumps: Vec<u32>,
    positions: Positions,
}

impl Draft {
    /// One for each instruction, traps where there is none and one at the end of the code. `issue` is given each
    /// instruction and where the next one stands; at the end of a block it says what that costs.
    fn of(program: &Program, mode: Mode, mut issue: impl FnMut(&Instruction, u32) -> Option<u32>) -> Draft {
        let end = program.code_length();
        // Most instructions have three bytes or more.
        let expected = end as usize / 3 + 2;
        let mut ops: Vec<Op> = Vec::with_capacity(expected);
        let mut pcs = Vec::with_capacity(expected);
        let mut jumps = Vec::with_capacity(expected / 8);
        let mut positions = Positions::new(program, mode);
        let mut head = 0;
        let mut pc = 0;
        while pc <= end {
            let (instruction, next) = program.decode_step(pc, mode);
            let op = translate(&instruction);
            if op.handler.jumps() {
                jumps.push(ops.len() as u32);
            }
            positions.insert(pc);
            ops.push(op);
            pcs.push(pc);
            if let Some(cost) = issue(&instruction, next) {
                ops[head].cost = cost;
                head = ops.len();
            }
            pc = next;
        }
        positions.count();
        Draft { ops, pcs, jumps, positions }
    }

    /// Cuts long blocks, and gives neighbours that one handler runs to that handler.
    fn fuse(&mut self) {
        let mut length = 0;
        let mut previous = Handler::Trap;
        for index in 0..self.ops.len() {
            let op = &mut self.ops[index];
            let handler = op.handler;
            length = if op.cost == 0 { length + 1 } else { 0 };
            if length == LONGEST_CHAIN {
                // Not at the head of a block, so that the place for the cost is free.
                op.cost = handler as u32;
                op.handler = Handler::Cut;
                length = 0;
                // Nothing runs over the cut.
                previous = Handler::Trap;
            } else {
                if let Some(fused) = Handler::fused(previous, handler) {
                    self.ops[index - 1].handler = fused;
                }
                previous = handler;
            }
        }
    }

    /// Turns the places that static jumps go to into distances.
    fn resolve_jumps(&mut self) {
        for &index in &self.jumps {
            let target = self.positions.block_at(self.ops[index as usize].y).unwrap_or_else(|| {
                // Taken, it panics without having left: a trap that stands where the jump stands and costs nothing.
                self.ops.push(translate(&Instruction::new(Opcode::Trap)));
                self.pcs.push(self.pcs[index as usize]);
                self.ops.len() as u32 - 1
            });
            self.ops[index as usize].y = target.wrapping_sub(index);
        }
    }
}

/// The operations that the jump table leads to.
fn jumps(program: &Program, positions: &Positions) -> Vec<u32> {
    // Behind this many entries addresses would be larger than 32 bits, and odd ones would find an entry.
    const ADDRESSABLE: usize = 0x7FFF_FFFF;
    const HALT_ENTRY: usize = HALT_ADDRESS as usize / 2 - 1;
    let mut jumps: Vec<u32> =
        program.jump_table().iter().take(ADDRESSABLE).map(|&pc| positions.block_at(pc).unwrap_or(NOWHERE)).collect();
    if let Some(entry) = jumps.get_mut(HALT_ENTRY) {
        *entry = NOWHERE;
    }
    jumps
}

/// The operation of one instruction; its target is still a code offset, its cost not known.
#[inline(always)]
fn translate(instruction: &Instruction) -> Op {
    let &Instruction { opcode, a, b, d, x, y, target } = instruction;
    let high = if opcode == Opcode::LoadImm64 { (x >> 32) as u32 } else { 0 };
    // At most one of the three is there, the others are zero. Without branches, which would be hard to predict.
    let y = y as u32 | target | high;
    Op { handler: opcode.into(), a: a.into(), b: b.into(), d: d.into(), x: x as i32, y, cost: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use javm_isa::assemble;
    use std::format;

    /// How many dispatches follow each other from `start` on without a jump or a cut.
    fn chain(ops: &[Op], start: usize) -> usize {
        let mut index = start;
        let mut length = 1;
        while ops[index].handler != Handler::Cut && ops[index].handler != Handler::Trap {
            index += if ops[index].handler.is_fused() { 2 } else { 1 };
            length += 1;
        }
        length
    }

    #[test]
    fn no_chain_of_operations_is_long_wherever_it_begins() {
        for body in
            ["add_imm_64 t0, t0, 1\n", "sub_64 t0, t0, t1\n", "unlikely\n add_64 t0, t0, t0\n move_reg a0, a0\n"]
        {
            let program = assemble(&format!("{} trap", body.repeat(1_000))).unwrap();
            let mut draft =
                Draft::of(&program, Mode::Bare, |instruction, _| instruction.opcode.is_terminator().then_some(1));
            draft.fuse();
            for start in 0..draft.ops.len() {
                assert!(chain(&draft.ops, start) <= LONGEST_CHAIN as usize + 1, "from {start} of {body}");
            }
        }
    }

    #[test]
    fn every_fused_handler_is_made() {
        let mut seen = alloc::collections::BTreeSet::new();
        for &first in Opcode::ALL {
            for &second in Opcode::ALL {
                let fused = Handler::fused(first.into(), second.into());
                if let Some(fused) = fused {
                    assert!(fused.is_fused() && seen.insert(fused as u8));
                    assert!(!first.is_terminator(), "{first:?} does not go on with what is behind it");
                    assert_eq!(fused.jumps(), Handler::from(second).jumps());
                }
            }
        }
        assert_eq!(seen.len(), Handler::COUNT - 1 - Handler::Cut as usize);
    }
}
