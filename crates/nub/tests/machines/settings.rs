//! How a machine is chosen, and what does not depend on it.

use nub::{ArchChoice, Ended, ErrorCode, InvokeOptions, Nub, Privilege};

use crate::{COUNTER, built, instance, kvm};

#[test]
fn auto_takes_a_virtual_machine_or_says_why_not() {
    let nub = Nub::builder().build().expect("there is always this process");
    match nub.why_local() {
        None => assert!(nub.arch() == "kvm" && nub.privilege().is_some()),
        Some(error) => {
            nub_test_skip::without_kvm(&error);
            assert_eq!((nub.arch(), nub.privilege()), ("local", None));
        }
    }
    let local = Nub::builder().arch(ArchChoice::Local).build().expect("it needs nothing");
    assert_eq!((local.arch(), local.why_local()), ("local", None));
    let health = local.health();
    assert!(health.is_alive && health.boot_time.is_none() && health.last_end.is_none());
}

#[test]
fn settings_out_of_range_are_errors() {
    if built(kvm()).is_none() {
        return;
    }
    for builder in [kvm().lanes(0), kvm().lanes(65), kvm().memory(1 << 20), kvm().memory((128 << 20) + 4096)] {
        let error = builder.build().expect_err("it is out of range");
        assert_eq!(error.code(), ErrorCode::Setting, "{error}");
        // Nobody gets this process instead because of a mistake.
        let error = builder.arch(ArchChoice::Auto).build().expect_err("it is out of range");
        assert_eq!(error.code(), ErrorCode::Setting, "{error}");
    }
}

/// Nothing random reaches state: all that can be seen is the same whatever the seed.
#[test]
fn the_seed_changes_nothing() {
    let seen = |builder: nub::Builder| {
        let mut nub = built(builder)?;
        let counter = instance(&mut nub, COUNTER);
        let registry = instance(&mut nub, include_bytes!("../../../../guests/images/registry.nub"));
        let mut seen = Vec::new();
        for number in 0..20_u64 {
            let outcome = nub.invoke(counter, "add", &[number], &InvokeOptions::default()).expect("it is called");
            assert_eq!(outcome.ended, Ended::Halt);
            let name = format!("name {number}");
            let values = [name.into(), nub::types::Address([number as u8; 32]).into(), vec![number as u8; 50].into()];
            let set = nub.invoke_values(registry, "set", &values, &InvokeOptions::default()).expect("it is called");
            let roots = [counter, registry].map(|instance| nub.state_root(instance).expect("it is there"));
            seen.push((outcome.value, outcome.gas_used, set.outcome.gas_used, roots));
        }
        Some(seen)
    };
    let local = [[0; 32], [0xa5; 32]].map(|seed| seen(Nub::builder().arch(ArchChoice::Local).seed(seed)));
    assert_eq!(local[0], local[1]);
    for seed in [[0; 32], [0xa5; 32]] {
        let Some(there) = seen(kvm().seed(seed)) else { return };
        assert_eq!(Some(there), local[0].clone());
    }
}

/// What this computer's KVM is not suited for either fails or gives the same.
#[test]
fn a_privilege_can_be_chosen() {
    let Some(nub) = built(kvm()) else { return };
    let Some(suited) = nub.privilege() else { panic!("a guest has one") };
    drop(nub);
    let mut nub = kvm().privilege(suited).build().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(nub.privilege(), Some(suited));
    assert!([Privilege::Supervisor, Privilege::User].contains(&suited));
    let counter = instance(&mut nub, COUNTER);
    assert_eq!(nub.invoke(counter, "add", &[1], &InvokeOptions::default()).expect("it is called").value, 1);
}
