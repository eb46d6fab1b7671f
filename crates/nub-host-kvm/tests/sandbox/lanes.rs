//! Lanes: no exits while warm, sleep while idle, threads that wait for each other.

use std::time::Duration;

use nub_host_kvm::request::{Endpoint, Invoke};
use nub_host_kvm::{Config, Reply, Request};

use crate::{ask, config, start};

/// Calls `get` of a counter.
fn counter(sandbox: &nub_host_kvm::Sandbox) -> Request<'static> {
    let image: &[u8] = include_bytes!("../../../../guests/images/counter.nub");
    let Reply::Hash(image) = ask(sandbox, &Request::PutCap(image)) else { panic!("it is an Image") };
    let request = Request::Instantiate { image, all_services: true, services: vec![] };
    let Reply::Instance(instance) = ask(sandbox, &request) else { panic!("it can be instantiated") };
    Request::Invoke(Invoke {
        instance,
        endpoint: Endpoint::Name("get"),
        arguments: vec![],
        gas: 1_000_000,
        scratchpad: None,
    })
}

#[test]
fn warm_calls_leave_the_machine_never() {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        eprintln!("skipped: with one core each side has to sleep for the other");
        return;
    }
    let long = Duration::from_secs(1);
    let Some(sandbox) = start(&Config { host_spin: long, guest_spin: long, ..config() }) else { return };
    let call = counter(&sandbox);
    for _ in 0..10 {
        ask(&sandbox, &call);
    }
    // What else runs on this machine may interrupt the processor, but not each time.
    let exits = (0..5).map(|_| {
        let before = sandbox.exits();
        for _ in 0..1000 {
            assert!(matches!(ask(&sandbox, &call), Reply::Outcome(_)));
        }
        sandbox.exits() - before
    });
    assert_eq!(exits.min(), Some(0));
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
