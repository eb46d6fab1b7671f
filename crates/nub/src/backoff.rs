//! How soon a guest that has ended is replaced: at once, unless guests keep ending.

use std::time::{Duration, Instant};

/// A guest that has run that long was well: what came before it does not count any more.
const STEADY: Duration = Duration::from_secs(10);
/// So many ends in a row cost no wait.
const FREE: u32 = 3;
/// The wait after the next one; each further one doubles it.
const FIRST: Duration = Duration::from_millis(100);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(10);

/// The ends in a row, and what they cost.
#[derive(Default, Debug)]
pub(crate) struct BackOff {
    in_a_row: u32,
    not_before: Option<Instant>,
}

impl BackOff {
    /// A guest has ended, or could not be started, having run that long.
    pub(crate) fn ended(&mut self, now: Instant, ran: Duration) {
        self.in_a_row = if ran >= STEADY { 1 } else { self.in_a_row.saturating_add(1) };
        self.not_before = now.checked_add(self.wait());
    }

    fn wait(&self) -> Duration {
        match self.in_a_row.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST),
        }
    }

    /// How long it is until the next guest may be started.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.not_before.map_or(Duration::ZERO, |instant| instant.saturating_duration_since(now))
    }

    /// How many guests have ended, or not started, in a row.
    pub(crate) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ends_cost_nothing_and_then_each_twice_the_last() {
        let (mut back_off, now) = (BackOff::default(), Instant::now());
        assert_eq!(back_off.left(now), Duration::ZERO);
        let mut waits = Vec::new();
        for _ in 0..12 {
            back_off.ended(now, Duration::ZERO);
            waits.push(back_off.left(now).as_millis());
        }
        assert_eq!(waits, [0, 0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(back_off.left(now + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(back_off.left(now + Duration::from_secs(11)), Duration::ZERO);
        for _ in 0..100 {
            back_off.ended(now, STEADY - Duration::from_nanos(1));
            assert_eq!(back_off.left(now), LONGEST);
        }
        back_off.ended(now, STEADY);
        assert_eq!((back_off.in_a_row(), back_off.left(now)), (1, Duration::ZERO));
    }
}
