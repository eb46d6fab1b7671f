//! Pages of windows: shown ahead, shared, taken back.

use std::time::Duration;

use nub_host_kvm::request::Watch;
use nub_host_kvm::{Config, Error, Reply, Request};

use crate::{config, start};

#[test]
fn a_frame_is_not_used_again_while_another_lane_may_see_it() {
    let Some(sandbox) = start(&Config { lanes: 2, ..config() }) else { return };
    let work = Duration::from_secs(60);
    for rounds in [1, 150] {
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| sandbox.call(1, &Request::Watch(Watch::Look, rounds), work));
            let revoking = sandbox.call(0, &Request::Watch(Watch::Revoke, rounds), work);
            let looking = looking.join().expect("no panic");
            for reply in [revoking, looking] {
                assert_eq!(reply.unwrap_or_else(|error| panic!("{error}")), Reply::Done);
            }
        });
    }
}

#[test]
fn the_guest_is_told_what_things_cost() {
    let Some(sandbox) = start(&config()) else { return };
    let costs = sandbox.costs().expect("they were measured");
    eprintln!("{costs:?}");
    assert!(costs.fault < Duration::from_secs(1) && costs.copy_page < Duration::from_secs(1));
}

#[test]
fn only_guests_for_tests_play_parts() {
    let Some(sandbox) = start(&Config { test_requests: false, ..config() }) else { return };
    let reply = sandbox.call(0, &Request::Watch(Watch::Look, 1), Duration::ZERO);
    assert!(matches!(reply, Ok(Reply::Refused(_))) && !matches!(reply, Err(Error::Died(_))));
}
