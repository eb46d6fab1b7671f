//! A predecoded program.

use alloc::boxed::Box;

use javm_isa::{BlockStarts, CostModel, Mode, Program};

use crate::predecode::{Predecoded, predecode};
use crate::run::State;
use crate::sealed::Ops;

/// A program ready to run: immutable, and shared between threads and Instances by `Arc`. It takes a constant times the
/// length of code and jump table.
pub struct Code {
    program: Program,
    mode: Mode,
    model: CostModel,
    starts: BlockStarts,
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
        let starts = program.block_starts(mode);
        let Predecoded { ops, pcs, positions } = predecode(program, mode, model, &starts);
        Code { program: program.clone(), mode, model, starts, positions, ops, pcs }
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
        self.starts.contains(pc)
    }

    /// What entering the block that starts at `pc` costs, if one does.
    #[must_use]
    pub fn block_cost(&self, pc: u32) -> Option<u64> {
        let index = self.is_block_start(pc).then(|| self.index_of(pc))??;
        Some(u64::from(self.ops.cost(index)))
    }

    /// Goes behind the instruction at [`State::pc`], in the block that it has paid for: what follows an
    /// [`Exit::Host`](crate::Exit::Host) or [`Exit::Operation`](crate::Exit::Operation) that went through.
    pub fn step_over(&self, state: &mut State) {
        state.pc = self.program.next(state.pc);
        state.block_paid = true;
    }

    /// The operation of the instruction at `pc`, if one starts there. The end of the code has one, a trap.
    pub(crate) fn index_of(&self, pc: u32) -> Option<u32> {
        self.positions.index_of(pc)
    }

    /// Whether this operation is an instruction of the program (the trap at the end of the code is), not the panic of a
    /// jump to a place that is no block start.
    pub(crate) fn is_instruction(&self, index: u32) -> bool {
        index < self.positions.count
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

/// The code offsets that have an operation, which lie in the same order. Finding one's place takes constant time.
pub(crate) struct Positions {
    words: Box<[Word]>,
    count: u32,
}

/// 64 code offsets.
#[derive(Clone, Copy, Default)]
struct Word {
    /// A bit for each offset with an operation.
    bits: u64,
    /// How many there are in all words before.
    before: u32,
}

impl Positions {
    /// `offsets` in ascending order, none above `last`.
    pub fn new(offsets: &[u32], last: u32) -> Positions {
        let mut words: Box<[Word]> = (0..last / 64 + 1).map(|_| Word::default()).collect();
        for &offset in offsets {
            words[(offset / 64) as usize].bits |= 1 << (offset % 64);
        }
        let mut before = 0;
        for word in &mut words {
            word.before = before;
            before += word.bits.count_ones();
        }
        Positions { words, count: before }
    }

    pub fn index_of(&self, offset: u32) -> Option<u32> {
        let word = self.words.get((offset / 64) as usize)?;
        let bit = 1 << (offset % 64);
        (word.bits & bit != 0).then(|| word.before + (word.bits & (bit - 1)).count_ones())
    }
}
