//! Tests with a running guest. They need `/dev/kvm`, and say so where there is none.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::time::Duration;

use nub_host_kvm::{Config, Error, Reply, Request, Sandbox};

/// A guest, or `None`, with the reason printed, where there can be none.
fn start(config: &Config) -> Option<Sandbox> {
    match Sandbox::start(config) {
        Ok(sandbox) => Some(sandbox),
        Err(Error::Missing(missing)) => {
            eprintln!("skipped: {missing}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_guest_starts_and_answers() {
    let Some(sandbox) = start(&Config { lanes: 2, ..Config::default() }) else { return };
    eprintln!("{:?} boot {:?} exits {}", sandbox.privilege(), sandbox.boot_time(), sandbox.exits());
    for lane in 0..2 {
        assert_eq!(sandbox.call(lane, &Request::Ping, Duration::ZERO).unwrap(), Reply::Done);
    }
    let mut times: Vec<_> = (0..20000)
        .map(|_| {
            let begun = std::time::Instant::now();
            sandbox.call(0, &Request::Ping, Duration::ZERO).unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    eprintln!("ping {:?} {:?} {:?} exits {}", times[0], times[10000], times[19800], sandbox.exits());
}
