//! State, exits, and entering and leaving the loop.

use javm_isa::{Instruction, REG_COUNT};

use crate::code::Code;
use crate::memory::Memory;
use crate::step::{Observer, execute};

/// All of a running program but its memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// φ0..φ12.
    pub registers: [u64; REG_COUNT],
    /// The instruction to run next; after a run, the one that ended it.
    pub pc: u32,
    /// What is left to spend.
    pub gas: u64,
    /// Whether the block that `pc` lies in has been charged already, because the run stopped inside of it: at a host
    /// call, an operation or a fault.
    pub block_paid: bool,
}

impl State {
    /// A program about to enter the block at `pc`, registers zero.
    #[must_use]
    pub fn new(pc: u32, gas: u64) -> State {
        State { registers: [0; REG_COUNT], pc, gas, block_paid: false }
    }
}

/// Why a run ended. [`State::pc`] is the instruction that ended it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It jumped to [`javm_isa::program::HALT_ADDRESS`].
    Halt,
    /// A trap, an invalid instruction or jump, or an access below 2^16. Also an entry with [`State::block_paid`] unset
    /// anywhere but at the start of a block or behind a terminator; nothing has been charged then.
    Panic,
    /// An access was forbidden; the lowest page that forbids it, as the address of its first byte. Registers and memory
    /// are those before the instruction, the block is paid: mapping the page and running again goes on.
    Fault(u32),
    /// The block at [`State::pc`] costs more than there was. Registers, memory and gas are those before it.
    OutOfGas,
    /// `ecalli` with this immediate. Nothing of it has happened; [`Code::step_over`] goes behind it.
    Host(u32),
    /// `ecall`. Nothing of it has happened; [`Code::step_over`] goes behind it.
    Operation,
}

/// Runs until something ends it. Allocates nothing, and ends after at most [`State::gas`] blocks.
pub fn run<M: Memory>(code: &Code, state: &mut State, memory: &mut M) -> Exit {
    enter(code, state, memory, &mut Silent)
}

/// As [`run`], and gives `trace` the state before each instruction, program counter and gas exact, and the instruction.
pub fn run_traced<M: Memory>(
    code: &Code,
    state: &mut State,
    memory: &mut M,
    trace: &mut impl FnMut(&State, &Instruction),
) -> Exit {
    enter(code, state, memory, &mut Tracing(trace))
}

fn enter<M: Memory, O: Observer>(code: &Code, state: &mut State, memory: &mut M, observer: &mut O) -> Exit {
    let start = if state.block_paid { code.operation_at(state.pc) } else { code.entry_at(state.pc) };
    let Some(start) = start else { return Exit::Panic };
    if !state.block_paid {
        match state.gas.checked_sub(u64::from(code.ops.cost(start))) {
            Some(rest) => state.gas = rest,
            None => return Exit::OutOfGas,
        }
    }
    execute(code, start, state, memory, observer)
}

struct Silent;

impl Observer for Silent {
    const ACTIVE: bool = false;

    #[inline(always)]
    fn before(&mut self, _: &State, _: &Code) {}
}

struct Tracing<'a, F>(&'a mut F);

impl<F: FnMut(&State, &Instruction)> Observer for Tracing<'_, F> {
    const ACTIVE: bool = true;

    fn before(&mut self, state: &State, code: &Code) {
        (self.0)(state, &code.program().decode(state.pc, code.mode()));
    }
}
