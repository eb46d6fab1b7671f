//! Loads and stores of programs, each one machine instruction.
//!
//! An access to a page that is not mapped, or not for writing, is a page fault; [`crate::trap`] finds the instruction in
//! the list that these functions make (section `.nub_accesses`) and sends it on to where the access counts as failed. What
//! to do then is the address space's, in ordinary code.

#![allow(unsafe_code)]

use core::arch::asm;

use nub_arch_x86_abi::layout::WINDOW_STRIDE;

/// How far behind a window's beginning an access may end: it stays within what belongs to the window.
const REACH: u64 = (1 << 32) + 8;
const _: () = assert!(REACH <= WINDOW_STRIDE);

/// The list entry for the instruction at label 2: when it faults, label 4 sets `failed` and goes on behind it.
macro_rules! guarded {
    ($instruction:literal) => {
        concat!(
            "2: ",
            $instruction,
            "\n",
            "3:\n",
            ".pushsection .nub_accesses, \"a\", @progbits\n",
            ".long 2b - .\n",
            ".long 4f - .\n",
            ".popsection\n",
            ".pushsection .text.nub_failed, \"ax\", @progbits\n",
            "4: mov {failed:e}, 1\n",
            "jmp 3b\n",
            ".popsection"
        )
    };
}

macro_rules! load {
    ($instruction:literal, $type:ty, $base:ident, $address:ident) => {{
        let value: u64;
        let mut failed = 0u32;
        // SAFETY: the caller promises that the window is one of programs' memory: reading there has no effect, and a
        // fault is sent on to label 4.
        unsafe {
            asm!(
                guarded!($instruction),
                value = lateout(reg) value,
                failed = inout(reg) failed,
                base = in(reg) $base,
                address = in(reg) u64::from($address),
                options(nostack, readonly, preserves_flags),
            );
        }
        (failed == 0).then_some(value as $type)
    }};
}

macro_rules! store {
    ($instruction:literal, $class:ident, $value:expr, $base:ident, $address:ident) => {{
        let mut failed = 0u32;
        // SAFETY: the caller promises that the window is one of programs' memory, to which no reference exists; a fault
        // is sent on to label 4.
        unsafe {
            asm!(
                guarded!($instruction),
                value = in($class) $value,
                failed = inout(reg) failed,
                base = in(reg) $base,
                address = in(reg) u64::from($address),
                options(nostack, preserves_flags),
            );
        }
        failed == 0
    }};
}

/// Reads `N` bytes (1, 2, 4 or 8) at `address` of the window at `base`, if they can be read.
///
/// # Safety
/// `base` is where a window begins whose pages are up to date, or one with nothing mapped.
#[inline(always)]
pub unsafe fn load<const N: usize>(base: u64, address: u32) -> Option<[u8; N]> {
    let value = match N {
        1 => u64::from(load!("movzx {value:e}, byte ptr [{base} + {address}]", u8, base, address)?),
        2 => u64::from(load!("movzx {value:e}, word ptr [{base} + {address}]", u16, base, address)?),
        4 => u64::from(load!("mov {value:e}, dword ptr [{base} + {address}]", u32, base, address)?),
        8 => load!("mov {value:r}, qword ptr [{base} + {address}]", u64, base, address)?,
        _ => return None,
    };
    value.to_le_bytes().first_chunk().copied()
}

/// Writes `N` bytes (1, 2, 4 or 8) at `address` of the window at `base`, if all of them can be written.
///
/// # Safety
/// As for [`load`]; and no reference to a page that the window shows as writable is in use.
#[inline(always)]
pub unsafe fn store<const N: usize>(base: u64, address: u32, bytes: [u8; N]) -> bool {
    let mut value = [0; 8];
    value[..N].copy_from_slice(&bytes);
    let value = u64::from_le_bytes(value);
    match N {
        1 => store!("mov byte ptr [{base} + {address}], {value}", reg_byte, value as u8, base, address),
        2 => store!("mov word ptr [{base} + {address}], {value:x}", reg, value, base, address),
        4 => store!("mov dword ptr [{base} + {address}], {value:e}", reg, value, base, address),
        8 => store!("mov qword ptr [{base} + {address}], {value:r}", reg, value, base, address),
        _ => false,
    }
}
