//! How fast the guest is on this machine: what `nub doctor` tells.

use std::time::{Duration, Instant};

use nub_arch_x86_abi::reply::Outcome;
use nub_arch_x86_abi::request::{Invoke, Work};
use nub_arch_x86_abi::{Reply, Request};

use crate::config::Config;
use crate::error::{Death, Error};
use crate::hashing::Hashing;
use crate::sandbox::{Answer, KERNEL_LANE, Sandbox};

/// What was measured. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub struct Figures {
    /// By which code the kernel hashes.
    pub hashing: Hashing,
    /// From the start to the first reply.
    pub boot: f64,
    /// What that time went to, in order.
    pub boot_parts: Vec<(&'static str, f64)>,
    /// How much memory the host has had to find for the guest by then, in bytes; `None` where Linux does not tell.
    pub boot_memory: Option<u64>,
    /// How long a request took that the guest answers at once, each; ascending. No call can take less.
    pub round_trips: Vec<f64>,
    /// How long a call took, host to guest and back, each; ascending.
    pub calls: Vec<f64>,
    /// The same of queries, on another lane; ascending, none where there is only one lane.
    pub queries: Vec<f64>,
    /// How often the guest left the machine for a call, on average.
    pub exits_per_call: f64,
    /// How long the guest takes to leave the machine and come back.
    pub exit: f64,
    /// How long it takes to find that a page is not mapped, and to go on.
    pub fault: f64,
    /// How long it takes to copy a page.
    pub copy_page: f64,
    /// How long a caller looks for an answer before it sleeps, after all these calls.
    pub host_spin: f64,
    /// How long an idle lane looks for a request before it sleeps.
    pub guest_spin: f64,
    /// Which part of a core the process used while nobody called; `None` where Linux does not tell.
    pub idle: Option<f64>,
}

/// How often the guest is started; the figure is the middle one.
const BOOTS: usize = 5;
/// How many calls, round trips and queries are made at least; so many are made before, to warm up.
const LEAST: usize = 1000;
/// How often it is looked for what a thing costs, while it seems to cost nothing.
const TRIES: usize = 10;
/// How long the guest is left alone, and before that, until it sleeps.
const IDLE: Duration = Duration::from_millis(200);
const UNTIL_IDLE: Duration = Duration::from_millis(20);

fn nanoseconds(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// The processor time that this process has used, all threads together; `None` where Linux does not tell.
#[must_use]
pub fn time_used() -> Option<Duration> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let used = |thread: std::io::Result<std::fs::DirEntry>| -> Option<u64> {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    threads.map(used).sum::<Option<u64>>().map(Duration::from_nanos)
}

/// How long one of many takes, from how much longer many take than few.
fn each(sandbox: &Sandbox, work: Work, times: u32) -> Result<f64, Error> {
    let time = |times| -> Result<f64, Error> {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let begun = Instant::now();
            let reply = sandbox.call(KERNEL_LANE, &Request::Measure(work, times), Duration::from_secs(10))?;
            best = best.min(nanoseconds(begun.elapsed()));
            expect(reply, &Reply::Done)?;
        }
        Ok(best)
    };
    // A machine that is busy enough shows no difference at first.
    for _ in 0..TRIES {
        let (few, many) = (time(times / 10)?, time(times)?);
        if many > few {
            return Ok((many - few) / f64::from(times - times / 10));
        }
    }
    Ok(0.0)
}

/// That of ascending times which so large a part of them is not above.
fn at(times: &[f64], part: f64) -> Option<f64> {
    let last = times.len().checked_sub(1)?;
    times.get((part * last as f64).round() as usize).copied()
}

fn ascending(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

/// How long each of so many requests took that are answered, and of more until this time has gone by.
fn durations(least: usize, time: Duration, ask: impl Fn() -> Result<Answer, Error>) -> Result<Vec<f64>, Error> {
    let (begun, mut all) = (Instant::now(), Vec::new());
    while all.len() < least || begun.elapsed() < time {
        let asked = Instant::now();
        let other = ask()?;
        all.push(nanoseconds(asked.elapsed()));
        if let Some(other) = other {
            return Err(unexpected(&other));
        }
    }
    Ok(all)
}

fn unexpected(reply: &Reply) -> Error {
    Error::Died(Box::new(Death::Nonsense(format!("while it was measured: {reply:?}"))))
}

fn expect(reply: Reply, expected: &Reply) -> Result<(), Error> {
    if reply == *expected { Ok(()) } else { Err(unexpected(&reply)) }
}

impl Figures {
    /// Starts guests and measures them: calls of this Image's first endpoint for about `time`, and the rest.
    ///
    /// # Errors
    /// [`Error`]: why there is no guest, or what became of it.
    pub fn measure(config: &Config, image: &[u8], arguments: &[u64], time: Duration) -> Result<Figures, Error> {
        // What is found out once for all is not part of any of them.
        drop(Sandbox::start(config)?);
        let mut boots = Vec::new();
        for _ in 0..BOOTS {
            let sandbox = Sandbox::start(config)?;
            let parts = sandbox.boot_parts().iter().map(|&(what, took)| (what, nanoseconds(took))).collect::<Vec<_>>();
            boots.push((nanoseconds(sandbox.boot_time()), parts));
        }
        boots.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (boot, boot_parts) = boots.swap_remove(BOOTS / 2);
        let sandbox = Sandbox::start(config)?;
        let boot_memory = sandbox.memory_touched().ok();
        let image = match sandbox.call(KERNEL_LANE, &Request::PutCap(image), Duration::ZERO)? {
            Reply::Hash(hash) => hash,
            other => return Err(unexpected(&other)),
        };
        let request = Request::Instantiate { image, all_services: true, services: Vec::new() };
        let instance = match sandbox.call(KERNEL_LANE, &request, Duration::ZERO)? {
            Reply::Instance(instance) => instance,
            other => return Err(unexpected(&other)),
        };
        let endpoint = nub_arch_x86_abi::request::Endpoint::Number(0);
        let invoke = Invoke::new(instance, endpoint, arguments, 1_000_000);
        let call = || sandbox.invoke(&invoke, Duration::ZERO, &mut Outcome::default());
        let ping = || {
            let reply = sandbox.call(KERNEL_LANE, &Request::Ping, Duration::ZERO)?;
            Ok((reply != Reply::Done).then(|| Box::new(reply)))
        };
        durations(LEAST, Duration::ZERO, call)?;
        let exits = sandbox.exits_of(KERNEL_LANE);
        let calls = durations(LEAST, time, call)?;
        let exits_per_call = sandbox.exits_of(KERNEL_LANE).since(exits).total() as f64 / calls.len() as f64;
        let round_trips = durations(LEAST, time, ping)?;
        let mut queries = Vec::new();
        if sandbox.lanes() > 1 {
            let query = || sandbox.query(&invoke, Duration::ZERO, &mut Outcome::default());
            // The first find a lane that sleeps, and nothing mounted.
            durations(LEAST, Duration::ZERO, query)?;
            queries = durations(LEAST, time, query)?;
        }
        let [host_spin, guest_spin] = sandbox.spins(KERNEL_LANE).map(nanoseconds);
        let exit = each(&sandbox, Work::Exit, 1000)?;
        let fault = each(&sandbox, Work::Fault, 1000)?;
        let copy_page = each(&sandbox, Work::Copy, 20_000)?;
        std::thread::sleep(UNTIL_IDLE);
        let before = time_used();
        std::thread::sleep(IDLE);
        let used = time_used().zip(before).map(|(after, before)| after.saturating_sub(before));
        let idle = used.map(|used| used.as_secs_f64() / IDLE.as_secs_f64());
        Ok(Figures {
            boot,
            boot_parts,
            boot_memory,
            hashing: sandbox.hashing(),
            round_trips: ascending(round_trips),
            calls: ascending(calls),
            queries: ascending(queries),
            exits_per_call,
            exit,
            fault,
            copy_page,
            host_spin,
            guest_spin,
            idle,
        })
    }

    /// The time that so large a part of all calls is not above; 0.5 is the median.
    #[must_use]
    pub fn call_at(&self, part: f64) -> f64 {
        at(&self.calls, part).unwrap_or(0.0)
    }

    /// The same of requests that are answered at once.
    #[must_use]
    pub fn round_trip_at(&self, part: f64) -> f64 {
        at(&self.round_trips, part).unwrap_or(0.0)
    }

    /// The same of queries; `None` where there is no lane for them.
    #[must_use]
    pub fn query_at(&self, part: f64) -> Option<f64> {
        at(&self.queries, part)
    }
}
