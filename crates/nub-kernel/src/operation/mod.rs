//! The operations that a program asks of the kernel with `ecall`: one table of numbers, names, prices and flags. The norm is
//! `docs/spec/operations.md`, which has the order in which things are looked at, too: what is here keeps to it.
//!
//! - `operands`: what the registers say, and what can be told from them alone.
//! - `places`: COPY, MOVE, SWAP, DROP, NEW_DATA, NEW_CNODE, RESIZE.
//! - `bytes`: READ, WRITE.
//! - `programs`: SPAWN, UPGRADE, MINT, ATTENUATE.
//! - `memory`: MAP, UNMAP.
//! - `inspect`: REGS_GET, REGS_SET, STAT, SET_QUOTA, GAS, SELF, QUOTA.
//! - `hash`: HASH.

mod bytes;
mod hash;
mod inspect;
mod memory;
mod operands;
mod places;
mod programs;

pub(crate) use self::operands::Operands;
pub(crate) use self::programs::satisfies;
use crate::arch::Arch;
use crate::engine::{Answer, Answered, Refusal, Reply, Stop};
use crate::frame::Via;
use crate::process::Process;
use crate::status::Status;

macro_rules! operations {
    ($($number:literal $name:ident $text:literal $price:literal $flags:literal, $doc:literal;)*) => {
        /// An operation of the kernel.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Operation {
            $(
                #[doc = $doc]
                $name = $number,
            )*
        }

        impl Operation {
            /// Every operation that exists so far.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),*];

            /// The operation of this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Operation> {
                match number {
                    $($number => Some(Operation::$name),)*
                    _ => None,
                }
            }

            /// Its name in the spec.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => $text,)*
                }
            }

            /// Gas that it costs beyond the `ecall` instruction, before hops and parts.
            #[must_use]
            pub const fn price(self) -> u64 {
                match self {
                    $(Operation::$name => $price,)*
                }
            }

            /// The flags that it has.
            #[must_use]
            pub const fn flags(self) -> u8 {
                match self {
                    $(Operation::$name => $flags,)*
                }
            }
        }

        impl<A: Arch> Process<'_, A> {
            /// Has the operation of a number paid for and done. Each is a case of its own, in which all that follows from
            /// which one it is stands there already.
            #[inline(always)]
            pub(crate) fn answer_number(&mut self, request: Request) -> Result<Answered, Stop> {
                match request.operation {
                    $($number => self.answer(Operation::$name, request),)*
                    _ => self.answer_unknown(),
                }
            }
        }
    };
}

operations! {
    1 Copy "COPY" 300 1, "Puts a copy of what stands in one place into another.";
    2 Move "MOVE" 300 1, "Moves what stands in one place to another.";
    3 Swap "SWAP" 400 0, "Exchanges what stands in two places.";
    4 Drop "DROP" 300 0, "Empties a place.";
    5 NewData "NEW_DATA" 300 0, "Makes a Data of zeros.";
    6 NewCNode "NEW_CNODE" 300 0, "Makes an empty CNode.";
    7 Resize "RESIZE" 400 0, "Makes a Data longer or shorter.";
    8 Read "READ" 200 0, "Copies bytes of a Data to memory.";
    9 Write "WRITE" 200 0, "Copies bytes of memory to a Data.";
    10 Spawn "SPAWN" 2000 1, "Makes an Instance of an Image.";
    11 Upgrade "UPGRADE" 500 0, "Gives an Instance another Image.";
    12 Mint "MINT" 600 3, "Makes a Callable for an Instance.";
    13 Attenuate "ATTENUATE" 400 0, "Makes a weaker Callable.";
    14 Map "MAP" 1000 0, "Maps pages of a slot.";
    15 Unmap "UNMAP" 1000 0, "Takes away what MAP has mapped.";
    16 Call "CALL" 50 7, "Calls what stands in a slot; `ecalli` is the same with the reference in the code.";
    17 Resume "RESUME" 50 7, "Goes on with a Suspended Instance.";
    18 RegsGet "REGS_GET" 200 0, "Writes the registers of a Suspended Instance to memory.";
    19 RegsSet "REGS_SET" 300 1, "Sets the registers of a Suspended Instance from memory.";
    20 Stat "STAT" 150 0, "Says what stands in a place.";
    21 Hash "HASH" 1000 0, "Writes the hash of what stands in a place to memory.";
    22 SetQuota "SET_QUOTA" 200 0, "Says how large an Instance may be.";
    23 Gas "GAS" 5 0, "Gives the gas that is left, after its own price.";
    24 SelfRecord "SELF" 60 0, "Writes who is running and who called to memory.";
    25 Quota "QUOTA" 100 0, "Gives the number of pages by which the running Instance may grow.";
    26 Yield "YIELD" 100 0, "Ends the call in such a way that it can be resumed.";
}

/// Gas that each hop of each reference costs.
pub const HOP_PRICE: u64 = 500;

/// Gas that an `ecall` with a number that the table does not have costs.
pub const UNKNOWN_OPERATION_PRICE: u64 = 5;

/// φ11 of an `ecall`: what is asked for and of whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Bits 0 to 7: the operation.
    pub operation: u8,
    /// Bits 8 to 15: flags, see [`flag`].
    pub flags: u8,
    /// Bits 16 to 31: the endpoint or method of a call.
    pub endpoint: u16,
    /// Bits 32 to 63: the reference to a slot.
    pub reference: u32,
}

impl Request {
    /// Takes φ11 apart.
    #[must_use]
    pub const fn from_register(value: u64) -> Request {
        Request {
            operation: value as u8,
            flags: (value >> 8) as u8,
            endpoint: (value >> 16) as u16,
            reference: (value >> 32) as u32,
        }
    }
}

/// The flags of operations.
pub mod flag {
    /// CALL, RESUME: the scratchpad goes with the call and comes back with the reply.
    pub const SCRATCH: u8 = 1;
    /// CALL, RESUME: what stands in slot 1 goes with the call and comes back with the reply.
    pub const GIFT: u8 = 2;
    /// CALL, RESUME: unless the call ends in a halt it is undone.
    pub const ATOMIC: u8 = 4;
    /// COPY, MOVE: the Instance gets the path that it came from as its `home`.
    pub const REBASE: u8 = 1;
    /// SPAWN: there is a table of grants.
    pub const GRANTS: u8 = 1;
    /// MINT: the place is the running Instance itself.
    pub const ITSELF: u8 = 1;
    /// MINT: the interface is that of a TypeDef.
    pub const TYPEDEF: u8 = 2;
    /// REGS_SET: the program counter is set, too.
    pub const PC: u8 = 1;
}

/// What an operation without a result gives.
pub(crate) const DONE: Answer = Ok(Some(Reply { result: 0, status: Status::Halt, detail: 0 }));

/// What an operation with a result gives.
pub(crate) fn result(result: u64) -> Answer {
    Ok(Some(Reply { result, status: Status::Halt, detail: 0 }))
}

impl<A: Arch> Process<'_, A> {
    /// Does an operation whose price, as far as it follows from the registers, is paid, and whose operands are in their
    /// ranges.
    #[inline(always)]
    pub(crate) fn perform(&mut self, operation: Operation, operands: &Operands) -> Answer {
        match operation {
            Operation::Copy => self.copy(operands),
            Operation::Move => self.move_(operands),
            Operation::Swap => self.swap(operands),
            Operation::Drop => self.drop_(operands),
            Operation::NewData => self.new_data(operands),
            Operation::NewCNode => self.new_cnode(operands),
            Operation::Resize => self.resize(operands),
            Operation::Read => self.read(operands),
            Operation::Write => self.write(operands),
            Operation::Spawn => self.spawn(operands),
            Operation::Upgrade => self.upgrade(operands),
            Operation::Mint => self.mint(operands),
            Operation::Attenuate => self.attenuate(operands),
            Operation::Map => self.map(operands),
            Operation::Unmap => self.unmap(operands),
            Operation::Call => self.call(operands.request),
            Operation::Resume => self.resume(operands.request),
            Operation::RegsGet => self.regs_get(operands),
            Operation::RegsSet => self.regs_set(operands),
            Operation::Stat => self.stat(operands),
            Operation::Hash => self.hash(operands),
            Operation::SetQuota => self.set_quota(operands),
            Operation::Gas => result(self.running().state.gas),
            Operation::SelfRecord => self.self_record(operands),
            Operation::Quota => result(self.room()),
            Operation::Yield => self.yield_(operands),
        }
    }

    /// YIELD: stops the running frame, behind the instruction and with nothing in the registers of a reply.
    fn yield_(&mut self, operands: &Operands) -> Answer {
        let frame = self.top();
        if frame.call.via != Via::Owner {
            return Err(Status::Denied.into());
        }
        frame.take_reply(&Reply::from(Status::Halt));
        Err(Refusal::Stops(Stop::Yield { value: operands.a() }))
    }
}
