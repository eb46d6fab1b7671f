//! Calls that are watched.

use javm_interpreter::State;
use javm_isa::{Instruction, REG_COUNT};
use nub_kernel::{EndpointRef, InstanceId, Outcome};

use crate::builder::ArchChoice;
use crate::error::Error;
use crate::handle::Nub;
use crate::options::InvokeOptions;

/// An instruction that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct TraceLine<'a> {
    /// Its offset in the code.
    pub pc: u32,
    /// The gas that is left, its block paid.
    pub gas: u64,
    /// The registers as it finds them.
    pub registers: &'a [u64; REG_COUNT],
    /// What it is.
    pub instruction: &'a Instruction,
}

impl Nub {
    /// [`Nub::invoke`], with `trace` called before each instruction. Much slower; nothing else differs. A program in a
    /// virtual machine cannot be watched: as every machine comes to the same results, a handle of
    /// [`ArchChoice::Local`](crate::ArchChoice::Local) that makes the same calls shows the same.
    ///
    /// # Errors
    /// Those of [`Nub::invoke`]; [`Error::LocalOnly`] for [`ArchChoice::Kvm`](crate::ArchChoice::Kvm).
    pub fn invoke_traced<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
        mut trace: impl FnMut(TraceLine<'_>),
    ) -> Result<Outcome, Error> {
        let call = options.call(&self.reader.supervisor, endpoint.into(), arguments)?;
        let mut forward = |state: &State, instruction: &Instruction| {
            trace(TraceLine { pc: state.pc, gas: state.gas, registers: &state.registers, instruction });
        };
        if self.reader.supervisor.arch() == ArchChoice::Kvm {
            self.reader.supervisor.made(instance)?;
            return Err(Error::LocalOnly("watching a call"));
        }
        self.reader.ask_about(instance, |machine, number| machine.invoke_traced(number, &call, &mut forward))
    }
}
