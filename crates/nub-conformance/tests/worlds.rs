//! Generated worlds, run in the model and on the kernel.

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub_conformance::comparison::compare;
use nub_conformance::coverage::Coverage;
use nub_conformance::exhaustion::{cut_calls, cut_limits};
use nub_conformance::subject::local;

/// Two tests, so that two processors have something to do.
fn compare_every_second(first: u64) {
    let seeds = seeds("NUB_SEQUENCES", 5_000);
    eprintln!("worlds from seed {} on, {} of them", seeds.start, seeds.end - seeds.start);
    let mut kernel = local();
    for seed in seeds.filter(|seed| seed % 2 == first) {
        compare(&generate(seed), &mut kernel, &mut Coverage::default())
            .unwrap_or_else(|difference| panic!("{difference}"));
    }
}

#[test]
fn the_kernel_does_what_the_model_does() {
    compare_every_second(0);
}

#[test]
fn the_kernel_does_what_the_model_does_with_odd_seeds() {
    compare_every_second(1);
}

/// How many cuts of each world, and that there were some.
fn exhaust(cut: impl Fn(u64) -> Result<u64, String>) {
    let seeds = seeds("NUB_SEQUENCES", 200);
    let (first, worlds) = (seeds.start, seeds.end - seeds.start);
    let cuts: u64 = seeds.map(|seed| cut(seed).unwrap_or_else(|difference| panic!("{difference}"))).sum();
    eprintln!("{cuts} cuts in {worlds} worlds from seed {first} on");
    // A world may have nothing to cut.
    assert!(worlds < 100 || cuts >= worlds, "{cuts} cuts in {worlds} worlds");
}

#[test]
fn gas_that_ends_at_every_step() {
    exhaust(|seed| cut_calls(&generate(seed), &mut local(), 20, &mut Coverage::default()));
}

#[test]
fn limits_that_end_at_every_step_of_a_call() {
    exhaust(|seed| cut_limits(&generate(seed), &mut local(), 12, &mut Coverage::default()));
}
