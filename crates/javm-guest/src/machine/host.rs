//! As host code: one simulated machine for each thread.
//!
//! The services answer as those of the kernel do, and by the same crates; `docs/spec/services.md` is the norm for both.
//! Nothing is metered, and nothing is undone when a call fails.

use std::boxed::Box;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use sha2::Digest;

use crate::operation::{Operation, Via, flag};
use crate::{Status, block, hash, log, test};

/// What answers calls of a slot.
#[derive(Clone)]
pub(crate) enum Standing {
    /// A service, by its id.
    Service(u32),
    /// What a test has put there.
    Program(Rc<dyn Answer>),
}

/// A program that a test has put into a slot.
pub(crate) trait Answer {
    /// Answers a call of a method.
    fn answer(&self, method: u16, registers: [u64; 4], scratchpad: &[u8]) -> Result<test::Served, Status>;
}

/// What a thread has.
struct Machine {
    scratchpad: *mut [u8],
    slots: BTreeMap<u8, Standing>,
    logs: Vec<(u64, Vec<u8>)>,
}

impl Machine {
    fn new() -> Machine {
        let service = |(slot, id)| (slot, Standing::Service(id));
        let services = [(log::SLOT, log::SERVICE), (hash::SLOT, hash::SERVICE), (block::SLOT, block::SERVICE)];
        let slots = services.map(service).into();
        let scratchpad = Box::into_raw(vec![0; test::SCRATCHPAD_BYTES].into_boxed_slice());
        Machine { scratchpad, slots, logs: Vec::new() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: it comes from a box, and whoever had a part of it is gone with the thread.
        drop(unsafe { Box::from_raw(self.scratchpad) });
    }
}

std::thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::new(Machine::new());
}

fn machine<R>(f: impl FnOnce(&mut Machine) -> R) -> R {
    MACHINE.with_borrow_mut(f)
}

/// Where the scratchpad is.
pub(crate) fn scratchpad() -> *mut [u8] {
    machine(|machine| machine.scratchpad)
}

/// Makes these bytes the scratchpad. Nobody has a part of the one before.
pub(crate) fn set_scratchpad(bytes: &[u8]) {
    let new = Box::into_raw(Box::<[u8]>::from(bytes));
    let old = machine(|machine| core::mem::replace(&mut machine.scratchpad, new));
    // SAFETY: it comes from a box, and nobody refers to it.
    drop(unsafe { Box::from_raw(old) });
}

/// Puts something into a slot, or nothing.
pub(crate) fn set_slot(slot: u8, standing: Option<Standing>) {
    // What was there may be whatever a test has made; it goes when nothing is borrowed.
    let _before = machine(|machine| match standing {
        Some(standing) => machine.slots.insert(slot, standing),
        None => machine.slots.remove(&slot),
    });
}

/// The entries of the log.
pub(crate) fn logs() -> Vec<(u64, Vec<u8>)> {
    machine(|machine| machine.logs.clone())
}

pub(crate) fn call<const SLOT: u8>(what: u64, gas: u64, arguments: [u64; 4]) -> [u64; 2] {
    call_slot(SLOT, what, gas, arguments)
}

fn call_slot(slot: u8, what: u64, gas: u64, arguments: [u64; 4]) -> [u64; 2] {
    let (flags, method) = ((what >> 8) as u8, (what >> 16) as u16);
    let standing = machine(|machine| machine.slots.get(&slot).cloned());
    let sends = flags & flag::SCRATCH != 0;
    let outcome = match standing {
        _ if flags & !(flag::SCRATCH | flag::GIFT | flag::ATOMIC) != 0 => Err(Status::RANGE),
        None => Err(Status::EMPTY),
        Some(Standing::Service(service)) => machine(|machine| {
            let shown = if sends { machine.scratchpad.len() } else { 0 };
            match service {
                log::SERVICE => call_log(machine, method.into(), gas, shown, arguments),
                hash::SERVICE => call_hash(machine, method.into(), gas, shown, arguments),
                block::SERVICE => call_block(machine, method, gas, shown, arguments),
                _ => Err(Status::NO_ENDPOINT),
            }
        }),
        Some(Standing::Program(program)) => call_program(&*program, method, sends, arguments),
    };
    match outcome {
        Ok(result) => [result, Status::HALT.number()],
        Err(status) => [0, status.number()],
    }
}

/// Calls what a test has put into a slot. Where it panics the call ends as a panic.
fn call_program(program: &dyn Answer, method: u16, sends: bool, registers: [u64; 4]) -> Result<u64, Status> {
    let scratchpad = if sends { scratchpad() } else { &mut [] };
    // SAFETY: the bytes are mapped. Who makes the call lends them to the callee.
    let given = unsafe { (*scratchpad).to_vec() };
    let answer = || program.answer(method, registers, &given);
    let served = catch_unwind(AssertUnwindSafe(answer)).unwrap_or(Err(Status::PANIC))?;
    if let Some(bytes) = &served.scratchpad {
        if bytes.len() > scratchpad.len() {
            return Err(Status::FAULT);
        }
        // SAFETY: as above.
        unsafe { (&mut *scratchpad)[..bytes.len()].copy_from_slice(bytes) };
    }
    Ok(served.register)
}

/// Where `length` bytes at `offset` are, if they are within `shown` bytes of the scratchpad.
fn place(machine: &Machine, shown: usize, offset: u64, length: u64) -> Result<*mut [u8], Status> {
    let end = offset.checked_add(length).filter(|&end| end <= shown as u64).ok_or(Status::RANGE)?;
    let start = machine.scratchpad.cast::<u8>().wrapping_add(offset as usize);
    Ok(core::ptr::slice_from_raw_parts_mut(start, (end - offset) as usize))
}

fn pay(limit: u64, price: u64) -> Result<(), Status> {
    if limit != 0 && price > limit { Err(Status::OUT_OF_GAS) } else { Ok(()) }
}

/// What the entries of a log may hold together, and what each counts beyond its bytes.
const LOG_BYTES: usize = 65536;
const ENTRY_BYTES: usize = 16;

fn call_log(
    machine: &mut Machine,
    method: u64,
    gas: u64,
    shown: usize,
    [offset, length, topic, _]: [u64; 4],
) -> Result<u64, Status> {
    if method != 0 {
        return Err(Status::NO_ENDPOINT);
    }
    let place = place(machine, shown, offset, length)?;
    let used: usize = machine.logs.iter().map(|(_, bytes)| bytes.len() + ENTRY_BYTES).sum();
    if used + ENTRY_BYTES + place.len() > LOG_BYTES {
        return Err(Status::QUOTA);
    }
    pay(gas, 100 + length)?;
    // SAFETY: the bytes are mapped. Who makes the call lends them to the service.
    machine.logs.push((topic, unsafe { (*place).to_vec() }));
    Ok(machine.logs.len() as u64 - 1)
}

fn call_hash(
    machine: &Machine,
    method: u64,
    gas: u64,
    shown: usize,
    [offset, length, to, _]: [u64; 4],
) -> Result<u64, Status> {
    if method > 2 {
        return Err(Status::NO_ENDPOINT);
    }
    let place_of = |offset, length| place(machine, shown, offset, length);
    let (from, to) = (place_of(offset, length)?, place_of(to, hash::DIGEST_BYTES as u64)?);
    pay(gas, 300)?;
    // SAFETY: the bytes are mapped. Who makes the call lends them to the service.
    let bytes = unsafe { &*from };
    let digest: [u8; hash::DIGEST_BYTES] = match method {
        0 => {
            let digest = blake2b_simd::Params::new().hash_length(hash::DIGEST_BYTES).hash(bytes);
            digest.as_bytes().try_into().unwrap_or_default()
        }
        1 => sha3::Keccak256::digest(bytes).into(),
        _ => sha2::Sha256::digest(bytes).into(),
    };
    // SAFETY: the bytes are mapped. Who makes the call promises that nobody refers to them.
    unsafe { to.cast::<[u8; hash::DIGEST_BYTES]>().write_unaligned(digest) };
    Ok(0)
}

/// Outside of blocks.
fn call_block(machine: &Machine, method: u16, gas: u64, shown: usize, [to, ..]: [u64; 4]) -> Result<u64, Status> {
    match method {
        0 => pay(gas, 100)?,
        1 => {
            let to = place(machine, shown, to, 32)?;
            pay(gas, 150)?;
            // SAFETY: the bytes are mapped. Who makes the call promises that nobody refers to them.
            unsafe { to.cast::<[u8; 32]>().write_unaligned([0; 32]) };
        }
        _ => return Err(Status::NO_ENDPOINT),
    }
    Ok(0)
}

/// # Safety
/// As in nub: SELF's operand is the address of a record.
pub(crate) unsafe fn operate(what: u64, last: u64, operands: [u64; 4]) -> [u64; 3] {
    let asked = Operation::ALL.iter().find(|operation| **operation as u64 == what & 0xff);
    match asked.copied() {
        Some(Operation::Gas) => [test::GAS, 0, 0],
        Some(Operation::Quota) => [1 << 40, 0, 0],
        Some(Operation::SelfRecord) => {
            let record = core::ptr::with_exposed_provenance_mut::<[u64; 8]>(operands[0] as usize);
            // SAFETY: the caller's promise.
            unsafe { record.write([Via::Host as u64, 0, 0, 0, 0, 0, 0, 0]) };
            [0; 3]
        }
        Some(Operation::Call) if what >> 32 < 256 => {
            let [result, status] = call_slot((what >> 32) as u8, what & 0xffff_ff00, last, operands);
            [result, status, 0]
        }
        Some(operation) => panic!(
            "{} is an operation of the kernel, and this is host code, which has no capabilities: \
             test what needs it as an Image, in nub",
            operation.name()
        ),
        None => [0, Status::UNKNOWN.number(), 0],
    }
}

/// A variable of the thread. A test is one call, as far as the scratchpad goes.
macro_rules! per_call {
    (static $name:ident: $ty:ty;) => {
        std::thread_local! {
            static $name: core::cell::Cell<$ty> = const { core::cell::Cell::new(0) };
        }
    };
}
pub(crate) use per_call;

/// Who wants what is not asked on a host.
macro_rules! import {
    (slot $slot:expr, service $service:expr, required $required:expr) => {
        const _: (u8, u32, bool) = ($slot, $service, $required);
    };
}
pub(crate) use import;
