//! Where in the code the operations come from.

use alloc::boxed::Box;

use javm_isa::{BlockStarts, Mode, Program};

/// The code offsets that have an operation (operations lie in the same order), and which of them start a block.
/// Finding one's place takes constant time.
pub(crate) struct Positions {
    words: Box<[Word]>,
    length: u32,
    starts: BlockStarts,
}

/// 64 code offsets.
#[derive(Clone, Copy, Default)]
struct Word {
    /// A bit for each offset with an operation.
    bits: u64,
    /// How many operations there are in all words before.
    before: u32,
}

impl Positions {
    /// None yet, of offsets up to the end of the code.
    pub fn new(program: &Program, mode: Mode) -> Positions {
        let words = (0..program.code_length() / 64 + 1).map(|_| Word::default()).collect();
        Positions { words, length: 0, starts: program.block_starts(mode) }
    }

    /// Adds an offset. After the last one there has to be a call of [`Positions::count`].
    #[inline]
    pub fn insert(&mut self, offset: u32) {
        self.words[(offset / 64) as usize].bits |= 1 << (offset % 64);
    }

    /// Counts the operations, so that they can be found.
    pub fn count(&mut self) {
        self.length = 0;
        for word in &mut self.words {
            word.before = self.length;
            self.length += word.bits.count_ones();
        }
    }

    /// How many offsets there are.
    pub fn len(&self) -> u32 {
        self.length
    }

    /// The operation at this offset, if there is one.
    #[inline]
    pub fn operation_at(&self, offset: u32) -> Option<u32> {
        let word = self.words.get((offset / 64) as usize)?;
        let bit = 1 << (offset % 64);
        (word.bits & bit != 0).then(|| word.before + (word.bits & (bit - 1)).count_ones())
    }

    /// The operation at this offset, if a block starts with it.
    #[inline]
    pub fn block_at(&self, offset: u32) -> Option<u32> {
        self.starts.contains(offset).then(|| self.operation_at(offset)).flatten()
    }
}
