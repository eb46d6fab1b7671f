//! The few instructions that the compiler has no words for.

use core::arch::asm;

use nub_arch_x86_abi::port::{DEBUG_PORT, EVENT_PORT, Event};
use nub_arch_x86_abi::trap::{FLUSH_ALL_VECTOR, FLUSH_PAGE_VECTOR};

use crate::boot;

/// Leaves the virtual machine; comes back when the host has dealt with the event.
pub fn leave(event: Event) {
    // SAFETY: writing to the port makes the monitor act; registers and memory of the kernel stay as they are, but for the
    // slot, all of which is atomic.
    unsafe { asm!("out dx, eax", in("dx") EVENT_PORT, in("eax") event as u32, options(nostack, preserves_flags)) };
}

/// Writes a byte of the debug log.
pub fn debug(byte: u8) {
    // SAFETY: writing to the port changes nothing here.
    unsafe { asm!("out dx, al", in("dx") DEBUG_PORT, in("al") byte, options(nomem, nostack, preserves_flags)) };
}

/// Forgets the translation of one address on this processor.
pub fn flush_page(address: u64) {
    if boot::is_user() {
        // SAFETY: the vector's stub forgets the translation of what is in rax, and changes nothing else.
        unsafe { asm!("int {vector}", vector = const FLUSH_PAGE_VECTOR, in("rax") address, options(nostack)) };
    } else {
        // SAFETY: forgetting a translation is always sound; this is ring 0.
        unsafe { asm!("invlpg [{address}]", address = in(reg) address, options(nostack, preserves_flags)) };
    }
}

/// Forgets every translation on this processor.
pub fn flush_all() {
    if boot::is_user() {
        // SAFETY: the vector's stub loads the root page table again, and changes nothing else.
        unsafe { asm!("int {vector}", vector = const FLUSH_ALL_VECTOR, options(nostack)) };
    } else {
        // SAFETY: the root page table stays the same; this is ring 0.
        unsafe {
            asm!("mov {root}, cr3", "mov cr3, {root}", root = out(reg) _, options(nostack, preserves_flags));
        }
    }
}
