//! What is cheaper: to show a page before it is touched, or to wait for the fault.
//!
//! Decided for each mapping, from costs that the host measured when it started the guest. Neither programs nor state can
//! tell the difference.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

pub use nub_arch_x86_abi::request::Costs;

/// How many frames stay in a window from call to call, whatever its program does: comparing one that was written to costs
/// some 30 ns at each call, mapping one anew a fault.
pub const RESIDENT_PAGES: usize = 64;

/// How many stay of a program that writes to more than [`RESIDENT_PAGES`] again and again, as long as there is memory for it.
pub const MOST_RESIDENTS: usize = 512;

/// A frame beyond [`RESIDENT_PAGES`] that was compared so often in vain, one call after the other, goes. All that was wasted on
/// it then is a fraction of the fault that it may have saved.
pub const MOST_IN_VAIN: u8 = 8;

/// The most pages that are shown ahead of a program that goes through its memory page by page.
const MOST_AHEAD: u32 = 32;

/// The costs that new spaces go by. Until the host has said better: those of hardware virtualization.
static FAULT: AtomicU32 = AtomicU32::new(1000);
static COPY: AtomicU32 = AtomicU32::new(50);
static MAP: AtomicU32 = AtomicU32::new(50);

/// Has new spaces go by these costs.
pub fn announce(costs: Costs) {
    FAULT.store(costs.fault, Relaxed);
    COPY.store(costs.copy, Relaxed);
    MAP.store(costs.map, Relaxed);
}

/// How many frames beyond [`RESIDENT_PAGES`] all windows together have, and may have.
static EXTRA: AtomicUsize = AtomicUsize::new(0);
static MOST_EXTRA: AtomicUsize = AtomicUsize::new(1024);

/// Says how many frames all windows together may have beyond [`RESIDENT_PAGES`] each.
pub fn announce_extra(frames: usize) {
    MOST_EXTRA.store(frames, Relaxed);
}

/// What a space has of the frames beyond [`RESIDENT_PAGES`].
#[derive(Default, Debug)]
pub struct Extra(usize);

impl Extra {
    /// The space has so many residents now.
    pub fn count(&mut self, residents: usize) {
        let extra = residents.saturating_sub(RESIDENT_PAGES);
        EXTRA.fetch_add(extra.wrapping_sub(self.0), Relaxed);
        self.0 = extra;
    }
}

impl Drop for Extra {
    fn drop(&mut self) {
        self.count(0);
    }
}

/// How a space deals with the mappings that it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Writable mappings of at most so many pages are copied as they are mounted.
    copied: u32,
    /// Mappings for reading of at most so many pages are shown as they are mounted.
    shown: u32,
    /// At most so many residents stay from call to call.
    residents: usize,
}

impl Policy {
    /// The policy for these costs. All of a mapping is prepared where that costs no more than the one fault that it saves
    /// at least, if the mapping is used at all.
    #[must_use]
    pub fn new(costs: Costs) -> Policy {
        let pages = |cost: u32| (costs.fault / cost.max(1)).min(RESIDENT_PAGES as u32);
        Policy {
            copied: pages(costs.copy.saturating_add(costs.map)),
            shown: pages(costs.map),
            residents: MOST_RESIDENTS,
        }
    }

    /// The same with another bound.
    #[cfg(test)]
    pub fn keeping(self, residents: usize) -> Policy {
        Policy { residents, ..self }
    }

    /// How many of so many residents may stay; also whether there may be one more.
    #[must_use]
    pub fn kept(&self, residents: usize) -> usize {
        let over = EXTRA.load(Relaxed).saturating_sub(MOST_EXTRA.load(Relaxed));
        residents.saturating_sub(over).min(self.residents).max(RESIDENT_PAGES)
    }

    /// The policy for the costs that were announced.
    #[must_use]
    pub fn current() -> Policy {
        Policy::new(Costs { fault: FAULT.load(Relaxed), copy: COPY.load(Relaxed), map: MAP.load(Relaxed) })
    }

    /// Whether a mapping of so many pages is prepared when it is mounted.
    #[must_use]
    pub fn is_eager(&self, pages: u32, writable: bool) -> bool {
        pages <= if writable { self.copied } else { self.shown }
    }
}

/// How far ahead of a program pages are shown: one that goes on where it was gets twice as many each time.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ahead {
    /// The page behind what was shown last.
    next: u32,
    pages: u32,
}

impl Ahead {
    /// How many pages to show from `page` on, at which a fault arrived.
    #[must_use]
    pub fn fault(&mut self, page: u32) -> u32 {
        self.pages = if page == self.next { (self.pages * 2).clamp(1, MOST_AHEAD) } else { 1 };
        self.next = page + self.pages;
        self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_prepared_where_that_costs_no_more_than_a_fault() {
        let slow = Policy::new(Costs { fault: 15_000, copy: 30, map: 60 });
        assert!(slow.is_eager(64, true) && !slow.is_eager(65, true) && !slow.is_eager(65, false));
        let fast = Policy::new(Costs { fault: 900, copy: 30, map: 60 });
        assert!(fast.is_eager(10, true) && !fast.is_eager(11, true));
        assert!(fast.is_eager(15, false) && !fast.is_eager(16, false));
        // Whatever was measured, it is a policy.
        for fault in [0, u32::MAX] {
            for cost in [0, u32::MAX] {
                let policy = Policy::new(Costs { fault, copy: cost, map: cost });
                assert!(!policy.is_eager(65, true) && !policy.is_eager(65, false));
            }
        }
    }

    #[test]
    fn who_goes_on_gets_more_ahead() {
        let mut ahead = Ahead::default();
        let (mut page, mut faults) = (100, 0);
        while page < 100 + 255 {
            page += ahead.fault(page);
            faults += 1;
        }
        assert_eq!(faults, 12, "1, 2, 4, 8, 16, then 32 at a time");
        assert_eq!(ahead.fault(7), 1);
        assert_eq!(ahead.fault(100), 1);
        assert_eq!(ahead.fault(99), 1, "backwards is not on");
    }
}
