//! Traps.
//!
//! The processor's tables, which the monitor made, lead each vector to a stub. All stubs leave the same frame on the
//! vector's own stack; those of privilege `user` then go from ring 0, where traps arrive, to ring 3, where the kernel
//! runs, on the same stack. All else that is done in ring 0 is forgetting translations, when the kernel asks for it by a
//! breakpoint.
//!
//! A trap is never *handled* in the sense of doing work: either it is a page fault of one of the accesses in
//! [`crate::access`], which is sent on to the place that this access names for it, or the guest is at its end and says
//! why. So no compiled code ever runs between a trap and the return from it, and no register has to be saved but the
//! four that the search needs.

#![allow(unsafe_code)]

use core::arch::global_asm;
use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, Ordering};

use nub_arch_x86_abi::layout::{self, LANE_STACKS_STRIDE, MAX_LANES, STACKS_BASE, Stack};
use nub_arch_x86_abi::port::Event;
use nub_arch_x86_abi::trap::{Cause, MAX_BACKTRACE, MAX_MESSAGE, REPORT_OFFSET, REPORT_SIZE, STUB_SIZE, TrapFrame};
use nub_arch_x86_abi::trap::{USER_CODE, USER_DATA, VECTORS, encode_report, vector};

use crate::log::log;
use crate::{boot, memory, processor};

// One stub: `user` says at which privilege the kernel runs, `vector` which trap it is.
// Vectors 8, 10 to 14, 17, 21, 29 and 30 have an error code on the stack already.
global_asm!(
    ".macro nub_stub user, vector",
    ".balign {stub_size}",
    ".if \\user && \\vector == {breakpoint}",
    "test rax, rax",
    "jz 9f",
    "invlpg [rax]",
    "iretq",
    "9: mov rax, cr3",
    "mov cr3, rax",
    "iretq",
    ".else",
    ".if !(\\vector == 8 || (\\vector >= 10 && \\vector <= 14) || \\vector == 17 || \\vector == 21 || \\vector == 29 || \\vector == 30)",
    "push 0",
    ".endif",
    "push \\vector",
    ".if \\user",
    // What a return to the kernel's own privilege takes from the stack: it goes on above this.
    "push {user_data}",
    "push rsp",
    "pushfq",
    "push {user_code}",
    "push offset nub_trap_user",
    "iretq",
    ".else",
    "jmp nub_trap",
    ".endif",
    ".endif",
    ".endm",
    ".pushsection .text.nub_traps, \"ax\", @progbits",
    ".balign {stub_size}",
    ".globl nub_supervisor_stubs",
    "nub_supervisor_stubs:",
    ".set vector, 0",
    ".rept 32",
    "nub_stub 0, vector",
    ".set vector, vector + 1",
    ".endr",
    ".balign {stub_size}",
    ".globl nub_user_stubs",
    "nub_user_stubs:",
    ".set vector, 0",
    ".rept 32",
    "nub_stub 1, vector",
    ".set vector, vector + 1",
    ".endr",
    ".balign {stub_size}",
    // The stack pointer that the stub pushed points to what it had pushed before; the frame is above it.
    "nub_trap_user:",
    "add rsp, 8",
    "nub_trap:",
    "cmp dword ptr [rsp], {page_fault}",
    "jne 5f",
    "push rax",
    "push rcx",
    "push rdx",
    "push rbx",
    // Each entry is the distance to an access and the distance to where it goes on after a fault.
    "mov rax, [rsp + 48]",
    "lea rcx, [rip + __nub_accesses_start]",
    "lea rdx, [rip + __nub_accesses_end]",
    "2: cmp rcx, rdx",
    "jae 4f",
    "movsxd rbx, dword ptr [rcx]",
    "add rbx, rcx",
    "cmp rbx, rax",
    "je 3f",
    "add rcx, 8",
    "jmp 2b",
    "3: movsxd rbx, dword ptr [rcx + 4]",
    "lea rbx, [rbx + rcx + 4]",
    "mov [rsp + 48], rbx",
    "pop rbx",
    "pop rdx",
    "pop rcx",
    "pop rax",
    "add rsp, 16",
    "iretq",
    "4: pop rbx",
    "pop rdx",
    "pop rcx",
    "pop rax",
    // The end: the frame is the first argument, the lane the second.
    "5: mov rdi, rsp",
    "mov rax, {stacks}",
    "mov rsi, rsp",
    "sub rsi, rax",
    "shr rsi, {lane_shift}",
    "mov rcx, rsi",
    "shl rcx, {lane_shift}",
    "lea rsp, [rax + rcx]",
    "add rsp, {report_top}",
    "xor ebp, ebp",
    "cld",
    "call {end}",
    "ud2",
    ".popsection",
    stub_size = const STUB_SIZE,
    user_data = const USER_DATA,
    user_code = const USER_CODE,
    breakpoint = const vector::BREAKPOINT,
    page_fault = const vector::PAGE_FAULT,
    stacks = const STACKS_BASE,
    lane_shift = const LANE_STACKS_STRIDE.trailing_zeros(),
    report_top = const Stack::Report.top(0) - STACKS_BASE,
    end = sym end,
);

// What the assembly above counts to.
const _: () = assert!(VECTORS == 32);

/// Which lanes have come to an end already, so that one whose report fails does not report that.
static ENDING: [AtomicBool; MAX_LANES] = [const { AtomicBool::new(false) }; MAX_LANES];

/// Ends the guest because of a trap.
extern "C" fn end(frame: &TrapFrame, lane: u64) -> ! {
    let cause = Cause::Trap { vector: frame.vector, error: frame.error };
    report(lane as usize, &cause, frame.rip, frame.rsp)
}

/// The lane whose stack this is.
fn lane_of(stack_pointer: u64) -> usize {
    (stack_pointer.saturating_sub(STACKS_BASE) / LANE_STACKS_STRIDE) as usize
}

/// As much of a text as fits; there may be no heap to put it on.
struct Text {
    bytes: [u8; MAX_MESSAGE],
    length: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let mut end = text.len().min(room.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        room[..end].copy_from_slice(&text.as_bytes()[..end]);
        self.length += end;
        if end == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

impl Text {
    fn holds(&self, part: &str) -> bool {
        self.bytes[..self.length].windows(part.len()).any(|bytes| bytes == part.as_bytes())
    }
}

/// Ends the guest because the kernel panicked.
pub fn panicked(message: &dyn fmt::Display) -> ! {
    let stack_pointer: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, rsp", out(reg) stack_pointer, options(nomem, nostack, preserves_flags)) };
    let mut text = Text { bytes: [0; MAX_MESSAGE], length: 0 };
    // An error says that not all of it fits.
    let _ = write!(text, "{message}");
    // What `alloc` says when an allocation fails.
    if text.holds("memory allocation of ") {
        let _ = write!(text, "\nout of memory: {}", memory::Situation);
    }
    let message = core::str::from_utf8(&text.bytes[..text.length]).unwrap_or_default();
    log!("ends: {message}");
    report(lane_of(stack_pointer), &Cause::Panic { message }, panicked as *const () as u64, stack_pointer)
}

unsafe extern "C" {
    /// Where the kernel's code begins.
    static __nub_text_start: u8;
    /// Where it ends.
    static __nub_text_end: u8;
}

/// Whether a number may be a return address: it leads into the kernel's code, behind a call.
fn returns_behind_a_call(address: u64) -> bool {
    let (start, end) = (&raw const __nub_text_start as u64, &raw const __nub_text_end as u64);
    // The longest form that is told has 7 bytes.
    if !(start + 7..=end).contains(&address) {
        return false;
    }
    // SAFETY: these bytes are code, which is mapped and never written.
    let before = unsafe { (address as *const [u8; 7]).sub(1).read_unaligned() };
    if before[2] == 0xe8 {
        let distance = i32::from_le_bytes([before[3], before[4], before[5], before[6]]);
        return (start..end).contains(&address.wrapping_add_signed(i64::from(distance)));
    }
    // A call by a register, or by memory at a register and a distance of 0, 1 or 4 bytes, with or without a scale, or at a
    // distance from here.
    [(2, 0xd0), (2, 0x10), (3, 0x14), (3, 0x50), (4, 0x54), (6, 0x10), (6, 0x90), (7, 0x94)].into_iter().any(
        |(length, form)| {
            let instruction = &before[7 - length..];
            instruction[0] == 0xff && instruction[1] & 0xf8 == form & 0xf8
        },
    )
}

/// Puts what looks like return addresses on the stack behind the first address, innermost first; gives how many there are
/// then. The kernel keeps no frame pointers, which would cost its interpreter half of its speed, so that a function that
/// has returned may show too.
fn backtrace(lane: usize, rsp: u64, addresses: &mut [u64; MAX_BACKTRACE]) -> usize {
    let holds = |stack: &Stack| stack.top(lane) - (16 << 20) <= rsp && rsp <= stack.top(lane);
    let Some(stack) = Stack::ALL.into_iter().find(holds) else { return 1 };
    let lowest = rsp.max(stack.top(lane) - stack.size()).next_multiple_of(8);
    let mut count = 1;
    for at in (lowest..stack.top(lane)).step_by(8) {
        // SAFETY: these 8 bytes are on a stack of this lane, all of which is mapped and aligned.
        let word = unsafe { (at as *const u64).read_volatile() };
        if returns_behind_a_call(word) {
            addresses[count] = word;
            count += 1;
            if count == MAX_BACKTRACE {
                break;
            }
        }
    }
    count
}

/// Says in the lane's slot why the guest is at its end, and leaves for ever.
fn report(lane: usize, cause: &Cause<&str>, rip: u64, rsp: u64) -> ! {
    if lane < boot::info().lanes as usize && !ENDING[lane].swap(true, Ordering::Relaxed) {
        let mut addresses = [rip; MAX_BACKTRACE];
        let count = backtrace(lane, rsp, &mut addresses);
        let to = boot::linear(layout::slot(lane) + REPORT_OFFSET) as *mut u8;
        let mut length = 0;
        encode_report(cause, rsp, &addresses[..count], |bytes| {
            assert!(length + bytes.len() <= REPORT_SIZE);
            // SAFETY: the slot has room for a length and REPORT_SIZE bytes there; only this lane writes them.
            unsafe { to.add(4 + length).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            length += bytes.len();
        });
        // SAFETY: see above; the place is aligned.
        unsafe { to.cast::<u32>().write_volatile(length as u32) };
    }
    loop {
        processor::leave(Event::Dead);
    }
}
