//! The machine of the pipeline cost model: four instructions decoded a cycle, a reorder buffer of 32 entries, execution
//! out of order. It is simulated once for each basic block; the cycles it takes are the block's cost.
//!
//! A set of reorder buffer entries is a word with a bit for each. All that happens in a cycle is then a handful of
//! operations on words, and cycles in which nothing can happen are skipped.

use super::{Extra, Unit};
use crate::instruction::Instruction;
use crate::opcode::Opcode;
use crate::register::Reg;

/// Entries of the reorder buffer: instructions that are decoded and not yet retired.
const ENTRIES: u32 = 32;
/// Decode slots of a cycle.
const DECODE_SLOTS: u32 = 4;
/// Instructions that can start to execute in a cycle.
const STARTS: u32 = 5;
/// Arithmetic units. Load and store ports are as many, and every access takes an ALU as well, so that ports never run
/// short before ALUs do; they need no counters of their own.
const ALUS: u32 = 4;
/// Cycles that a block gets for free: they overlap with what runs before and after it.
const SLACK: u32 = 3;
/// A power of two above every latency: results to come are filed under their cycle modulo this.
const HORIZON: u32 = 128;

/// A set of reorder buffer entries, bit by bit.
type Entries = u32;

/// The machine. Between blocks it is empty; a block is [issued](Pipeline::issue) instruction by instruction and then
/// [drained](Pipeline::drain).
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Cycles since the block began.
    cycle: u32,
    /// Decode slots left in this cycle.
    slots: u32,
    /// The oldest entry.
    head: u32,
    /// How many entries there are: `head` and the ones behind it, in the order of the program.
    in_flight: u32,

    // How far entries have come. Between `waiting` and `finished` they execute.
    /// Decoded in this cycle.
    decoded: Entries,
    /// Waiting for operands or units.
    waiting: Entries,
    /// Had its result at the end of the last cycle.
    finished: Entries,
    /// Could retire if all older entries could.
    done: Entries,

    // Operands.
    /// The entries that wait for the result of another.
    blocked: Entries,
    /// For each entry the ones whose results it waits for.
    needs: [Entries; ENTRIES as usize],
    /// For each entry the ones that wait for its result.
    feeds: [Entries; ENTRIES as usize],
    /// For each register the entry that will write it; none once the value is there. A power of two of them, so that
    /// they are handled as vectors.
    writer: [Entries; 16],

    // Execution units, of which entries hold those they need from their start to their result.
    free_alus: u32,
    /// The ALUs that each entry needs.
    alus: [u8; ENTRIES as usize],
    /// The entries that need an ALU, two ALUs, the multiplier, the divider.
    needs_alu: Entries,
    needs_two_alus: Entries,
    needs_mul: Entries,
    needs_div: Entries,
    /// The entries that execute.
    running: Entries,

    // Results to come.
    /// Cycles that each entry takes from its start to its result.
    latency: [u8; ENTRIES as usize],
    /// The entries that have their results at the end of a cycle, by this cycle modulo [`HORIZON`].
    results: [Entries; HORIZON as usize],
    /// Which of these sets are not empty.
    results_due: u128,
}

impl Default for Pipeline {
    fn default() -> Pipeline {
        Pipeline::new()
    }
}

impl Pipeline {
    /// An empty machine.
    #[must_use]
    pub const fn new() -> Pipeline {
        Pipeline {
            cycle: 0,
            slots: DECODE_SLOTS,
            head: 0,
            in_flight: 0,
            decoded: 0,
            waiting: 0,
            finished: 0,
            done: 0,
            blocked: 0,
            needs: [0; ENTRIES as usize],
            feeds: [0; ENTRIES as usize],
            writer: [0; 16],
            free_alus: ALUS,
            alus: [0; ENTRIES as usize],
            needs_alu: 0,
            needs_two_alus: 0,
            needs_mul: 0,
            needs_div: 0,
            running: 0,
            latency: [0; ENTRIES as usize],
            results: [0; HORIZON as usize],
            results_due: 0,
        }
    }

    /// Decodes the next instruction of the block. `latency` is the one of its row of the opcode table (1 to 127
    /// cycles), except for a branch, where it depends on what is on both sides of it.
    #[inline]
    pub fn issue(&mut self, instruction: &Instruction, latency: u8) {
        let cost = &instruction.opcode.row().cost;
        let destination = instruction.destination();
        let sources = instruction.sources();
        let copies = match cost.extra {
            Extra::Never => false,
            Extra::DestinationIsNoSource => !sources.contains(&destination),
            Extra::DestinationIsNotFirstSource => sources[0] != destination,
        };
        self.wait_for_decoder(u32::from(cost.slots) + u32::from(copies));
        let operands = sources.iter().flatten().fold(0, |set, source| set | self.writer[source.index()]);
        if instruction.opcode == Opcode::MoveReg {
            // Registers are renamed while decoding, and a move is nothing else: it never enters the buffer.
            self.writer[instruction.d.index()] = operands;
        } else {
            self.enter(destination, operands, latency, cost.unit);
        }
    }

    /// Lets all that was issued come to its end, gives the cost of the block (1 and up) and leaves the machine empty.
    #[inline]
    pub fn drain(&mut self) -> u32 {
        self.retire();
        self.advance(false);
        while self.in_flight > 0 {
            self.retire();
            self.advance(true);
        }
        let cycles = self.cycle;
        self.cycle = 0;
        self.slots = DECODE_SLOTS;
        cycles.saturating_sub(SLACK).max(1)
    }

    /// Lets cycles pass until the decoder takes an instruction of `slots` slots, and takes them.
    #[inline]
    fn wait_for_decoder(&mut self, slots: u32) {
        if self.slots < slots || self.in_flight == ENTRIES {
            self.retire();
            self.advance(false);
            while self.in_flight == ENTRIES {
                self.retire();
                self.advance(self.in_flight == ENTRIES);
            }
            self.slots = DECODE_SLOTS;
        }
        self.slots -= slots;
    }

    /// Puts an instruction that needs the results of `operands` into the reorder buffer.
    #[inline]
    fn enter(&mut self, destination: Option<Reg>, operands: Entries, latency: u8, unit: Unit) {
        let index = ((self.head + self.in_flight) % ENTRIES) as usize;
        let entry = 1 << index;
        self.in_flight += 1;
        self.decoded |= entry;
        self.latency[index] = latency;

        self.needs[index] = operands;
        if operands != 0 {
            self.blocked |= entry;
            for operand in indices(operands) {
                self.feeds[operand] |= entry;
            }
        }
        if let Some(register) = destination {
            self.writer[register.index()] = entry;
        }

        self.alus[index] = match unit {
            Unit::Nothing => 0,
            Unit::TwoAlus => 2,
            Unit::Alu | Unit::Mul | Unit::Div | Unit::Load | Unit::Store => 1,
        };
        let when = |needed: bool| if needed { entry } else { 0 };
        self.needs_alu |= when(unit != Unit::Nothing);
        self.needs_two_alus |= when(unit == Unit::TwoAlus);
        self.needs_mul |= when(unit == Unit::Mul);
        self.needs_div |= when(unit == Unit::Div);
    }

    /// Removes the oldest entries as far as they are done. A cycle begins with this.
    #[inline]
    fn retire(&mut self) {
        let retiring = self.done.rotate_right(self.head).trailing_ones();
        // A shift by all 32 has no result of its own.
        let oldest = !(!0_u32).checked_shl(retiring).unwrap_or(0);
        self.done &= !oldest.rotate_left(self.head);
        self.head = (self.head + retiring) % ENTRIES;
        self.in_flight -= retiring;
    }

    /// The rest of a cycle: entries start, others get their results, decoded ones begin to wait. With `may_skip` the
    /// clock goes on to the next cycle in which a result is there, unless there was one at the end of the last cycle.
    #[inline]
    fn advance(&mut self, may_skip: bool) {
        self.start();
        if may_skip && self.finished == 0 && self.results_due != 0 {
            self.cycle += self.results_due.rotate_right(self.cycle % HORIZON).trailing_zeros();
        }
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
        for _ in 0..STARTS {
            let ready = self.waiting & !self.blocked & !self.short_of_units();
            if ready == 0 {
                break;
            }
            let index = ((self.head + ready.rotate_right(self.head).trailing_zeros()) % ENTRIES) as usize;
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
            0 => self.needs_alu,
            1 => self.needs_two_alus,
            _ => 0,
        };
        let mul = if self.running & self.needs_mul != 0 { self.needs_mul } else { 0 };
        let div = if self.running & self.needs_div != 0 { self.needs_div } else { 0 };
        alus | mul | div
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
        let gone = !self.finished;
        for index in indices(self.finished) {
            self.free_alus += u32::from(self.alus[index]);
            for waiting in indices(core::mem::take(&mut self.feeds[index])) {
                self.needs[waiting] &= gone;
                if self.needs[waiting] == 0 {
                    self.blocked &= !(1 << waiting);
                }
            }
        }
        for writer in &mut self.writer {
            *writer &= gone;
        }
        self.running &= gone;
        self.needs_alu &= gone;
        self.needs_two_alus &= gone;
        self.needs_mul &= gone;
        self.needs_div &= gone;
    }
}

/// The indices of the entries of a set.
#[inline]
fn indices(set: Entries) -> impl Iterator<Item = usize> {
    let mut rest = set;
    core::iter::from_fn(move || {
        let index = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
        rest &= rest - 1;
        Some(index)
    })
}
