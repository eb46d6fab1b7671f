//! Four threads that publish, instantiate, call, query, copy and drop without end, while nothing may grow: `NUB_SOAK_SECONDS` says for
//! how long. A process of its own, so that its memory and its files are those of the soak.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nub_host_kvm::reply::{Ended, Outcome, Refused, Stats};
use nub_host_kvm::request::{Endpoint, Hash, Invoke};
use nub_host_kvm::{Config, Error, Reply, Request, Sandbox};

const THREADS: u64 = 4;
/// What a thread does between two looks at what has grown.
const STEPS: u64 = 150;
/// Most Instances that a thread has at a time.
const MOST_INSTANCES: usize = 24;

/// Memory may differ by this much between two moments of rest: what allocators keep for later.
const SLACK: u64 = 256 << 10;
/// The same for the host's memory, which comes in large pages.
const HOST_SLACK: u64 = 8 << 20;

const IMAGES: [&[u8]; 4] = [
    include_bytes!("../../../guests/images/counter.nub"),
    include_bytes!("../../../guests/images/fib.nub"),
    include_bytes!("../../../guests/images/services.nub"),
    include_bytes!("../../../guests/images/faults.nub"),
];
const COUNTER: usize = 0;

/// An Instance of one of [`IMAGES`]; how much was added, if it is a counter.
struct Held {
    number: u64,
    image: usize,
    sum: u64,
}

struct Thread<'a> {
    sandbox: &'a Sandbox,
    lane: usize,
    random: u64,
    hashes: [Hash; IMAGES.len()],
    held: Vec<Held>,
}

impl Thread<'_> {
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) % limit
    }

    fn ask(&self, request: &Request<'_>) -> Reply {
        self.sandbox.call(self.lane, request, Duration::from_secs(60)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn invoke(&self, instance: u64, endpoint: &str, arguments: &[u64], scratchpad: Option<&[u8]>) -> Outcome {
        let endpoint = Endpoint::Name(endpoint);
        let invoke = Invoke { scratchpad, ..Invoke::new(instance, endpoint, arguments, 200_000) };
        match self.ask(&Request::Invoke(invoke)) {
            Reply::Outcome(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn publish(&mut self, image: usize) {
        match self.ask(&Request::PutCap(IMAGES[image])) {
            Reply::Hash(hash) => self.hashes[image] = hash,
            other => panic!("{other:?}"),
        }
    }

    fn root(&self, instance: u64) -> Reply {
        self.ask(&Request::Root(instance))
    }

    fn drop_one(&mut self, place: usize) {
        let held = self.held.swap_remove(place);
        assert_eq!(self.ask(&Request::Drop(held.number)), Reply::Flag(true));
    }

    fn call(&mut self, place: usize) {
        let (argument, queries) = (self.below(50), self.below(3) == 0);
        let Held { number, image, sum } = self.held[place];
        match image {
            COUNTER if queries => {
                let endpoint = Endpoint::Name("get");
                let query = Invoke::new(number, endpoint, &[], 200_000);
                // On any lane, so that each has everything in use soon; the sandbox would take the first that is free.
                let lane = 1 + self.below(self.sandbox.lanes() as u64 - 1) as usize;
                let asked = self.sandbox.call(lane, &Request::Query(query.clone()), Duration::from_secs(60));
                let outcome = match asked {
                    Ok(Reply::Outcome(outcome)) => outcome,
                    Ok(Reply::Refused(Refused::Busy)) => {
                        let mut outcome = Outcome::default();
                        let answer = self.sandbox.query(&query, Duration::from_secs(60), &mut outcome);
                        assert!(matches!(answer, Ok(None)), "{answer:?}");
                        outcome
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(outcome.registers[7], sum);
            }
            COUNTER => {
                let outcome = self.invoke(number, "add", &[argument], None);
                self.held[place].sum = sum + argument;
                assert_eq!((outcome.ended, outcome.registers[7]), (Ended::Halt, sum + argument));
            }
            1 => assert_eq!(self.invoke(number, "fib", &[10], None).registers[7], 55),
            2 => {
                let text = vec![argument as u8; 5000];
                let outcome = self.invoke(number, "hash", &[0, 5000], Some(&text));
                assert_eq!(outcome.ended, Ended::Halt);
            }
            _ => {
                let outcome = self.invoke(number, "unmapped", &[0x1234_0000], None);
                assert_eq!(outcome.ended, Ended::Fault(0x1234_0000));
            }
        }
    }

    fn step(&mut self) {
        let place = |thread: &mut Self| thread.below(thread.held.len() as u64) as usize;
        match self.below(10) {
            0 => {
                let image = self.below(IMAGES.len() as u64) as usize;
                self.publish(image);
            }
            1 | 2 if self.held.len() < MOST_INSTANCES => {
                let image = self.below(IMAGES.len() as u64) as usize;
                let request = Request::Instantiate { image: self.hashes[image], all_services: true, services: vec![] };
                match self.ask(&request) {
                    Reply::Instance(number) => self.held.push(Held { number, image, sum: 0 }),
                    other => panic!("{other:?}"),
                }
            }
            3 if !self.held.is_empty() && self.held.len() < MOST_INSTANCES => {
                let place = place(self);
                let Held { number, image, sum } = self.held[place];
                match self.ask(&Request::Copy(number)) {
                    Reply::Instance(copy) => {
                        assert_eq!(self.root(number), self.root(copy));
                        self.held.push(Held { number: copy, image, sum });
                    }
                    other => panic!("{other:?}"),
                }
            }
            4 if !self.held.is_empty() => {
                let place = place(self);
                self.drop_one(place);
            }
            _ if !self.held.is_empty() => {
                let place = place(self);
                self.call(place);
            }
            _ => {}
        }
    }

    fn round(&mut self) {
        (0..STEPS).for_each(|_| self.step());
        while !self.held.is_empty() {
            self.drop_one(0);
        }
    }
}

/// What could grow, at a moment when every Instance is dropped.
#[derive(Clone, Copy, Debug)]
struct Sample {
    stats: Stats,
    resident: u64,
    files: usize,
}

fn sample(sandbox: &Sandbox) -> Sample {
    let stats = match sandbox.call(0, &Request::Stats, Duration::from_secs(60)) {
        Ok(Reply::Stats(stats)) => stats,
        other => panic!("{other:?}"),
    };
    assert_eq!((stats.instances, stats.images), (0, IMAGES.len() as u64));
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says what a process is");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok());
    let files = std::fs::read_dir("/proc/self/fd").expect("Linux says what files are open").count();
    Sample { stats, resident: resident.map_or(0, |size: u64| size << 10), files }
}

/// What the later half of the samples has more than the earlier one.
fn growth(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    // The first samples are of a guest that has not had everything in use yet.
    let settled = &samples[samples.len() / 4..];
    let (early, late) = settled.split_at(settled.len() / 2);
    let most = |samples: &[Sample]| samples.iter().map(&of).max().unwrap_or(0);
    most(late).saturating_sub(most(early))
}

/// How many threads of processors there are, of which Linux says that they are confined.
fn confined_processors() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux says what threads there are");
    let status = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
    let is_confined = |status: &String| {
        let has = |line: &str| status.lines().any(|found| found == line);
        status.starts_with("Name:\tnub-lane-") && has("Seccomp:\t2") && has("NoNewPrivs:\t1")
    };
    threads.filter_map(Result::ok).map(status).filter(is_confined).count()
}

#[test]
fn nothing_grows() {
    let seconds = std::env::var("NUB_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let patience = Duration::from_secs(20);
    let config = Config { memory: 256 << 20, lanes: 3, patience, ..Config::default() };
    let sandbox = match Sandbox::start(&config) {
        Ok(sandbox) => sandbox,
        Err(Error::Missing(missing)) => return nub_test_skip::without_kvm(&missing),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(confined_processors(), config.lanes, "each lane's thread is under seccomp, without new privileges");
    let (barrier, over, calls) = (Barrier::new(THREADS as usize + 1), AtomicBool::new(false), AtomicU64::new(0));
    let mut samples = Vec::new();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let (sandbox, barrier, over, calls) = (&sandbox, &barrier, &over, &calls);
            scope.spawn(move || {
                let random = 0x9e37_79b9_7f4a_7c15 ^ (number + 1);
                let mut thread = Thread { sandbox, lane: 0, random, hashes: Default::default(), held: Vec::new() };
                (0..IMAGES.len()).for_each(|image| thread.publish(image));
                loop {
                    // A thread that fails still lets the others go on to where they notice.
                    let round = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| thread.round()));
                    calls.fetch_add(STEPS, Relaxed);
                    over.fetch_or(round.is_err(), Relaxed);
                    barrier.wait();
                    // Here the samples are taken.
                    barrier.wait();
                    if let Err(panic) = round {
                        std::panic::resume_unwind(panic);
                    }
                    if over.load(Relaxed) {
                        return;
                    }
                }
            });
        }
        let mut told = Duration::ZERO;
        loop {
            barrier.wait();
            let failed = over.load(Relaxed);
            if !failed {
                samples.push(sample(&sandbox));
                // A guest that comes and goes beside it leaves nothing either.
                if samples.len() % 16 == 1 {
                    over.store(Sandbox::start(&config).is_err(), Relaxed);
                }
                if begun.elapsed().as_secs_f64() >= seconds && samples.len() >= 12 {
                    over.store(true, Relaxed);
                }
            }
            if samples.len() == 1 || begun.elapsed() >= told || over.load(Relaxed) {
                told = begun.elapsed() + Duration::from_secs_f64(seconds / 12.0);
                eprintln!(
                    "{:>7.1} s, {} steps: {:?}",
                    begun.elapsed().as_secs_f64(),
                    calls.load(Relaxed),
                    samples.last()
                );
            }
            let ends = over.load(Relaxed);
            barrier.wait();
            if ends {
                break;
            }
        }
    });
    assert!(sandbox.death().is_none(), "{:?}", sandbox.death());
    for (what, slack, of) in [
        ("heap in use", SLACK, (|sample| sample.stats.heap_used) as fn(&Sample) -> u64),
        ("heap", 2 << 20, |sample| sample.stats.heap_size),
        ("page frames in use", SLACK / 4096, |sample| sample.stats.frames_used),
        ("guest memory", 2 << 20, |sample| sample.stats.memory_used),
        ("windows", 0, |sample| sample.stats.windows),
        ("host memory", HOST_SLACK, |sample| sample.resident),
        ("open files", 0, |sample| sample.files as u64),
    ] {
        let grown = growth(&samples, of);
        eprintln!("{what}: {} at the end, {grown} more in the later half", samples.last().map_or(0, of));
        assert!(grown <= slack, "{what} grew by {grown} within {:?}", begun.elapsed());
    }
}
