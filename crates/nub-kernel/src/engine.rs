//! The invocation engine: runs a frame and answers what its program asks of the kernel.

use javm_cap::{CNode, Capability, SCRATCHPAD_SLOT};
use javm_interpreter::Exit;
use javm_isa::Reg;

use crate::arch::{AddressSpace, Arch, Trace};
use crate::frame::{Frame, WithoutScratchpad};
use crate::operation::{HOP_PRICE, Operation, Request, UNKNOWN_OPERATION_PRICE, flag};
use crate::service::{self, Service};
use crate::status::Status;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It returned from its endpoint.
    Halt,
    /// It trapped, jumped where no block starts, or touched an address below 2^16.
    Panic,
    /// It touched a page that forbids the access.
    Fault {
        /// The address of the lowest such page.
        page: u32,
    },
    /// What came next costs more gas than was left.
    OutOfGas,
}

impl Ended {
    /// The status that stands for it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Ended::Halt => Status::Halt,
            Ended::Panic => Status::Panic,
            Ended::Fault { .. } => Status::Fault,
            Ended::OutOfGas => Status::OutOfGas,
        }
    }
}

/// The gas that is left does not cover the price of what the program asks for.
struct TooLittleGas;

/// What a program gets back from an operation: φ7 and φ8. φ9 is 0 for everything that exists so far.
struct Reply {
    result: u64,
    status: Status,
}

impl From<Status> for Reply {
    fn from(status: Status) -> Reply {
        Reply { result: 0, status }
    }
}

/// Runs `frame` until its program ends.
pub(crate) fn run<A: Arch>(arch: &mut A, frame: &mut Frame<'_, A::Space>, mut trace: Option<Trace<'_>>) -> Ended {
    loop {
        let code = frame.published.code();
        let exit = match &mut trace {
            None => arch.run(code, &mut frame.state, frame.space),
            Some(trace) => arch.run_traced(code, &mut frame.state, frame.space, *trace),
        };
        let answered = match exit {
            Exit::Halt => return Ended::Halt,
            Exit::Panic => return Ended::Panic,
            Exit::Fault(page) => return Ended::Fault { page },
            Exit::OutOfGas => return Ended::OutOfGas,
            Exit::Host(reference) => {
                let request = Request { reference, ..Request::from_register(frame.register(Reg::A4)) };
                frame.call(request)
            }
            Exit::Operation => frame.operate(Request::from_register(frame.register(Reg::A4))),
        };
        match answered {
            Ok(reply) => frame.take_reply(&reply),
            // Nothing has happened: the run stands before the instruction, which more gas could repeat.
            Err(TooLittleGas) => return Ended::OutOfGas,
        }
    }
}

impl<S: AddressSpace> Frame<'_, S> {
    fn register(&self, register: Reg) -> u64 {
        self.state.registers[register.index()]
    }

    fn arguments(&self) -> [u64; 4] {
        [Reg::A0, Reg::A1, Reg::A2, Reg::A3].map(|register| self.register(register))
    }

    fn take_reply(&mut self, reply: &Reply) {
        self.state.registers[Reg::A0.index()] = reply.result;
        self.state.registers[Reg::A1.index()] = reply.status.number();
        self.state.registers[Reg::A2.index()] = 0;
        self.published.code().step_over(&mut self.state);
    }

    fn pay(&mut self, price: u64) -> Result<(), TooLittleGas> {
        self.state.gas = self.state.gas.checked_sub(price).ok_or(TooLittleGas)?;
        Ok(())
    }

    fn operate(&mut self, request: Request) -> Result<Reply, TooLittleGas> {
        let Some(operation) = Operation::from_number(request.operation) else {
            self.pay(UNKNOWN_OPERATION_PRICE)?;
            return Ok(Status::Unknown.into());
        };
        if operation == Operation::Call {
            return self.call(request);
        }
        self.pay(operation.price())?;
        if !request.is_plain() {
            return Ok(Status::Range.into());
        }
        Ok(match operation {
            Operation::Gas => Reply { result: self.state.gas, status: Status::Halt },
            Operation::SelfRecord | Operation::Call => self.write_self_record(),
        })
    }

    /// SELF: 64 bytes at φ7 — how the call came (3 is from the host), then zeros: a top-level call from the host has no
    /// distance, badge, path or origin.
    fn write_self_record(&mut self) -> Reply {
        const VIA_HOST: u64 = 3;
        let record = [VIA_HOST, 0, 0, 0, 0, 0, 0, 0];
        let written =
            u32::try_from(self.register(Reg::A0)).ok().and_then(|address| self.write_own_memory(address, &record));
        if written.is_some() { Status::Halt.into() } else { Status::Range.into() }
    }

    /// CALL of what `request.reference` names.
    fn call(&mut self, request: Request) -> Result<Reply, TooLittleGas> {
        self.pay(Operation::Call.price() + HOP_PRICE * hops(request.reference).count() as u64)?;
        Ok(self.call_paid(request).unwrap_or_else(Reply::from))
    }

    /// The call once its own price is paid; the callee's price is taken with the call or not at all.
    fn call_paid(&mut self, request: Request) -> Result<Reply, Status> {
        if request.flags & !flag::ALL != 0 {
            return Err(Status::Range);
        }
        if request.reference == u32::from(SCRATCHPAD_SLOT) {
            return Err(if self.scratchpad.is_some() { Status::Kind } else { Status::Empty });
        }
        let service = match resolve(&self.table, request.reference)? {
            Capability::Service(capability) => Service::from_number(capability.id).ok_or(Status::NoEndpoint)?,
            _ => return Err(Status::Kind),
        };
        let with_scratchpad = request.flags & flag::SCRATCH != 0;
        let arguments = self.arguments();
        let prepared = if with_scratchpad {
            service::prepare(service, request.endpoint, arguments, self)?
        } else {
            service::prepare(service, request.endpoint, arguments, &mut WithoutScratchpad(&mut self.log))?
        };
        if prepared.price > self.callee_gas_limit() {
            return Err(Status::OutOfGas);
        }
        self.state.gas -= prepared.price;
        let result = if with_scratchpad {
            prepared.perform(self)
        } else {
            prepared.perform(&mut WithoutScratchpad(&mut self.log))
        };
        Ok(Reply { result, status: Status::Halt })
    }

    /// φ12: what the callee may use of the gas that is left; 0, and everything above, means all but a 64th.
    fn callee_gas_limit(&self) -> u64 {
        let most = self.state.gas - self.state.gas / 64;
        match self.register(Reg::A5) {
            0 => most,
            asked => asked.min(most),
        }
    }
}

/// The hops of a reference: bytes 1 to 3, the first 0 among them ends them.
fn hops(reference: u32) -> impl Iterator<Item = u8> {
    reference.to_le_bytes().into_iter().skip(1).take_while(|&hop| hop != 0)
}

/// What stands in the slot that a reference names: byte 0 is the slot, the hops lead to its table.
fn resolve(table: &CNode, reference: u32) -> Result<&Capability, Status> {
    let slot = reference as u8;
    if hops(reference).count() < (reference >> 8).to_le_bytes().into_iter().filter(|&byte| byte != 0).count() {
        return Err(Status::Range);
    }
    let mut table = table;
    for hop in hops(reference) {
        table = match table.get(hop).ok_or(Status::Empty)? {
            Capability::CNode(inner) => inner,
            _ => return Err(Status::Kind),
        };
    }
    table.get(slot).ok_or(Status::Empty)
}
