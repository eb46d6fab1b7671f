//! Lanes: no exits while warm, sleep while idle, threads that wait for each other.

use std::time::Duration;

use std::sync::atomic::{AtomicBool, Ordering};

use nub_host_kvm::figures::Figures;
use nub_host_kvm::reply::Outcome;
use nub_host_kvm::request::{Endpoint, Invoke, Work};
use nub_host_kvm::{Config, KERNEL_LANE, Reply, Request, Sandbox};

use crate::{ask, config, start};

const COUNTER: &[u8] = include_bytes!("../../../../guests/images/counter.nub");
const FIB: &[u8] = include_bytes!("../../../../guests/images/fib.nub");

fn instance(sandbox: &Sandbox, image: &[u8]) -> u64 {
    let Reply::Hash(image) = ask(sandbox, &Request::PutCap(image)) else { panic!("it is an Image") };
    let request = Request::Instantiate { image, all_services: true, services: vec![] };
    let Reply::Instance(instance) = ask(sandbox, &request) else { panic!("it can be instantiated") };
    instance
}

fn invoke<'a>(instance: u64, endpoint: &'a str, arguments: &'a [u64]) -> Invoke<'a> {
    Invoke::new(instance, Endpoint::Name(endpoint), arguments, 1_000_000_000)
}

/// What a call came to, in the register of results.
fn value(reply: Reply) -> u64 {
    match reply {
        Reply::Outcome(outcome) => outcome.registers[7],
        other => panic!("{other:?}"),
    }
}

fn query(sandbox: &Sandbox, query: Invoke<'_>) -> Reply {
    let mut outcome = Outcome::default();
    let answer = sandbox.query(&query, Duration::from_secs(60), &mut outcome);
    answer.unwrap_or_else(|error| panic!("{error}")).map_or(Reply::Outcome(outcome), |reply| *reply)
}

#[test]
fn warm_calls_leave_the_machine_never() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        nub_test_skip::skipped("calls without leaving the machine", &"with one core each side sleeps for the other");
        return;
    }
    let long = Duration::from_secs(1);
    let Some(sandbox) = start(&Config { host_spin: long, guest_spin: long, ..config() }) else { return };
    let call = Request::Invoke(invoke(instance(&sandbox, COUNTER), "get", &[]));
    for _ in 0..10 {
        ask(&sandbox, &call);
    }
    for round in 0..20 {
        let before = sandbox.exits_of(KERNEL_LANE);
        for _ in 0..1000 {
            assert!(matches!(ask(&sandbox, &call), Reply::Outcome(_)));
        }
        let exits = sandbox.exits_of(KERNEL_LANE).since(before);
        // What else runs on this machine may interrupt the processor, which is nothing that a call causes.
        assert_eq!(exits.total() - exits.interrupted, 0, "round {round}: {exits:?}");
    }
}

#[test]
fn an_idle_guest_sleeps_and_wakes() {
    let Some(sandbox) = start(&Config { guest_spin: Duration::from_micros(10), ..config() }) else { return };
    for _ in 0..20 {
        // Once it sleeps, nothing happens any more.
        let mut exits = sandbox.exits();
        loop {
            std::thread::sleep(Duration::from_millis(3));
            match sandbox.exits() {
                same if same == exits => break,
                other => exits = other,
            }
        }
        assert_eq!(ask(&sandbox, &Request::Ping), Reply::Done);
    }
    // Called that seldom, looking is not worth it.
    assert_eq!(sandbox.spins(0)[1], Duration::ZERO);
    assert_eq!(sandbox.spins(7), [Duration::ZERO; 2]);
}

#[test]
fn lanes_without_time_to_look_answer_all_callers() {
    let settings = Config { lanes: 4, host_spin: Duration::ZERO, guest_spin: Duration::ZERO, ..config() };
    let Some(sandbox) = start(&settings) else { return };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for _ in 0..200 {
                    let reply = sandbox.call(thread % 4, &Request::Ping, Duration::ZERO);
                    assert_eq!(reply.expect("it answers"), Reply::Done);
                }
            });
        }
    });
}

#[test]
fn queries_see_what_calls_have_left_and_leave_nothing() {
    for lanes in [1, 2, 4] {
        let Some(sandbox) = start(&Config { lanes, ..config() }) else { return };
        let counter = instance(&sandbox, COUNTER);
        let mut sum = 0;
        for step in 0..20 {
            for _ in 0..lanes {
                assert_eq!(value(query(&sandbox, invoke(counter, "get", &[]))), sum);
                // It adds, as far as the one that asks can see, and nobody else.
                assert_eq!(value(query(&sandbox, invoke(counter, "add", &[7]))), sum + 7);
            }
            let root = ask(&sandbox, &Request::Root(counter));
            query(&sandbox, invoke(counter, "add", &[9]));
            assert_eq!(ask(&sandbox, &Request::Root(counter)), root);
            sum += step;
            assert_eq!(value(ask(&sandbox, &Request::Invoke(invoke(counter, "add", &[step])))), sum);
        }
        // More Instances than a lane has windows for.
        let others: Vec<u64> = (0..40).map(|_| instance(&sandbox, COUNTER)).collect();
        for (number, &other) in (0..).zip(&others) {
            ask(&sandbox, &Request::Invoke(invoke(other, "add", &[number])));
        }
        for (number, &other) in (0..).zip(&others).chain((0..).zip(&others)) {
            assert_eq!(value(query(&sandbox, invoke(other, "get", &[]))), number);
        }
        assert_eq!(ask(&sandbox, &Request::Drop(counter)), Reply::Flag(true));
        for _ in 0..lanes {
            assert!(matches!(query(&sandbox, invoke(counter, "get", &[])), Reply::Refused(_)));
        }
        assert!(matches!(query(&sandbox, invoke(others[0], "got", &[])), Reply::Refused(_)));
        assert!(sandbox.death().is_none());
    }
}

#[test]
fn threads_query_while_another_calls() {
    let Some(sandbox) = start(&Config { lanes: 3, ..config() }) else { return };
    let (counter, fib) = (instance(&sandbox, COUNTER), instance(&sandbox, FIB));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (sandbox, over) = (&sandbox, &over);
                scope.spawn(move || {
                    let (mut last, mut queries) = (0, 0);
                    while !over.load(Ordering::Relaxed) || queries < 10 {
                        let seen = value(query(sandbox, invoke(counter, "get", &[])));
                        assert!(seen >= last, "thread {thread} saw {last} and then {seen}");
                        last = seen;
                        let expected = 55;
                        assert_eq!(value(query(sandbox, invoke(fib, "fib", &[10]))), expected);
                        queries += 1;
                    }
                })
            })
            .collect();
        for sum in 1..=2000 {
            assert_eq!(value(ask(&sandbox, &Request::Invoke(invoke(counter, "add", &[1])))), sum);
        }
        over.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
    });
    assert_eq!(value(query(&sandbox, invoke(counter, "get", &[]))), 2000);
    assert!(sandbox.death().is_none());
}

#[test]
fn the_guest_can_be_measured() {
    if start(&config()).is_none() {
        return;
    }
    let figures = Figures::measure(&config(), FIB, &[1], Duration::ZERO).unwrap_or_else(|error| panic!("{error}"));
    eprintln!("{:?}", Figures { calls: vec![], queries: vec![], ..figures.clone() });
    assert!(figures.calls.len() >= 1000 && figures.calls.is_sorted());
    assert!(figures.queries.len() >= 1000 && figures.queries.is_sorted());
    for figure in [figures.boot, figures.call_at(0.5), figures.exit, figures.fault, figures.copy_page] {
        assert!(figure > 0.0);
    }
    let parts: f64 = figures.boot_parts.iter().map(|(_, took)| took).sum();
    assert!(parts <= figures.boot, "the parts are parts");
    // A guest does not work for ever because it is asked to.
    let Some(sandbox) = start(&config()) else { return };
    assert_eq!(ask(&sandbox, &Request::Measure(Work::Copy, u32::MAX)), Reply::Done);
}
