//! The pipeline model once more, slowly and step by step as `docs/spec/cost.md` has it: whoever follows the page gets
//! the same costs.

use javm_isa::cost::{Extra, Unit};
use javm_isa::{Instruction, Kind, Mode, Opcode, Program, REG_COUNT, Reg};

const SLOTS: u32 = 4;
const BUFFER: usize = 32;
const STARTS: usize = 5;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Decoded,
    Waiting,
    Executing { cycles_left: u32 },
    HasResult,
    Done,
}

struct Entry {
    state: State,
    latency: u32,
    /// The numbers of the entries whose results it needs.
    needs: Vec<usize>,
    /// ALUs, load ports, store ports, multipliers, dividers.
    holds: [usize; 5],
}

/// Units in the order of `Entry::holds`.
const UNITS: [usize; 5] = [4, 4, 4, 1, 1];

#[derive(Default)]
struct Machine {
    /// Every entry that there ever was; the ones before `oldest` have retired.
    entries: Vec<Entry>,
    oldest: usize,
    slots: u32,
    cycles: u32,
    /// For each register the number of the entry whose result it stands for.
    stands_for: [Option<usize>; REG_COUNT],
}

/// What the block at `start` costs.
pub fn cost(program: &Program, mode: Mode, start: u32) -> u32 {
    let mut machine = Machine { slots: SLOTS, ..Machine::default() };
    let mut pc = start;
    loop {
        let instruction = program.decode(pc, mode);
        let next = program.next(pc);
        machine.decode(&instruction, latency(program, &instruction, next));
        if instruction.opcode.is_terminator() {
            break;
        }
        pc = next;
    }
    machine.pass(true);
    machine.cycles.saturating_sub(3).max(1)
}

fn latency(program: &Program, instruction: &Instruction, next: u32) -> u32 {
    let is_rare = |pc: u32| matches!(program.code().get(pc as usize), None | Some(0 | 2));
    let is_branch = instruction.opcode.row().kind == Kind::Branch;
    if is_branch && (is_rare(next) || is_rare(instruction.target)) {
        return 1;
    }
    u32::from(instruction.opcode.row().cost.latency)
}

impl Machine {
    fn is_full(&self) -> bool {
        self.entries.len() - self.oldest == BUFFER
    }

    fn decode(&mut self, instruction: &Instruction, latency: u32) {
        let cost = &instruction.opcode.row().cost;
        let destination = instruction.destination();
        let sources: Vec<Reg> = instruction.sources().into_iter().flatten().collect();
        let one_more = match cost.extra {
            Extra::Never => false,
            Extra::DestinationIsNoSource => sources.iter().all(|source| Some(*source) != destination),
            Extra::DestinationIsNotFirstSource => destination != Some(instruction.a),
        };
        let slots = u32::from(cost.slots) + u32::from(one_more);
        if self.slots < slots || self.is_full() {
            self.pass(false);
            self.slots = SLOTS;
        }
        self.slots -= slots;
        if instruction.opcode == Opcode::MoveReg {
            self.stands_for[instruction.d.index()] = self.stands_for[instruction.a.index()];
            return;
        }
        let needs = sources.iter().filter_map(|source| self.stands_for[source.index()]).collect();
        if let Some(register) = destination {
            self.stands_for[register.index()] = Some(self.entries.len());
        }
        let holds = match cost.unit {
            Unit::Nothing => [0, 0, 0, 0, 0],
            Unit::Alu => [1, 0, 0, 0, 0],
            Unit::TwoAlus => [2, 0, 0, 0, 0],
            Unit::Load => [1, 1, 0, 0, 0],
            Unit::Store => [1, 0, 1, 0, 0],
            Unit::Mul => [1, 0, 0, 1, 0],
            Unit::Div => [1, 0, 0, 0, 1],
        };
        self.entries.push(Entry { state: State::Decoded, latency, needs, holds });
    }

    /// Lets cycles pass until the decoder can go on, or, behind the last instruction, until the buffer is empty.
    fn pass(&mut self, is_over: bool) {
        self.cycle(false, is_over);
        while if is_over { self.oldest < self.entries.len() } else { self.is_full() } {
            self.cycle(true, is_over);
        }
    }

    fn cycle(&mut self, is_later: bool, is_over: bool) {
        // 1
        while self.entries.get(self.oldest).is_some_and(|entry| entry.state == State::Done) {
            self.oldest += 1;
        }
        // 2
        let mut starts = 0;
        for number in self.oldest..self.entries.len() {
            let entry = &self.entries[number];
            let units_are_free = (0..UNITS.len()).all(|unit| self.held(unit) + entry.holds[unit] <= UNITS[unit]);
            if starts < STARTS && entry.state == State::Waiting && entry.needs.is_empty() && units_are_free {
                starts += 1;
                self.entries[number].state = State::Executing { cycles_left: entry.latency };
            }
        }
        self.cycles += 1;
        // The clock goes on.
        let had_result = self.entries.iter().any(|entry| entry.state == State::HasResult);
        if is_later && !had_result && (is_over || self.is_full()) {
            let left = self.entries.iter().filter_map(|entry| match entry.state {
                State::Executing { cycles_left } => Some(cycles_left),
                _ => None,
            });
            let skipped = left.min().map_or(0, |cycles_left| cycles_left - 1);
            self.cycles += skipped;
            self.executing().for_each(|cycles_left| *cycles_left -= skipped);
        }
        // 3
        for entry in &mut self.entries {
            if entry.state == State::HasResult {
                entry.state = State::Done;
            }
        }
        self.executing().for_each(|cycles_left| *cycles_left -= 1);
        for number in 0..self.entries.len() {
            if self.entries[number].state == (State::Executing { cycles_left: 0 }) {
                self.entries[number].state = State::HasResult;
                self.entries.iter_mut().for_each(|entry| entry.needs.retain(|needed| *needed != number));
                self.stands_for.iter_mut().filter(|entry| **entry == Some(number)).for_each(|entry| *entry = None);
            }
        }
        // 4
        for entry in &mut self.entries {
            if entry.state == State::Decoded {
                entry.state = State::Waiting;
            }
        }
    }

    fn executing(&mut self) -> impl Iterator<Item = &mut u32> {
        self.entries.iter_mut().filter_map(|entry| match &mut entry.state {
            State::Executing { cycles_left } => Some(cycles_left),
            _ => None,
        })
    }

    fn held(&self, unit: usize) -> usize {
        let is_executing = |entry: &&Entry| matches!(entry.state, State::Executing { .. });
        self.entries.iter().filter(is_executing).map(|entry| entry.holds[unit]).sum()
    }
}
