//! Where a lane starts, and where a panic ends.

use core::arch::naked_asm;
use core::panic::PanicInfo;

use nub_arch_x86::memory::{KernelMemory, MEMORY};
use nub_arch_x86::{boot, lane, trap};
use nub_arch_x86_abi::Note;

use crate::hashing;

/// What the monitor knows the binary by.
#[used]
#[unsafe(link_section = ".note.nub")]
static NOTE: Note = Note::current();

/// Forwards to the kernel's memory, which the library keeps.
struct Global;

#[global_allocator]
static GLOBAL: Global = Global;

// SAFETY: `KernelMemory` is an allocator, and this gives it everything as it comes.
unsafe impl core::alloc::GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: core::alloc::Layout) -> *mut u8 {
        let memory: &KernelMemory = &MEMORY;
        // SAFETY: the caller's promises are those of this method.
        unsafe { memory.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: core::alloc::Layout) {
        let memory: &KernelMemory = &MEMORY;
        // SAFETY: the caller's promises are those of this method.
        unsafe { memory.dealloc(block, layout) }
    }
}

/// The entry: the monitor has set the stack pointer, `rdi` to the boot information and `rsi` to the lane's number.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub extern "C" fn _start() -> ! {
    naked_asm!("xor ebp, ebp", "call {main}", "ud2", main = sym main)
}

extern "C" fn main(info: u64, number: u64) -> ! {
    // SAFETY: the monitor gives every lane the address of the boot information.
    unsafe { boot::announce(info) };
    hashing::choose();
    lane::serve(number as usize)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    trap::panicked(info)
}
