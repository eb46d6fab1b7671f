//! Generated worlds, run in the model and on every machine there is.

use std::ops::Range;
use std::time::{Duration, Instant};

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub_conformance::comparison::compare;
use nub_conformance::coverage::Coverage;
use nub_conformance::exhaustion::{cut_calls, cut_limits};
use nub_conformance::hosted::for_tests;
use nub_conformance::subject::{Evicting, Subject, local};
use nub_kernel::Kernel;

fn compare_all(seeds: impl IntoIterator<Item = u64>, subject: &mut impl Subject) {
    for seed in seeds {
        compare(&generate(seed), subject, &mut Coverage::default()).unwrap_or_else(|difference| panic!("{difference}"));
    }
}

/// 5,000 worlds: the last of each five on all machines through the handle of hosts, the others in this process.
fn all() -> Range<u64> {
    let seeds = seeds("NUB_SEQUENCES", 5_000);
    eprintln!("worlds from seed {} on, {} of them", seeds.start, seeds.end - seeds.start);
    seeds
}

/// Two tests, so that two processors have something to do.
#[test]
fn the_kernel_does_what_the_model_does() {
    compare_all(all().filter(|seed| seed % 5 < 2), &mut local());
}

#[test]
fn the_kernel_does_what_the_model_does_with_other_seeds() {
    compare_all(all().filter(|seed| (2..4).contains(&(seed % 5))), &mut local());
}

#[test]
fn machines_do_what_the_model_does() {
    compare_all(all().filter(|seed| seed % 5 == 4), &mut for_tests());
}

/// How many cuts of each world, and that there were some.
fn exhaust(count: u64, mut cut: impl FnMut(u64) -> Result<u64, String>) {
    let seeds = seeds("NUB_CUT_SEQUENCES", count);
    let (first, worlds) = (seeds.start, seeds.end - seeds.start);
    let cuts: u64 = seeds.map(|seed| cut(seed).unwrap_or_else(|difference| panic!("{difference}"))).sum();
    eprintln!("{cuts} cuts in {worlds} worlds from seed {first} on");
    // A world may have nothing to cut.
    assert!(worlds < 100 || cuts >= worlds, "{cuts} cuts in {worlds} worlds");
}

#[test]
fn gas_that_ends_at_every_step() {
    exhaust(200, |seed| cut_calls(&generate(seed), &mut local(), 20, &mut Coverage::default()));
}

#[test]
fn limits_that_end_at_every_step_of_a_call() {
    exhaust(200, |seed| cut_limits(&generate(seed), &mut local(), 12, &mut Coverage::default()));
}

#[test]
fn gas_and_limits_that_end_on_machines() {
    let mut machines = for_tests();
    exhaust(25, |seed| {
        let plan = generate(seed);
        let mut coverage = Coverage::default();
        let cuts = cut_calls(&plan, &mut machines, 10, &mut coverage)?;
        Ok(cuts + cut_limits(&plan, &mut machines, 6, &mut coverage)?)
    });
}

/// As long as `NUB_SECONDS` says: worlds from `NUB_SEED` on, each as it is and with its gas cut, in this process, also with windows
/// and programs taken away at every step, and on all machines. Says how many there were of what, and what they came to.
#[test]
#[ignore = "takes as long as NUB_SECONDS says"]
fn for_as_long_as_one_likes() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let time = Duration::from_secs(number("NUB_SECONDS").unwrap_or(60));
    let first = number("NUB_SEED").unwrap_or(1);
    let began = Instant::now();
    let (mut kernel, mut machines) = (local(), for_tests());
    let mut evicting = Kernel::new(Evicting::default());
    let mut coverage = Coverage::default();
    let (mut cuts, mut said) = (0, Duration::ZERO);
    let mut seed = first;
    while began.elapsed() < time {
        let plan = generate(seed);
        let mut all = || -> Result<u64, String> {
            let mut other = Coverage::default();
            compare(&plan, &mut kernel, &mut coverage)?;
            compare(&plan, &mut evicting, &mut other)?;
            compare(&plan, &mut machines, &mut other)?;
            Ok(cut_calls(&plan, &mut kernel, 30, &mut other)?
                + cut_limits(&plan, &mut kernel, 12, &mut other)?
                + cut_calls(&plan, &mut machines, 4, &mut other)?)
        };
        cuts += all().unwrap_or_else(|difference| panic!("{difference}"));
        seed += 1;
        if began.elapsed() > said + Duration::from_secs(60) {
            said = began.elapsed();
            eprintln!("{} s: seeds {first} to {}, {cuts} cuts", said.as_secs(), seed - 1);
        }
    }
    let worlds = seed - first;
    eprintln!("{worlds} worlds, seeds {first} to {}, {cuts} cuts, on {}\n{coverage}", seed - 1, machines.name());
    assert!(worlds > 0 && cuts > 0);
}
