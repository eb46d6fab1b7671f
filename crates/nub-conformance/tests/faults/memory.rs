//! Guests that are full: what they have no memory for is refused and changes nothing, and is done when there is some.

use javm_cap::{Endpoint, Image, ValidImage};
use javm_isa::CostModel;
use javm_model::generate::generate;
use javm_model::{Data, HostCall};
use javm_testgen::seeds;
use nub::{CapHash, Error};
use nub_conformance::comparison::{Built, at, compare_call, compare_state};
use nub_conformance::hosted::Hosted;
use nub_conformance::subject::Subject;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::{built, failing};

/// Images that take more than a MiB of the kernel's heap each.
fn fillers() -> Vec<ValidImage> {
    let program = javm_isa::assemble(&"trap\n".repeat(60_000)).unwrap_or_else(|error| panic!("{error}"));
    let image = |number: u64| {
        let mut endpoint = Endpoint::new("main".parse().expect("a name"), 0);
        // Each is another one.
        endpoint.registers[5] = number;
        Image::new(CostModel::Flat, program.blob().to_vec(), vec![endpoint])
    };
    (0..64).map(|number| image(number).validate().unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// Fills a guest until there is no room for more.
fn fill(machine: &mut Hosted, fillers: &[ValidImage], there: &mut Vec<CapHash>) {
    for image in fillers {
        match machine.nub.publish_image(image.clone()) {
            Ok(hash) if there.contains(&hash) => {}
            Ok(hash) => there.push(hash),
            Err(Error::OutOfMemory { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("64 MiB hold all of that");
}

/// Makes a call that a full guest may have no memory for: room is made until it has. Gives how often it was refused; `None` where
/// that was so to the last: what is free need not lie together.
fn call_until_made(
    built: &mut Built,
    number: usize,
    call: &HostCall,
    machine: &mut Hosted,
    root: nub::InstanceId,
    there: &mut Vec<CapHash>,
) -> Result<Option<u64>, String> {
    let mut refused = 0;
    loop {
        let (mut world, entry) = (built.world.clone(), &built.calls[number].1);
        let compared = compare_call(&mut world, machine, root, (call, entry));
        match machine.lost.take() {
            Some(Error::OutOfMemory { .. }) => {
                compare_state(&built.world, machine, root)
                    .map_err(|difference| format!("refused, but {difference}"))?;
                let Some(gone) = there.pop() else { return Ok(None) };
                assert_eq!(machine.nub.unpublish(&gone), Ok(true));
                refused += 1;
            }
            _ => {
                built.world = world;
                return compared.map(|()| Some(refused));
            }
        }
    }
}

#[test]
fn a_full_guest_refuses_calls_and_changes_nothing() {
    let Some(mut machine) = built(failing().memory(64 << 20)) else { return };
    let fillers = fillers();
    let mut there = Vec::new();
    let (mut calls_made, mut calls_refused, mut never_made) = (0, 0, 0);
    for seed in seeds("NUB_FAULTS", 24) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut built = Built::new(&generate(seed));
        let root = built.prepare(&mut machine).unwrap_or_else(|error| panic!("{}", at(seed, 0, &error)));
        fill(&mut machine, &fillers, &mut there);
        for number in 0..built.calls.len() {
            // So much that there may be room for it, and may not.
            let mut scratchpad = Data::from_bytes(&seed.to_le_bytes());
            scratchpad.resize(rng.random_range(0..1024));
            let call = HostCall { scratchpad: Some(scratchpad), ..built.calls[number].0.clone() };
            let refused = call_until_made(&mut built, number, &call, &mut machine, root, &mut there);
            let refused = refused.unwrap_or_else(|difference| panic!("{}", at(seed, number, &difference)));
            calls_made += 1;
            calls_refused += u64::from(refused.is_some_and(|times| times > 0));
            never_made += u64::from(refused.is_none());
        }
        machine.drop(root);
        // The next one finds room.
        there.drain(..).for_each(|image| assert_eq!(machine.nub.unpublish(&image), Ok(true)));
    }
    eprintln!("{calls_refused} of {calls_made} calls were refused at first, {never_made} to the last");
    assert!(calls_refused * 4 > calls_made && calls_refused < calls_made && never_made * 10 < calls_made);
    assert_eq!(machine.nub.health().restarts, 0, "no guest has ended");
}
