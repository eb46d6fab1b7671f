//! Tests with a running guest. They need `/dev/kvm`, and say so where there is none.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod calls;
mod failures;
mod hashing;
mod lanes;
mod pages;
mod pair;
mod transfer;

use std::time::Duration;

use nub_host_kvm::{Config, Error, Privilege, PrivilegeChoice, Reply, Request, Sandbox};

/// The settings of most tests: a guest that fails on request, and a host that does not give up on a busy machine.
fn config() -> Config {
    let privilege = match std::env::var("NUB_PRIVILEGE").as_deref() {
        Ok("supervisor") => PrivilegeChoice::Fixed(Privilege::Supervisor),
        Ok("user") => PrivilegeChoice::Fixed(Privilege::User),
        _ => PrivilegeChoice::Auto,
    };
    Config { privilege, memory: 256 << 20, test_requests: true, patience: Duration::from_secs(20), ..Config::default() }
}

/// A guest, or `None`, with the reason printed, where there can be none.
fn start(config: &Config) -> Option<Sandbox> {
    match Sandbox::start(config) {
        Ok(sandbox) => Some(sandbox),
        Err(Error::Missing(missing)) => {
            nub_test_skip::without_kvm(&missing);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn ask(sandbox: &Sandbox, request: &Request<'_>) -> Reply {
    sandbox.call(0, request, Duration::from_secs(60)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_lane_answers() {
    let Some(sandbox) = start(&Config { lanes: 3, ..config() }) else { return };
    for lane in 0..3 {
        assert_eq!(sandbox.call(lane, &Request::Ping, Duration::ZERO).expect("it answers"), Reply::Done);
    }
    assert!(matches!(sandbox.call(3, &Request::Ping, Duration::ZERO), Err(Error::NoLane(3))));
    assert!(sandbox.death().is_none());
}
