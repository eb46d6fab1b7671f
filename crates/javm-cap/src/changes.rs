//! Changes: how often things were changed in a block, for what is priced by that.
//!
//! Each Data and each table has a count of its own, which whoever changes it adds to, with the [`Epoch`] that it was in.
//! Nobody has to set counts back: one of an older epoch is a count of nothing. What is below a table adds up to the count of
//! the latest epoch that there is below it, a function of the values alone, which nodes can remember.
//!
//! The norm of what counts is `docs/spec/capabilities.md`.

use core::sync::atomic::{AtomicU64, Ordering};

/// A stretch of time for which changes are counted: a block. Each is later than all that were begun before, by whichever
/// kernel of the process; so what stands in a value is never from later than now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Epoch(u64);

/// The next epoch. The first is 1: nothing is ever changed in epoch 0.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Epoch {
    /// Begins another one. Constant work.
    #[must_use]
    pub fn begin() -> Epoch {
        // A count of 2^64 is not reached.
        Epoch(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// How often one Data or table was changed. It stops at 2^32 - 1.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Changes {
    /// In halves, so that it fits where four bytes are left.
    epoch: [u32; 2],
    count: u32,
}

impl Changes {
    pub(crate) const NONE: Changes = Changes { epoch: [0; 2], count: 0 };

    /// Adds so many, in an epoch that is not before any that was counted in.
    pub(crate) fn add(&mut self, epoch: Epoch, changes: u64) {
        let changes = u32::try_from(changes).unwrap_or(u32::MAX);
        let epoch = [epoch.0 as u32, (epoch.0 >> 32) as u32];
        let count = if self.epoch == epoch { self.count } else { 0 };
        *self = Changes { epoch, count: count.saturating_add(changes) };
    }

    pub(crate) fn tally(&self) -> Tally {
        let [low, high] = self.epoch.map(u64::from);
        Tally { epoch: high << 32 | low, count: self.count.into() }
    }
}

/// The changes of many, in the latest epoch in which there were any.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Tally {
    epoch: u64,
    count: u64,
}

impl Tally {
    /// That of both together.
    pub(crate) fn beside(self, other: Tally) -> Tally {
        match self.epoch.cmp(&other.epoch) {
            core::cmp::Ordering::Less => other,
            core::cmp::Ordering::Greater => self,
            core::cmp::Ordering::Equal => Tally { epoch: self.epoch, count: self.count.saturating_add(other.count) },
        }
    }

    /// The changes in an epoch, of which there is none later.
    pub(crate) fn of(self, epoch: Epoch) -> u64 {
        if self.epoch == epoch.0 { self.count } else { 0 }
    }
}

/// The remembered tally of a node that may be shared between threads. Everyone who fills it stores the same.
pub(crate) struct TallyCache {
    epoch: AtomicU64,
    count: AtomicU64,
}

impl TallyCache {
    /// Stands for an epoch that is not known.
    const UNKNOWN: u64 = u64::MAX;

    pub(crate) const fn empty() -> TallyCache {
        TallyCache { epoch: AtomicU64::new(Self::UNKNOWN), count: AtomicU64::new(0) }
    }

    pub(crate) fn get_or_fill(&self, compute: impl FnOnce() -> Tally) -> Tally {
        // Whoever sees the epoch sees the count.
        match self.epoch.load(Ordering::Acquire) {
            Self::UNKNOWN => {
                let tally = compute();
                self.count.store(tally.count, Ordering::Relaxed);
                self.epoch.store(tally.epoch, Ordering::Release);
                tally
            }
            epoch => Tally { epoch, count: self.count.load(Ordering::Relaxed) },
        }
    }

    pub(crate) fn clear(&mut self) {
        *self.epoch.get_mut() = Self::UNKNOWN;
    }
}

/// A node is copied in order to be changed: its copy does not know its tally.
impl Clone for TallyCache {
    fn clone(&self) -> TallyCache {
        TallyCache::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_of_their_epoch_and_stop_where_they_are_full() {
        let (first, second) = (Epoch::begin(), Epoch::begin());
        let mut changes = Changes::NONE;
        assert_eq!((first < second, changes.tally().of(first)), (true, 0));
        changes.add(first, 3);
        changes.add(first, 4);
        assert_eq!((changes.tally().of(first), changes.tally().of(second)), (7, 0));
        let old = changes;
        changes.add(second, u64::MAX);
        changes.add(second, 1);
        assert_eq!((changes.tally().of(first), changes.tally().of(second)), (0, u32::MAX.into()));
        let both = old.tally().beside(changes.tally()).beside(changes.tally());
        assert_eq!((both, both.of(second)), (changes.tally().beside(changes.tally()), 2 * u64::from(u32::MAX)));
        let full = Tally { epoch: 5, count: u64::MAX };
        assert_eq!(full.beside(full), full);
    }
}
