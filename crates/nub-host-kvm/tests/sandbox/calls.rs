//! Programs in the guest do what they do in this process.

use std::collections::BTreeMap;

use javm_cap::{Access, Backing, Data, Endpoint, Image, Mapping, PAGE_SIZE};
use javm_isa::{CostModel, Mode, REG_COUNT, Reg};
use javm_testgen::swaps::{Action, SWAP, actions};
use javm_testgen::{Case, Config, Region, generate, seeds};
use nub_host_kvm::request::Hash;
use nub_host_kvm::{Reply, Request, Sandbox};
use proptest::prelude::*;

use crate::pair::{Asked, Pair, Twin};
use crate::{ask, config, start};

const GAS: u64 = 1_000_000_000;

fn asked<'a>(endpoint: &'a str, arguments: &'a [u64]) -> Asked<'a> {
    Asked { endpoint, arguments, gas: GAS, scratchpad: None }
}

/// An example program's Image. It is part of the test, so that the test runs where the source is not.
macro_rules! example {
    ($name:literal) => {
        include_bytes!(concat!("../../../../guests/images/", $name, ".nub"))
    };
}

#[test]
fn example_programs_come_to_the_same() {
    let Some(sandbox) = start(&config()) else { return };
    let mut pair = Pair::new(&sandbox);
    let (counter, fib, faults): (&[u8], &[u8], &[u8]) = (example!("counter"), example!("fib"), example!("faults"));
    let services: &[u8] = example!("services");
    for (image, endpoint, arguments, times) in [
        (counter, "add", &[5][..], 4),
        (counter, "get", &[], 2),
        (fib, "fib", &[90], 2),
        (fib, "fib_recursive", &[14], 2),
        (example!("sieve"), "sieve", &[100_000], 2),
        (example!("mandelbrot"), "render", &[60, 40, 50], 2),
        (example!("ed25519"), "selftest", &[1], 1),
        (faults, "recurse", &[1], 2),
        (faults, "write_readonly", &[1], 2),
        (faults, "null", &[], 2),
        (faults, "unmapped", &[0x1234_5678], 2),
        (faults, "unmapped", &[0xffff_fff9], 1),
        (faults, "panic", &[7], 2),
        (faults, "refuse", &[0], 1),
        (services, "hash", &[0, 5000], 2),
        (services, "log", &[0, 100, 7], 2),
        (services, "self", &[0], 1),
    ] {
        let image = pair.publish(image);
        let instance = pair.instantiate(image);
        for _ in 0..times {
            pair.invoke(instance, asked(endpoint, arguments));
        }
        // Too little gas, at several places.
        for gas in [0, 1, 100, 1000, 3000] {
            pair.invoke(instance, Asked { gas, ..asked(endpoint, arguments) });
        }
        pair.drop(instance);
    }
}

/// The endpoint `main`, at the beginning of the code.
fn endpoint(arity: u8, registers: [u64; REG_COUNT]) -> Endpoint {
    Endpoint { registers, ..Endpoint::new("main".parse().expect("a name"), arity) }
}

/// The registers of arguments.
const ARGUMENTS: std::ops::Range<usize> = 7..11;

/// Pages as a generated program finds them, in slots from 2 on.
fn image_of(case: &Case) -> Image {
    let mut slots = BTreeMap::new();
    let mut memory = BTreeMap::new();
    for (slot, region) in (2u8..).zip(&case.memory) {
        let mut data = Data::new(region.length / PAGE_SIZE as u32).expect("small");
        for (address, bytes) in &case.contents {
            if let Some(offset) = address.checked_sub(region.address).filter(|&offset| offset < region.length) {
                data.write(u64::from(offset), bytes).expect("contents lie in one region");
            }
        }
        slots.insert(slot, data);
        let access = if region.writable { Access::ReadWrite } else { Access::ReadOnly };
        let backing = Backing::Persistent { slot, offset_pages: 0 };
        memory.insert(
            region.address / PAGE_SIZE as u32,
            Mapping { pages: region.length / PAGE_SIZE as u32, access, backing },
        );
    }
    // The call sets the return address and the arguments: these four registers arrive as arguments.
    let mut registers = case.registers;
    registers[Reg::RA.index()] = 0;
    registers[ARGUMENTS].fill(0);
    let main = endpoint(ARGUMENTS.len() as u8, registers);
    Image { memory, slots, ..Image::new(CostModel::Pipeline, case.program().blob().to_vec(), vec![main]) }
}

#[test]
fn generated_programs_come_to_the_same() {
    let Some(sandbox) = start(&config()) else { return };
    let region = |address, pages, writable| Region { address, length: pages * PAGE_SIZE as u32, writable };
    let config = Config {
        mode: Mode::Image,
        stray_targets: false,
        memory: vec![
            region(0x2_0000, 1, false),
            region(0x4_1000, 2, true),
            region(0x6_0000, 1, true),
            region(0xFEFB_F000, 1, true),
        ],
        ..Config::default()
    };
    let mut pair = Pair::new(&sandbox);
    let (mut run, mut invalid) = (0, 0);
    for seed in seeds("NUB_PROGRAMS", 400) {
        let case = generate(&config, seed);
        let image = image_of(&case);
        if image.clone().validate().is_err() {
            invalid += 1;
            continue;
        }
        run += 1;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let image = pair.publish_image(&image);
            let instance = pair.instantiate(image);
            for gas in [case.gas, case.gas / 100, 7] {
                pair.invoke(instance, Asked { gas, ..asked("main", &case.registers[ARGUMENTS]) });
            }
            pair.drop(instance);
        }));
        if let Err(panic) = outcome {
            eprintln!("{case}");
            std::panic::resume_unwind(panic);
        }
    }
    assert!(run > invalid, "{invalid} of {} programs were no Images", run + invalid);
}

/// First pages of what [`swapper`] maps.
const READ_ONLY: u32 = 0x10;
const STATE: u32 = 0x30;
const SCRATCH: u32 = 0x400;
const STACK: u32 = 0x500;
/// More than a window keeps from call to call.
const STATE_PAGES: u32 = 80;

/// The swapping program, with this word at the beginning of its state.
fn swapper(first: u64) -> Image {
    let program = javm_isa::assemble(SWAP).unwrap_or_else(|error| panic!("{error}"));
    let mut state = Data::new(STATE_PAGES).expect("small");
    state.write(0, &first.to_le_bytes()).expect("inside");
    let persistent = |slot, offset_pages| Backing::Persistent { slot, offset_pages };
    let mapping = |pages, access, backing| Mapping { pages, access, backing };
    Image {
        memory: BTreeMap::from([
            (READ_ONLY, mapping(1, Access::ReadOnly, persistent(2, 0))),
            (STATE, mapping(STATE_PAGES, Access::ReadWrite, persistent(3, 0))),
            (SCRATCH, mapping(1, Access::ReadWrite, persistent(0, 0))),
            (SCRATCH + 0x40, mapping(1, Access::ReadOnly, persistent(0, 1))),
            (STACK, mapping(2, Access::ReadWrite, Backing::Ephemeral)),
        ]),
        slots: BTreeMap::from([(2, Data::from_bytes(b"constant").expect("small")), (3, state)]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), vec![endpoint(3, [0; REG_COUNT])])
    }
}

/// Words on pages that are there, and beside them.
fn address() -> impl Strategy<Value = u32> {
    let page = prop_oneof![
        Just(READ_ONLY),
        Just(READ_ONLY + 1),
        STATE - 1..=STATE + STATE_PAGES,
        Just(SCRATCH),
        Just(SCRATCH + 0x40),
        STACK..STACK + 2,
        Just(0xf_ffff),
    ];
    let offset = prop::sample::select(&[0u32, 8, 0x800, 0xff8, 0xffc][..]);
    (page, offset).prop_map(|(page, offset)| page * PAGE_SIZE as u32 + offset)
}

/// More Instances than there are windows.
const MOST_INSTANCES: usize = 20;

fn act(pair: &mut Pair<'_>, images: &[Hash], instances: &mut Vec<Twin>, action: &Action) {
    let has_room = instances.len() < MOST_INSTANCES;
    match action {
        Action::New(index) if has_room => instances.push(pair.instantiate(*index.get(images))),
        _ if instances.is_empty() => {}
        Action::Swap(index, swap) => {
            let arguments = swap.arguments();
            let scratchpad = swap.scratchpad.as_deref();
            pair.invoke(*index.get(instances), Asked { endpoint: "main", arguments: &arguments, gas: 100, scratchpad });
        }
        Action::Copy(index) if has_room => instances.push(pair.copy(*index.get(instances))),
        Action::Drop(index) => pair.drop(instances.swap_remove(index.index(instances.len()))),
        Action::Copy(_) | Action::New(_) => {}
    }
}

/// Windows stay mounted between calls, are left to other Instances, and frames stay in them: no sequence of calls, failures,
/// copies, drops and new Instances may show that.
fn calls_see_their_own_instance(sandbox: &Sandbox, actions: &[Action]) {
    let mut pair = Pair::new(sandbox);
    let images = [0, 77].map(|first| pair.publish_image(&swapper(first)));
    let mut instances = Vec::new();
    actions.iter().for_each(|action| act(&mut pair, &images, &mut instances, action));
    for instance in instances {
        pair.root(instance);
        pair.drop(instance);
    }
}

#[test]
fn sequences_of_calls_come_to_the_same() {
    let Some(sandbox) = start(&config()) else { return };
    let cases = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(cases, |(actions in actions(address(), 120))| {
        calls_see_their_own_instance(&sandbox, &actions);
    });
    // Nothing of all that is left but what the guest keeps for later.
    let Reply::Stats(stats) = ask(&sandbox, &Request::Stats) else { panic!("no statistics") };
    assert!(stats.window_faults > 0 && stats.windows <= 16 && stats.flushes > 0, "{stats:?}");
    assert_eq!((stats.images, stats.instances), (2, 0));
}

#[test]
fn guests_of_two_seeds_come_to_the_same() {
    let roots = [[1; 32], [2; 32]].map(|seed| {
        let sandbox = start(&nub_host_kvm::Config { seed, ..config() })?;
        let mut pair = Pair::new(&sandbox);
        let images: [&[u8]; 3] = [example!("counter"), example!("fib"), example!("services")];
        let images = images.map(|image| pair.publish(image));
        let counter = pair.instantiate(images[0]);
        let outcomes = [3, 4, 5].map(|number| pair.invoke(counter, asked("add", &[number])));
        let services = pair.instantiate(images[2]);
        Some((outcomes, pair.invoke(services, asked("hash", &[0, 5000])), pair.root(counter), pair.root(services)))
    });
    assert_eq!(roots[0], roots[1]);
}

#[test]
fn long_messages_travel_in_parts() {
    let Some(sandbox) = start(&config()) else { return };
    let mut pair = Pair::new(&sandbox);
    let image = pair.publish_image(&swapper(0));
    let instance = pair.instantiate(image);
    let scratchpad: Vec<u8> = (0..3_000_000u32).map(|index| (index * 7) as u8).collect();
    let arguments = [u64::from(SCRATCH) * PAGE_SIZE as u64, 1, 0];
    let call = Asked { endpoint: "main", arguments: &arguments, gas: 100, scratchpad: Some(&scratchpad) };
    let outcome = pair.invoke(instance, call);
    assert!(outcome.scratchpad.is_some_and(|scratchpad| scratchpad.bytes.len() > 2_999_990));
}
