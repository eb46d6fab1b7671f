//! A program with what it starts with.

use javm_interpreter::State;
use javm_interpreter::bare::{Access, BareMemory};
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{Program, REG_COUNT};

/// More than any of them needs.
pub const GAS: u64 = 1 << 40;

pub struct Workload {
    pub name: &'static str,
    pub program: Program,
    pub entry: u32,
    /// All but the return address.
    pub registers: [u64; REG_COUNT],
    pub memory: Vec<Mapping>,
}

pub struct Mapping {
    pub address: u32,
    pub content: Vec<u8>,
    pub access: Access,
    /// Whether it is the stack, which may lie elsewhere for polkavm.
    pub is_stack: bool,
}

/// What a run came to, for every engine the same.
#[derive(PartialEq, Debug)]
pub struct Outcome {
    pub result: u64,
    pub instructions: u64,
}

impl Workload {
    pub fn state(&self) -> State {
        let mut state = State { registers: self.registers, ..State::new(self.entry, GAS) };
        state.registers[0] = u64::from(HALT_ADDRESS);
        state
    }

    pub fn memory(&self) -> BareMemory {
        let mut memory = BareMemory::new();
        for mapping in &self.memory {
            memory.map(mapping.address, mapping.content.len() as u32, mapping.access).expect("whole pages");
            memory.write(mapping.address, &mapping.content).expect("just mapped");
        }
        memory
    }
}
