//! What a library of its own has to have.

use core::arch::asm;
use core::panic::PanicInfo;

/// Nothing in this library panics; if it does, the kernel is told by its trap handler, with where it was.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: an invalid operation traps, and the kernel's trap handler does not come back.
    unsafe { asm!("ud2", options(noreturn)) }
}
