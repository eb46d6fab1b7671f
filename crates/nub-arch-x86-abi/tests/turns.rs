//! The protocol of a slot in every order in which the steps of its two sides can happen: no wake-up is lost, no request is
//! taken twice, no reply either.
//!
//! Both sides run the code of [`nub_arch_x86_abi::turn`] itself, over words that are not memory but questions: what comes of
//! a load is decided outside. A side is where the answers so far have led it, so that it is brought anywhere by running
//! it from the start with those answers, until it asks what has no answer yet. From each state of the two, each step
//! that is possible leads to another; all of them are looked at.
//!
//! Stores become visible as x86-64 has them: each side's in their order, but later, unless a fence comes between.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use nub_arch_x86_abi::port::Event;
use nub_arch_x86_abi::turn::{self, Bell, Word, Words};

/// A memory cell: the words of the protocol, and the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    Word(Word),
    Message,
}

impl Place {
    fn index(self) -> usize {
        match self {
            Place::Word(Word::State) => 0,
            Place::Word(Word::HostSleeps) => 1,
            Place::Word(Word::GuestSleeps) => 2,
            Place::Message => 3,
        }
    }
}

/// The two bells of a lane.
const REQUESTED: usize = 0;
const ANSWERED: usize = 1;

/// What a side does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Load(Place),
    Store(Place, u32),
    Fence,
    Lock(usize),
    Unlock(usize),
    /// Unlocks and sleeps until it rings, in one.
    Sleep(usize),
    Wake(usize),
    Finished,
    Failed,
}

/// Thrown where the answers end.
struct Unanswered;

/// A side that runs with the answers it has.
struct Side<'a> {
    answers: &'a [u32],
    asked: Cell<usize>,
    next: Cell<Step>,
    fences: bool,
    error: RefCell<Option<String>>,
}

impl Side<'_> {
    fn ask(&self, step: Step) -> u32 {
        let number = self.asked.replace(self.asked.get() + 1);
        match self.answers.get(number) {
            Some(&answer) => answer,
            None => {
                self.next.set(step);
                resume_unwind(Box::new(Unanswered))
            }
        }
    }

    fn expect(&self, what: &str, found: u32, expected: u32) {
        if found != expected {
            *self.error.borrow_mut() = Some(format!("{what}: {found} instead of {expected}"));
            self.next.set(Step::Failed);
            resume_unwind(Box::new(Unanswered));
        }
    }
}

impl Words for Side<'_> {
    fn load(&self, word: Word) -> u32 {
        self.ask(Step::Load(Place::Word(word)))
    }

    fn store(&self, word: Word, value: u32) {
        self.ask(Step::Store(Place::Word(word), value));
    }

    fn fence(&self) {
        if self.fences {
            self.ask(Step::Fence);
        }
    }
}

struct ModelBell<'a>(&'a Side<'a>, usize);

impl Bell for ModelBell<'_> {
    fn sleep(&self, mut is_over: impl FnMut() -> bool) {
        let ModelBell(side, bell) = *self;
        side.ask(Step::Lock(bell));
        while !is_over() {
            side.ask(Step::Sleep(bell));
            side.ask(Step::Lock(bell));
        }
        side.ask(Step::Unlock(bell));
    }

    fn ring(&self) {
        let ModelBell(side, bell) = *self;
        side.ask(Step::Lock(bell));
        side.ask(Step::Unlock(bell));
        side.ask(Step::Wake(bell));
    }
}

/// What is gone through.
#[derive(Clone, Copy)]
struct Settings {
    /// How many requests there are.
    requests: u32,
    /// How often host and guest look before they sleep.
    looks: [u32; 2],
    /// Whether fences are any.
    fences: bool,
}

/// What the host says in a request, and the guest in its answer.
fn request(number: u32) -> u32 {
    2 * number + 1
}

fn caller(side: &Side<'_>, settings: Settings) {
    for number in 0..settings.requests {
        side.ask(Step::Store(Place::Message, request(number)));
        turn::host::submit(side, &ModelBell(side, REQUESTED));
        if !(0..settings.looks[0]).any(|_| turn::is_answered(side)) {
            turn::host::sleep(side, &ModelBell(side, ANSWERED), || false);
        }
        let reply = side.ask(Step::Load(Place::Message));
        side.expect("reply", reply, request(number) + 1);
    }
}

/// The guest, and the thread of the host that it runs on: where it leaves the machine, the same thread goes on.
fn lane(side: &Side<'_>, settings: Settings) {
    let leave = |event| match event {
        Event::Idle => turn::host::idle(side, &ModelBell(side, REQUESTED), || false),
        Event::Answered => ModelBell(side, ANSWERED).ring(),
        Event::Dead | Event::Nothing => {}
    };
    for number in 0.. {
        turn::guest::wait(side, || settings.looks[1], leave);
        let taken = side.ask(Step::Load(Place::Message));
        side.expect("request", taken, request(number));
        side.ask(Step::Store(Place::Message, taken + 1));
        turn::guest::answer(side, leave);
    }
}

/// Everything at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Moment {
    /// What each side has been answered.
    answers: [Vec<u32>; 2],
    /// What each side has stored that the other does not see yet.
    stores: [Vec<(usize, u32)>; 2],
    memory: [u32; 4],
    /// Who holds the lock of each bell.
    locks: [Option<usize>; 2],
    /// At which bell each side sleeps.
    asleep: [Option<usize>; 2],
}

struct Model {
    settings: Settings,
    known: HashMap<(usize, Vec<u32>), Step>,
    error: Option<String>,
}

impl Model {
    /// What a side does next.
    fn next(&mut self, who: usize, answers: &[u32]) -> Step {
        if let Some(&step) = self.known.get(&(who, answers.to_vec())) {
            return step;
        }
        let side = Side {
            answers,
            asked: Cell::new(0),
            next: Cell::new(Step::Finished),
            fences: self.settings.fences,
            error: RefCell::default(),
        };
        let code = [caller, lane][who];
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| code(&side, self.settings)))
            && !panic.is::<Unanswered>()
        {
            resume_unwind(panic);
        }
        if let Some(error) = side.error.take() {
            self.error = Some(error);
        }
        let step = side.next.get();
        self.known.insert((who, answers.to_vec()), step);
        step
    }

    /// What is there after a side has done its next step, if it can.
    fn step(&mut self, moment: &Moment, who: usize) -> Option<Moment> {
        if moment.asleep[who].is_some() {
            return None;
        }
        let step = self.next(who, &moment.answers[who]);
        let mut after = moment.clone();
        let drained = moment.stores[who].is_empty();
        let mut answer = 0;
        match step {
            Step::Finished | Step::Failed => return None,
            Step::Load(place) => {
                let own = moment.stores[who].iter().rev().find(|(stored, _)| *stored == place.index());
                answer = own.map_or(moment.memory[place.index()], |&(_, value)| value);
            }
            Step::Store(place, value) => after.stores[who].push((place.index(), value)),
            // These are done with what was stored before visible.
            _ if !drained => return None,
            Step::Fence => {}
            Step::Lock(bell) if moment.locks[bell].is_some() => return None,
            Step::Lock(bell) => after.locks[bell] = Some(who),
            Step::Unlock(bell) => after.locks[bell] = None,
            Step::Sleep(bell) => {
                after.locks[bell] = None;
                after.asleep[who] = Some(bell);
            }
            Step::Wake(bell) => {
                for asleep in &mut after.asleep {
                    asleep.take_if(|at| *at == bell);
                }
            }
        }
        after.answers[who].push(answer);
        Some(after)
    }
}

/// What came of looking at everything.
#[derive(Default, Debug)]
struct Found {
    moments: usize,
    /// Moments at which all requests were answered and nothing more happens.
    ends: usize,
    /// Moments at which nothing happens and requests are left.
    stuck: usize,
    /// How often it was seen that a side sleeps.
    asleep: [usize; 2],
    error: Option<String>,
}

fn explore(settings: Settings) -> Found {
    let mut model = Model { settings, known: HashMap::new(), error: None };
    let mut found = Found::default();
    let mut seen = HashSet::from([Moment::default()]);
    let mut open = vec![Moment::default()];
    while let Some(moment) = open.pop() {
        found.moments += 1;
        let mut following: Vec<_> = (0..2).filter_map(|who| model.step(&moment, who)).collect();
        for who in 0..2 {
            found.asleep[who] += usize::from(moment.asleep[who].is_some());
            if let Some(&(place, value)) = moment.stores[who].first() {
                let mut after = moment.clone();
                after.stores[who].remove(0);
                after.memory[place] = value;
                following.push(after);
            }
        }
        if following.is_empty() {
            match model.next(0, &moment.answers[0]) {
                Step::Finished => found.ends += 1,
                _ => found.stuck += 1,
            }
        }
        open.extend(following.into_iter().filter(|after| seen.insert(after.clone())));
    }
    found.error = model.error;
    found
}

#[test]
fn no_order_of_steps_loses_a_wake_up_or_takes_anything_twice() {
    // `NUB_REQUESTS=3` goes through millions of moments, in minutes.
    let requests = std::env::var("NUB_REQUESTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    for (requests, looks) in [(requests, [0, 0]), (requests, [1, 0]), (requests, [0, 1]), (requests - 1, [2, 2])] {
        let found = explore(Settings { requests, looks, fences: true });
        eprintln!("{requests} requests, {looks:?} looks: {found:?}");
        assert_eq!((found.error, found.stuck), (None, 0), "with {looks:?} looks");
        assert!(found.ends > 0 && found.asleep.iter().all(|&times| times > 0), "both sides sleep at some time");
    }
}

/// That the test above could fail.
#[test]
fn without_fences_a_wake_up_is_lost() {
    let found = explore(Settings { requests: 2, looks: [0, 0], fences: false });
    assert!(found.stuck > 0 && found.ends > 0, "{found:?}");
}
