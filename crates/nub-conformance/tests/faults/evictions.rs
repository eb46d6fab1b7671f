//! Windows that others take, and windows and programs that are taken away at every step.

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub::{ArchChoice, Disturbance};
use nub_conformance::comparison::{Built, at, compare, compare_call};
use nub_conformance::coverage::Coverage;
use nub_conformance::hosted::for_tests;
use nub_conformance::subject::{Evicting, Subject, local};
use nub_kernel::Kernel;

use crate::{built, failing};

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

/// Worlds one after the other, and again, where what was kept of the first time could be of use.
fn compare_twice(seeds: impl IntoIterator<Item = u64>, subject: &mut impl Subject) {
    for seed in seeds {
        for _ in 0..2 {
            let compared = compare(&generate(seed), subject, &mut Coverage::default());
            compared.unwrap_or_else(|difference| panic!("{difference}"));
        }
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

#[test]
fn windows_and_programs_that_are_taken_at_every_step() {
    let arch = Evicting::default();
    let mut kernel = Kernel::new(arch.clone());
    let seeds = seeds("NUB_SEQUENCES", 300);
    let worlds = seeds.end - seeds.start;
    compare_twice(seeds.clone(), &mut kernel);
    // Otherwise there are no more than are kept, and as many as frames at a time.
    assert!(arch.spaces.get() > 2 * worlds, "{} address spaces", arch.spaces.get());
    take_turns(seeds, &mut kernel);
}

#[test]
fn windows_and_programs_that_are_taken_at_every_step_on_machines() {
    let Some(mut machines) = built(failing().arch(ArchChoice::Both)) else { return };
    let faults = |machines: &mut nub_conformance::hosted::Hosted| {
        let stats = machines.nub.stats().unwrap_or_else(|error| panic!("{error}"));
        stats.window_faults.zip(stats.flushes).map(|(faults, flushes)| faults + flushes).expect("of a guest")
    };
    compare_twice(seeds("NUB_SEQUENCES", 40), &mut machines);
    let undisturbed = faults(&mut machines);
    machines.nub.disturb(Disturbance { evict: true, failure: None }).unwrap_or_else(|error| panic!("{error}"));
    compare_twice(seeds("NUB_SEQUENCES", 40), &mut machines);
    let disturbed = faults(&mut machines) - undisturbed;
    assert!(disturbed > undisturbed, "{disturbed} faults and flushes, {undisturbed} before");
    take_turns(seeds("NUB_SEQUENCES", 60), &mut machines);
    assert_eq!(machines.nub.health().restarts, 0);
}
