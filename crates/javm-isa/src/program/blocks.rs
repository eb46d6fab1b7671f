//! Basic blocks: where jumps may land and where gas is charged.

use alloc::vec;
use alloc::vec::Vec;

use super::Program;
use crate::opcode::{Mode, Opcode};

/// The set of code offsets at which a basic block starts: 0 and whatever follows a terminator, as long as a valid
/// opcode stands there.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockStarts {
    words: Vec<u64>,
}

impl BlockStarts {
    pub(super) fn of(program: &Program, mode: Mode) -> BlockStarts {
        let count = (program.code_length() as usize).div_ceil(64);
        let mut starts = BlockStarts { words: vec![0; count] };
        // Every set bit of the mask counts, also one that no walk from offset 0 comes by.
        starts.insert_if_valid(program, 0, mode);
        for index in 0..count {
            let mut rest = program.mask_word(index);
            while rest != 0 {
                let pc = index as u32 * 64 + rest.trailing_zeros();
                rest &= rest - 1;
                if program.opcode_at(pc, mode).is_some_and(Opcode::is_terminator) {
                    starts.insert_if_valid(program, program.next(pc), mode);
                }
            }
        }
        starts
    }

    fn insert_if_valid(&mut self, program: &Program, pc: u32, mode: Mode) {
        if pc < program.code_length() && program.opcode_at(pc, mode).is_some() {
            self.words[(pc / 64) as usize] |= 1 << (pc % 64);
        }
    }

    /// Whether a block starts at `pc`.
    #[must_use]
    #[inline]
    pub fn contains(&self, pc: u32) -> bool {
        self.words.get((pc / 64) as usize).is_some_and(|word| word >> (pc % 64) & 1 == 1)
    }

    /// Every block start in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            core::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(index as u32 * 64 + bit)
            })
        })
    }
}

impl core::fmt::Debug for BlockStarts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
