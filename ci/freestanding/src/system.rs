//! Where the process begins and ends: all that is asked of the system.

use core::arch::{asm, naked_asm};

/// The entry point. The system jumps here with the stack pointer aligned to 16 bytes; a function expects it 8 below.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn _start() -> ! {
    naked_asm!("call {main}", "ud2", main = sym crate::main)
}

/// Ends the process.
pub fn exit(code: i32) -> ! {
    const EXIT_GROUP: u64 = 231;
    // SAFETY: `exit_group` takes the code in edi and does not come back.
    unsafe {
        asm!("syscall", in("rax") EXIT_GROUP, in("edi") code, options(noreturn, nostack));
    }
}
