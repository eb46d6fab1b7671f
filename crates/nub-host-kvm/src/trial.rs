//! A machine of its own for a few instructions written by hand: how a hypervisor is found out to be one that can do
//! something, before a kernel relies on it.

use std::sync::Arc;

use nub_arch_x86_abi::Privilege;
use nub_arch_x86_abi::layout::{IMAGE_BASE, MIN_MEMORY};
use nub_arch_x86_abi::port::{EVENT_PORT, Event};

use crate::boot::Loader;
use crate::error::Error;
use crate::hypervisor::{Exit, Hypervisor, Machine, Processor};
use crate::memory::GuestMemory;

/// A processor that runs some code again and again.
pub(crate) struct Trial<H: Hypervisor> {
    processor: <H::Machine as Machine>::Processor,
    // Dropped after the processor.
    _machine: H::Machine,
}

impl<H: Hypervisor> Trial<H> {
    /// A machine for `code`, which finds no stack and may change `eax`, `ecx`, `edx`, and vectors if `xcr0` has them.
    pub(crate) fn new(hypervisor: &H, privilege: Privilege, xcr0: u64, code: &[u8]) -> Result<Trial<H>, Error> {
        // mov eax, Answered; mov edx, EVENT_PORT; out dx, eax; jmp to start
        let mut bytes = code.to_vec();
        bytes.push(0xb8);
        bytes.extend_from_slice(&(Event::Answered as u32).to_le_bytes());
        bytes.push(0xba);
        bytes.extend_from_slice(&u32::from(EVENT_PORT).to_le_bytes());
        bytes.extend_from_slice(&[0xef, 0xe9]);
        let back = -(bytes.len() as i32 + 4);
        bytes.extend_from_slice(&back.to_le_bytes());

        let memory = Arc::new(GuestMemory::new(MIN_MEMORY)?);
        let mut loader = Loader::new(&memory, 1, privilege == Privilege::User)?;
        // Where the task state segment is, which says that ring 3 may use the port.
        loader.map_linear(memory.size())?;
        loader.load(IMAGE_BASE, &bytes, bytes.len() as u64, false, true)?;
        // No descriptor for any interrupt: an instruction that cannot be carried out ends the machine.
        let start = loader.start(0, IMAGE_BASE, (0, 0), xcr0)?;
        let mut machine = hypervisor.create()?;
        machine.map(memory.region())?;
        let mut processor = machine.processor(0)?;
        processor.start(&start)?;
        Ok(Trial { processor, _machine: machine })
    }

    /// Runs the code once. Gives how that ended if it did not come to its end.
    pub(crate) fn run(&mut self) -> Result<(), Exit> {
        loop {
            match self.processor.run() {
                Exit::Kicked => {}
                Exit::Port(EVENT_PORT, _) => return Ok(()),
                other => return Err(other),
            }
        }
    }
}
