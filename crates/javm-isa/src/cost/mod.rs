//! Cost models: how much gas a basic block is charged at its entry.
//!
//! - this file: the models, what they know of an instruction, the cost of one block.
//! - `pipeline`: the cost of a block in [`CostModel::Pipeline`], by `schedule` where that is exact, by `machine` otherwise.
//! - `issued`: what both need to know of an instruction.
//! - `schedule`: gives each instruction its cycle as it comes.
//! - `machine`: the simulated machine, cycle by cycle. It says what the model is.
//! - `blocks`: the costs of all blocks of a program.
//!
//! The normative text is `docs/spec/cost.md`.

mod blocks;
mod issued;
mod machine;
mod pipeline;
mod schedule;

pub use self::blocks::BlockCosts;
pub use self::pipeline::Pipeline;
use crate::instruction::Instruction;
use crate::opcode::{Mode, Opcode};
use crate::program::Program;

/// How gas is computed; a property of an Image, part of its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum CostModel {
    /// One unit an instruction.
    Flat = 0,
    /// The cycles of a simulated 4-wide out-of-order machine, all memory accesses hitting the first cache.
    Pipeline = 1,
}

impl CostModel {
    /// What a block costs that consists of a trap alone. It is the charge for going where no instruction is: behind
    /// the end of the code, or to a place that holds no opcode.
    #[must_use]
    pub const fn trap_cost(self) -> u32 {
        match self {
            CostModel::Flat => 1,
            CostModel::Pipeline => 2,
        }
    }
}

/// What the pipeline model needs to know of one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Cycles from the start of execution to the result.
    pub latency: u8,
    /// Decode slots, of which a cycle has four.
    pub slots: u8,
    /// When one decode slot more is taken.
    pub extra: Extra,
    /// The execution units that it holds until it has its result.
    pub unit: Unit,
}

impl Cost {
    pub(crate) const fn new(latency: u8, slots: u8, extra: Extra, unit: Unit) -> Cost {
        Cost { latency, slots, extra, unit }
    }
}

/// When an instruction takes one decode slot more than its row says, because two-operand hardware first has to copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extra {
    /// Never.
    Never,
    /// When the destination is none of the source registers.
    DestinationIsNoSource,
    /// When the destination is not the first source register.
    DestinationIsNotFirstSource,
}

/// The execution units that an instruction holds from its start until it has its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// None.
    Nothing,
    /// One of the four ALUs.
    Alu,
    /// Two of the four ALUs.
    TwoAlus,
    /// An ALU and the multiplier.
    Mul,
    /// An ALU and the divider.
    Div,
    /// An ALU and one of the four load ports.
    Load,
    /// An ALU and one of the four store ports.
    Store,
}

/// The latency of a branch that a side of which is never gone to, or hardly ever.
const PREDICTED_BRANCH_LATENCY: u8 = 1;

/// What entering the block at `start` costs, in units of gas (1 and up). The block ends with its first terminator, with
/// the first place that holds no instruction (charged as a trap), or at the end of the code (where a trap is charged).
///
/// `start` may be any offset: what does not hold an instruction costs what a trap does. Takes time in proportion to
/// the block's length.
#[must_use]
pub fn block_cost(program: &Program, mode: Mode, model: CostModel, start: u32) -> u32 {
    match model {
        CostModel::Flat => block_length(program, mode, start),
        CostModel::Pipeline => Pipeline::new().block_cost(program, mode, start),
    }
}

/// The instructions of the block at `start`, a trap at the end of the code included.
fn block_length(program: &Program, mode: Mode, start: u32) -> u32 {
    let mut pc = start;
    let mut length = 1;
    while program.opcode_at(pc, mode).is_some_and(|opcode| !opcode.is_terminator()) {
        pc = program.next(pc);
        length += 1;
    }
    length
}

impl Pipeline {
    /// What [`block_cost`] says for [`CostModel::Pipeline`], without setting up a new machine.
    #[must_use]
    pub fn block_cost(&mut self, program: &Program, mode: Mode, start: u32) -> u32 {
        let mut pc = start;
        loop {
            let (instruction, next) = program.decode_step(pc, mode);
            self.issue(&instruction, latency(program, &instruction, next));
            if instruction.opcode.is_terminator() {
                return self.drain();
            }
            pc = next;
        }
    }
}

/// Cycles that `instruction`, behind which `next` follows, takes in the pipeline model: those of its row of the opcode
/// table, but for a branch only one if the first byte on one of its sides says that this side is never or rarely gone
/// to. The bytes are looked at as they are, whether or not an instruction starts with them.
#[inline]
#[must_use]
pub fn latency(program: &Program, instruction: &Instruction, next: u32) -> u8 {
    let (is_branch, usual) = issued::latency_of(instruction.opcode);
    if !is_branch {
        return usual;
    }
    let rare = |pc: u32| {
        // Behind the end stand traps.
        let byte = program.code().get(pc as usize).copied().unwrap_or(Opcode::Trap.number());
        byte == Opcode::Trap.number() || byte == Opcode::Unlikely.number()
    };
    if rare(next) || rare(instruction.target) { PREDICTED_BRANCH_LATENCY } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::ProgramBuilder;

    #[test]
    fn a_place_without_instruction_costs_a_trap() {
        let mut builder = ProgramBuilder::new();
        builder.push(&Instruction::new(Opcode::Fallthrough)).unwrap();
        let program = builder.build().unwrap();
        for model in [CostModel::Flat, CostModel::Pipeline] {
            for start in [0, 1, 2, 1000, u32::MAX] {
                assert_eq!(block_cost(&program, Mode::Bare, model, start), model.trap_cost(), "{model:?} {start}");
            }
        }
    }
}
