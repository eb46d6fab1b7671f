//! Guests that are none: threads that play a guest on a lane's slot, by the rules or against them. Whatever they do, the
//! caller gets a reply or an error before its deadline, and nothing panics.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use javm_isa::CostModel;
use nub_arch_x86_abi::layout::{self, MIN_MEMORY};
use nub_arch_x86_abi::port::Event;
use nub_arch_x86_abi::slot::{BUFFER_OFFSET, BUFFER_SIZE, MAX_MESSAGE};
use nub_arch_x86_abi::wire::Writer;
use nub_arch_x86_abi::{Reply, Slot, SlotState, turn};

use crate::config::Config;
use crate::costs::Costs;
use crate::error::{Death, Error};
use crate::lane::{Deadline, Fate, Lane};
use crate::memory::GuestMemory;
use crate::pace::Pace;

/// How long a guest may take that is expected not to answer.
const SHORT: Duration = Duration::from_millis(60);
/// How long one may take that is expected to.
const LONG: Duration = Duration::from_secs(20);
/// After that long the host counts as hanging, whatever else the machine does.
const FOR_EVER: Duration = Duration::from_secs(120);

/// What a fake guest plays with.
struct Stage {
    memory: Arc<GuestMemory>,
    lane: Arc<Lane>,
    over: AtomicBool,
}

impl Stage {
    fn slot(&self) -> &Slot {
        self.memory.slot(0).expect("there is a slot")
    }

    fn is_over(&self) -> bool {
        self.over.load(SeqCst) || self.lane.is_stopped()
    }

    /// What the thread of a processor does when its guest leaves the machine.
    fn leave(&self, event: Event) {
        match event {
            Event::Idle => drop(self.lane.wait_for_request()),
            Event::Answered => self.lane.wake_caller(),
            Event::Dead | Event::Nothing => {}
        }
    }

    /// Waits for a part of a request; `false` when there are no more.
    fn wait(&self) -> bool {
        // One that left for good never comes here again: the wait has to end with the play.
        loop {
            if self.is_over() {
                return false;
            }
            std::thread::yield_now();
            if turn::is_requested(self.slot()) {
                break;
            }
        }
        turn::guest::wait(self.slot(), || 1, |event| self.leave(event));
        true
    }

    fn write(&self, bytes: &[u8]) {
        assert!(self.memory.write(layout::slot(0) + BUFFER_OFFSET, &bytes[..bytes.len().min(BUFFER_SIZE)]));
    }

    /// Answers with this, whatever it is.
    fn answer(&self, length: u32, rest: u32) {
        self.slot().length.store(length, Relaxed);
        self.slot().rest.store(rest, Relaxed);
        turn::guest::answer(self.slot(), |event| self.leave(event));
    }
}

fn bytes_of(reply: &Reply) -> Vec<u8> {
    let mut writer = Writer::new();
    reply.encode(&mut writer);
    writer.into_bytes()
}

/// Plays a guest, and has `requests` requests sent to it, one of several parts among them. Gives what came of each.
fn play(
    patience: Duration,
    requests: usize,
    guest: impl Fn(&Stage) + Send + Sync + 'static,
) -> Vec<Result<Reply, Error>> {
    let memory = Arc::new(GuestMemory::new(MIN_MEMORY).expect("there is memory"));
    let config = Config { host_spin: Duration::from_micros(20), ..Config::default() };
    let lane = Arc::new(Lane::new(&memory, 0, &Arc::new(Fate::default()), &config));
    let stage = Arc::new(Stage { memory, lane, over: AtomicBool::new(false) });
    let (done, outcome) = mpsc::channel();
    let actor = stage.clone();
    let actor = std::thread::spawn(move || guest(&actor));
    let caller = stage.clone();
    let caller = std::thread::spawn(move || {
        let mut reply = Vec::new();
        for number in 0..requests {
            let request = vec![7; if number % 3 == 1 { 2 * BUFFER_SIZE + 1 } else { 9 }];
            let (first, second) = request.split_at(request.len() / 2 + number % 3);
            let result = caller.lane.call(
                number as u32 + 1,
                [first, second],
                &Deadline::after(patience),
                &mut reply,
                Reply::decode,
            );
            done.send(result).expect("somebody listens");
        }
    });
    let results: Vec<_> =
        (0..requests).map(|_| outcome.recv_timeout(FOR_EVER).expect("the host neither hangs nor panics")).collect();
    stage.over.store(true, SeqCst);
    stage.lane.stop();
    assert!(caller.join().is_ok() && actor.join().is_ok(), "nobody panics");
    results
}

/// Why the guest counts as dead, in words.
fn death(result: &Result<Reply, Error>) -> String {
    match result {
        Err(Error::Died(death)) => death.to_string(),
        other => panic!("it is not dead: {other:?}"),
    }
}

/// Answers every part of a request by the rules, the last one by `last`.
fn serve(stage: &Stage, mut last: impl FnMut(u32)) {
    while stage.wait() {
        if stage.slot().rest.load(Relaxed) == 0 {
            last(stage.slot().sequence.load(Relaxed));
        } else {
            stage.answer(0, 0);
        }
    }
}

#[test]
fn a_guest_that_keeps_to_the_rules_is_understood() {
    let results = play(LONG, 40, |stage| {
        serve(stage, |_| {
            stage.write(&bytes_of(&Reply::Instance(77)));
            stage.answer(9, 0);
        });
    });
    assert!(results.iter().all(|result| matches!(result, Ok(Reply::Instance(77)))), "{results:?}");
}

#[test]
fn a_guest_that_never_answers_is_found_out_and_stays_dead() {
    let results = play(SHORT, 3, |stage| while stage.wait() {});
    assert!(death(&results[0]).contains("no answer within"), "{results:?}");
    assert!(matches!(&results[2], Err(Error::Died(death)) if matches!(**death, Death::Hung { .. })));
}

#[test]
fn one_that_answers_and_wakes_nobody_has_answered_when_the_caller_looks() {
    let results = play(Duration::from_secs(1), 1, |stage| {
        while stage.wait() {
            std::thread::sleep(Duration::from_millis(5));
            stage.write(&bytes_of(&Reply::Done));
            stage.slot().length.store(1, Relaxed);
            stage.slot().state.store(SlotState::Done as u32, SeqCst);
        }
    });
    assert!(matches!(results[0], Ok(Reply::Done)), "{results:?}");
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let (full, most) = (BUFFER_SIZE as u32, MAX_MESSAGE as u32);
    for (length, rest) in
        [(full + 1, 0), (u32::MAX, 0), (1, u32::MAX), (full, most), (full, most - 1), (0, 1), (100, 1), (full - 1, 5)]
    {
        let results = play(LONG, 1, move |stage| {
            while stage.wait() {
                stage.answer(length, rest);
            }
        });
        let text = death(&results[0]);
        assert!(text.contains("bytes and more") || text.contains("to follow"), "{length}, {rest}: {text}");
    }
    // One that always has more is heard to the longest message and no further.
    let results = play(LONG, 1, |stage| {
        while stage.wait() {
            stage.answer(BUFFER_SIZE as u32, BUFFER_SIZE as u32);
        }
    });
    death(&results[0]);
}

/// One that takes as long as its gas allows is honest; one that takes longer than that counts as hung.
#[test]
fn a_slow_guest_is_not_a_hung_one() {
    let pace = Pace::of(&Costs::default());
    let slow = |stage: &Stage| {
        serve(stage, |_| {
            std::thread::sleep(5 * SHORT);
            stage.write(&bytes_of(&Reply::Done));
            stage.answer(1, 0);
        });
    };
    for model in [CostModel::Flat, CostModel::Pipeline] {
        // What takes so long by the slowest that was measured, of which the deadline is ten times.
        let per_second = 1_000_000_000_000 / u64::try_from(pace.work(model, 1_000_000, 0).as_micros()).expect("small");
        let gas = per_second * 3;
        let results = play(SHORT + pace.work(model, gas, 0), 2, slow);
        assert!(results.iter().all(|result| matches!(result, Ok(Reply::Done))), "{model:?}: {results:?}");
        let results = play(SHORT + pace.work(model, gas / 1000, 0), 1, slow);
        assert!(death(&results[0]).starts_with("no answer within"), "{model:?}: {results:?}");
    }
}

#[test]
fn an_answer_to_half_a_request_or_to_another_one_is_refused() {
    let results = play(LONG, 2, |stage| {
        while stage.wait() {
            stage.write(&bytes_of(&Reply::Done));
            stage.answer(1, 0);
        }
    });
    assert!(matches!(results[0], Ok(Reply::Done)));
    assert!(death(&results[1]).contains("half a request"), "{results:?}");
    for wrong in [0, 1, u32::MAX] {
        let results = play(LONG, 3, move |stage| {
            serve(stage, |sequence| {
                stage.write(&bytes_of(&Reply::Done));
                if sequence == 3 {
                    stage.slot().sequence.store(wrong, Relaxed);
                }
                stage.answer(1, 0);
            });
        });
        assert!(death(&results[2]).contains(&format!("request {wrong} instead of 3")), "{results:?}");
    }
}

#[test]
fn an_answer_given_twice_is_not_taken_twice() {
    let results = play(SHORT, 30, |stage| {
        serve(stage, |sequence| {
            stage.write(&bytes_of(&Reply::Instance(sequence.into())));
            stage.answer(9, 0);
            // Once more when the host has taken it, or while it does, or when it asks for the next.
            std::thread::yield_now();
            stage.slot().state.store(SlotState::Done as u32, SeqCst);
            stage.lane.wake_caller();
        });
    });
    for (number, result) in (1u64..).zip(&results) {
        match result {
            Ok(reply) => assert_eq!(*reply, Reply::Instance(number)),
            Err(Error::Died(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Numbers from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn interesting(&mut self) -> u64 {
        const EDGES: [u64; 8] =
            [0, 1, 8, BUFFER_SIZE as u64, BUFFER_SIZE as u64 + 1, MAX_MESSAGE, u32::MAX as u64, u64::MAX];
        let number = self.next();
        if number.is_multiple_of(3) { number >> 32 } else { EDGES[number as usize % EDGES.len()] }
    }
}

/// One that writes whatever it likes, wherever and whenever, while the host reads.
#[test]
fn nothing_that_a_guest_writes_makes_the_host_panic_or_hang() {
    let seed = std::env::var("NUB_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    static ANSWERED: AtomicU64 = AtomicU64::new(0);
    for round in 0..24u64 {
        eprintln!("NUB_SEED={seed}, round {round}");
        let results = play(SHORT, 8, move |stage| {
            let mut numbers = Numbers((seed ^ round << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let slot = stage.slot();
            while !stage.is_over() {
                match numbers.next() % 12 {
                    0 => slot.length.store(numbers.interesting() as u32, Relaxed),
                    1 => slot.rest.store(numbers.interesting() as u32, Relaxed),
                    2 => slot.sequence.store(numbers.next() as u32 % 9, Relaxed),
                    3 => slot.state.store(numbers.next() as u32 % 6, SeqCst),
                    4 => slot.host_sleeps.store(numbers.next() as u32 % 3, SeqCst),
                    5 => slot.guest_sleeps.store(numbers.next() as u32 % 3, SeqCst),
                    6 => stage.lane.wake_caller(),
                    7 => stage.write(&numbers.next().to_le_bytes()),
                    // By the rules, so that the host comes to read; and then again while it does.
                    _ => {
                        let reply = match numbers.next() % 3 {
                            0 => Reply::Done,
                            1 => Reply::Hash([numbers.next() as u8; 32]),
                            _ => Reply::Instance(numbers.next()),
                        };
                        let bytes = bytes_of(&reply);
                        stage.write(&bytes);
                        stage.answer(bytes.len() as u32, 0);
                    }
                }
            }
        });
        ANSWERED.fetch_add(results.iter().filter(|result| result.is_ok()).count() as u64, Relaxed);
        assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(Error::Died(_)))), "{results:?}");
    }
    eprintln!("{} of 192 requests were answered", ANSWERED.load(Relaxed));
}
