//! What happens beside the calls: windows that others take, and guests that end.

use std::time::Duration;

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub::{ArchChoice, Error, Failure, Nub};
use nub_conformance::comparison::{Built, at, compare_call};
use nub_conformance::hosted::{Hosted, for_tests};
use nub_conformance::subject::{Subject, local};

/// So many worlds at once: more than a kernel keeps windows for, so that each finds its own taken away when it comes round again.
const AT_ONCE: usize = 30;

/// Worlds that stand in one kernel at once and take turns, call by call.
fn take_turns(seeds: impl IntoIterator<Item = u64>, subject: &mut impl Subject) {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    for seeds in seeds.chunks(AT_ONCE) {
        let mut worlds: Vec<_> = seeds
            .iter()
            .map(|&seed| {
                let mut built = Built::new(&generate(seed));
                let root = built.prepare(subject).unwrap_or_else(|error| panic!("{}", at(seed, 0, &error)));
                (seed, built, root)
            })
            .collect();
        let most = worlds.iter().map(|(_, built, _)| built.calls.len()).max().unwrap_or(0);
        for number in 0..most {
            for (seed, built, root) in &mut worlds {
                built.enter_chain(subject).unwrap_or_else(|error| panic!("{}", at(*seed, number, &error)));
                let Built { world, calls, .. } = built;
                let Some((call, entry)) = calls.get(number) else { continue };
                compare_call(world, subject, *root, (call, entry))
                    .unwrap_or_else(|difference| panic!("{}", at(*seed, number, &difference)));
            }
        }
        worlds.into_iter().for_each(|(_, _, root)| subject.drop(root));
    }
}

#[test]
fn windows_that_others_take() {
    take_turns(seeds("NUB_SEQUENCES", 300), &mut local());
}

#[test]
fn windows_that_others_take_on_machines() {
    take_turns(seeds("NUB_SEQUENCES", 120), &mut for_tests());
}

/// A guest ends between two calls of a world, or beside one: the world is what it was when it was loaded, and comes to the same again.
#[test]
fn a_guest_that_ends_among_the_calls() {
    let builder =
        Nub::builder().arch(ArchChoice::Kvm).memory(128 << 20).patience(Duration::from_secs(20)).failures(true);
    let mut machine = match builder.build() {
        Ok(nub) => Hosted(nub),
        Err(Error::NoKvm(why)) => return nub_test_skip::without_kvm(&why),
        Err(error) => panic!("{error}"),
    };
    // No more of them: guests that end at once one after the other are not started again at once.
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
                assert!(machine.0.fail(failure).is_err(), "the call in flight is lost");
                assert_eq!(machine.root(root), Ok(made), "it is what it was when it was loaded");
            }
        }
        machine.drop(root);
    }
}
