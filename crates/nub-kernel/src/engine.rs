//! The invocation engine: runs the frame on top and answers what its program asks of the kernel.

use javm_interpreter::Exit;
use javm_isa::Reg;

use crate::arch::{Arch, Trace};
use crate::call::Finished;
use crate::frame::Frame;
use crate::operation::{Operands, Operation, Request, UNKNOWN_OPERATION_PRICE};
use crate::process::Process;
use crate::status::Status;

/// How a call from the host ended.
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
    /// It could not end as it did, with a halt that would pass a bound: everything is as it was, but for the gas.
    Refused(Status),
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
            Ended::Refused(status) => status,
        }
    }
}

/// Why a frame does not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    Halt,
    Panic,
    Fault { page: u32 },
    OutOfGas,
    Yield { value: u64 },
}

impl Stop {
    /// How a call from the host ends by it.
    pub(crate) fn ended(self) -> Ended {
        match self {
            Stop::Halt => Ended::Halt,
            Stop::Fault { page } => Ended::Fault { page },
            Stop::OutOfGas => Ended::OutOfGas,
            // A yield is refused where nobody could resume.
            Stop::Panic | Stop::Yield { .. } => Ended::Panic,
        }
    }

    /// What a caller finds, with this result if there is one.
    pub(crate) fn reply(self, result: u64) -> Reply {
        let (result, status, detail) = match self {
            Stop::Halt => (result, Status::Halt, 0),
            Stop::Panic => (0, Status::Panic, 0),
            Stop::Fault { page } => (0, Status::Fault, page.into()),
            Stop::OutOfGas => (0, Status::OutOfGas, 0),
            Stop::Yield { value } => (0, Status::Yield, value),
        };
        Reply { result, status, detail }
    }
}

/// What a program gets back: φ7, φ8 and φ9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) result: u64,
    pub(crate) status: Status,
    pub(crate) detail: u64,
}

impl From<Status> for Reply {
    fn from(status: Status) -> Reply {
        Reply { result: 0, status, detail: 0 }
    }
}

/// Why an operation was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// What is wrong.
    Status(Status),
    /// The gas that is left does not cover the price.
    TooLittleGas,
    /// The program has stopped itself; the operation is done.
    Stops(Stop),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal::Status(status)
    }
}

/// The outcome of an operation: what the program finds, or `None` where another frame runs now.
pub(crate) type Answer = Result<Option<Reply>, Refusal>;

/// An operation that was paid for, done or refused.
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// What of the price follows from the registers.
    pub(crate) price: u64,
}

/// Runs a process until its first frame ends. `trace` watches all frames.
#[inline(never)]
pub(crate) fn run<A: Arch>(process: &mut Process<'_, A>, mut trace: Option<Trace<'_>>) -> Finished<A::Space> {
    loop {
        if process.arch.evicts() {
            process.evict();
        }
        let Process { arch, frames, .. } = process;
        let Some(Frame { program, state, window, .. }) = frames.last_mut().map(|frame| &mut **frame) else {
            unreachable!("a process without a frame is over")
        };
        let exit = match &mut trace {
            None => arch.run(program.code(), state, &mut window.space),
            Some(trace) => arch.run_traced(program.code(), state, &mut window.space, *trace),
        };
        let stop = match exit {
            Exit::Halt => Some(Stop::Halt),
            Exit::Panic => Some(Stop::Panic),
            Exit::Fault(page) => Some(Stop::Fault { page }),
            Exit::OutOfGas => Some(Stop::OutOfGas),
            Exit::Host(reference) => {
                let request = Request::from_register(process.running().register(Reg::A4));
                let answered = process.answer(Operation::Call, Request { reference, ..request });
                process.take(answered)
            }
            Exit::Operation => process.operate(),
        };
        if let Some(finished) = stop.and_then(|stop| process.end(stop)) {
            return finished;
        }
    }
}

impl<A: Arch> Process<'_, A> {
    /// Lets go of every window that no frame has, and of every program that is ready but for those that are published.
    #[cold]
    fn evict(&mut self) {
        self.windows.forget_all();
        self.programs.forget_all();
    }

    /// Answers what the running program asks for by `ecall`.
    #[inline(never)]
    fn operate(&mut self) -> Option<Stop> {
        let request = Request::from_register(self.running().register(Reg::A4));
        let answered = self.answer_number(request);
        self.take(answered)
    }

    /// Answers a number that no operation has.
    pub(crate) fn answer_unknown(&mut self) -> Result<Answered, Stop> {
        self.pay(UNKNOWN_OPERATION_PRICE)?;
        Ok(Answered { answer: Err(Status::Unknown.into()), price: 0 })
    }

    /// Has an operation paid for and done. Inlined, so that nothing is looked up where it is known which one it is.
    #[inline(always)]
    pub(crate) fn answer(&mut self, operation: Operation, request: Request) -> Result<Answered, Stop> {
        let operands = Operands::new(self.running(), request);
        let in_range = operation.are_in_range(&operands);
        let price = operation.price_of(&operands, in_range);
        self.pay(price)?;
        let answer = match operation.are_valid(&operands, in_range) {
            true => self.perform(operation, &operands),
            false => Err(Status::Range.into()),
        };
        Ok(Answered { answer, price })
    }

    /// Takes gas from the running program; where there is less it stands before the instruction, which more gas could
    /// repeat.
    #[inline]
    fn pay(&mut self, price: u64) -> Result<(), Stop> {
        let gas = &mut self.top().state.gas;
        *gas = gas.checked_sub(price).ok_or(Stop::OutOfGas)?;
        Ok(())
    }

    /// Gives the program what came out of an operation.
    #[inline]
    fn take(&mut self, answered: Result<Answered, Stop>) -> Option<Stop> {
        let Answered { answer, price } = match answered {
            Ok(answered) => answered,
            Err(stop) => return Some(stop),
        };
        let frame = self.top();
        match answer {
            Ok(None) => {}
            Ok(Some(reply)) => frame.take_reply(&reply),
            Err(Refusal::Status(status)) => frame.take_reply(&status.into()),
            Err(Refusal::Stops(stop)) => return Some(stop),
            Err(Refusal::TooLittleGas) => {
                frame.state.gas += price;
                return Some(Stop::OutOfGas);
            }
        }
        None
    }
}
