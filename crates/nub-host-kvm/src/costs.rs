//! What things cost inside the guest, on this machine: measured once for each privilege, when the first guest starts.
//!
//! The guest has no clock. It does a thing as often as it is asked to, and the host looks how long that takes.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nub_arch_x86_abi::reply::Exit;
use nub_arch_x86_abi::request::{self, Bare, Work};
use nub_arch_x86_abi::{Privilege, Reply, Request};

use crate::error::{Death, Error};

/// What things cost.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Costs {
    /// A page fault of a program inside the guest, there and back.
    pub fault: Duration,
    /// Copying a page.
    pub copy_page: Duration,
    /// Entering a page in a page table and taking it out again.
    pub map_page: Duration,
    /// A unit of gas in a loop of additions, in picoseconds.
    pub gas: u64,
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
        Ok(Costs { fault, copy_page, map_page, gas: gas(&mut call)? })
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

/// A loop: φ7 counts up, and never comes to 0. No jump table, 6 bytes of code, which of them begin an instruction:
/// `add_imm_64 a0, a0, 1` and `branch_ne_imm a0, 0` back to it.
const LOOP: [u8; 10] = [0, 0, 6, 149, 0x77, 1, 82, 7, 0xfd, 0b00_1001];

/// What a unit of gas takes in [`LOOP`], in picoseconds.
fn gas(mut call: impl FnMut(&Request<'_>) -> Result<Reply, Error>) -> Result<u64, Error> {
    let mut time = |gas| -> Result<Duration, Error> {
        let mut registers = [0; _];
        registers[7] = 1;
        let begun = Instant::now();
        let request = Request::Run(Bare { program: &LOOP, registers, pc: 0, gas, memory: Vec::new() });
        match call(&request)? {
            Reply::Ran(ran) if ran.exit == Exit::OutOfGas => Ok(begun.elapsed()),
            other => Err(unexpected(&other)),
        }
    };
    let (mut once, mut often) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        once = once.min(time(1)?);
        often = often.min(time(1 + GAS)?);
    }
    Ok((often.saturating_sub(once).as_nanos() as u64).saturating_mul(1000) / GAS)
}

/// How much gas the loop uses at a time.
const GAS: u64 = 100_000;

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
    use nub_arch_x86_abi::reply::Ran;

    use super::*;

    fn ran(registers: [u64; 13], exit: Exit) -> Ran {
        Ran { exit, registers, pc: 0, gas: 0, memory: Vec::new() }
    }

    #[test]
    fn each_thing_is_measured_and_told() {
        let mut asked = Vec::new();
        let costs = Costs::measure(|request| {
            match request {
                Request::Measure(work, times) => asked.push((*work, *times)),
                Request::Run(bare) => return Ok(Reply::Ran(ran(bare.registers, Exit::OutOfGas))),
                _ => {}
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
    fn the_loop_is_what_it_is_said_to_be() {
        let program = javm_isa::assemble("@loop:\n add_imm_64 a0, a0, 1\n branch_ne_imm a0, 0, @loop");
        assert_eq!(program.expect("it is assembly text").blob(), LOOP);
    }

    #[test]
    fn another_answer_is_nonsense() {
        let measured = Costs::measure(|_| Ok(Reply::Flag(true)));
        assert!(matches!(measured, Err(Error::Died(death)) if matches!(*death, Death::Nonsense(_))));
        let measured = Costs::measure(|request| match request {
            Request::Run(bare) => Ok(Reply::Ran(ran(bare.registers, Exit::Halt))),
            _ => Ok(Reply::Done),
        });
        assert!(matches!(measured, Err(Error::Died(death)) if matches!(*death, Death::Nonsense(_))));
    }
}
