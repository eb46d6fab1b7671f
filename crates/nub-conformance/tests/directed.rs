//! The directed cases: in the model, and on the kernel.

use javm_model::generate::{Plan, generate};
use nub_conformance::comparison::{Built, compare};
use nub_conformance::coverage::{Coverage, reachable};
use nub_conformance::directed::CASES;
use nub_conformance::hosted::for_tests;
use nub_conformance::subject::{Subject, local};

/// Makes the calls of all cases on a subject, too.
fn compare_cases(subject: &mut impl Subject) -> Coverage {
    let mut coverage = Coverage::default();
    for case in CASES {
        for (seed, recorded) in (0..).zip(case.run()) {
            let plan = Plan { seed, world: recorded.world, calls: vec![recorded.call] };
            compare(&plan, subject, &mut coverage).unwrap_or_else(|difference| panic!("{}: {difference}", case.name));
        }
    }
    coverage
}

/// Every operation comes to everything that it can come to, and to nothing else.
#[test]
fn the_kernel_does_what_the_cases_say() {
    let coverage = compare_cases(&mut local());
    println!("{coverage}");
    assert_eq!(coverage.met(), reachable(), "{coverage}");
}

/// The same on every machine there is.
#[test]
fn machines_do_what_the_cases_say() {
    let coverage = compare_cases(&mut for_tests());
    assert_eq!(coverage.met(), reachable(), "{coverage}");
}

/// Nothing comes to what the norm does not say, in generated worlds either; and those meet nearly all of it.
#[test]
fn generated_worlds_come_to_what_can_be() {
    let mut coverage = Coverage::default();
    for seed in 1..=1_000 {
        let Built { mut world, calls, .. } = Built::new(&generate(seed));
        for (call, _) in calls {
            world.call_from_host(call);
            coverage.add(&world);
        }
    }
    println!("{coverage}");
    let (met, reachable) = (coverage.met(), reachable());
    assert!(met.is_subset(&reachable), "{:?}\n{coverage}", met.difference(&reachable).collect::<Vec<_>>());
    assert!(met.len() * 10 > reachable.len() * 7, "{} of {}\n{coverage}", met.len(), reachable.len());
}
