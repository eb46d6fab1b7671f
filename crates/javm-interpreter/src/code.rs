//! A predecoded program.

use alloc::boxed::Box;

use javm_isa::{CostModel, Mode, Program};

use crate::positions::Positions;
use crate::predecode::{Predecoded, predecode};
use crate::run::State;
use crate::sealed::Ops;

/// A program ready to run: immutable, and shared between threads and Instances by `Arc`. It takes a constant times the
/// length of code and jump table.
pub struct Code {
    program: Program,
    mode: Mode,
    model: CostModel,
    positions: Positions,
    pub(crate) ops: Ops,
    /// The code offset of each operation.
    pcs: Box<[u32]>,
}

impl Code {
    /// Predecodes `program`, in time and memory linear in its length. Every program can be predecoded: what is invalid
    /// in it panics when it is reached.
    #[must_use]
    pub fn new(program: &Program, mode: Mode, model: CostModel) -> Code {
        let Predecoded { ops, pcs, positions } = predecode(program, mode, model);
        Code { program: program.clone(), mode, model, positions, ops, pcs }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The mode it was decoded for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How its blocks are charged.
    #[must_use]
    pub fn cost_model(&self) -> CostModel {
        self.model
    }

    /// Whether a basic block starts at `pc`: a valid instruction at offset 0 or behind a terminator.
    #[must_use]
    pub fn is_block_start(&self, pc: u32) -> bool {
        self.positions.block_at(pc).is_some()
    }

    /// What entering the block that starts at `pc` costs, if one does.
    #[must_use]
    pub fn block_cost(&self, pc: u32) -> Option<u64> {
        self.block_at(pc).map(|index| u64::from(self.ops.cost(index)))
    }

    /// Goes behind the instruction at [`State::pc`], in the block that it has paid for: what follows an
    /// [`Exit::Host`](crate::Exit::Host) or [`Exit::Operation`](crate::Exit::Operation) that went through.
    #[inline]
    pub fn step_over(&self, state: &mut State) {
        state.pc = self.program.next(state.pc);
        state.block_paid = true;
    }

    /// The operation of the instruction at `pc`, if one starts there. The end of the code has one, a trap.
    #[inline]
    pub(crate) fn operation_at(&self, pc: u32) -> Option<u32> {
        self.positions.operation_at(pc)
    }

    /// The first operation of the block that starts at `pc`, if one does.
    #[inline]
    pub(crate) fn block_at(&self, pc: u32) -> Option<u32> {
        self.positions.block_at(pc)
    }

    /// The first operation of what can be entered at `pc`: a block, or the trap behind a terminator where no instruction or
    /// no code follows, which a run may have lacked the gas for.
    pub(crate) fn entry_at(&self, pc: u32) -> Option<u32> {
        self.block_at(pc).or_else(|| {
            let index = self.operation_at(pc)?;
            let before = self.program.decode(self.pc_of(index.checked_sub(1)?), self.mode);
            before.opcode.is_terminator().then_some(index)
        })
    }

    /// Whether this operation is an instruction of the program (the trap at the end of the code is), not the panic of a
    /// jump to a place that is no block start.
    pub(crate) fn is_instruction(&self, index: u32) -> bool {
        index < self.positions.len()
    }

    /// Where the instruction of this operation stands.
    pub(crate) fn pc_of(&self, index: u32) -> u32 {
        self.pcs[index as usize]
    }
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Code")
            .field("program", &self.program)
            .field("mode", &self.mode)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}
