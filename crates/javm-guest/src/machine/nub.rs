//! In nub: a RISC-V program whose linker and kernel are described in `docs/spec/linker.md` and `docs/spec/calls.md`.
//!
//! This is the only file with assembly, beside the memory functions of `memory.s`.

use core::arch::{asm, global_asm};

global_asm!(include_str!("memory.s"));

/// Calls what stands in slot `SLOT`: φ11 and φ12 are `what` and `gas`. Returns φ7 and φ8.
#[inline(always)]
pub(crate) fn call<const SLOT: u8>(what: u64, gas: u64, arguments: [u64; 4]) -> [u64; 2] {
    let [mut result, mut status, value, last] = arguments;
    // SAFETY: the word is nub's own form of `ecalli SLOT`. It changes a0, a1, a2 and the scratchpad, which is memory as
    // far as the compiler knows.
    unsafe {
        asm!(
            ".insn i 0x0B, 0, x0, x0, {slot}",
            slot = const SLOT,
            inlateout("a0") result,
            inlateout("a1") status,
            inlateout("a2") value => _,
            in("a3") last,
            in("a4") what,
            in("a5") gas,
            options(nostack),
        );
    }
    [result, status]
}

/// Performs an operation: φ11 and φ12 are `what` and `last`. Returns φ7, φ8 and φ9.
///
/// # Safety
/// The operation does nothing to the program's memory that the compiler could not expect: what it writes there is memory
/// that an operand points to and that may be written, and what it maps, moves or drops nobody has a reference to.
#[inline(always)]
pub(crate) unsafe fn operate(what: u64, last: u64, operands: [u64; 4]) -> [u64; 3] {
    let [mut result, mut status, mut detail, fourth] = operands;
    // SAFETY: it changes a0, a1, a2 and memory for which the caller has promised.
    unsafe {
        asm!(
            "ecall",
            inlateout("a0") result,
            inlateout("a1") status,
            inlateout("a2") detail,
            in("a3") fourth,
            in("a4") what,
            in("a5") last,
            options(nostack),
        );
    }
    [result, status, detail]
}

/// Ends the call as a panic.
pub(crate) fn trap() -> ! {
    // SAFETY: `unimp` never continues; the linker turns it into `trap`.
    unsafe { asm!("unimp", options(noreturn, nomem, nostack)) }
}

unsafe extern "C" {
    static mut __nub_scratch_start: u8;
    static mut __nub_scratch_end: u8;
    static mut __nub_heap_start: u8;
    static mut __nub_heap_end: u8;
}

/// Where the scratchpad is mapped; without any, nothing.
pub(crate) fn scratchpad() -> *mut [u8] {
    let (start, end) = (&raw mut __nub_scratch_start, &raw mut __nub_scratch_end);
    core::ptr::slice_from_raw_parts_mut(start, end.addr() - start.addr())
}

/// The heap that is zero at each call.
pub(crate) fn ephemeral_heap() -> *mut [u8] {
    let (start, end) = (&raw mut __nub_heap_start, &raw mut __nub_heap_end);
    core::ptr::slice_from_raw_parts_mut(start, end.addr() - start.addr())
}

/// The arena of `persistent_heap!`; null without one.
#[inline(always)]
pub(crate) fn persistent_heap() -> *mut crate::heap::Heap {
    let arena: *mut crate::heap::Heap;
    // SAFETY: it computes an address. A weak symbol that nobody defines is 0.
    unsafe {
        asm!(
            ".weak __javm_persistent_heap",
            "lui {arena}, %hi(__javm_persistent_heap)",
            "addi {arena}, {arena}, %lo(__javm_persistent_heap)",
            arena = lateout(reg) arena,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    arena
}

/// A variable that is zero at the start of each call, and shared by nobody: a program has one thread.
macro_rules! per_call {
    (static $name:ident: $ty:ty;) => {
        struct PerCall(core::cell::Cell<$ty>);
        // SAFETY: a program has one thread.
        unsafe impl Sync for PerCall {}
        impl PerCall {
            fn get(&self) -> $ty {
                self.0.get()
            }
            fn set(&self, value: $ty) {
                self.0.set(value);
            }
        }
        #[unsafe(link_section = ".ephemeral")]
        static $name: PerCall = PerCall(core::cell::Cell::new(0));
    };
}
pub(crate) use per_call;

/// Wants service `service` in slot `slot`, if the code that this stands in is part of the program. The linker takes equal
/// records for one.
macro_rules! import {
    (slot $slot:expr, service $service:expr, required $required:expr) => {
        // SAFETY: it writes to a section that is not loaded, and no instruction.
        unsafe {
            core::arch::asm!(
                ".pushsection .nub.imports, \"aR\", @progbits",
                ".byte 1, {slot}, 1, {required}",
                ".4byte {service}",
                ".popsection",
                slot = const $slot,
                required = const $required as u8,
                service = const $service,
                options(nomem, nostack, preserves_flags),
            );
        }
    };
}
pub(crate) use import;
