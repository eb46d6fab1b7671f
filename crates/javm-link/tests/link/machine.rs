//! Runs linked Images: memory as their maps say, nothing behind their slots.

use javm_cap::{Access, Backing};
use javm_interpreter::bare::{self, BareMemory};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{Mode, Reg};
use javm_link::{LinkError, Linked, Options, link};

/// The address whose jump ends a run.
pub const HALT: u64 = 0xFFFF_0000;

/// Links with default options.
pub fn link_file(file: &super::elf::File) -> Result<Linked, LinkError> {
    link(&file.build(), &Options::default())
}

/// A program ready to be called again and again.
pub struct Machine {
    pub linked: Linked,
    pub code: Code,
    pub memory: BareMemory,
}

impl Machine {
    pub fn new(linked: Linked) -> Machine {
        let program = javm_isa::Program::parse(&linked.image.code).unwrap();
        let code = Code::new(&program, Mode::Image, linked.image.cost_model);
        let mut memory = BareMemory::new();
        for (&page, mapping) in &linked.image.memory {
            let access = match mapping.access {
                Access::ReadOnly => bare::Access::ReadOnly,
                Access::ReadWrite => bare::Access::ReadWrite,
            };
            memory.map(page * 4096, mapping.pages * 4096, access).unwrap();
            if let Backing::Persistent { slot, offset_pages } = mapping.backing
                && let Some(data) = linked.image.slots.get(&slot)
            {
                for (index, content) in data.stored_pages() {
                    if let Some(index) = index.checked_sub(offset_pages).filter(|&index| index < mapping.pages) {
                        memory.write((page + index) * 4096, &content[..]).unwrap();
                    }
                }
            }
        }
        Machine { linked, code, memory }
    }

    /// The state at the start of an endpoint.
    pub fn entry(&self, endpoint: &str, arguments: &[u64]) -> State {
        let found = self.linked.image.endpoints.iter().find(|known| known.name.as_str() == endpoint).unwrap();
        let mut state = State::new(found.entry, u64::MAX >> 1);
        state.registers = found.registers;
        state.registers[Reg::RA.index()] = HALT;
        state.registers[Reg::A0.index()..][..arguments.len()].copy_from_slice(arguments);
        state
    }

    pub fn run(&mut self, state: &mut State) -> Exit {
        run(&self.code, state, &mut self.memory)
    }

    /// Calls an endpoint and gives how it ended and what it left in a0.
    pub fn call(&mut self, endpoint: &str, arguments: &[u64]) -> (Exit, u64) {
        let mut state = self.entry(endpoint, arguments);
        let exit = self.run(&mut state);
        (exit, state.registers[Reg::A0.index()])
    }

    /// Calls an endpoint that has to end well.
    pub fn result(&mut self, endpoint: &str, arguments: &[u64]) -> u64 {
        let (exit, result) = self.call(endpoint, arguments);
        assert_eq!(exit, Exit::Halt, "{endpoint}({arguments:x?})");
        result
    }

    /// The program as assembly text.
    pub fn text(&self) -> String {
        javm_isa::disassemble(self.code.program())
    }
}

/// Links a file that has to be right.
pub fn machine(file: &super::elf::File) -> Machine {
    match link_file(file) {
        Ok(linked) => Machine::new(linked),
        Err(error) => panic!("{error}"),
    }
}
