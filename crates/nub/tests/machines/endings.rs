//! Guests that end.

use std::time::Duration;

use nub::{ErrorCode, Failure, InvokeOptions, Nub};

use crate::{COUNTER, FAULTS, built, instance, kvm};

fn add(nub: &mut Nub, counter: nub::InstanceId, number: u64) -> u64 {
    let outcome = nub.invoke(counter, "add", &[number], &InvokeOptions::default());
    outcome.unwrap_or_else(|error| panic!("{error}")).value
}

#[test]
fn a_guest_that_ends_is_replaced() {
    let Some(mut nub) = built(kvm()) else { return };
    let counter = instance(&mut nub, COUNTER);
    let faults = instance(&mut nub, FAULTS);
    let made = nub.state_root(counter).expect("it is there");
    let endings = [
        (Failure::Panic, ErrorCode::GuestDied, "on purpose"),
        (Failure::TripleFault, ErrorCode::GuestDied, "triple fault"),
        (Failure::Garbage, ErrorCode::GuestDied, "nonsense"),
    ];
    for (round, (failure, code, says)) in endings.into_iter().enumerate() {
        assert_eq!((add(&mut nub, counter, 5), add(&mut nub, counter, 2)), (5, 7));
        let copy = nub.copy(counter).expect("it is there");
        let kept = nub.keep(counter).expect("it is there");
        let error = nub.fail(failure).expect_err("it ends");
        assert_eq!(error.code(), code, "{error}");
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("a new guest runs"), "{text}");
        let health = nub.health();
        assert!(health.is_alive && health.restarts == round as u64 + 1, "{health:?}");
        assert!(health.last_end.is_some_and(|end| end.contains(says)));
        // All is as it was made, under the same handles.
        for instance in [counter, copy] {
            assert_eq!(nub.state_root(instance), Ok(made));
        }
        assert_eq!(nub.invoke_cached(&kept, "get", [0; 4], 1000).expect_err("forgotten").code(), ErrorCode::NotKept);
        assert_eq!(add(&mut nub, copy, 1), 1);
        let stats = nub.stats().expect("it answers");
        assert_eq!((stats.images, stats.instances), (2, 2), "what was not used since is not there yet");
        let outcome = nub.invoke(faults, "null", &[], &InvokeOptions::default()).expect("it is called");
        assert_ne!(outcome.ended, nub::Ended::Halt);
        assert!(nub.drop_instance(copy) && !nub.drop_instance(copy));
    }
}

#[test]
fn a_guest_that_does_not_answer_is_hung() {
    let patience = Duration::from_secs(1);
    let Some(mut nub) = built(kvm().patience(patience)) else { return };
    let counter = instance(&mut nub, COUNTER);
    let begun = std::time::Instant::now();
    let error = nub.fail(Failure::Hang).expect_err("it hangs");
    assert!(begun.elapsed() >= patience);
    assert_eq!(error.code(), ErrorCode::GuestHung, "{error}");
    assert!(matches!(error, nub::Error::GuestHung { waited, then: nub::Recovery::Restarted } if waited >= patience));
    assert_eq!(add(&mut nub, counter, 3), 3);
}

#[test]
fn nobody_fails_who_was_not_started_for_it() {
    let mut local = Nub::new_local();
    assert_eq!(local.fail(Failure::Panic).expect_err("refused").code(), ErrorCode::Refused);
    let Some(mut nub) = built(kvm().failures(false)) else { return };
    assert_eq!(nub.fail(Failure::Panic).expect_err("refused").code(), ErrorCode::Refused);
    assert!(nub.health().is_alive && nub.health().restarts == 0);
}
