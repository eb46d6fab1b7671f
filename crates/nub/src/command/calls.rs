//! Which calls are open while a program runs.
//!
//! The machine has no frame pointers and no notion of a call: there are jumps that leave an address in a register, and
//! jumps to an address in a register. A call is a jump of the first kind whose address leads to the instruction behind
//! it, as the linker makes them; its return is a jump of the second kind to that address. The stack pointer tells of calls
//! that were left otherwise (`longjmp`): a caller's is never below its callee's.

use javm_isa::{Kind, Opcode, Program, Reg};
use nub::TraceLine;

use super::symbols::Symbols;

/// Most calls that are kept. Of more than that some in the middle are only counted.
const MAX_KEPT: usize = 1 << 18;

/// The outermost calls, which are always kept.
const OUTERMOST: usize = 1 << 10;

/// An open call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Call {
    /// Where the call stands: the code offset of the jump.
    pub(super) pc: u32,
    /// The address that it returns to.
    back: u32,
    /// The stack pointer when the call was made.
    stack: u64,
    /// What whoever follows the calls wants to have back when this one returns.
    pub(super) note: u32,
}

/// What an instruction will have done to the calls once it has run.
#[derive(Clone, Copy)]
enum Pending {
    Nothing,
    Call(Call),
    Jump { to: u32, stack: u64 },
}

/// A change of the open calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// A call was made at this code offset.
    Made(u32),
    /// Calls have returned; this was the note of the outermost of them.
    Returned(u32),
}

/// The open calls of a program.
pub(super) struct Calls<'a> {
    program: &'a Program,
    symbols: &'a Symbols,
    kept: Vec<Call>,
    /// Calls between the outermost and the rest that are not kept.
    left_out: u64,
    pending: Pending,
    pending_pc: u32,
}

impl<'a> Calls<'a> {
    pub(super) fn new(program: &'a Program, symbols: &'a Symbols) -> Calls<'a> {
        Calls { program, symbols, kept: Vec::new(), left_out: 0, pending: Pending::Nothing, pending_pc: 0 }
    }

    /// Forgets everything: another run begins.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.left_out = 0;
        self.pending = Pending::Nothing;
    }

    /// Notes the instruction that is about to run, and tells what the one before it has done. A call that it has made
    /// gets `note`.
    pub(super) fn step(&mut self, line: &TraceLine<'_>, note: u32) -> Option<Change> {
        let change = self.settle(note);
        if line.instruction.opcode.is_terminator() {
            self.look_at(line);
        }
        change
    }

    /// Does what the last instruction does to the calls, if the run has come to an end behind it and not at it.
    pub(super) fn finish(&mut self, pc: u32) {
        if pc != self.pending_pc {
            self.settle(0);
        }
        self.pending = Pending::Nothing;
    }

    /// The open calls, the innermost first; `None` stands for so many that are not kept.
    pub(super) fn open(&self) -> impl Iterator<Item = Result<&Call, u64>> {
        let gap = OUTERMOST.min(self.kept.len());
        let left_out = (self.left_out > 0).then_some(Err(self.left_out));
        self.kept[gap..].iter().rev().map(Ok).chain(left_out).chain(self.kept[..gap].iter().rev().map(Ok))
    }

    fn look_at(&mut self, line: &TraceLine<'_>) {
        let instruction = line.instruction;
        let stack = line.registers[Reg::SP.index()];
        self.pending_pc = line.pc;
        self.pending = match instruction.opcode {
            Opcode::LoadImmJump | Opcode::LoadImmJumpInd if self.is_call(line.pc, instruction.a, instruction.x) => {
                Pending::Call(Call { pc: line.pc, back: instruction.x as u32, stack, note: 0 })
            }
            opcode if opcode.row().kind == Kind::IndirectJump => {
                let (base, offset) = match opcode {
                    Opcode::JumpInd => (instruction.a, instruction.x),
                    _ => (instruction.b, instruction.y),
                };
                Pending::Jump { to: line.registers[base.index()].wrapping_add(offset) as u32, stack }
            }
            _ => Pending::Nothing,
        };
    }

    /// Whether the address that a jump at `pc` leaves behind is that of the next instruction, in a register for such.
    fn is_call(&self, pc: u32, link: Reg, address: u64) -> bool {
        let index = (address / 2).checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let back = index.and_then(|index| self.program.jump_table().get(index));
        matches!(link, Reg::RA | Reg::T0) && address.is_multiple_of(2) && back == Some(&self.program.next(pc))
    }

    fn settle(&mut self, note: u32) -> Option<Change> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => None,
            Pending::Call(call) => {
                let dropped = self.drop_dead(&call);
                if self.kept.len() == MAX_KEPT {
                    let middle = OUTERMOST..MAX_KEPT / 2;
                    self.left_out += middle.len() as u64;
                    self.kept.drain(middle);
                }
                // Where calls were dropped, the caller is what it was before the outermost of them.
                self.kept.push(Call { note: dropped.unwrap_or(note), ..call });
                Some(Change::Made(call.pc))
            }
            Pending::Jump { to, stack } => {
                let mut dropped = self.drop_below(stack);
                let is_at_gap = self.left_out > 0 && self.kept.len() == OUTERMOST;
                match self.kept.last() {
                    Some(top) if top.back == to && (!is_at_gap || top.stack == stack) => {
                        dropped = self.kept.pop().map(|call| call.note);
                        if is_at_gap {
                            self.left_out = 0;
                        }
                    }
                    Some(top) if top.back == to && is_at_gap => self.left_out = self.left_out.saturating_sub(1),
                    _ => {}
                }
                dropped.map(Change::Returned)
            }
        }
    }

    /// Drops the calls whose callers' frames are gone.
    fn drop_below(&mut self, stack: u64) -> Option<u32> {
        let mut dropped = None;
        while self.kept.last().is_some_and(|top| top.stack < stack) {
            dropped = self.kept.pop().map(|call| call.note);
        }
        if self.kept.len() < OUTERMOST {
            self.left_out = 0;
        }
        dropped
    }

    /// Drops the calls that cannot be open any more once `call` is made: those from frames that are gone, and those that
    /// the same function has made with the same frame.
    fn drop_dead(&mut self, call: &Call) -> Option<u32> {
        let mut dropped = self.drop_below(call.stack);
        let function = |pc| self.symbols.function(pc).map(|(_, offset)| pc - offset);
        let caller = function(call.pc);
        while let Some(top) = self.kept.last()
            && top.stack == call.stack
            && caller.is_some()
            && function(top.pc) == caller
        {
            dropped = Some(top.note);
            self.kept.pop();
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use javm_isa::{Instruction, ProgramBuilder, REG_COUNT};

    use super::*;

    /// A program with so many calls in a row, which are never run.
    fn program(calls: u32) -> (Program, Vec<(u32, Instruction)>) {
        let mut builder = ProgramBuilder::new();
        let mut instructions = Vec::new();
        for index in 0..calls {
            let address = u64::from(2 * (index + 1));
            let call = Instruction { a: Reg::RA, x: address, ..Instruction::new(Opcode::LoadImmJump) };
            let pc = builder.push(&Instruction { target: builder.position(), ..call }).expect("it can be encoded");
            instructions.push((pc, call));
            let behind = builder.position();
            builder.push_jump_target(behind);
        }
        builder.push(&Instruction::new(Opcode::Trap)).expect("it can be encoded");
        (builder.build().expect("a program"), instructions)
    }

    struct Machine<'a> {
        calls: Calls<'a>,
        stack: u64,
    }

    impl Machine<'_> {
        fn step(&mut self, pc: u32, instruction: &Instruction, to: u64) -> Option<Change> {
            let mut registers = [0; REG_COUNT];
            registers[Reg::SP.index()] = self.stack;
            registers[Reg::RA.index()] = to;
            self.calls.step(&TraceLine { pc, gas: 0, registers: &registers, instruction }, pc)
        }

        /// Runs something that is of no interest, so that what was before it is done.
        fn pause(&mut self) -> Option<Change> {
            self.step(u32::MAX, &Instruction::new(Opcode::Fallthrough), 0)
        }

        fn open(&self) -> Vec<Result<u32, u64>> {
            self.calls.open().map(|call| call.map(|call| call.pc)).collect()
        }
    }

    const RETURN: Instruction = Instruction { a: Reg::RA, ..Instruction::new(Opcode::JumpInd) };

    /// Random calls, returns and jumps out of several calls, against a list.
    #[test]
    fn agrees_with_a_list() {
        let (program, sites) = program(8);
        let symbols = Symbols::none();
        let mut machine = Machine { calls: Calls::new(&program, &symbols), stack: 1 << 30 };
        let mut model: Vec<(usize, u64)> = Vec::new();
        let mut random = 0x2545_F491_4F6C_DD1D_u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let site = (random >> 20) as usize % sites.len();
            let (pc, call) = &sites[site];
            match random % 16 {
                0..=7 => {
                    model.push((site, machine.stack));
                    machine.step(*pc, call, 0);
                    assert_eq!(machine.pause(), Some(Change::Made(*pc)));
                    machine.stack -= 16;
                }
                8..=13 => {
                    let Some((site, stack)) = model.pop() else { continue };
                    machine.stack = stack;
                    machine.step(1_000_000, &RETURN, 2 * (site as u64 + 1));
                    assert!(matches!(machine.pause(), Some(Change::Returned(_))));
                }
                // A jump through a table.
                14 => {
                    machine.step(1_000_000, &RETURN, 0x8000);
                    assert_eq!(machine.pause(), None);
                }
                // Out of several calls at once, to where the outermost of them would have returned.
                _ => {
                    model.truncate(model.len() - (random >> 32) as usize % model.len().clamp(1, 5));
                    let Some((site, stack)) = model.pop() else { continue };
                    machine.stack = stack;
                    machine.step(1_000_000, &RETURN, 2 * (site as u64 + 1));
                    machine.pause();
                }
            }
            let expected: Vec<_> = model.iter().rev().map(|&(site, _)| Ok(sites[site].0)).collect();
            assert_eq!(machine.open(), expected);
        }
    }

    #[test]
    fn very_deep_calls_are_counted() {
        let (program, sites) = program(2);
        let symbols = Symbols::none();
        let mut machine = Machine { calls: Calls::new(&program, &symbols), stack: 1 << 40 };
        let depth = 2 * MAX_KEPT as u64;
        machine.step(sites[1].0, &sites[1].1, 0);
        for _ in 1..depth {
            machine.stack -= 16;
            machine.step(sites[0].0, &sites[0].1, 0);
        }
        machine.pause();
        let count =
            |machine: &Machine| -> u64 { machine.calls.open().map(|call| call.map_or_else(|left| left, |_| 1)).sum() };
        assert_eq!(count(&machine), depth);
        assert!(machine.open().len() <= MAX_KEPT + 1);
        assert_eq!(machine.open().last(), Some(&Ok(sites[1].0)));
        for left in (0..depth).rev() {
            machine.step(1_000_000, &RETURN, if left == 0 { 4 } else { 2 });
            machine.pause();
            if left % 1009 == 0 {
                assert_eq!(count(&machine), left);
            }
            machine.stack += 16;
        }
    }

    #[test]
    fn what_ends_at_an_instruction_has_not_done_it() {
        let (program, sites) = program(1);
        let symbols = Symbols::none();
        let (pc, call) = &sites[0];
        for (end, open) in [(*pc, 0), (1_000_000, 1)] {
            let mut machine = Machine { calls: Calls::new(&program, &symbols), stack: 1 << 20 };
            machine.step(*pc, call, 0);
            machine.calls.finish(end);
            assert_eq!(machine.open().len(), open);
        }
        // A number that happens to lie in a register is no return address.
        let mut machine = Machine { calls: Calls::new(&program, &symbols), stack: 1 << 20 };
        machine.step(*pc, &Instruction { a: Reg::A0, ..*call }, 0);
        machine.step(*pc, &Instruction { x: 4, ..*call }, 0);
        machine.pause();
        assert_eq!(machine.open(), []);
    }
}
