//! How often each lane has forgotten all its translations.

use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicU64, fence};

/// Counts of `N` lanes.
pub struct Epochs<const N: usize> {
    lanes: [Lane; N],
}

/// The count of a lane: how often it has begun to forget, how often it has done so, how often others want it to have.
struct Lane {
    begun: AtomicU64,
    passed: AtomicU64,
    wanted: AtomicU64,
}

/// What has to happen before something that a lane may still see is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    lane: usize,
    epoch: u64,
}

impl<const N: usize> Default for Epochs<N> {
    fn default() -> Self {
        Epochs::new()
    }
}

impl<const N: usize> Epochs<N> {
    /// Lanes that have not forgotten anything yet.
    #[must_use]
    pub const fn new() -> Epochs<N> {
        Epochs {
            lanes: [const { Lane { begun: AtomicU64::new(0), passed: AtomicU64::new(0), wanted: AtomicU64::new(0) } };
                N],
        }
    }

    /// Wants a lane to forget its translations: called after page-table entries were taken back. What they led to is free
    /// once [`Epochs::has_passed`].
    pub fn want(&self, lane: usize) -> Ticket {
        // The entries are gone for everybody before it is looked how far the lane is.
        fence(SeqCst);
        let counts = &self.lanes[lane];
        // One that has begun already may have read an entry before it was taken back: it takes the next one.
        let epoch = counts.begun.load(SeqCst) + 1;
        counts.wanted.fetch_max(epoch, SeqCst);
        Ticket { lane, epoch }
    }

    /// Whether somebody wants this lane to forget its translations.
    #[inline]
    pub fn is_wanted(&self, lane: usize) -> bool {
        let counts = &self.lanes[lane];
        counts.wanted.load(SeqCst) > counts.passed.load(SeqCst)
    }

    /// Has `flush` forget all translations of this lane; called on it.
    pub fn pass(&self, lane: usize, flush: impl FnOnce()) {
        let counts = &self.lanes[lane];
        let epoch = counts.begun.fetch_add(1, SeqCst) + 1;
        flush();
        counts.passed.store(epoch, SeqCst);
    }

    /// Whether the lane has forgotten its translations since the ticket was given.
    #[must_use]
    pub fn has_passed(&self, ticket: Ticket) -> bool {
        self.lanes[ticket.lane].passed.load(SeqCst) >= ticket.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgetting_that_had_begun_before_does_not_count() {
        let epochs = Epochs::<2>::new();
        assert!(!epochs.is_wanted(0));
        let mut during = None;
        epochs.pass(0, || during = Some(epochs.want(0)));
        let ticket = during.expect("it was given");
        assert!(!epochs.has_passed(ticket) && epochs.is_wanted(0));
        epochs.pass(1, || {});
        assert!(!epochs.has_passed(ticket), "that was another lane");
        epochs.pass(0, || {});
        assert!(epochs.has_passed(ticket) && !epochs.is_wanted(0));
    }
}
