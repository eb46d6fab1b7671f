//! What things cost inside the guest, on this machine: measured once for each privilege, when the first guest starts.
//!
//! The guest has no clock. It does a thing as often as it is asked to, and the host looks how long that takes.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nub_arch_x86_abi::request::{self, Work};
use nub_arch_x86_abi::{Privilege, Reply, Request};

use crate::error::{Death, Error};

/// What things cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// A page fault of a program inside the guest, there and back.
    pub fault: Duration,
    /// Copying a page.
    pub copy_page: Duration,
    /// Entering a page in a page table and taking it out again.
    pub map_page: Duration,
}

/// How often each thing is done at a time, and how many times that is: the fastest counts, as others only show how busy
/// the machine is.
const TIMES: [(Work, u32); 3] = [(Work::Fault, 8), (Work::Copy, 4096), (Work::Map, 4096)];
const ROUNDS: usize = 3;
/// Where the machine is so busy that doing a thing often took no longer than doing it once, more rounds follow.
const MOST_ROUNDS: usize = 30;
/// What is assumed of a thing that even so showed no cost: what it costs with hardware virtualization.
const ASSUMED: [Duration; TIMES.len()] =
    [Duration::from_nanos(1000), Duration::from_nanos(50), Duration::from_nanos(50)];

impl Costs {
    /// Measures with `call`, which has the guest answer.
    fn measure(mut call: impl FnMut(&Request<'_>) -> Result<Reply, Error>) -> Result<Costs, Error> {
        let mut time = |work, times| -> Result<Duration, Error> {
            let begun = Instant::now();
            match call(&Request::Measure(work, times))? {
                Reply::Done => Ok(begun.elapsed()),
                other => Err(unexpected(&other)),
            }
        };
        let mut costs = [Duration::MAX; TIMES.len()];
        for (((work, times), assumed), cost) in TIMES.into_iter().zip(ASSUMED).zip(&mut costs) {
            // What the round trip takes is in both.
            let (mut once, mut often) = (Duration::MAX, Duration::MAX);
            for round in 1..=MOST_ROUNDS {
                once = once.min(time(work, 1)?);
                often = often.min(time(work, 1 + times)?);
                *cost = often.saturating_sub(once) / times;
                if round >= ROUNDS && !cost.is_zero() {
                    break;
                }
            }
            if cost.is_zero() {
                *cost = assumed;
            }
        }
        let [fault, copy_page, map_page] = costs;
        Ok(Costs { fault, copy_page, map_page })
    }

    /// What the guest is told.
    fn request(self) -> Request<'static> {
        let nanos = |cost: Duration| u32::try_from(cost.as_nanos()).unwrap_or(u32::MAX);
        Request::Costs(request::Costs {
            fault: nanos(self.fault),
            copy: nanos(self.copy_page),
            map: nanos(self.map_page),
        })
    }
}

fn unexpected(reply: &Reply) -> Error {
    Error::Died(Box::new(Death::Nonsense(format!("{reply:?} where it was to do something"))))
}

/// Tells a new guest what things cost at its privilege.
pub(crate) fn announce(
    privilege: Privilege,
    mut call: impl FnMut(&Request<'_>) -> Result<Reply, Error>,
) -> Result<Costs, Error> {
    static MEASURED: [OnceLock<Costs>; 2] = [const { OnceLock::new() }; 2];
    let measured = &MEASURED[usize::from(privilege == Privilege::User)];
    let costs = match measured.get() {
        Some(&costs) => costs,
        None => {
            let costs = Costs::measure(&mut call)?;
            *measured.get_or_init(|| costs)
        }
    };
    match call(&costs.request())? {
        Reply::Done => Ok(costs),
        other => Err(unexpected(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_measured_and_told() {
        let mut asked = Vec::new();
        let costs = Costs::measure(|request| {
            if let Request::Measure(work, times) = request {
                asked.push((*work, *times));
            }
            Ok(Reply::Done)
        });
        let costs = costs.expect("all is answered");
        assert!((2 * ROUNDS * TIMES.len()..=2 * MOST_ROUNDS * TIMES.len()).contains(&asked.len()));
        // A cost of nothing would be a bad adviser: it says that faults are to be waited for.
        assert!(!costs.fault.is_zero() && !costs.copy_page.is_zero() && !costs.map_page.is_zero());
        assert!(asked.iter().all(|(_, times)| (1..=Work::MOST).contains(times)));
        assert!(TIMES.into_iter().all(|(work, _)| asked.iter().any(|&(other, _)| other == work)));
        let slow = Costs { fault: Duration::from_secs(60), ..costs };
        assert!(matches!(slow.request(), Request::Costs(request::Costs { fault: u32::MAX, .. })));
    }

    #[test]
    fn another_answer_is_nonsense() {
        let measured = Costs::measure(|_| Ok(Reply::Flag(true)));
        assert!(matches!(measured, Err(Error::Died(death)) if matches!(*death, Death::Nonsense(_))));
    }
}
