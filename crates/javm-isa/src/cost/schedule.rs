//! The pipeline cost model without its cycles: each instruction is given the cycle in which it starts as it comes.
//!
//! The machine starts the oldest of the instructions that could start. Giving cycles in the order of the program comes
//! to the same as long as no instruction takes a unit that an older one needs later, while that one still waits for its
//! operands. Where it would, or where more instructions could start than a cycle allows, the schedule gives up, and the
//! block is simulated by [`super::machine`].
//!
//! What is taken in which cycle is a word with a bit for each cycle.

use super::issued::{Class, Issued, PLACES};
use super::machine::{DECODE_SLOTS, ENTRIES, STARTS};

/// A set of cycles from `base` on.
type Cycles = u128;

const WINDOW: u32 = Cycles::BITS;
/// How far the window moves at a time.
const STRIDE: u32 = WINDOW / 2;

/// From the cycle at whose end an entry of the reorder buffer has its result, and all older ones have theirs, to the
/// first in which its place is free.
const RETIREMENT: u32 = 3;

/// The schedule of a block.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// Whether it is of no use.
    given_up: bool,
    /// The cycle in which the last instruction was decoded, and the decode slots left in it.
    cycle: u32,
    slots: u32,
    /// The cycle that bit 0 stands for.
    base: u32,
    /// For each register the first cycle in which its value is there.
    ready: [u32; PLACES],
    /// The last cycle at whose end a result is there.
    last: u32,
    /// Instructions that have entered the reorder buffer.
    entries: usize,
    /// For each place of the reorder buffer, once it was taken, the first cycle in which it is free again.
    free_from: [u32; ENTRIES],
    /// The cycles in which at least one, two, three, four ALUs are held.
    alus: [Cycles; 4],
    /// The cycles in which multiplier or divider are held.
    multiplier: Cycles,
    divider: Cycles,
    /// Starts in each cycle of the window.
    starts: [u8; WINDOW as usize],
}

impl Schedule {
    /// That of no instruction.
    pub const fn new() -> Schedule {
        Schedule {
            given_up: false,
            cycle: 0,
            slots: DECODE_SLOTS,
            base: 0,
            ready: [0; PLACES],
            last: 0,
            entries: 0,
            free_from: [0; ENTRIES],
            alus: [0; 4],
            multiplier: 0,
            divider: 0,
            starts: [0; WINDOW as usize],
        }
    }

    /// Adds the next instruction of the block.
    #[inline]
    pub fn issue(&mut self, issued: Issued) {
        if self.given_up {
            return;
        }
        let place = self.entries % ENTRIES;
        let free_from = if self.entries < ENTRIES { 0 } else { self.free_from[place] };
        let slots = u32::from(issued.slots);
        if self.slots < slots || self.cycle < free_from {
            self.cycle = (self.cycle + 1).max(free_from);
            self.slots = DECODE_SLOTS;
        }
        self.slots -= slots;
        let [first, second, third] = issued.sources.map(|source| self.ready[usize::from(source) % PLACES]);
        let destination = usize::from(issued.destination) % PLACES;
        if issued.is_move {
            self.ready[destination] = first;
            return;
        }
        while self.cycle - self.base >= STRIDE {
            self.move_window();
        }
        let earliest = (self.cycle + 1).max(first).max(second).max(third) - self.base;
        let Some(start) = self.take(earliest, u32::from(issued.latency), issued.class) else {
            self.given_up = true;
            return;
        };
        let result = self.base + start + u32::from(issued.latency);
        self.ready[destination] = result;
        self.last = self.last.max(result - 1);
        self.free_from[place] = self.last + RETIREMENT;
        self.entries += 1;
    }

    /// Holds what an instruction needs from the first cycle on, `earliest` at the earliest, in which it can have it. `None`
    /// where an older one needs it before the instruction has its result, where as many start already as can, and behind
    /// the window.
    #[inline]
    fn take(&mut self, earliest: u32, latency: u32, class: Class) -> Option<u32> {
        let needs_alu = if class == Class::Nothing { 0 } else { !0 };
        let mut held = self.alus[3] & needs_alu;
        if class > Class::OneAlu {
            held |= match class {
                Class::Mul => self.multiplier,
                Class::Div => self.divider,
                _ => self.alus[2],
            };
        }
        let possible = !held & (!0 as Cycles).checked_shl(earliest)?;
        let start = possible.trailing_zeros();
        if start + latency > WINDOW {
            return None;
        }
        let cycles = (((1 as Cycles) << latency) - 1) << start;
        let starts = self.starts.get_mut(start as usize).filter(|starts| u32::from(**starts) < STARTS)?;
        if held & cycles != 0 {
            return None;
        }
        *starts += 1;
        self.hold(cycles & needs_alu);
        if class > Class::OneAlu {
            match class {
                Class::Mul => self.multiplier |= cycles,
                Class::Div => self.divider |= cycles,
                _ => self.hold(cycles),
            }
        }
        Some(start)
    }

    /// Takes one more ALU in these cycles.
    #[inline]
    fn hold(&mut self, cycles: Cycles) {
        let [one, two, three, four] = self.alus;
        self.alus = [one | cycles, two | one & cycles, three | two & cycles, four | three & cycles];
    }

    #[cold]
    fn move_window(&mut self) {
        let Schedule { alus: [one, two, three, four], multiplier, divider, .. } = self;
        for cycles in [one, two, three, four, multiplier, divider] {
            *cycles >>= STRIDE;
        }
        self.starts.copy_within(STRIDE as usize.., 0);
        self.starts[STRIDE as usize..].fill(0);
        self.base += STRIDE;
    }

    /// The cycles of the block, and nothing scheduled afterwards. `None` if it has to be simulated.
    #[inline]
    pub fn drain(&mut self) -> Option<u32> {
        let cycles = self.last.max(self.cycle).max(1);
        let given_up = core::mem::take(&mut self.given_up);
        self.cycle = 0;
        self.slots = DECODE_SLOTS;
        self.base = 0;
        self.ready = [0; PLACES];
        self.last = 0;
        self.entries = 0;
        self.alus = [0; 4];
        self.multiplier = 0;
        self.divider = 0;
        self.starts = [0; WINDOW as usize];
        (!given_up).then_some(cycles)
    }
}
