//! Every way to go wrong, one endpoint each: what the kernel must survive and explain.
#![no_std]
#![cfg_attr(not(test), no_main)]

use core::hint::black_box;

use javm_guest::{endpoint, memory};

memory! { stack: 16 << 10, scratchpad: 4096 }

/// Lands in `.rodata`, which is mapped read-only.
static CONSTANTS: [u64; 4] = [3, 1, 4, 1];

/// Loops for ever: ends when the gas does.
#[endpoint]
fn spin() -> u64 {
    loop {}
}

/// Recurses until the stack is used up: faults on the guard page below it.
#[endpoint]
fn recurse(n: u64) -> u64 {
    deeper(n)
}

/// Stores to a constant: faults, as read-only data is mapped read-only.
#[endpoint]
fn write_readonly(value: u64) -> u64 {
    // SAFETY: none; that is the point.
    unsafe { black_box((&raw const CONSTANTS[2]).cast_mut()).write_volatile(value) };
    CONSTANTS[2]
}

/// Loads from address 0: panics, as nothing below 2^16 is ever mapped.
#[endpoint]
fn null() -> u64 {
    // SAFETY: none; that is the point.
    unsafe { black_box(core::ptr::null::<u64>()).read_volatile() }
}

/// Loads from `address`, say one where nothing is mapped: faults there.
#[endpoint]
fn unmapped(address: u64) -> u64 {
    // SAFETY: none; that is the point.
    unsafe { core::ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() }
}

/// A Rust panic: a message, then a trap.
#[endpoint]
fn panic(n: u64) -> u64 {
    assert!(n == u64::MAX, "{n} is not the largest number");
    n
}

/// A failure that the program foresees.
#[endpoint]
fn refuse(n: u8) -> Result<u8, &'static str> {
    if n == 0 { Ok(0) } else { Err("only 0 is accepted") }
}

/// Not a tail call, and each frame is looked at after the call returns: the compiler cannot make a loop of it.
#[inline(never)]
fn deeper(n: u64) -> u64 {
    let mut frame = [n; 8];
    black_box(&mut frame);
    if frame[0] == u64::MAX {
        return 0;
    }
    let below = deeper(frame[1].wrapping_add(2) & !1);
    black_box(&frame);
    below.wrapping_add(frame[7])
}
