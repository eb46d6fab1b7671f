//! The little that a Rust program needs to run in nub: an endpoint record, an import record, the kernel's two entry
//! instructions, the fast memory functions and what happens at a panic.
//!
//! How to read this crate: [`record`] is what the linker reads (endpoints, imports, sizes), [`call`] is what the kernel
//! answers, `memory.s` beside `src/` is memcpy and its kin. A program is a `no_std`, `no_main` binary:
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! nub_guest_support::endpoint! {
//!     /// Twice `n`.
//!     fn double(n) { n.wrapping_mul(2) }
//! }
//! ```
#![no_std]
#![deny(missing_docs)]

pub mod call;
pub mod record;

core::arch::global_asm!(include_str!("../memory.s"));

/// A panic is a trap: the caller sees status "panic", and the kernel undoes what has to be undone.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: `unimp` never continues; nub's linker turns it into `trap`.
    unsafe { core::arch::asm!("unimp", options(noreturn, nomem, nostack)) }
}
