//! Queries: the same as calls, but for what they leave, from many threads and beside calls.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nub::{ArchChoice, Ended, Error, ErrorCode, Failure, Grants, InvokeOptions, Nub, Reader, Recovery};

use crate::{COUNTER, FAULTS, built, instance, kvm};

const FIB: &[u8] = include_bytes!("../../../../guests/images/fib.nub");
const REGISTRY: &[u8] = include_bytes!("../../../../guests/images/registry.nub");

fn options() -> InvokeOptions {
    InvokeOptions::default()
}

/// Does this with a handle on each machine that there is here; a virtual machine has so many lanes.
fn each(lanes: usize, mut act: impl FnMut(Nub)) {
    act(Nub::new_local());
    for arch in [ArchChoice::Kvm, ArchChoice::Both] {
        if let Some(nub) = built(kvm().arch(arch).lanes(lanes)) {
            act(nub);
        }
    }
}

fn get(reader: &Reader, counter: nub::InstanceId) -> u64 {
    reader.query(counter, "get", &[], &options()).unwrap_or_else(|error| panic!("{error}")).value
}

#[test]
fn a_query_is_a_call_that_leaves_nothing() {
    for lanes in [1, 2, 4] {
        each(lanes, |mut nub| {
            let programs =
                [(COUNTER, "add", &[7][..]), (FIB, "fib", &[10]), (FAULTS, "null", &[]), (FAULTS, "spin", &[])];
            for (image, endpoint, arguments) in programs {
                let program = instance(&mut nub, image);
                for options in [options(), InvokeOptions { gas: 40, ..options() }] {
                    let options = InvokeOptions { gas: options.gas.min(100_000), ..options };
                    let root = nub.state_root(program);
                    let query = nub.reader().query(program, endpoint, arguments, &options);
                    assert_eq!(nub.state_root(program), root, "{endpoint} left something");
                    let again = nub.reader().query(program, endpoint, arguments, &options);
                    let called = nub.invoke(program, endpoint, arguments, &options);
                    assert!(called.is_ok(), "{endpoint}: {called:?}");
                    assert_eq!(format!("{query:?}"), format!("{called:?}"));
                    assert_eq!(format!("{again:?}"), format!("{called:?}"));
                }
            }
            let registry = instance(&mut nub, REGISTRY);
            let owner = nub::types::Address([3; 32]);
            let entry = ["a".into(), owner.into(), b"one".to_vec().into()];
            let asked = nub.reader().query_values(registry, "set", &entry, &options()).expect("it is asked");
            let called = nub.invoke_values(registry, "set", &entry, &options()).expect("it is called");
            assert_eq!((asked.value, asked.outcome.gas_used), (called.value, called.outcome.gas_used));
            let names = nub.reader().query_typed::<_, Vec<String>>(registry, "names", &("", 9_u16), &options());
            assert_eq!(names.expect("it fits").value, Some(vec![String::from("a")]));
        });
    }
}

#[test]
fn what_cannot_be_asked_is_refused_as_it_is_for_calls() {
    each(2, |mut nub| {
        let counter = instance(&mut nub, COUNTER);
        let reader = nub.reader().clone();
        let mut both = |endpoint: &str, arguments: &[u64], options: &InvokeOptions| {
            let called = nub.invoke(counter, endpoint, arguments, options).expect_err("refused");
            assert_eq!(reader.query(counter, endpoint, arguments, options).expect_err("refused"), called);
        };
        both("nothing", &[], &options());
        both("add", &[1, 2], &options());
        both("add", &[1], &InvokeOptions { scratchpad: Some(vec![0; (64 << 20) + 1]), ..options() });
        let values = reader.query_values(counter, "add", &["text".into()], &options()).expect_err("no number");
        assert_eq!(values.code(), ErrorCode::Values);
        assert_eq!(get(&reader, counter), 0);
        assert!(nub.drop_instance(counter));
        for _ in 0..3 {
            let error = reader.query(counter, "get", &[], &options()).expect_err("dropped");
            assert_eq!(error.code(), ErrorCode::UnknownInstance, "{error}");
        }
        assert!(nub.health().is_alive && nub.health().restarts == 0);
    });
}

/// A query that begins after a call has returned sees it; one that ends before a call begins does not.
#[test]
fn queries_see_what_has_returned_and_nothing_that_has_not_begun() {
    const CALLS: u64 = 500;
    each(3, |mut nub| {
        let counter = instance(&mut nub, COUNTER);
        let (begun, returned, over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let reader = nub.reader().clone();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (reader, begun, returned, over) = (reader.clone(), &begun, &returned, &over);
                scope.spawn(move || {
                    let mut queries = 0;
                    while !over.load(Ordering::SeqCst) || queries < 20 {
                        let least = returned.load(Ordering::SeqCst);
                        let seen = get(&reader, counter);
                        let most = begun.load(Ordering::SeqCst);
                        assert!((least..=most).contains(&seen), "{seen} of {least} to {most}");
                        queries += 1;
                    }
                });
            }
            for call in 1..=CALLS {
                begun.store(call, Ordering::SeqCst);
                let outcome = nub.invoke(counter, "add", &[1], &options()).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(outcome.value, call);
                returned.store(call, Ordering::SeqCst);
            }
            over.store(true, Ordering::SeqCst);
        });
        assert_eq!(get(&reader, counter), CALLS);
        // Others come and go meanwhile, more than any window cache holds.
        let image = nub.publish(COUNTER).expect("it is there");
        let others: Vec<_> = (0..40)
            .map(|_| nub.instantiate(&image, &Grants::services()).unwrap_or_else(|error| panic!("{error}")))
            .collect();
        for (number, &other) in (0_u64..).zip(&others) {
            nub.invoke(other, "add", &[number], &options()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(get(&reader, other), number);
        }
        for (number, &other) in (0_u64..).zip(&others) {
            let copy = nub.copy(other).expect("it is there");
            nub.invoke(other, "add", &[1], &options()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((get(&reader, other), get(&reader, copy)), (number + 1, number));
            assert!(nub.drop_instance(copy));
        }
    });
}

/// The first query of an Instance comes while a call takes longer than a query may: neither is given up.
#[test]
fn a_first_query_outlasts_a_call() {
    let patience = Duration::from_millis(500);
    let Some(mut nub) = built(kvm().lanes(2).patience(patience)) else { return };
    let (fib, counter) = (instance(&mut nub, FIB), instance(&mut nub, COUNTER));
    let reader = nub.reader().clone();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Until they have taken longer than a query without gas may.
            let begun = Instant::now();
            while begun.elapsed() < 2 * patience {
                let outcome = nub.invoke(fib, "fib", &[100_000_000], &options());
                assert!(matches!(outcome.expect("it is called").ended, Ended::Halt | Ended::OutOfGas));
            }
            over.store(true, Ordering::SeqCst);
        });
        let little = InvokeOptions { gas: 10_000, ..options() };
        while !over.load(Ordering::SeqCst) {
            assert_eq!(reader.query(counter, "get", &[], &little).expect("it is asked").value, 0);
        }
    });
    assert_eq!(reader.health().restarts, 0);
}

/// The errors that tell of a guest's end.
fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::GuestDied { then: Recovery::Restarted, .. }
            | Error::GuestHung { then: Recovery::Restarted, .. }
            | Error::Restarted { then: Recovery::Restarted, .. }
    )
}

#[test]
fn a_guest_that_ends_ends_every_call_and_starts_once() {
    for arch in [ArchChoice::Kvm, ArchChoice::Both] {
        for (round, failure) in [Failure::Panic, Failure::TripleFault, Failure::Hang].into_iter().enumerate() {
            let Some(mut nub) = built(kvm().arch(arch).lanes(3).patience(Duration::from_secs(3))) else { return };
            let counter = instance(&mut nub, COUNTER);
            let fib = instance(&mut nub, FIB);
            assert_eq!(nub.invoke(counter, "add", &[5], &options()).expect("it is called").value, 5);
            let reader = nub.reader().clone();
            let (told, long) = (AtomicU64::new(0), InvokeOptions { gas: u64::MAX, ..options() });
            std::thread::scope(|scope| {
                // One call that is being made, and queries without end: each of them hears of it, and goes on.
                let call = scope.spawn(|| nub.invoke(fib, "fib", &[u64::MAX], &long).map(|outcome| outcome.ended));
                for _ in 0..4 {
                    let (reader, told) = (reader.clone(), &told);
                    scope.spawn(move || {
                        let mut after = 0;
                        while after < 20 {
                            match reader.query(counter, "get", &[], &options()) {
                                Ok(outcome) => {
                                    assert!([0, 5].contains(&outcome.value));
                                    after += u32::from(reader.health().restarts > 0);
                                }
                                Err(error) => {
                                    assert!(is_end(&error), "{error}");
                                    told.fetch_add(1, Ordering::SeqCst);
                                }
                            }
                        }
                        assert_eq!(get(&reader, counter), 0, "it is as it was made");
                    });
                }
                std::thread::sleep(Duration::from_millis(50));
                let error = reader.clone().fail(failure).expect_err("it ends");
                assert!(is_end(&error), "{error}");
                let error = call.join().expect("no panic").expect_err("it was being made");
                assert!(is_end(&error), "{error}");
            });
            assert_eq!(told.load(Ordering::SeqCst), 4, "round {round}: each handle is told once");
            let health = nub.health();
            assert!(health.is_alive && health.restarts == 1 && health.ends_in_a_row == 1, "{health:?}");
            // The one who changes things was told, too, and goes on with what was made.
            assert_eq!(nub.invoke(counter, "add", &[1], &options()).expect("it is called").value, 1);
            assert_eq!(get(nub.reader(), counter), 1);
        }
    }
}

#[test]
fn who_did_nothing_meanwhile_is_told_too() {
    let Some(mut nub) = built(kvm().lanes(2)) else { return };
    let counter = instance(&mut nub, COUNTER);
    assert_eq!(nub.invoke(counter, "add", &[5], &options()).expect("it is called").value, 5);
    let (reader, idle) = (nub.reader().clone(), nub.reader().clone());
    assert!(is_end(&reader.fail(Failure::Panic).expect_err("it ends")));
    assert_eq!(get(&reader, counter), 0);
    // Nobody goes on with a counter that has lost five without knowing.
    let error = nub.invoke(counter, "add", &[1], &options()).expect_err("it is told");
    assert!(
        matches!(&error, Error::Restarted { why, then: Recovery::Restarted } if why.contains("on purpose")),
        "{error}"
    );
    assert_eq!(nub.invoke(counter, "add", &[1], &options()).expect("it is called").value, 1);
    assert_eq!(idle.query(counter, "get", &[], &options()).expect_err("it is told").code(), ErrorCode::Restarted);
    assert_eq!(get(&idle, counter), 1);
    assert_eq!(get(&reader.clone(), counter), 1, "a clone knows what it was made of knew");
}

#[test]
fn a_guest_that_keeps_ending_is_not_started_again_and_again() {
    let Some(nub) = built(kvm().lanes(2)) else { return };
    let reader = nub.reader();
    for end in 1..=3 {
        assert!(is_end(&reader.fail(Failure::Panic).expect_err("it ends")));
        assert_eq!(reader.health().ends_in_a_row, end);
    }
    let error = reader.fail(Failure::Panic).expect_err("it ends");
    let Error::GuestDied { then: Recovery::Delayed { ended: 4, left }, .. } = &error else { panic!("{error}") };
    assert!(*left > Duration::ZERO && error.to_string().contains("4 guests in a row have ended"), "{error}");
    let health = reader.health();
    assert!(!health.is_alive && health.restarts == 3 && health.lanes.is_none(), "{health:?}");
    assert!(health.next_start_in.is_some() && health.last_end.is_some_and(|end| end.contains("on purpose")));
    // Calls are refused until it is time, and then they are made.
    let mut refused = 0;
    loop {
        match reader.fail(Failure::Panic) {
            Err(Error::GuestDown(Recovery::Delayed { ended: 4, .. })) => refused += 1,
            Err(Error::GuestDied { then: Recovery::Delayed { ended: 5, .. }, .. }) => break,
            other => panic!("{other:?}"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    eprintln!("{refused} calls were refused meanwhile");
    assert_eq!(reader.health().restarts, 4);
}
