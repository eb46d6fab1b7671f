//! Failing on purpose, for tests of those who have to notice.

#![allow(unsafe_code)]

use core::arch::asm;
use core::hint::black_box;

use nub_arch_x86_abi::layout::{IMAGE_BASE, Stack, WINDOWS_BASE};
use nub_arch_x86_abi::request::Failure;
use nub_arch_x86_abi::trap::VECTORS;

use crate::{boot, memory, window};

/// Fails in this way. Comes back where the failure is yet to be noticed: where there is no memory from now on, or the reply is
/// to be none.
#[inline(never)]
pub(crate) fn fail(failure: Failure) {
    match failure {
        Failure::Panic => panic!("on purpose"),
        Failure::Hang => loop {
            core::hint::spin_loop();
        },
        Failure::StackOverflow => {
            black_box(deeper(1));
        }
        Failure::Garbage => {}
        Failure::OutOfMemory => memory::use_up(),
        // SAFETY: none: this is the end of the guest, which is what is asked for.
        Failure::WildRead => unsafe {
            black_box((black_box(WINDOWS_BASE - 4096) as *const u64).read_volatile());
        },
        // SAFETY: see above.
        Failure::WriteCode => unsafe { (black_box(IMAGE_BASE + 4096) as *mut u64).write_volatile(0) },
        // SAFETY: see above.
        Failure::InvalidOpcode => unsafe { asm!("ud2", options(noreturn)) },
        // SAFETY: see above.
        Failure::DoubleFault => unsafe { fault_without_stack() },
        // SAFETY: see above.
        Failure::TripleFault => unsafe { fault_without_descriptors() },
    }
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX {
        return 0;
    }
    let room = black_box([depth; 64]);
    black_box(deeper(black_box(depth + 1))) + room[(depth % 64) as usize]
}

/// Takes away the stack that page faults arrive on, and faults.
unsafe fn fault_without_stack() {
    window::take_away(Stack::Trap.top(0) - 8);
    // SAFETY: none; see the caller.
    unsafe { (black_box(WINDOWS_BASE - 4096) as *const u64).read_volatile() };
}

/// Takes away the interrupt descriptors, and faults.
unsafe fn fault_without_descriptors() {
    let descriptors = boot::linear(boot::info().interrupts) as *mut u64;
    // SAFETY: the descriptors are two words each, in the linear map, which is writable.
    unsafe {
        for vector in 0..VECTORS {
            descriptors.add(vector * 2).write_volatile(0);
        }
        (black_box(WINDOWS_BASE - 4096) as *const u64).read_volatile();
    }
}
