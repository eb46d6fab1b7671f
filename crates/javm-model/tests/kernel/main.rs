//! The kernel against the model: generated worlds, run in both.

mod built;

use std::fmt::Write as _;

use javm_cap::{CapHash, Capability, Path};
use javm_model::generate::{Plan, generate};
use javm_model::{HostCall, Operation, Value, Via, World, hash};
use javm_testgen::seeds;
use nub_arch_local::LocalArch;
use nub_kernel::service::verify;
use nub_kernel::{Block, Entry, Kernel, Parameters};

use crate::built::Builder;

/// What the kernel is asked, as the model is.
fn entry(builder: &mut Builder, call: &HostCall) -> Entry {
    let origin = match call.via {
        Via::Event(origin) => Some(origin),
        _ => None,
    };
    let live = [call.scratchpad.clone().map(Value::Data), call.gift.clone()];
    Entry {
        path: Path::new(&call.path).expect("short"),
        endpoint: call.endpoint,
        arguments: call.arguments,
        gas: call.gas,
        live: live.map(|value| value.map(|value| builder.capability(&value))),
        origin,
    }
}

/// What the programs have asked for, for who has to find a difference.
fn trail(world: &World) -> String {
    let mut text = String::new();
    for step in &world.steps {
        let operation = match step.ecalli {
            Some(reference) => format!("ecalli {reference:#x}"),
            None => format!("{:?}", Operation::from_number(step.request.word as u8)),
        };
        let _ = writeln!(
            text,
            "{} {operation} {:x?} -> {:?} {:#x} {:#x}, gas {}",
            step.depth, step.request, step.status, step.result, step.detail, step.gas
        );
    }
    text
}

/// What the model, which does no cryptography, takes for the answer of VERIFY.
fn verified(method: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    match method {
        0 => verify::ed25519(bytes).then(Vec::new),
        _ => verify::secp256k1(bytes).map(Vec::from),
    }
}

fn compare(seed: u64) {
    let mut plan = generate(seed);
    let mut builder = Builder::default();
    let root = builder.root(&mut plan);
    let Plan { mut world, calls, .. } = plan;
    let mut kernel = Kernel::new(LocalArch);
    kernel.set_parameters(Parameters {
        writable_pages: world.parameters.max_writable_pages as u32,
        changed_pages: world.parameters.max_changed_pages,
        log_bytes: world.parameters.max_log_bytes as usize,
        depth: world.parameters.max_depth,
    });
    kernel.set_block(Block { height: world.height, prior_root: world.prior_root });
    world.verify = verified;
    let root = kernel.keep(root);
    for (number, call) in calls.into_iter().enumerate() {
        let found = kernel.enter(root, entry(&mut builder, &call)).expect("it is there");
        let expected = world.call_from_host(call);
        let at = || format!("seed {seed} (NUB_SEED={seed}), call {number}\n{}", trail(&world));
        assert_eq!(
            (found.status.number(), found.value, found.detail, found.gas_left),
            (expected.status.number().into(), expected.value, expected.detail, expected.gas),
            "status, φ7, φ9 and gas: {}",
            at()
        );
        let logs: Vec<_> = found.logs.iter().map(|entry| (entry.topic, &entry.bytes)).collect();
        let expected_logs: Vec<_> = expected.logs.iter().map(|entry| (entry.topic, &entry.bytes)).collect();
        assert_eq!(logs, expected_logs, "logs: {}", at());
        let live = found.live.map(|value| value.map(|value| value.hash()));
        let expected_live = expected.live.map(|value| value.map(|value| CapHash(hash::of(&value))));
        assert_eq!(live, expected_live, "slots 0 and 1: {}", at());
        let now = kernel.instance(root).expect("kept");
        if now.hash().0 != world.root() {
            let below = |path: &[u8]| match path {
                [] => Some(now.hash()),
                _ => now.table().at(path).ok().map(Capability::hash),
            };
            let differs = |(path, hash): &(Vec<u8>, _)| below(path) != Some(CapHash(*hash));
            let paths: Vec<_> = world.tree().into_iter().filter(differs).map(|(path, _)| path).collect();
            panic!("what stands at {paths:?}: {}", at());
        }
    }
}

/// Two tests, so that two processors have something to do.
fn compare_every_second(first: u64) {
    let seeds = seeds("NUB_SEQUENCES", 5_000);
    eprintln!("worlds from seed {} on, {} of them", seeds.start, seeds.end - seeds.start);
    seeds.filter(|seed| seed % 2 == first).for_each(compare);
}

#[test]
fn the_kernel_does_what_the_model_does() {
    compare_every_second(0);
}

#[test]
fn the_kernel_does_what_the_model_does_with_odd_seeds() {
    compare_every_second(1);
}
