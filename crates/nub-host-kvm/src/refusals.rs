//! A hypervisor that refuses, or whose processors stop for reasons that no guest of ours gives: each is told as what it is.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::hypervisor::{Exit, Kicker, Place, Region, Start};

/// What is asked of a hypervisor.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Create,
    Map,
    MakeProcessor(usize),
    Start(usize),
}

/// Refuses one step; if it comes to run, its processors stop with these exits in turn, and then when they are kicked.
#[derive(Clone)]
struct Fake {
    refuses: Option<Step>,
    exits: Vec<Exit>,
    /// Machines and processors that there are.
    alive: Arc<AtomicUsize>,
}

/// Counts those that there are.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(fake: &Fake) -> Alive {
        fake.alive.fetch_add(1, Ordering::SeqCst);
        Alive(fake.alive.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fake {
    fn take(&self, step: Step, what: &'static str) -> Result<(), Error> {
        if self.refuses != Some(step) {
            return Ok(());
        }
        let error = io::Error::from(io::ErrorKind::OutOfMemory);
        Err(if step == Step::Create { Missing::Machine(error).into() } else { Error::Refused { what, error } })
    }
}

struct FakeMachine {
    fake: Fake,
    memory: Option<Region>,
    _alive: Alive,
}

struct FakeProcessor {
    fake: Fake,
    number: usize,
    exits: std::vec::IntoIter<Exit>,
    _memory: Region,
    _alive: Alive,
}

struct FakeKicker;

impl Kicker for FakeKicker {
    fn kick(&self) {}
}

impl Hypervisor for Fake {
    type Machine = FakeMachine;

    fn create(&self) -> Result<FakeMachine, Error> {
        self.take(Step::Create, "")?;
        Ok(FakeMachine { fake: self.clone(), memory: None, _alive: Alive::new(self) })
    }
}

impl Machine for FakeMachine {
    type Processor = FakeProcessor;

    fn map(&mut self, memory: Region) -> Result<(), Error> {
        self.fake.take(Step::Map, "take the guest's memory")?;
        self.memory = Some(memory);
        Ok(())
    }

    fn processor(&self, number: usize) -> Result<FakeProcessor, Error> {
        self.fake.take(Step::MakeProcessor(number), "make a processor")?;
        let memory = self.memory.clone().expect("memory is mapped before there are processors");
        let exits = self.fake.exits.clone().into_iter();
        Ok(FakeProcessor { fake: self.fake.clone(), number, exits, _memory: memory, _alive: Alive::new(&self.fake) })
    }
}

impl Processor for FakeProcessor {
    type Kicker = FakeKicker;

    fn start(&mut self, start: &Start) -> Result<(), Error> {
        assert_eq!(start.arguments[1], self.number as u64);
        self.fake.take(Step::Start(self.number), "set its registers")
    }

    fn run(&mut self) -> Exit {
        self.exits.next().unwrap_or_else(|| {
            std::thread::yield_now();
            Exit::Kicked
        })
    }

    fn place(&self) -> Place {
        Place { instruction: 1, stack: 2, fault_address: 3 }
    }

    fn kicker(&mut self) -> FakeKicker {
        FakeKicker
    }
}

/// The error of a sandbox of two lanes on this hypervisor; nothing of it is left.
fn error_of(refuses: Option<Step>, exits: Vec<Exit>) -> Error {
    let fake = Fake { refuses, exits, alive: Arc::default() };
    let config = Config {
        memory: 64 << 20,
        lanes: 2,
        privilege: PrivilegeChoice::Fixed(Privilege::User),
        // The other one would be tried out first.
        hashing: Hashing::Portable,
        patience: Duration::from_millis(20),
        ..Config::default()
    };
    let error = Sandbox::start_on(&fake, &config).expect_err("it answers nothing");
    assert_eq!(fake.alive.load(Ordering::SeqCst), 0, "after {error}");
    error
}

#[test]
fn each_refusal_is_told_and_leaves_nothing() {
    let text = error_of(Some(Step::Create), vec![]).to_string();
    assert!(text.contains("makes no virtual machine") && text.contains("Another hypervisor"), "{text}");
    for (step, expected) in [
        (Step::Map, "refused to take the guest's memory: out of memory"),
        (Step::MakeProcessor(0), "refused to make a processor: out of memory"),
        (Step::MakeProcessor(1), "refused to make a processor: out of memory"),
        (Step::Start(0), "refused to set its registers: out of memory"),
        (Step::Start(1), "refused to set its registers: out of memory"),
    ] {
        let text = error_of(Some(step), vec![]).to_string();
        assert!(text.contains(expected), "{step:?}: {text}");
    }
}

#[test]
fn each_reason_to_stop_is_told() {
    for (exit, expected) in [
        (Exit::Shutdown, "triple fault at "),
        (Exit::Unexpected("internal error 1".into()), "the hypervisor gave up: internal error 1"),
        (Exit::Port(0x80, 0), "nonsense: it used port 0x80"),
        (Exit::Port(nub_arch_x86_abi::port::EVENT_PORT, 99), "nonsense: event 99"),
        (Exit::Port(nub_arch_x86_abi::port::EVENT_PORT, 3), "a report of its end that is none"),
        (Exit::Kicked, "no answer within"),
    ] {
        let error = error_of(None, vec![Exit::Kicked, exit.clone()]);
        assert!(matches!(error, Error::Died(_)), "{error:?}");
        assert!(error.to_string().contains(expected), "{exit:?}: {error}");
    }
}
