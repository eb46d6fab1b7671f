//! The committed Images against the same sources as host code, on random calls: results, scratchpads, logs, and how a call
//! fails. What differs is the linker's, the compiler's, the kernel's or the engine's doing.
//!
//! `NUB_INPUTS` sets how many sequences of calls each program gets, `NUB_SEED` the first seed.

mod applications;
mod crypto;
mod first;
mod maps;

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use nub::{CapHash, Ended, Grants, InvokeOptions, InvokeOutcome, Nub};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::exec::{GAS, load, scratchpad_bytes};
use crate::native;
use crate::workload::{self, Call};

/// Where inputs come from.
type Random = ChaCha8Rng;

/// Makes calls of one Instance, in order, with any arguments that do not take long.
type Calls = fn(&mut Random) -> Vec<Call>;

/// Every program that workloads run, with what is tried on it.
const PROGRAMS: &[(&str, Calls)] = &[
    ("blake2b", crypto::blake2b),
    ("counter", first::counter),
    ("ecrecover", crypto::ecrecover),
    ("ed25519", first::ed25519),
    ("fib", first::fib),
    ("frames", applications::frames),
    ("json", applications::json),
    ("keccak", crypto::keccak),
    ("lz", crypto::lz),
    ("mandelbrot", first::mandelbrot),
    ("registry", maps::registry),
    ("script", applications::script),
    ("sieve", first::sieve),
    ("sort", crypto::sort),
    ("token", maps::token),
    ("wasm", applications::wasm),
    ("zlib", applications::zlib),
];

/// Sequences of calls for each program, if the environment says nothing else.
const SEQUENCES: u64 = 12;

/// What a call that came to its end left behind.
#[derive(PartialEq, Debug)]
struct Halted {
    value: u64,
    logs: Vec<(u64, Vec<u8>)>,
    scratchpad: Vec<u8>,
}

/// How a call ended: [`Halted`], or what was said last.
type Ending = Result<Halted, String>;

/// All calls on one Instance of the Image.
fn in_nub(nub: &mut Nub, image: &CapHash, calls: &[Call], mapped: usize) -> Vec<Ending> {
    let instance = nub.instantiate(image, &Grants::services()).unwrap();
    let mut invoke = |call: &Call| {
        let options = InvokeOptions { gas: GAS, scratchpad: call.scratchpad.clone(), ..InvokeOptions::default() };
        nub.invoke(instance, call.endpoint, &call.registers, &options).unwrap()
    };
    let ending = |outcome: InvokeOutcome| {
        let logs: Vec<_> = outcome.logs.into_iter().map(|entry| (entry.topic, entry.bytes.to_vec())).collect();
        let mut scratchpad = vec![0; mapped];
        match outcome.ended {
            Ended::Halt => {
                if let Some(data) = outcome.scratchpad {
                    data.read(0, &mut scratchpad).unwrap();
                }
                Ok(Halted { value: outcome.value, logs, scratchpad })
            }
            Ended::Panic => Err(logs.last().map(|(_, text)| String::from_utf8_lossy(text).into()).unwrap_or_default()),
            other => Err(format!("{other:?} at {:#x}", outcome.pc)),
        }
    };
    let endings = calls.iter().map(|call| ending(invoke(call))).collect();
    nub.drop_instance(instance);
    endings
}

/// All calls as host code. Nothing undoes a call that fails there: what follows is called in a new Instance, after those
/// before that did not fail.
fn native(calls: &[Call], mapped: usize) -> Vec<Ending> {
    let mut endings: Vec<Ending> = Vec::new();
    while endings.len() < calls.len() {
        let known = endings.len();
        endings.extend(javm_guest::test::fresh(|| {
            for (call, _) in calls.iter().zip(&endings).filter(|(_, ending)| ending.is_ok()) {
                native::call(call, mapped);
            }
            let mut new = Vec::new();
            for call in &calls[known..] {
                let ending = native_call(call, mapped);
                let failed = ending.is_err();
                new.push(ending);
                if failed {
                    break;
                }
            }
            new
        }));
    }
    endings
}

std::thread_local! {
    // Whether a panic of this thread is an outcome like others.
    static TRYING: Cell<bool> = const { Cell::new(false) };
}

/// Lets panics that are outcomes say nothing: thousands of backtraces take longer than everything else.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !TRYING.get() {
                loud(info);
            }
        }));
    });
}

fn native_call(call: &Call, mapped: usize) -> Ending {
    silence();
    TRYING.set(true);
    let before = javm_guest::test::entries().len();
    let done = panic::catch_unwind(AssertUnwindSafe(|| native::call(call, mapped)));
    TRYING.set(false);
    let done = done.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".into())
    })?;
    let done = done.ok_or("there is no native build")?;
    let logs = javm_guest::test::entries().split_off(before);
    Ok(Halted { value: done.value, logs, scratchpad: done.scratchpad })
}

/// Whether host code ends the same way. Where a panic is nothing but a trap, the Image says nothing.
fn agree(nub: &Ending, native: &Ending, speaks: bool) -> bool {
    match (nub, native) {
        (Ok(nub), Ok(native)) => nub == native,
        (Err(nub), Err(native)) => {
            if speaks {
                nub.ends_with(native)
            } else {
                nub.is_empty()
            }
        }
        _ => false,
    }
}

#[test]
fn images_do_on_random_inputs_what_host_code_does() {
    for &(name, calls) in PROGRAMS {
        let image = load(name).unwrap();
        let mapped = scratchpad_bytes(&image);
        let mut nub = Nub::for_tests().unwrap();
        let hash = nub.publish_image(image).unwrap();
        for seed in javm_testgen::seeds("NUB_INPUTS", SEQUENCES) {
            let calls = calls(&mut Random::seed_from_u64(seed));
            assert!(!calls.is_empty(), "{name} is tested");
            if calls.iter().any(|call| call.native.is_none()) {
                // There was no C compiler.
                continue;
            }
            let endings = in_nub(&mut nub, &hash, &calls, mapped).into_iter().zip(native(&calls, mapped));
            for (index, (nub, native)) in endings.enumerate() {
                if !agree(&nub, &native, mapped > 0) {
                    panic!("NUB_SEED={seed}: {name}, call {index} of {calls:#?}\nnub    {nub:?}\nnative {native:?}");
                }
            }
        }
    }
}

#[test]
fn every_program_is_tried() {
    for workload in workload::all() {
        let tried = PROGRAMS.iter().any(|(name, _)| *name == workload.image);
        assert!(tried, "{} has no row in the table of random calls", workload.image);
    }
}

#[test]
fn differences_are_seen() {
    let halted = |value| Ok(Halted { value, logs: Vec::new(), scratchpad: vec![1] });
    let failed = |text: &str| Err(text.to_string());
    assert!(agree(&halted(1), &halted(1), true));
    assert!(!agree(&halted(1), &halted(2), true));
    assert!(!agree(&halted(1), &failed("no"), true) && !agree(&failed("no"), &halted(1), true));
    assert!(agree(&failed("panicked at x: no"), &failed("no"), true));
    assert!(!agree(&failed("panicked at x: yes"), &failed("no"), true));
    assert!(agree(&failed(""), &failed("no"), false) && !agree(&failed("Fault at 0x7"), &failed("no"), false));
}
