//! Programs in the guest.

use nub_host_kvm::request::{Endpoint, Hash, Invoke};
use nub_host_kvm::{Reply, Request, Sandbox, reply};

use crate::{ask, config, start};

const COUNTER: &[u8] = include_bytes!("../../../../guests/images/counter.nub");

fn publish(sandbox: &Sandbox, image: &[u8]) -> Hash {
    match ask(sandbox, &Request::PutCap(image)) {
        Reply::Hash(hash) => hash,
        other => panic!("{other:?}"),
    }
}

fn instantiate(sandbox: &Sandbox, image: Hash) -> u64 {
    match ask(sandbox, &Request::Instantiate { image, all_services: true, services: vec![] }) {
        Reply::Instance(instance) => instance,
        other => panic!("{other:?}"),
    }
}

fn invoke(sandbox: &Sandbox, instance: u64, name: &str, arguments: &[u64]) -> reply::Outcome {
    let endpoint = Endpoint::Name(name);
    let invoke = Invoke { instance, endpoint, arguments: arguments.into(), gas: 1_000_000_000, scratchpad: None };
    match ask(sandbox, &Request::Invoke(invoke)) {
        Reply::Outcome(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_counter_counts() {
    let Some(sandbox) = start(&config()) else { return };
    let image = publish(&sandbox, COUNTER);
    assert_eq!(image, javm_cap::ValidImage::load(COUNTER).unwrap().hash().0);
    assert_eq!(ask(&sandbox, &Request::Contains(image)), Reply::Flag(true));
    let instance = instantiate(&sandbox, image);
    let mut total = 0;
    for n in 1..=5 {
        total += n;
        let outcome = invoke(&sandbox, instance, "add", &[n]);
        assert_eq!((outcome.ended, outcome.registers[7]), (reply::Ended::Halt, total));
    }
    eprintln!("{:?}", ask(&sandbox, &Request::Stats));
    let exits = sandbox.exits();
    let mut times: Vec<_> = (0..10000)
        .map(|_| {
            let begun = std::time::Instant::now();
            invoke(&sandbox, instance, "add", &[1]);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    eprintln!("{:?} {:?} {:?} {:?}", times[0], times[5000], times[9900], sandbox.exits() - exits);
    eprintln!("{:?} {:?} boot {:?}", ask(&sandbox, &Request::Stats), sandbox.privilege(), sandbox.boot_time());
}
