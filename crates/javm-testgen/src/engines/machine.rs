//! A generated case on the engine and on the reference, and what came out.

use std::fmt;

use super::reference::{Bytes, Reference};
use crate::case::Case;
use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{CostModel, REG_COUNT, Reg};

/// Where the heap of bare programs starts and how far it may grow.
pub const HEAP: (u32, u32) = (0x4_0800, 0x4_4000);

/// How often a run goes on after a host call or a page fault.
pub const MOST_EXITS: usize = 64;

/// What a run left behind.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Every exit with the program counter it was at, in order.
    pub exits: Vec<(Exit, u32)>,
    /// The registers at the end.
    pub registers: [u64; REG_COUNT],
    /// The gas that is left.
    pub gas: u64,
    /// Whether the block that the run ended in is paid.
    pub block_paid: bool,
    /// Mapped memory with its rights, as runs of bytes.
    pub memory: Vec<(u32, bool, Vec<u8>)>,
}

/// The same: all bytes of memory would be a page of zeros in a message.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exits {:x?}, gas {}, block paid: {}", self.exits, self.gas, self.block_paid)?;
        for (register, value) in Reg::all().zip(self.registers) {
            write!(f, " {register}={value:#x}")?;
        }
        for (address, writable, page) in &self.memory {
            for (offset, byte) in page.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                write!(f, " [{:#x}]={byte:02x}", address + offset as u32)?;
            }
            write!(f, " ({address:#x} {})", if *writable { "rw" } else { "ro" })?;
        }
        Ok(())
    }
}

/// What a host does about an exit. The same for every engine, so that runs can be compared past their first exit.
pub trait Host {
    /// Whether the run goes on; the registers may change.
    fn host_call(&mut self, number: u32, registers: &mut [u64; REG_COUNT]) -> bool;
    /// Whether the page at this address becomes writable and the run goes on.
    fn page_in(&mut self, page: u32) -> bool;
    /// The gas that is added when there is too little, if the run goes on.
    fn refill(&mut self) -> Option<u64>;
}

/// Answers host calls, and nothing else.
pub struct Calls;

impl Host for Calls {
    fn host_call(&mut self, number: u32, registers: &mut [u64; REG_COUNT]) -> bool {
        let answer = &mut registers[7];
        *answer = answer.rotate_left(9).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(number));
        true
    }

    fn page_in(&mut self, _: u32) -> bool {
        false
    }

    fn refill(&mut self) -> Option<u64> {
        None
    }
}

/// Answers host calls and pays out gas in portions.
pub struct Portions {
    /// What is paid at a time.
    pub portion: u64,
    /// What has not been paid yet.
    pub left: u64,
}

impl Host for Portions {
    fn host_call(&mut self, number: u32, registers: &mut [u64; REG_COUNT]) -> bool {
        Calls.host_call(number, registers)
    }

    fn page_in(&mut self, _: u32) -> bool {
        false
    }

    fn refill(&mut self) -> Option<u64> {
        let portion = self.portion.min(self.left);
        self.left -= portion;
        (portion > 0).then_some(portion)
    }
}

/// Answers host calls and maps what is missing.
#[derive(Default)]
pub struct Pager {
    /// The pages that were missing, in order.
    pub pages: Vec<u32>,
}

impl Host for Pager {
    fn host_call(&mut self, number: u32, registers: &mut [u64; REG_COUNT]) -> bool {
        Calls.host_call(number, registers)
    }

    fn page_in(&mut self, page: u32) -> bool {
        self.pages.push(page);
        true
    }

    fn refill(&mut self) -> Option<u64> {
        None
    }
}

/// Whether a run goes on after an exit, and what the host does to its registers and gas for it.
fn goes_on(exit: Exit, state: &mut State, host: &mut impl Host) -> bool {
    match exit {
        Exit::Host(number) => host.host_call(number, &mut state.registers),
        Exit::Operation => host.host_call(u32::MAX, &mut state.registers),
        Exit::Fault(page) => host.page_in(page),
        Exit::OutOfGas => host.refill().is_some_and(|more| {
            state.gas += more;
            true
        }),
        Exit::Halt | Exit::Panic => false,
    }
}

/// The state that a case starts in.
#[must_use]
pub fn initial_state(case: &Case) -> State {
    State { registers: case.registers, ..State::new(0, case.gas) }
}

/// The memory that a case starts with.
///
/// # Panics
/// If regions of the case do not fit into memory, or contents into regions.
#[must_use]
pub fn initial_memory(case: &Case) -> BareMemory {
    let mut memory = BareMemory::new();
    memory.set_heap(HEAP.0, HEAP.1);
    for region in &case.memory {
        let access = if region.writable { Access::ReadWrite } else { Access::ReadOnly };
        memory.map(region.address, region.length, access).expect("regions are pages");
    }
    for (address, bytes) in &case.contents {
        memory.write(*address, bytes).expect("contents lie in a region");
    }
    memory
}

/// What the engine makes of it.
///
/// # Panics
/// As [`initial_memory`] does.
#[must_use]
pub fn engine(case: &Case, model: CostModel, host: &mut impl Host) -> Outcome {
    let code = Code::new(&case.program(), case.mode, model);
    engine_with(&code, case, host, |state, memory| run(&code, state, memory))
}

/// What the engine makes of it, entered by `run`.
///
/// # Panics
/// As [`initial_memory`] does.
pub fn engine_with(
    code: &Code,
    case: &Case,
    host: &mut impl Host,
    mut run: impl FnMut(&mut State, &mut BareMemory) -> Exit,
) -> Outcome {
    let mut state = initial_state(case);
    let mut memory = initial_memory(case);
    let mut exits = Vec::new();
    loop {
        let exit = run(&mut state, &mut memory);
        exits.push((exit, state.pc));
        if exits.len() >= MOST_EXITS || !goes_on(exit, &mut state, host) {
            break;
        }
        match exit {
            Exit::Host(_) | Exit::Operation => code.step_over(&mut state),
            Exit::Fault(page) => memory.map(page, 4096, Access::ReadWrite).expect("a fault names a page"),
            _ => {}
        }
    }
    let memory =
        memory.pages().map(|(address, access, page)| (address, access == Access::ReadWrite, page.to_vec())).collect();
    Outcome { exits, registers: state.registers, gas: state.gas, block_paid: state.block_paid, memory }
}

/// What the reference makes of it.
///
/// # Panics
/// As [`initial_memory`] does.
#[must_use]
pub fn reference(case: &Case, model: CostModel, host: &mut impl Host) -> Outcome {
    let program = case.program();
    let mut bytes = Bytes { heap_end: HEAP.0, heap_limit: HEAP.1, ..Bytes::default() };
    for region in &case.memory {
        bytes.map(region.address, region.length, region.writable);
    }
    for (address, content) in &case.contents {
        for (offset, &byte) in content.iter().enumerate() {
            *bytes.byte(address + offset as u32).expect("contents lie in a region").1 = byte;
        }
    }
    let mut reference = Reference::new(&program, case.mode, model, initial_state(case), bytes);
    let mut exits = Vec::new();
    loop {
        let exit = reference.run();
        exits.push((exit, reference.state.pc));
        if exits.len() >= MOST_EXITS || !goes_on(exit, &mut reference.state, host) {
            break;
        }
        match exit {
            Exit::Host(_) | Exit::Operation => {
                reference.state.pc = program.next(reference.state.pc);
                reference.state.block_paid = true;
            }
            Exit::Fault(page) => reference.memory.map(page, 4096, true),
            _ => {}
        }
    }
    let memory =
        reference.memory.pages.into_iter().map(|(address, (writable, page))| (address, writable, page)).collect();
    let state = reference.state;
    Outcome { exits, registers: state.registers, gas: state.gas, block_paid: state.block_paid, memory }
}
