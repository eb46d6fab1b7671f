//! Size and height of what hangs below a node, their bounds, and the cache that nodes keep of them.
//!
//! The normative text is `docs/spec/capabilities.md`.

use core::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// The greatest size, in pages: 4 PiB, far above every machine, so that sums of sizes never wrap.
pub const MAX_SIZE: u64 = 1 << 40;

/// The greatest height: the slots in the longest path. It bounds paths, proofs, and the stack of every walk.
pub const MAX_HEIGHT: u8 = 16;

/// What a capability counts for in bounds and quotas, with everything below it. A function of its content: sharing does
/// not make it smaller.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Measure {
    /// In pages: the length of each Data, one for each CNode and Instance, the encoding of each Image and TypeDef.
    pub size: u64,
    /// The slots in the longest path below it; 0 where nothing stands in a slot.
    pub height: u8,
}

impl Measure {
    /// A size that nothing exceeds: what adds up to more is not told apart.
    const MOST: Measure = Measure { size: (1 << 56) - 1, height: 0x7f };

    /// So many pages, with nothing below.
    pub(crate) const fn pages(size: u64) -> Measure {
        Measure { size, height: 0 }
    }

    /// That of an encoding of so many bytes.
    pub(crate) const fn of_bytes(bytes: usize) -> Measure {
        Measure::pages(bytes.div_ceil(crate::page::PAGE_SIZE) as u64)
    }

    /// That of both, side by side.
    #[inline]
    pub(crate) fn beside(self, other: Measure) -> Measure {
        Measure {
            size: self.size.saturating_add(other.size).min(Measure::MOST.size),
            height: self.height.max(other.height),
        }
    }

    /// That of a slot with it.
    #[inline]
    pub(crate) fn in_slot(self) -> Measure {
        Measure { size: self.size, height: (self.height + 1).min(Measure::MOST.height) }
    }

    /// Whether something like this may be a root.
    ///
    /// # Errors
    /// [`BoundsError`]: it is higher, or larger, than anything may be.
    pub fn within_bounds(self) -> Result<(), BoundsError> {
        self.check(Measure::default(), Measure::default(), 0)
    }

    /// Whether it is within the bounds after `old` has gone and when it stands behind `depth` slots.
    #[inline]
    pub(crate) fn check(self, whole: Measure, old: Measure, depth: usize) -> Result<(), BoundsError> {
        let height = depth.saturating_add(self.height.into());
        if height > MAX_HEIGHT.into() {
            return Err(BoundsError::Height(height));
        }
        match whole.size.saturating_sub(old.size).saturating_add(self.size) {
            size if size > MAX_SIZE => Err(BoundsError::Size(size)),
            _ => Ok(()),
        }
    }
}

/// A change that would make something larger than anything may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BoundsError {
    /// More pages than [`MAX_SIZE`].
    #[error("a size of {0} pages is above the limit of {MAX_SIZE}")]
    Size(u64),
    /// A path of more slots than [`MAX_HEIGHT`].
    #[error("a path of {0} slots is above the limit of {MAX_HEIGHT}")]
    Height(usize),
}

/// The remembered measure of a node that may be shared between threads. Everyone who fills it stores the same.
pub(crate) struct MeasureCache(AtomicU64);

impl MeasureCache {
    /// Set in what is remembered; the height stands below it, then the size.
    const READY: u64 = 1 << 63;
    const HEIGHT_SHIFT: u32 = 56;

    pub(crate) const fn empty() -> MeasureCache {
        MeasureCache(AtomicU64::new(0))
    }

    const fn word(measure: Measure) -> u64 {
        Self::READY | (measure.height as u64) << Self::HEIGHT_SHIFT | measure.size
    }

    fn measure(word: u64) -> Option<Measure> {
        let height = (word >> Self::HEIGHT_SHIFT) as u8 & Measure::MOST.height;
        (word & Self::READY != 0).then_some(Measure { size: word & Measure::MOST.size, height })
    }

    #[inline]
    pub(crate) fn get_or_fill(&self, compute: impl FnOnce() -> Measure) -> Measure {
        Self::measure(self.0.load(Ordering::Relaxed)).unwrap_or_else(|| {
            let measure = compute();
            self.0.store(Self::word(measure), Ordering::Relaxed);
            measure
        })
    }

    /// Something is put beside the rest.
    #[inline]
    pub(crate) fn add(&mut self, more: Measure) {
        let word = self.0.get_mut();
        *word = Self::measure(*word).map_or(0, |measure| Self::word(measure.beside(more)));
    }

    /// Something is taken away from the rest. What is left is known if it is sure to be as high as before.
    #[inline]
    pub(crate) fn take_away(&mut self, less: Measure) {
        let word = self.0.get_mut();
        *word = match Self::measure(*word) {
            Some(Measure { size, height }) if less.height < height && size < Measure::MOST.size => {
                Self::word(Measure { size: size.saturating_sub(less.size), height })
            }
            _ => 0,
        };
    }

    pub(crate) fn clear(&mut self) {
        *self.0.get_mut() = 0;
    }
}

/// A node is copied in order to be changed: who does that says what becomes of its measure.
impl Clone for MeasureCache {
    fn clone(&self) -> MeasureCache {
        MeasureCache(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}
