//! Timing: several contenders in turns within one run, so that a busy moment of the machine hits all of them.

use std::time::{Duration, Instant};

/// Each contender runs at least this often, however long that takes.
const LEAST_ROUNDS: usize = 9;
/// And not more often than this.
const MOST_ROUNDS: usize = 2_000;

/// How long a turn is, in nanoseconds. What is shorter runs several times in it: otherwise the time of a short call would be
/// that of fetching again what the other contenders have thrown out of the caches.
const TURN: f64 = 100_000.0;
/// The most that something runs in a turn.
const MOST_IN_TURN: usize = 64;

/// Times of one thing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Times {
    /// Half of all were below.
    pub median: f64,
    /// A tenth of all were below.
    pub p10: f64,
    /// Nine tenths of all were below.
    pub p90: f64,
}

impl Times {
    /// # Panics
    /// Without any times.
    fn of(mut times: Vec<f64>) -> Times {
        times.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| times[(part * (times.len() - 1) as f64).round() as usize];
        Times { median: at(0.5), p10: at(0.1), p90: at(0.9) }
    }

    /// The same in another unit: each divided by `by`.
    pub fn divided(self, by: f64) -> Times {
        Times { median: self.median / by, p10: self.p10 / by, p90: self.p90 / by }
    }
}

/// Runs something once and gives the nanoseconds that count.
pub type Contender<'a> = Box<dyn FnMut() -> Result<f64, String> + 'a>;

/// Lets all of them run in turns for about `time`, and gives the times of each in nanoseconds. The first round is not
/// counted, nor is what comes first in a turn of several.
///
/// # Errors
/// The first one of a contender.
pub fn in_turns(contenders: &mut [Contender<'_>], time: Duration) -> Result<Vec<Times>, String> {
    let mut times = vec![Vec::new(); contenders.len()];
    for contender in contenders.iter_mut() {
        contender()?;
    }
    let start = Instant::now();
    for round in 0..MOST_ROUNDS {
        if round >= LEAST_ROUNDS && start.elapsed() > time {
            break;
        }
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            times.push(turn(contender)?);
        }
    }
    Ok(times.into_iter().map(Times::of).collect())
}

/// One turn: a time, or the mean of several.
fn turn(contender: &mut Contender<'_>) -> Result<f64, String> {
    let first = contender()?;
    let (mut sum, mut count) = (0.0, 0);
    while first + sum < TURN && count + 1 < MOST_IN_TURN {
        sum += contender()?;
        count += 1;
    }
    Ok(if count == 0 { first } else { sum / count as f64 })
}

/// How long something takes, in nanoseconds, and what came of it.
pub fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed().as_nanos() as f64, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_spread() {
        let times = Times::of((0..=100).rev().map(f64::from).collect());
        assert_eq!(times, Times { median: 50.0, p10: 10.0, p90: 90.0 });
        assert_eq!(Times::of(vec![7.0]), Times { median: 7.0, p10: 7.0, p90: 7.0 });
    }

    #[test]
    fn what_is_short_runs_several_times_in_a_turn() {
        let mut count = 0;
        let mut contender: Contender<'_> = Box::new(|| {
            count += 1;
            Ok(if count == 1 { TURN / 2.0 } else { TURN / 10.0 })
        });
        assert_eq!(turn(&mut contender), Ok(TURN / 10.0), "the first is not counted");
        drop(contender);
        assert_eq!(count, 6);
        let mut long: Contender<'_> = Box::new(|| Ok(TURN));
        assert_eq!(turn(&mut long), Ok(TURN));
    }

    #[test]
    fn everybody_gets_the_same_turns() {
        let counts = std::cell::Cell::new([0_u32; 2]);
        let contender = |which: usize| -> Contender<'_> {
            let counts = &counts;
            Box::new(move || {
                let mut now = counts.get();
                now[which] += 1;
                counts.set(now);
                Ok(f64::from(now[which]) * TURN)
            })
        };
        let times = in_turns(&mut [contender(0), contender(1)], Duration::ZERO).unwrap();
        // The first of ten did not count.
        assert_eq!(counts.get(), [10, 10]);
        assert!(
            times.iter().all(|times| times.divided(TURN) == Times { median: 6.0, p10: 3.0, p90: 9.0 }),
            "{times:?}"
        );
    }
}
