//! Generated worlds, run in the model and on every machine there is.

use std::ops::Range;
use std::time::{Duration, Instant};

use javm_model::generate::generate;
use javm_testgen::seeds;
use nub_conformance::comparison::compare;
use nub_conformance::coverage::Coverage;
use nub_conformance::exhaustion::{Cuts, Most, cut};
use nub_conformance::hosted::for_tests;
use nub_conformance::subject::{Evicting, Subject, local};
use nub_kernel::Kernel;

/// The kernel in this process in each world as it is, then with gas cut at every step and limits at some. Each of two tests takes every
/// second seed, so that two processors have something to do.
fn compare_and_cut(part: u64) {
    let seeds = all();
    let (mut cuts, mut most, mut worlds) = (Cuts::default(), 0, 0);
    let mut kernel = local();
    for seed in seeds.filter(|seed| seed % 2 == part) {
        let plan = generate(seed);
        let mut coverage = Coverage::default();
        let compared = compare(&plan, &mut kernel, &mut coverage);
        let of_this = compared.and_then(|()| cut(&plan, &mut kernel, Most::EVERY_STEP, &mut coverage));
        let of_this = of_this.unwrap_or_else(|difference| panic!("{difference}"));
        cuts += of_this;
        most = most.max(of_this.of_gas + of_this.of_limits);
        worlds += 1;
    }
    eprintln!("{cuts} in {worlds} worlds, at most {most} in one");
    // A world may have nothing to cut.
    assert!(worlds < 100 || cuts.of_gas >= worlds, "{cuts} in {worlds} worlds");
}

fn all() -> Range<u64> {
    let seeds = seeds("NUB_SEQUENCES", 5_000);
    eprintln!("worlds from seed {} on, {} of them", seeds.start, seeds.end - seeds.start);
    seeds
}

#[test]
fn the_kernel_does_what_the_model_does() {
    compare_and_cut(0);
}

#[test]
fn the_kernel_does_what_the_model_does_with_other_seeds() {
    compare_and_cut(1);
}

/// Every fifth world on all machines through the handle of hosts.
#[test]
fn machines_do_what_the_model_does() {
    let mut machines = for_tests();
    for seed in all().filter(|seed| seed % 5 == 4) {
        compare(&generate(seed), &mut machines, &mut Coverage::default())
            .unwrap_or_else(|difference| panic!("{difference}"));
    }
}

#[test]
fn gas_and_limits_that_end_on_machines() {
    let mut machines = for_tests();
    let seeds = seeds("NUB_CUT_SEQUENCES", 25);
    let mut cuts = Cuts::default();
    for seed in seeds.clone() {
        let most = Most { of_gas: 8, of_limits: 4, edges: 2 };
        let of_this = cut(&generate(seed), &mut machines, most, &mut Coverage::default());
        cuts += of_this.unwrap_or_else(|difference| panic!("{difference}"));
    }
    eprintln!("{cuts} in worlds from seed {} on, {} of them", seeds.start, seeds.end - seeds.start);
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
    let (mut cuts, mut said) = (Cuts::default(), Duration::ZERO);
    let mut seed = first;
    while began.elapsed() < time {
        let plan = generate(seed);
        let mut all = || -> Result<Cuts, String> {
            let mut other = Coverage::default();
            compare(&plan, &mut kernel, &mut coverage)?;
            compare(&plan, &mut evicting, &mut other)?;
            compare(&plan, &mut machines, &mut other)?;
            let mut cuts = cut(&plan, &mut kernel, Most::ALL, &mut other)?;
            cuts += cut(&plan, &mut machines, Most { of_gas: 3, of_limits: 1, edges: 1 }, &mut other)?;
            Ok(cuts)
        };
        cuts += all().unwrap_or_else(|difference| panic!("{difference}"));
        seed += 1;
        if began.elapsed() > said + Duration::from_secs(60) {
            said = began.elapsed();
            eprintln!("{} s: seeds {first} to {}, {cuts}", said.as_secs(), seed - 1);
        }
    }
    let worlds = seed - first;
    eprintln!("{worlds} worlds, seeds {first} to {}, {cuts}, on {}\n{coverage}", seed - 1, machines.name());
    assert!(worlds > 0 && cuts.of_gas > 0);
}
