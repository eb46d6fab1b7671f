//! A guest that fails says how, or is found out.

use std::time::Duration;

use nub_host_kvm::request::Failure;
use nub_host_kvm::{Config, Error, Request};

use crate::{config, start};

/// How the guest's end is described after this failure.
fn end_of(failure: Failure) -> Option<String> {
    let patience = if failure == Failure::Hang { Duration::from_millis(300) } else { Duration::from_secs(20) };
    let sandbox = start(&Config { patience, ..config() })?;
    let error = sandbox.call(0, &Request::Fail(failure), Duration::ZERO).expect_err("it fails");
    let Error::Died(death) = error else { panic!("{error}") };
    assert_eq!(sandbox.death(), Some(*death.clone()));
    // It stays dead.
    assert!(matches!(sandbox.call(0, &Request::Ping, Duration::ZERO), Err(Error::Died(_))));
    Some(death.to_string())
}

#[test]
fn every_failure_is_told_apart() {
    for (failure, expected) in [
        (Failure::Panic, &["the kernel panicked", "on purpose", "fail.rs"][..]),
        (Failure::TripleFault, &["triple fault"]),
        (Failure::Hang, &["no answer within", "it was at", "fail"]),
        (Failure::StackOverflow, &["Main stack ran over on lane 0", "deeper"]),
        (Failure::WildRead, &["page fault (vector 14, error code 0x", "address 0xffffffff000", "fail"]),
        (Failure::WriteCode, &["page fault (vector 14", "address 0x401000", "fail"]),
        (Failure::InvalidOpcode, &["invalid opcode (vector 6", "fail"]),
        (Failure::DoubleFault, &["double fault (vector 8"]),
        (Failure::Garbage, &["nonsense", "255 is no reply"]),
    ] {
        let Some(text) = end_of(failure) else { return };
        eprintln!("{failure:?}: {text}");
        for part in expected {
            assert!(text.contains(part), "{failure:?}: '{part}' is not in: {text}");
        }
    }
}
