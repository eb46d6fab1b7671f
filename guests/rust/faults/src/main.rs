//! Every way to go wrong, one endpoint each: what the kernel must survive and explain.
#![no_std]
#![no_main]

use core::hint::black_box;

nub_guest_support::memory! { stack 16384, heap 0, scratchpad 0 }

/// Lands in `.rodata`, which is mapped read-only.
static CONSTANTS: [u64; 4] = [3, 1, 4, 1];

nub_guest_support::endpoint! {
    /// Loops for ever: ends when the gas does.
    fn spin() {
        loop {}
    }

    /// Recurses until the stack is used up: faults on the guard page below it.
    fn recurse(n) {
        deeper(n)
    }

    /// Stores to a constant: faults, as read-only data is mapped read-only.
    fn write_readonly(value) {
        // SAFETY: none; that is the point.
        unsafe { black_box((&raw const CONSTANTS[2]).cast_mut()).write_volatile(value) };
        CONSTANTS[2]
    }

    /// Loads from address 0: panics, as nothing below 2^16 is ever mapped.
    fn null() {
        // SAFETY: none; that is the point.
        unsafe { black_box(core::ptr::null::<u64>()).read_volatile() }
    }

    /// Loads from `address`, say one where nothing is mapped: faults there.
    fn unmapped(address) {
        // SAFETY: none; that is the point.
        unsafe { core::ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() }
    }

    /// A Rust panic: a trap.
    fn panic(n) {
        assert!(n == u64::MAX, "{n} is not the largest number");
        n
    }
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
