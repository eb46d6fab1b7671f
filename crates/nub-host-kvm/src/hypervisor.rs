//! What the monitor asks of a hypervisor. KVM is the one there is; another one is another implementation of these.

use std::any::Any;
use std::sync::Arc;

use crate::error::Error;

/// What a processor starts with. Long mode, paging on.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Whether it runs in ring 3, with the right to use ports, instead of ring 0.
    pub user: bool,
    /// The instruction pointer.
    pub instruction: u64,
    /// The stack pointer.
    pub stack: u64,
    /// The first two arguments of the function there.
    pub arguments: [u64; 2],
    /// Physical address of the root page table.
    pub root: u64,
    /// Address and limit of the segment descriptors.
    pub segments: (u64, u16),
    /// Address and limit of the interrupt descriptors.
    pub interrupts: (u64, u16),
    /// Address and limit of the task state segment.
    pub task: (u64, u16),
    /// The extended state that is switched on, 0 for none.
    pub xcr0: u64,
}

/// Why a processor stopped running.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The guest wrote a number to a port.
    Port(u16, u32),
    /// A trap could not be delivered.
    Shutdown,
    /// Somebody has kicked it.
    Kicked,
    /// Anything else; in words.
    Unexpected(String),
}

/// Where a processor is, for reports.
#[derive(Clone, Copy, Default, Debug)]
pub struct Place {
    /// The instruction pointer.
    pub instruction: u64,
    /// The stack pointer.
    pub stack: u64,
    /// The address that the last page fault was about.
    pub fault_address: u64,
}

/// A processor of a virtual machine.
pub trait Processor: Send {
    /// What makes it stop from another thread.
    type Kicker: Kicker;

    /// Sets its registers.
    ///
    /// # Errors
    /// [`Error::Refused`].
    fn start(&mut self, start: &Start) -> Result<(), Error>;

    /// Runs until something happens that the guest cannot do itself. Always on the same thread.
    fn run(&mut self) -> Exit;

    /// Where it is.
    fn place(&self) -> Place;

    /// Has [`Processor::run`] of this thread stop when it is kicked. Called once, on the thread that will run it.
    fn kicker(&mut self) -> Self::Kicker;
}

/// Makes a processor stop from another thread.
pub trait Kicker: Send {
    /// Stops it with [`Exit::Kicked`], now or as soon as it runs.
    fn kick(&self);
}

/// Makes virtual machines.
pub trait Hypervisor {
    /// What it makes.
    type Machine: Machine;

    /// A virtual machine without memory and processors.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Refused`].
    fn create(&self) -> Result<Self::Machine, Error>;
}

impl<H: Hypervisor> Hypervisor for &H {
    type Machine = H::Machine;

    fn create(&self) -> Result<H::Machine, Error> {
        (**self).create()
    }
}

/// Memory of this process that is to be a machine's.
#[derive(Clone)]
pub struct Region {
    /// Its physical address in the machine.
    pub physical: u64,
    /// Its address in this process.
    pub host: u64,
    /// Its size in bytes, whole pages.
    pub size: u64,
    /// Keeps it where it is as long as it lives.
    pub(crate) _holder: Arc<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x} bytes from {:#x} on", self.size, self.physical)
    }
}

/// A virtual machine.
pub trait Machine {
    /// Its processors.
    type Processor: Processor;

    /// Makes memory part of the machine, and holds it as long as the machine or a processor of it lives. Once, before
    /// there are processors.
    ///
    /// # Errors
    /// [`Error::Refused`].
    fn map(&mut self, memory: Region) -> Result<(), Error>;

    /// Makes a processor. Those of a machine have numbers of their own, from 0 on.
    ///
    /// # Errors
    /// [`Error::Refused`].
    fn processor(&self, number: usize) -> Result<Self::Processor, Error>;
}
