//! Whether there is memory for a request, asked before it is begun: an allocation that fails in the middle of one is the
//! guest's end.
//!
//! A part of the memory is kept back, so that what frees memory is always possible, and that a call that writes a little finds
//! something to write to. What stays when the request is done has to leave twice as much as a call: so calls go on when
//! nothing new can be kept any more.

use nub_arch_x86_abi::layout::LARGE_PAGE;
use nub_arch_x86_abi::reply::Refused;

use crate::{boot, memory};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Room {
    /// The largest block of the heap, in bytes.
    pub(crate) block: u64,
    /// What is needed of the heap besides, in bytes.
    pub(crate) heap: u64,
    /// Page frames, in bytes.
    pub(crate) frames: u64,
}

/// How much is kept back from calls: a 32nd of the memory.
fn reserve() -> u64 {
    (boot::info().memory / 32).clamp(1 << 20, 64 << 20)
}

impl Room {
    /// For something that is gone when the request is answered, as far as it is known before.
    pub(crate) fn for_a_call(self) -> Result<(), Refused> {
        self.beside(reserve())
    }

    /// For something that stays.
    pub(crate) fn to_stay(self) -> Result<(), Refused> {
        self.beside(2 * reserve())
    }

    /// For what a call that is over came to, which is not to be lost: of what is kept back from calls, too.
    pub(crate) fn at_all(self) -> Result<(), Refused> {
        self.beside(0)
    }

    fn beside(self, kept: u64) -> Result<(), Refused> {
        let needed = [self.block, self.heap, self.frames].into_iter().fold(kept, u64::saturating_add);
        // Heap and frames both take whole steps.
        if memory::unused() >= needed.saturating_add(2 * LARGE_PAGE) {
            return Ok(());
        }
        let (unused, heap, frames) = (memory::unused(), memory::free_heap(), memory::free_frames());
        // Frames that are not there come from the heap; each may cost it another one to be aligned.
        let of_heap = self.frames.saturating_sub(frames).saturating_mul(2);
        let pieces = [self.heap, of_heap].into_iter().fold(kept, u64::saturating_add);
        // Where the numbers do not allow it, it need not be tried.
        let possible = self.block.saturating_add(pieces) <= heap.saturating_add(unused);
        if possible && memory::MEMORY.can_give(self.block, pieces) {
            return Ok(());
        }
        Err(Refused::OutOfMemory { needed, free: unused + heap + frames, memory: boot::info().memory })
    }
}
