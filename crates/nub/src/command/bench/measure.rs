//! Timing: samples, their middle and their spread.

use std::time::{Duration, Instant};

/// Samples that are taken at least, however long that takes.
pub(super) const LEAST_SAMPLES: usize = 9;
/// And not more of them.
const MOST_SAMPLES: usize = 20_000;
/// What is shorter is repeated within a sample, so that the clock is precise enough.
const LEAST_TIME: Duration = Duration::from_micros(50);

/// How long something takes, in nanoseconds.
#[derive(Debug)]
pub(in crate::command) struct Times(Vec<f64>);

impl Times {
    /// These samples, in nanoseconds unless said otherwise.
    pub(super) fn new(mut samples: Vec<f64>) -> Times {
        samples.sort_unstable_by(f64::total_cmp);
        Times(samples)
    }

    /// The time that so large a part of all samples is not above; 0.5 is the median.
    pub(in crate::command) fn at(&self, part: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((part * last as f64).round() as usize).copied().unwrap_or(0.0)
    }

    /// Each divided by `by`.
    pub(super) fn divided(mut self, by: f64) -> Times {
        self.0.iter_mut().for_each(|time| *time /= by);
        self
    }
}

/// Samples of what `once` says to have taken, in nanoseconds, for about so long. The first one is not counted.
pub(in crate::command) fn sample<E>(time: Duration, mut once: impl FnMut() -> Result<f64, E>) -> Result<Times, E> {
    once()?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < LEAST_SAMPLES || times.len() < MOST_SAMPLES && start.elapsed() < time {
        times.push(once()?);
    }
    Ok(Times::new(times))
}

/// Samples of how long `once` takes, repeated within a sample where that is short.
pub(super) fn repeated<E>(time: Duration, mut once: impl FnMut() -> Result<(), E>) -> Result<Times, E> {
    let mut batch = |repeats: u32| -> Result<Duration, E> {
        let start = Instant::now();
        (0..repeats).try_for_each(|_| once())?;
        Ok(start.elapsed())
    };
    let mut repeats = 1;
    while batch(repeats)? < LEAST_TIME && repeats < 1 << 20 {
        repeats *= 2;
    }
    sample(time, || Ok(nanoseconds(batch(repeats)?) / f64::from(repeats)))
}

/// A duration as a number.
pub(in crate::command) fn nanoseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::failure::Failure;

    #[test]
    fn samples_are_in_order_and_the_first_is_left_out() {
        let mut next = 12.0;
        let times = sample(Duration::ZERO, || {
            next -= 1.0;
            Ok::<f64, Failure>(next)
        });
        let times = times.unwrap();
        assert_eq!((times.at(0.0), times.at(0.5), times.at(0.9), times.at(1.0)), (2.0, 6.0, 9.0, 10.0));
        assert_eq!(times.divided(2.0).at(0.5), 3.0);
    }

    #[test]
    fn what_fails_is_not_repeated() {
        let mut runs = 0;
        let failed = repeated(Duration::ZERO, || {
            runs += 1;
            Err(Failure::ReaderGone)
        });
        assert!(failed.is_err());
        assert_eq!(runs, 1);
    }
}
