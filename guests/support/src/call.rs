//! What the kernel does for a program: calls of what stands in a slot ([`call`]), the operations that need no slot
//! ([`gas`], [`whoami`]), and the regions of memory that the linker laid out ([`scratchpad`], [`heap`]).

use core::arch::asm;

/// Flag of a call: the scratchpad (slot 0) moves to the callee and comes back with the reply.
pub const SCRATCH: u8 = 1;

/// Status: the callee came to its end.
pub const OK: u64 = 0;

/// Status: the callee's gas was too little.
pub const OUT_OF_GAS: u64 = 3;

/// Service id of LOG. Method 0: arguments offset, length, topic.
pub const LOG_SERVICE: u32 = 1;

/// Service id of HASH. Methods 0 BLAKE2b-256, 1 Keccak-256, 2 SHA-256: arguments offset, length, offset of the output.
pub const HASH_SERVICE: u32 = 2;

const GAS: u64 = 23;
const SELF: u64 = 24;

/// What comes back from a call.
#[derive(Clone, Copy)]
pub struct Reply {
    /// The callee's result, where `status` is [`OK`].
    pub result: u64,
    /// [`OK`], or how the call ended, or why it was refused.
    pub status: u64,
}

/// Calls method `method` of what stands in slot `SLOT` with all the gas there is. The callee may use the scratchpad if
/// `flags` has [`SCRATCH`].
#[inline(always)]
pub fn call<const SLOT: u8>(method: u16, flags: u8, arguments: [u64; 4]) -> Reply {
    call_with_gas::<SLOT>(method, flags, arguments, 0)
}

/// Whether a service in slot `SLOT` would do what [`call`] asks of it. Asked with one unit of gas, less than anything
/// costs, it checks the arguments and then stops at the price, with nothing done.
#[inline(always)]
pub fn would_accept<const SLOT: u8>(method: u16, flags: u8, arguments: [u64; 4]) -> bool {
    call_with_gas::<SLOT>(method, flags, arguments, 1).status == OUT_OF_GAS
}

/// [`call`] with at most `gas` for the callee; 0 stands for all but a 64th of what is left.
#[inline(always)]
pub fn call_with_gas<const SLOT: u8>(method: u16, flags: u8, arguments: [u64; 4], gas: u64) -> Reply {
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
            in("a4") u64::from(flags) << 8 | u64::from(method) << 16,
            in("a5") gas,
            options(nostack),
        );
    }
    Reply { result, status }
}

/// Performs operation `operation` with one operand.
#[inline(always)]
fn operate(operation: u64, operand: u64) -> Reply {
    let (mut result, mut status) = (operand, 0u64);
    // SAFETY: operations that need no slot change a0, a1, a2 and the memory an operand points to.
    unsafe {
        asm!(
            "ecall",
            inlateout("a0") result,
            inlateout("a1") status,
            inlateout("a2") 0u64 => _,
            in("a3") 0u64,
            in("a4") operation,
            in("a5") 0u64,
            options(nostack),
        );
    }
    Reply { result, status }
}

/// The gas that is left.
pub fn gas() -> u64 {
    operate(GAS, 0).result
}

/// Who is running and how it was called, as the 64 bytes that the kernel writes; `Err` is the status of a refusal.
pub fn whoami() -> Result<[u8; 64], u64> {
    let mut record = [0u8; 64];
    match operate(SELF, record.as_mut_ptr() as u64).status {
        OK => Ok(record),
        refused => Err(refused),
    }
}

unsafe extern "C" {
    static mut __nub_scratch_start: u8;
    static mut __nub_scratch_end: u8;
    static mut __nub_heap_start: u8;
    static mut __nub_heap_end: u8;
}

/// Where the scratchpad is mapped. Reading or writing through it faults when the caller passed no scratchpad.
pub fn scratchpad() -> *mut [u8] {
    let (start, end) = (&raw mut __nub_scratch_start, &raw mut __nub_scratch_end);
    core::ptr::slice_from_raw_parts_mut(start, end.addr() - start.addr())
}

/// The heap: zero at each call, forgotten after it.
pub fn heap() -> *mut [u8] {
    let (start, end) = (&raw mut __nub_heap_start, &raw mut __nub_heap_end);
    core::ptr::slice_from_raw_parts_mut(start, end.addr() - start.addr())
}
