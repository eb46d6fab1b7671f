//! The few instructions that the compiler has no words for.

#![allow(unsafe_code)]

use core::arch::asm;

use nub_arch_x86_abi::layout::{LANE_STACKS_STRIDE, STACKS_BASE};
use nub_arch_x86_abi::port::{DEBUG_PORT, EVENT_PORT, Event};

use crate::boot;

/// The lane that this runs on: whose stack it uses.
#[inline]
pub fn lane() -> usize {
    let stack: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) stack, options(nomem, nostack, preserves_flags)) };
    (stack.saturating_sub(STACKS_BASE) / LANE_STACKS_STRIDE) as usize
}

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

/// Has the stub in ring 0 forget the translation of an address, or all for 0.
fn ask_to_flush(address: u64) {
    // SAFETY: the breakpoint's stub forgets translations, may change rax, and changes nothing else.
    unsafe { asm!("int3", inout("rax") address => _, options(nostack)) };
}

/// Forgets the translation of one address on this processor.
pub fn flush_page(address: u64) {
    if boot::is_user() {
        ask_to_flush(address);
    } else {
        // SAFETY: forgetting a translation is always sound; this is ring 0.
        unsafe { asm!("invlpg [{address}]", address = in(reg) address, options(nostack, preserves_flags)) };
    }
}

/// Forgets every translation on this processor.
pub fn flush_all() {
    if boot::is_user() {
        ask_to_flush(0);
    } else {
        // SAFETY: the root page table stays the same; this is ring 0.
        unsafe {
            asm!("mov {root}, cr3", "mov cr3, {root}", root = out(reg) _, options(nostack, preserves_flags));
        }
    }
}
