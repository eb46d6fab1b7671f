//! Traps: how the processor's tables lead into the kernel, and the report of a guest that died.
//!
//! The monitor makes the tables of the processor. The entry for a vector leads to a stub: [`STUB_SIZE`] bytes each, in
//! the order of the vectors, once for each privilege. All stubs leave the same [`TrapFrame`] on the stack and go on in
//! the kernel at the kernel's privilege.

use alloc::string::String;
use alloc::vec::Vec;

use crate::layout::SLOT_STRIDE;
use crate::wire::{Reader, WireError};

/// How many vectors have a stub: all of the processor's own.
pub const VECTORS: usize = 32;
/// The size of a stub in bytes.
pub const STUB_SIZE: u64 = 32;

/// The vectors that the kernel tells apart.
pub mod vector {
    /// Non-maskable interrupt.
    pub const NMI: u8 = 2;
    /// Breakpoint. At privilege `user` the kernel uses it to have translations forgotten, which needs ring 0: that of the
    /// address in `rax`, or all if that is 0. Of all traps that software can raise it is the one that hosts which emulate
    /// ring 0 deliver.
    pub const BREAKPOINT: u8 = 3;
    /// Double fault.
    pub const DOUBLE_FAULT: u8 = 8;
    /// Page fault.
    pub const PAGE_FAULT: u8 = 14;
    /// Machine check.
    pub const MACHINE_CHECK: u8 = 18;
}

/// The processor's name of a vector.
#[must_use]
pub fn vector_name(vector: u64) -> &'static str {
    match vector {
        0 => "division error",
        1 => "debug trap",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range exceeded",
        6 => "invalid opcode",
        7 => "device not available",
        8 => "double fault",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack-segment fault",
        13 => "general protection fault",
        14 => "page fault",
        16 => "floating-point error",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD floating-point error",
        _ => "unknown vector",
    }
}

/// What a stub leaves on the stack, lowest address first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TrapFrame {
    /// The vector.
    pub vector: u64,
    /// The processor's error code; 0 for vectors that have none.
    pub error: u64,
    /// Where it happened.
    pub rip: u64,
    /// The code segment there.
    pub cs: u64,
    /// The flags there.
    pub rflags: u64,
    /// The stack pointer there.
    pub rsp: u64,
    /// The stack segment there.
    pub ss: u64,
}

/// Where the report stands, in bytes from the beginning of the slot, whose last page it is: a 32-bit length, then as many
/// bytes.
pub const REPORT_OFFSET: u64 = SLOT_STRIDE - 4096;
/// The longest report in bytes, without its length.
pub const REPORT_SIZE: usize = 4092;

/// How many return addresses a report has at most.
pub const MAX_BACKTRACE: usize = 64;

/// Why the guest came to an end, as it says itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What happened.
    pub cause: Cause,
    /// The stack pointer there.
    pub rsp: u64,
    /// Where it happened and from where that was called, innermost first: addresses in the kernel image.
    pub backtrace: Vec<u64>,
}

/// What ended a guest. `M` is the text of a message, which a guest at its end cannot allocate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause<M = String> {
    /// The kernel panicked.
    Panic {
        /// The message, with the place.
        message: M,
    },
    /// A trap that the kernel has no answer to.
    Trap {
        /// Its vector.
        vector: u64,
        /// The processor's error code.
        error: u64,
    },
}

/// The longest message of a panic in bytes; the rest of it is cut off.
pub const MAX_MESSAGE: usize = 2048;

/// Writes a report, piece by piece, without memory of its own: at most [`REPORT_SIZE`] bytes.
pub fn encode_report(cause: &Cause<&str>, rsp: u64, backtrace: &[u64], mut put: impl FnMut(&[u8])) {
    match cause {
        Cause::Panic { message } => {
            let mut end = message.len().min(MAX_MESSAGE);
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            put(&[0]);
            put(&(end as u32).to_le_bytes());
            put(&message.as_bytes()[..end]);
        }
        Cause::Trap { vector, error } => {
            put(&[1]);
            put(&vector.to_le_bytes());
            put(&error.to_le_bytes());
        }
    }
    put(&rsp.to_le_bytes());
    let frames = &backtrace[..backtrace.len().min(MAX_BACKTRACE)];
    put(&(frames.len() as u32).to_le_bytes());
    frames.iter().for_each(|address| put(&address.to_le_bytes()));
}

impl Report {
    /// Reads one.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no report.
    pub fn decode(bytes: &[u8]) -> Result<Report, WireError> {
        let mut from = Reader::new(bytes);
        let cause = match from.u8()? {
            0 => Cause::Panic { message: from.text()?.into() },
            1 => Cause::Trap { vector: from.u64()?, error: from.u64()? },
            other => return Err(from.unexpected("cause of a report", u64::from(other))),
        };
        let rsp = from.u64()?;
        let count = from.u32()?;
        if count as usize > MAX_BACKTRACE {
            return Err(from.unexpected("length of a backtrace", u64::from(count)));
        }
        let backtrace = (0..count).map(|_| from.u64()).collect::<Result<_, _>>()?;
        from.end()?;
        Ok(Report { cause, rsp, backtrace })
    }
}

const _: () = {
    assert!(size_of::<TrapFrame>() == 56);
    assert!(REPORT_OFFSET + 4 + REPORT_SIZE as u64 == SLOT_STRIDE);
    assert!(MAX_MESSAGE + 32 + 8 * MAX_BACKTRACE <= REPORT_SIZE);
};

/// The selector of the kernel's code at privilege `supervisor`.
pub const KERNEL_CODE: u16 = 0x08;
/// The selector of the kernel's data at privilege `supervisor`.
pub const KERNEL_DATA: u16 = 0x10;
/// The selector of the kernel's data at privilege `user`.
pub const USER_DATA: u16 = 0x18 | 3;
/// The selector of the kernel's code at privilege `user`.
pub const USER_CODE: u16 = 0x20 | 3;
/// The selector of the task state segment.
pub const TASK_STATE: u16 = 0x28;
