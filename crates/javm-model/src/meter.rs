//! Where gas is taken: what who cuts the gas of a call has to know to end it at each of its steps.

use std::collections::BTreeSet;

use crate::value::Hash;
use crate::world::World;

/// Where gas was taken in a call from the host.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Meter {
    /// How much gas the call would need to come just as far as each place where gas was taken.
    pub points: BTreeSet<u64>,
    /// The calls of programs, in the order in which they began; that from the host first.
    pub calls: Vec<Metered>,
    /// What the programs on the call stack could use at first, and which of the calls they are.
    running: Vec<(u64, usize)>,
}

/// The gas of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Metered {
    /// The Image of who called, and which of its actions did; `None` for the host.
    pub caller: Option<(Hash, usize)>,
    /// How much of its limit was used at each place where some was taken from it.
    pub used: BTreeSet<u64>,
}

impl Meter {
    pub(crate) fn enter(&mut self, limit: u64, caller: Option<(Hash, usize)>) {
        self.running.push((limit, self.calls.len()));
        self.calls.push(Metered { caller, used: BTreeSet::new() });
    }

    pub(crate) fn leave(&mut self) {
        self.running.pop();
    }
}

/// The least gas of which a callee may use so much: all but a 64th.
fn with_reserve(limit: u64) -> u64 {
    // l - l / 64 grows by one or not at all from each l to the next.
    let about = limit + limit / 63;
    (about.saturating_sub(2)..).find(|left| left - left / 64 >= limit).unwrap_or(u64::MAX)
}

impl World {
    /// Notes that the running program has paid.
    pub(crate) fn charged(&mut self, price: u64) {
        self.spent += price;
        // What the callee needs from its caller; callers have not given anything away yet.
        let mut needed = 0;
        for (index, (frame, &(limit, call))) in self.state.frames.iter().zip(&self.meter.running).enumerate().rev() {
            let used = limit - frame.gas;
            let is_running = index + 1 == self.state.frames.len();
            if is_running {
                self.meter.calls[call].used.insert(used);
            }
            needed = used + if is_running { 0 } else { with_reserve(needed) };
        }
        self.meter.points.insert(needed);
    }
}

#[cfg(test)]
mod tests {
    use super::with_reserve;

    #[test]
    fn the_reserve_is_the_least() {
        for limit in (0..10_000).chain([1 << 20, (1 << 40) + 12345, 63 * 64 * 1000]) {
            let left = with_reserve(limit);
            assert!(left - left / 64 >= limit);
            assert!(left == 0 || (left - 1) - (left - 1) / 64 < limit, "{limit}");
        }
    }
}
