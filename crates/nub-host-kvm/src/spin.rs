//! How long to look before sleeping.
//!
//! Looking takes a core and sleeping takes time, on both sides. So looking is worth it only where what is waited for
//! mostly comes soon. A budget is doubled whenever a wait was short, and halved whenever it was not; a side that is never
//! answered soon soon does not look at all.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The smallest budget but none, as a part of the largest.
const SMALLEST: u32 = 32;

/// How long a side looks before it sleeps.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u32,
    nanoseconds: AtomicU32,
}

impl Budget {
    /// The largest that there may be, which is what it begins with. Cut at a second.
    pub(crate) fn new(most: Duration) -> Budget {
        let most = most.min(Duration::from_secs(1)).as_nanos() as u32;
        Budget { most, nanoseconds: AtomicU32::new(most) }
    }

    /// What it is now.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Relaxed).into())
    }

    /// What it is for the wait of this number. Now and then it is the largest: a side that sleeps sees how long waking takes,
    /// not how soon it would have been answered, and would never find out.
    pub(crate) fn of_wait(&self, number: u64) -> Duration {
        const NOW_AND_THEN: u64 = 64;
        if number.is_multiple_of(NOW_AND_THEN) { Duration::from_nanos(self.most.into()) } else { self.now() }
    }

    /// A wait took that long, whether looking or asleep.
    #[inline]
    pub(crate) fn learn(&self, waited: Duration) {
        let now = self.nanoseconds.load(Relaxed);
        let next = if waited.as_nanos() <= u128::from(self.most) {
            now.saturating_mul(2).max(self.most / SMALLEST).min(self.most)
        } else if now / 2 < self.most / SMALLEST {
            0
        } else {
            now / 2
        };
        if next != now {
            self.nanoseconds.store(next, Relaxed);
        }
    }
}

/// How often a processor that looks looks in that time.
pub(crate) fn looks(time: Duration) -> u32 {
    /// How many looks take a thousandth of a second.
    static RATE: OnceLock<u64> = OnceLock::new();
    const SAMPLE: u32 = 1000;
    let rate = *RATE.get_or_init(|| {
        // The shortest of some: this thread may lose its core in between.
        let sample = |_| {
            let begun = Instant::now();
            (0..SAMPLE).for_each(|_| std::hint::spin_loop());
            begun.elapsed()
        };
        let shortest = (0..5).map(sample).min().unwrap_or_default().as_nanos().max(1) as u64;
        (u64::from(SAMPLE) * 1_000_000 / shortest).max(1)
    });
    let looks = time.as_nanos().saturating_mul(rate.into()) / 1_000_000;
    u32::try_from(looks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_goes_where_waits_are_long_and_comes_back_where_they_are_short() {
        let budget = Budget::new(Duration::from_micros(64));
        assert_eq!(budget.now(), Duration::from_micros(64));
        let mut halved = 0;
        while !budget.now().is_zero() {
            budget.learn(Duration::from_micros(65));
            halved += 1;
        }
        assert_eq!(halved, 6);
        budget.learn(Duration::from_secs(u64::MAX));
        assert_eq!(budget.now(), Duration::ZERO);
        let tries = (0..640).filter(|&number| budget.of_wait(number) == Duration::from_micros(64)).count();
        assert_eq!(tries, 10);
        for expected in [2, 4, 8, 16, 32, 64, 64] {
            budget.learn(Duration::from_micros(64));
            assert_eq!(budget.now(), Duration::from_micros(expected));
        }
    }

    #[test]
    fn without_a_core_to_spare_nothing_is_learnt() {
        let budget = Budget::new(Duration::ZERO);
        budget.learn(Duration::ZERO);
        assert_eq!((budget.now(), looks(Duration::ZERO)), (Duration::ZERO, 0));
        assert!(looks(Duration::from_millis(1)) > 0);
        assert_eq!(looks(Duration::MAX), u32::MAX);
    }
}
