//! Guests that end: among the calls of a world, and in the middle of one.

use std::time::Duration;

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub::{Disturbance, Error, ErrorCode, Failure};
use nub_conformance::comparison::{Built, as_a_host_calls, at, compare_call};
use nub_conformance::hosted::Hosted;
use nub_conformance::subject::Subject;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::{built, failing};

/// No more of them in one handle: guests that end at once one after the other are not started again at once.
const FREE_ENDS: usize = 3;

/// A guest ends between two calls of a world, or beside one: the world is what it was when it was loaded, and comes to the same again.
#[test]
fn a_guest_that_ends_among_the_calls() {
    let Some(mut machine) = built(failing()) else { return };
    for (seed, failure) in (1..).zip([Failure::Panic, Failure::TripleFault, Failure::Garbage]) {
        let mut built = Built::new(&generate(seed));
        let root = built.prepare(&mut machine).unwrap_or_else(|error| panic!("{error}"));
        let made = machine.root(root).expect("it is there");
        for round in 0..2 {
            let mut world = built.world.clone();
            for (number, (call, entry)) in built.calls.iter().enumerate() {
                compare_call(&mut world, &mut machine, root, (call, entry))
                    .unwrap_or_else(|difference| panic!("round {round}, {}", at(seed, number, &difference)));
            }
            if round == 0 {
                assert!(machine.nub.fail(failure).is_err(), "the call in flight is lost");
                assert_eq!(machine.root(root), Ok(made), "it is what it was when it was loaded");
            }
        }
        machine.drop(root);
    }
}

/// A world is called, and at some step of one of its calls, which the seed chooses, the guest fails: the call is an error that says
/// so, the world is what it was when it was loaded, and comes to what the model comes to. Gives the error; `None` where the call
/// came to its end before that.
///
/// # Errors
/// What differs.
fn end_within(seed: u64, failure: Failure, machine: &mut Hosted) -> Result<Option<Error>, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut built = Built::new(&generate(seed));
    let root = built.prepare(machine)?;
    let made = machine.root(root)?;
    let restarts = machine.nub.health().restarts;
    let Built { world, calls, .. } = &built;
    let chosen = rng.random_range(0..calls.len());
    let mut now = world.clone();
    for (number, (call, entry)) in calls[..chosen].iter().enumerate() {
        compare_call(&mut now, machine, root, (call, entry)).map_err(|difference| at(seed, number, &difference))?;
    }
    let (call, entry) = &calls[chosen];
    let mut whole = now.clone();
    whole.call_from_host(as_a_host_calls(&whole, call));
    // Each operation is an end of a run, before which there is a beginning; and the last run has both.
    let step = rng.random_range(0..2 * (whole.steps.len() as u32 + 1));
    let here = |difference: &str| at(seed, chosen, &format!("{failure:?} after {step} steps: {difference}"));
    let disturb =
        |machine: &mut Hosted, disturbance| machine.nub.disturb(disturbance).map_err(|error| here(&error.to_string()));
    disturb(machine, Disturbance { failure: Some((failure, step)), ..Disturbance::default() })?;
    let compared = compare_call(&mut now, machine, root, (call, entry));
    let ended = match machine.lost.take() {
        Some(error) if [ErrorCode::GuestDied, ErrorCode::GuestHung].contains(&error.code()) => Some(error),
        // What is asked for needs no memory, or is refused for there is none. That guest is of no more use.
        None | Some(Error::OutOfMemory { .. }) if failure == Failure::OutOfMemory => {
            compared.or_else(|difference| difference.contains("out of memory").then_some(()).ok_or(difference))?;
            Some(machine.nub.fail(Failure::Panic).expect_err("it ends"))
        }
        _ => {
            compared.map_err(|difference| here(&difference))?;
            disturb(machine, Disturbance::default())?;
            None
        }
    };
    if ended.is_some() {
        if machine.nub.health().restarts != restarts + 1 {
            return Err(here(&format!("{:?}", machine.nub.health())));
        }
        if machine.root(root)? != made {
            return Err(here("it is not what it was when it was loaded"));
        }
        let mut world = world.clone();
        for (number, (call, entry)) in calls.iter().enumerate() {
            compare_call(&mut world, machine, root, (call, entry))
                .map_err(|difference| here(&at(seed, number, &difference)))?;
        }
    }
    machine.drop(root);
    Ok(ended)
}

/// Has guests fail in the middle of calls of worlds, and gives how often they did.
fn end_all(name: &str, count: u64, failure: Failure, says: &str) -> Option<u64> {
    let seeds: Vec<u64> = seeds(name, count).collect();
    let mut ends = 0;
    for seeds in seeds.chunks(FREE_ENDS) {
        let mut machine = built(failing())?;
        for &seed in seeds {
            let ended = end_within(seed, failure, &mut machine).unwrap_or_else(|difference| panic!("{difference}"));
            if let Some(error) = ended {
                let text = error.to_string();
                assert!(text.contains("a new guest runs"), "seed {seed}: {text}");
                // What needs no memory goes on without any.
                assert!(text.contains(says) || failure == Failure::OutOfMemory, "seed {seed}: {text}");
                ends += u64::from(text.contains(says));
            }
        }
    }
    eprintln!("{ends} guests have ended by {failure:?} in {} worlds", seeds.len());
    Some(ends)
}

#[test]
fn a_guest_that_panics_in_the_middle_of_a_call() {
    let Some(ends) = end_all("NUB_FAULTS", 18, Failure::Panic, "on purpose") else { return };
    assert!(ends > 9);
}

#[test]
fn a_guest_that_triple_faults_in_the_middle_of_a_call() {
    let Some(ends) = end_all("NUB_FAULTS", 18, Failure::TripleFault, "triple fault") else { return };
    assert!(ends > 9);
}

#[test]
fn a_guest_that_finds_no_memory_in_the_middle_of_a_call() {
    let Some(ends) = end_all("NUB_FAULTS", 18, Failure::OutOfMemory, "out of memory") else { return };
    assert!(ends > 4);
}

#[test]
fn a_guest_that_hangs_in_the_middle_of_a_call() {
    let Some(mut machine) = built(failing().patience(Duration::from_millis(500))) else { return };
    let ended = end_within(1, Failure::Hang, &mut machine).unwrap_or_else(|difference| panic!("{difference}"));
    assert_eq!(ended.map(|error| error.code()), Some(ErrorCode::GuestHung));
}
