//! How long a call may take at most: by its gas and by the pages that its program can touch, on this machine.
//!
//! `cargo run --release -p nub --example slowest` looks for what takes longest for its gas; its figures stand here. As they are of
//! one machine, each start of a first guest measures a loop, and what is slower in it than on that machine is
//! taken to be slower in everything. A page's first touch is mostly traps, which the start measures as well.

use std::time::Duration;

use javm_isa::CostModel;

use crate::costs::Costs;

/// The most that a unit of gas was found to take, in picoseconds, by the flat cost model: jumps to and fro in a program of a million
/// blocks, each of which finds its code in no cache.
const SLOWEST_FLAT: u64 = 110_000;
/// The same by the pipeline model, which charges more for a jump: loads that each touch two of 4,096 pages, in an order that
/// nothing expects.
const SLOWEST_PIPELINE: u64 = 19_000;
/// What it took in the loop of [`Costs::gas`] there, in picoseconds.
const SLOWEST_LOOP: u64 = 720;
/// The least that a page's first touch is taken to take, whatever faults cost: the host has to find memory for it.
const PAGE: Duration = Duration::from_micros(20);
/// How many faults a page takes: one to be read, one to be written, and what they leave behind. 90 to 200 µs were measured where
/// a fault takes 25 to 36.
const FAULTS: u32 = 4;
/// So many times what was measured may be taken: other work may have the processor most of the time.
const MARGIN: u32 = 10;
/// No call is waited for any longer.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What gas and pages may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// A unit of gas by each cost model, in picoseconds, the margin included.
    flat: u64,
    pipeline: u64,
    /// The first touch of a page, in picoseconds, the margin included.
    page: u64,
}

impl Pace {
    /// That of a machine with these costs; nothing is expected to be faster than where it was measured.
    #[must_use]
    pub fn of(costs: &Costs) -> Pace {
        // How many times slower than where that was measured this machine is, in thousandths.
        let slower = (costs.gas.saturating_mul(1000) / SLOWEST_LOOP).max(1000);
        let gas = |slowest: u64| (slowest * u64::from(MARGIN)).saturating_mul(slower) / 1000;
        let page = costs.fault.saturating_mul(FAULTS).saturating_add(costs.copy_page).saturating_add(costs.map_page);
        let page = page.max(PAGE).saturating_mul(MARGIN).as_nanos().saturating_mul(1000);
        let page = u64::try_from(page).unwrap_or(u64::MAX);
        Pace { flat: gas(SLOWEST_FLAT), pipeline: gas(SLOWEST_PIPELINE), page }
    }

    /// How long so much gas by this cost model, and the first touch of so many pages, may take: at most a year.
    #[must_use]
    pub fn work(&self, model: CostModel, gas: u64, pages: u64) -> Duration {
        let each = match model {
            CostModel::Flat => self.flat,
            CostModel::Pipeline => self.pipeline,
        };
        let picoseconds = || gas.checked_mul(each)?.checked_add(self.page.checked_mul(pages)?);
        // What has no place in 64 bits is more than half a year.
        picoseconds().map_or(LONGEST, |picoseconds| Duration::from_nanos(picoseconds / 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(gas: u64, fault: u64) -> Costs {
        let small = Duration::from_nanos(50);
        Costs { fault: Duration::from_micros(fault), copy_page: small, map_page: small, gas }
    }

    #[test]
    fn a_slow_machine_has_more_time_and_a_fast_one_no_less() {
        let here = Pace::of(&costs(SLOWEST_LOOP, 1));
        assert_eq!(here, Pace::of(&costs(0, 0)));
        for model in [CostModel::Flat, CostModel::Pipeline] {
            let slow = Pace::of(&costs(100 * SLOWEST_LOOP, 1));
            assert_eq!(slow.work(model, 1000, 0), here.work(model, 100_000, 0));
            assert_eq!(slow.work(model, 0, 7), here.work(model, 0, 7));
            let trapping = Pace::of(&costs(SLOWEST_LOOP, 100));
            assert!(trapping.work(model, 0, 7) > 7 * 10 * FAULTS * Duration::from_micros(100));
            assert_eq!(trapping.work(model, 7, 0), here.work(model, 7, 0));
        }
    }

    #[test]
    fn what_an_honest_guest_takes_is_a_small_part() {
        let here = Pace::of(&costs(SLOWEST_LOOP, 1));
        for (model, slowest) in [(CostModel::Flat, SLOWEST_FLAT), (CostModel::Pipeline, SLOWEST_PIPELINE)] {
            assert_eq!(here.work(model, 1_000_000, 0), 10 * Duration::from_nanos(1000 * slowest));
            assert!(here.work(model, 1, 0) > Duration::ZERO && here.work(model, 0, 0).is_zero());
        }
    }

    #[test]
    fn nothing_is_waited_for_longer_than_a_year() {
        let pace = Pace::of(&costs(u64::MAX, u64::MAX / 1_000_000));
        assert_eq!(pace.work(CostModel::Flat, u64::MAX, u64::MAX), LONGEST);
        assert_eq!(Pace::of(&costs(1, 1)).work(CostModel::Pipeline, u64::MAX, 0), LONGEST);
    }
}
