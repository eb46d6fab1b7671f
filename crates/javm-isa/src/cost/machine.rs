//! The machine of the pipeline cost model, cycle by cycle: four instructions decoded a cycle, a reorder buffer of 32 entries, execution
//! out of order. It is simulated once for each basic block; the cycles it takes are the block's cost.
//!
//! A set of reorder buffer entries is a word with a bit for each. All that happens in a cycle then is a handful of
//! operations on words, and cycles in which nothing can happen are skipped. Whatever can be looked up is not decided by
//! a branch: instructions come in any order, and a processor predicts none of it.

use super::issued::{Class, Issued, PLACES};

/// Entries of the reorder buffer: instructions that are decoded and not yet retired.
pub(super) const ENTRIES: usize = 32;
/// Decode slots of a cycle.
pub(super) const DECODE_SLOTS: u32 = 4;
/// Instructions that can start to execute in a cycle.
pub(super) const STARTS: u32 = 5;
/// Arithmetic units. Load and store ports are as many, and every access takes an ALU as well, so that ports never run
/// short before ALUs do; they need no counters of their own.
const ALUS: u32 = 4;
/// Cycles that a block gets for free: they overlap with what runs before and after it.
const SLACK: u32 = 3;
/// Cycles from the one at whose end the last result is there to the one in which everything has retired, both counted.
const RETIREMENT: u32 = 3;
/// A power of two above every latency: results to come are filed under their cycle modulo this.
const HORIZON: u32 = 128;

/// A set of reorder buffer entries, bit by bit.
type Entries = u32;

/// The number of no entry.
const NO_ENTRY: u8 = ENTRIES as u8;

/// The machine. Between blocks it is empty; a block is [issued](Machine::issue) instruction by instruction and then
/// [drained](Machine::drain).
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// Cycles since the block began.
    cycle: u32,
    /// Decode slots left in this cycle.
    slots: u32,
    /// The oldest entry.
    head: u32,
    /// How many entries there are: `head` and the ones behind it, in the order of the program. Some of them may have
    /// retired already: nobody asks before the buffer seems full.
    in_flight: u32,

    // How far entries have come. Between `waiting` and `finished` they execute.
    /// Decoded in this cycle.
    decoded: Entries,
    /// Waiting for operands or units.
    waiting: Entries,
    /// Had its result at the end of the last cycle.
    finished: Entries,
    /// Can retire in this cycle if all older entries can.
    done: Entries,
    /// Could retire in the last cycle if all older entries could.
    done_before: Entries,

    // Operands.
    /// For each entry the ones that wait for its result. The last place belongs to no entry.
    feeds: [Entries; ENTRIES + 1],
    /// For each register the number of the entry that will write it, [`NO_ENTRY`] once the value is there.
    writer: [u8; PLACES],

    // Execution units, of which entries hold those they need from their start to their result.
    free_alus: u32,
    /// The ALUs that each entry needs.
    alus: [u8; ENTRIES],
    /// The entries without result by what they need: see [`Class`].
    needing: [Entries; Class::COUNT],
    /// The entries that execute.
    running: Entries,

    // Results to come.
    /// Cycles that each entry takes from its start to its result.
    latency: [u8; ENTRIES],
    /// The entries that have their results at the end of a cycle, by this cycle modulo [`HORIZON`].
    results: [Entries; HORIZON as usize],
    /// Which of these sets are not empty.
    results_due: u128,
}

impl Machine {
    /// An empty machine.
    pub const fn new() -> Machine {
        Machine {
            cycle: 0,
            slots: DECODE_SLOTS,
            head: 0,
            in_flight: 0,
            decoded: 0,
            waiting: 0,
            finished: 0,
            done: 0,
            done_before: 0,
            feeds: [0; ENTRIES + 1],
            writer: [NO_ENTRY; PLACES],
            free_alus: ALUS,
            alus: [0; ENTRIES],
            needing: [0; Class::COUNT],
            running: 0,
            latency: [0; ENTRIES],
            results: [0; HORIZON as usize],
            results_due: 0,
        }
    }

    /// Decodes the next instruction of the block.
    pub fn issue(&mut self, issued: Issued) {
        self.wait_for_decoder(u32::from(issued.slots));
        if issued.is_move {
            self.writer[usize::from(issued.destination)] = self.writer[usize::from(issued.sources[0])];
            return;
        }
        let index = (self.head as usize + self.in_flight as usize) % ENTRIES;
        let entry = 1 << index;
        self.in_flight += 1;
        self.decoded |= entry;
        self.latency[index] = issued.latency;
        for source in issued.sources {
            self.feeds[usize::from(self.writer[usize::from(source)])] |= entry;
        }
        self.writer[usize::from(issued.destination)] = index as u8;
        self.alus[index] = issued.class.alus();
        self.needing[issued.class as usize] |= entry;
    }

    /// Lets all that was issued come to its end, gives the cost of the block (1 and up) and leaves the machine empty.
    pub fn drain(&mut self) -> u32 {
        self.advance(false);
        while self.waiting != 0 {
            self.advance(true);
        }
        // Everything has started, so that nothing can happen any more but results in their time.
        let last_result = match self.results_due.rotate_right(self.cycle % HORIZON) {
            0 => self.cycle.saturating_sub(1),
            due => self.cycle + due.ilog2(),
        };
        self.clear();
        (last_result + RETIREMENT).saturating_sub(SLACK).max(1)
    }

    /// Empties the machine, in which nothing waits any more.
    fn clear(&mut self) {
        let mut due = core::mem::take(&mut self.results_due);
        while due != 0 {
            self.results[due.trailing_zeros() as usize] = 0;
            due &= due - 1;
        }
        self.cycle = 0;
        self.slots = DECODE_SLOTS;
        self.head = 0;
        self.in_flight = 0;
        self.finished = 0;
        self.done = 0;
        self.done_before = 0;
        self.writer = [NO_ENTRY; PLACES];
        self.free_alus = ALUS;
        self.needing = [0; Class::COUNT];
        self.running = 0;
    }

    /// Lets cycles pass until the decoder takes an instruction of `slots` slots, and takes them.
    #[inline]
    fn wait_for_decoder(&mut self, slots: u32) {
        if self.slots < slots || self.is_full() {
            self.wait_for_next_cycle();
        }
        self.slots -= slots;
    }

    fn wait_for_next_cycle(&mut self) {
        self.retire(self.done);
        self.advance(false);
        while self.in_flight == ENTRIES as u32 {
            self.retire(self.done);
            self.advance(self.in_flight == ENTRIES as u32);
        }
        self.slots = DECODE_SLOTS;
    }

    /// Whether the buffer is full. What could retire in the last cycle has left it.
    #[inline]
    fn is_full(&mut self) -> bool {
        if self.in_flight == ENTRIES as u32 {
            self.retire(self.done_before);
        }
        self.in_flight == ENTRIES as u32
    }

    /// Removes the oldest entries as far as they are `done`.
    #[inline]
    fn retire(&mut self, done: Entries) {
        let retiring = done.rotate_right(self.head).trailing_ones();
        // A shift by all 32 has no result of its own.
        let oldest = !(!0_u32).checked_shl(retiring).unwrap_or(0);
        let left = !oldest.rotate_left(self.head);
        self.done &= left;
        self.done_before &= left;
        self.head = (self.head + retiring) % ENTRIES as u32;
        self.in_flight -= retiring;
    }

    /// A cycle, but for what retires in it: entries start, others get their results, decoded ones begin to wait. With
    /// `may_skip` the clock goes on to the next cycle in which a result is there, unless there was one at the end of the
    /// last cycle.
    fn advance(&mut self, may_skip: bool) {
        self.start();
        if may_skip && self.finished == 0 && self.results_due != 0 {
            self.cycle += self.results_due.rotate_right(self.cycle % HORIZON).trailing_zeros();
        }
        self.done_before = self.done;
        self.done |= self.finished;
        self.finished = self.take_results();
        if self.finished != 0 {
            self.release();
        }
        self.waiting |= self.decoded;
        self.decoded = 0;
        self.cycle += 1;
    }

    /// Starts the oldest entries that have their operands and find their units free.
    #[inline]
    fn start(&mut self) {
        let blocked = self.feeds[..ENTRIES].iter().fold(0, |blocked, fed| blocked | fed);
        let mut ready = self.waiting & !blocked;
        for _ in 0..STARTS {
            ready &= !self.short_of_units();
            if ready == 0 {
                break;
            }
            let index = (self.head + ready.rotate_right(self.head).trailing_zeros()) as usize % ENTRIES;
            ready &= !(1 << index);
            self.waiting &= !(1 << index);
            self.running |= 1 << index;
            self.free_alus -= u32::from(self.alus[index]);
            let last_cycle = (self.cycle + u32::from(self.latency[index]) - 1) % HORIZON;
            self.results[last_cycle as usize] |= 1 << index;
            self.results_due |= 1 << last_cycle;
        }
    }

    /// The entries that could not start now for want of a unit.
    #[inline]
    fn short_of_units(&self) -> Entries {
        let alus = match self.free_alus {
            0 => !self.needing[Class::Nothing as usize],
            1 => self.needing[Class::TwoAlus as usize],
            _ => 0,
        };
        let of_one = |class: usize| if self.running & self.needing[class] != 0 { self.needing[class] } else { 0 };
        alus | of_one(Class::Mul as usize) | of_one(Class::Div as usize)
    }

    /// The entries that have their results at the end of this cycle.
    #[inline]
    fn take_results(&mut self) -> Entries {
        let due = self.cycle % HORIZON;
        self.results_due &= !(1 << due);
        core::mem::take(&mut self.results[due as usize])
    }

    /// Gives what just finished to those who wait for it, and its units back.
    #[inline]
    fn release(&mut self) {
        let mut rest = self.finished;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            self.feeds[index] = 0;
            self.free_alus += u32::from(self.alus[index]);
            for writer in &mut self.writer {
                *writer = if *writer == index as u8 { NO_ENTRY } else { *writer };
            }
        }
        self.running &= !self.finished;
        for needing in &mut self.needing {
            *needing &= !self.finished;
        }
    }
}
