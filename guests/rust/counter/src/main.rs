//! A counter: the smallest program that keeps state. `STATE` lies in memory that is part of the Instance: what one call
//! leaves there the next call finds.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::fmt::Write;
use nub_guest_support::call::{self, LOG_SERVICE, SCRATCH};

nub_guest_support::memory! { stack 16384, heap 0, scratchpad 4096 }

nub_guest_support::import! {
    /// Where `add` tells what it did, if the creator granted it.
    LOG: slot 16, service LOG_SERVICE, optional
}

/// The longest line that `add` logs.
const LINE_BYTES: usize = 64;

/// The state. One call runs at a time, so a `Cell` is all it takes.
struct State {
    total: Cell<u64>,
    additions: Cell<u64>,
}

// SAFETY: a program has one thread.
unsafe impl Sync for State {}

static STATE: State = State { total: Cell::new(0), additions: Cell::new(0) };

nub_guest_support::endpoint! {
    /// Adds `n` (mod 2^64) and returns the new total.
    fn add(n) {
        let total = STATE.total.get().wrapping_add(n);
        STATE.total.set(total);
        STATE.additions.set(STATE.additions.get() + 1);
        log(n, total);
        total
    }

    /// The total.
    fn get() {
        STATE.total.get()
    }

    /// How many additions there were.
    fn additions() {
        STATE.additions.get()
    }

    /// Back to zero; returns the total that was.
    fn reset() {
        STATE.additions.set(0);
        STATE.total.replace(0)
    }
}

/// Writes a line into the scratchpad and hands it to LOG. Without LOG or without a scratchpad, into which the line would
/// fault, the counter counts in silence.
fn log(n: u64, total: u64) {
    if !call::would_accept::<LOG>(0, SCRATCH, [0, LINE_BYTES as u64, 0, 0]) {
        return;
    }
    // SAFETY: LOG has just seen a scratchpad, and nothing else refers to it.
    let mut line = Line { bytes: unsafe { &mut (&mut *call::scratchpad())[..LINE_BYTES] }, length: 0 };
    // Two numbers of at most 20 digits fit.
    let _ = write!(line, "added {n}, total {total}");
    call::call::<LOG>(0, SCRATCH, [0, line.length as u64, 0, 0]);
}

/// Text at the start of the scratchpad.
struct Line<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes[self.length..].len().min(text.len());
        self.bytes[self.length..][..room].copy_from_slice(&text.as_bytes()[..room]);
        self.length += room;
        if room == text.len() { Ok(()) } else { Err(core::fmt::Error) }
    }
}
