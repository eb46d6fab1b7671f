//! REGS_GET, REGS_SET, STAT, HASH, SET_QUOTA, GAS, SELF, QUOTA, YIELD: what is known, and what is set.

use super::{Operation, address, ask, done, one};
use crate::{Place, Status};

/// The kind of a capability.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Bytes, in pages.
    Data = 0x10,
    /// A table of 256 slots.
    CNode = 0x11,
    /// A program.
    Image = 0x12,
    /// An interface.
    TypeDef = 0x13,
    /// A program with its table and its run state.
    Instance = 0x14,
    /// The right to call what stands at a place.
    Callable = 0x15,
    /// The right to call a service of the kernel.
    Service = 0x16,
}

impl Kind {
    /// All of them, with their names.
    pub const ALL: [(Kind, &'static str); 7] = [
        (Kind::Data, "Data"),
        (Kind::CNode, "CNode"),
        (Kind::Image, "Image"),
        (Kind::TypeDef, "TypeDef"),
        (Kind::Instance, "Instance"),
        (Kind::Callable, "Callable"),
        (Kind::Service, "Service"),
    ];

    /// Its number: the tag of its hash.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What an Instance is doing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RunState {
    /// Nothing: it can be called.
    Idle,
    /// It was stopped, and can be resumed.
    Suspended(Why),
    /// It is on the call stack.
    Running,
}

/// Why an Instance was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Why {
    /// It trapped.
    Panic = 1,
    /// It touched a page that forbids it.
    Fault = 2,
    /// Its gas was used up.
    OutOfGas = 3,
    /// It has stopped by itself.
    Yield = 4,
}

impl Why {
    const fn from_number(number: u8) -> Why {
        match number {
            1 => Why::Panic,
            2 => Why::Fault,
            3 => Why::OutOfGas,
            _ => Why::Yield,
        }
    }
}

/// What stands in a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stat {
    result: u64,
    /// Its size in pages, with everything below it.
    pub pages: u64,
}

impl Stat {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let found = Kind::ALL.into_iter().find(|(kind, _)| kind.number() == self.result as u8);
        // There is no other in this version of the kernel.
        found.map_or(Kind::Data, |(kind, _)| kind)
    }

    /// What it is doing, if it is an Instance.
    #[must_use]
    pub fn run_state(&self) -> Option<RunState> {
        (self.kind() == Kind::Instance).then(|| match (self.result >> 8) as u8 {
            0 => RunState::Idle,
            1 => RunState::Suspended(Why::from_number((self.result >> 16) as u8)),
            _ => RunState::Running,
        })
    }

    /// How many tables are on the longest way down from it.
    #[must_use]
    pub const fn height(&self) -> u8 {
        (self.result >> 24) as u8
    }

    /// Whether it has a quota.
    #[must_use]
    pub const fn has_quota(&self) -> bool {
        self.result >> 32 & 1 != 0
    }

    /// Whether it has a `home`.
    #[must_use]
    pub const fn has_home(&self) -> bool {
        self.result >> 33 & 1 != 0
    }
}

/// What stands in a place.
///
/// # Errors
/// [`Status::EMPTY`].
#[inline]
pub fn stat(place: Place) -> Result<Stat, Status> {
    // SAFETY: it changes nothing.
    let reply = unsafe { ask(Operation::Stat, 0, [one(place), 0, 0, 0], 0) };
    reply.ok().map(|result| Stat { result, pages: reply.detail })
}

/// The registers of a Suspended Instance, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Registers {
    /// φ0 to φ12. Arguments and results are in φ7 and on.
    pub phi: [u64; 13],
    /// The code offset of the instruction that is next.
    pub pc: u32,
    why: u8,
    paid: u8,
    reserved: [u8; 2],
    /// The address of the page of a fault, the value of a yield, else 0.
    pub detail: u64,
}

const _: () = assert!(size_of::<Registers>() == 120);

impl Registers {
    /// Why the Instance was stopped.
    #[must_use]
    pub const fn why(&self) -> Why {
        Why::from_number(self.why)
    }

    /// Whether the gas of the basic block at `pc` is paid.
    #[must_use]
    pub const fn is_block_paid(&self) -> bool {
        self.paid != 0
    }
}

/// The registers of the Suspended Instance in a place.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`]; [`Status::BUSY`] for one that is not Suspended.
#[inline]
pub fn registers(place: Place) -> Result<Registers, Status> {
    let mut registers = Registers { phi: [0; 13], pc: 0, why: 0, paid: 0, reserved: [0; 2], detail: 0 };
    // SAFETY: it writes the 120 bytes of the record, which may be any.
    done(unsafe { ask(Operation::RegsGet, 0, [one(place), address(&raw mut registers), 0, 0], 0) })?;
    Ok(registers)
}

/// Sets φ0 to φ12 of the Suspended Instance in a place.
///
/// # Errors
/// As [`registers`].
#[inline]
pub fn set_registers(place: Place, phi: &[u64; 13]) -> Result<(), Status> {
    // SAFETY: the kernel reads these 104 bytes.
    done(unsafe { ask(Operation::RegsSet, 0, [one(place), address(&raw const *phi), 0, 0], 0) })
}

/// Sets φ0 to φ12 of the Suspended Instance in a place, and the code offset at which it goes on: the start of a basic
/// block.
///
/// # Errors
/// As [`registers`]; [`Status::RANGE`] for any other code offset.
#[inline]
pub fn set_registers_and_pc(place: Place, registers: &Registers) -> Result<(), Status> {
    let operands = [one(place), address(&raw const *registers), 0, 0];
    // SAFETY: the kernel reads the first 108 bytes of these.
    done(unsafe { ask(Operation::RegsSet, super::flag::PC, operands, 0) })
}

/// The capability hash of what stands in a place.
///
/// # Errors
/// [`Status::EMPTY`]; [`Status::BUSY`] where somebody runs in it, or it is mapped to be written.
#[inline]
pub fn hash(place: Place) -> Result<[u8; 32], Status> {
    let mut digest = [0; 32];
    // SAFETY: it writes these 32 bytes.
    done(unsafe { ask(Operation::Hash, 0, [one(place), address(&raw mut digest), 0, 0], 0) })?;
    Ok(digest)
}

/// Says how many pages the Instance in a place may come to, everything below it included; `None` for as many as it likes.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`], [`Status::BUSY`]; [`Status::QUOTA`] if it has more already; [`Status::RANGE`] for
/// more than 2^40.
#[inline]
pub fn set_quota(place: Place, pages: Option<u64>) -> Result<(), Status> {
    // SAFETY: it touches no memory.
    done(unsafe { ask(Operation::SetQuota, 0, [one(place), pages.unwrap_or(u64::MAX), 0, 0], 0) })
}

/// The gas that is left. As host code always [`test::GAS`](crate::test::GAS): nothing is metered there.
#[must_use]
#[inline]
pub fn gas() -> u64 {
    // SAFETY: it touches no memory.
    unsafe { ask(Operation::Gas, 0, [0; 4], 0) }.result
}

/// The number of pages by which the program may grow. As host code 2^40.
#[must_use]
#[inline]
pub fn quota() -> u64 {
    // SAFETY: it touches no memory.
    unsafe { ask(Operation::Quota, 0, [0; 4], 0) }.result
}

/// Stops, and lets whoever called have `value`. Returns what the program is resumed with, perhaps in another block, on
/// another machine.
///
/// # Errors
/// [`Status::DENIED`] unless the program was called, or resumed, through the slot that holds it.
#[inline]
pub fn yield_(value: u64) -> Result<u64, Status> {
    // SAFETY: who owns the program may change its memory meanwhile, as the program does when it is called. What the
    // compiler knows of memory ends at an `ecall`, but for what it has lent to nobody.
    unsafe { ask(Operation::Yield, 0, [value, 0, 0, 0], 0) }.ok()
}

/// How a call came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Via {
    /// Through the slot that holds the program: its owner has called.
    Owner = 0,
    /// Through a Callable.
    Callable = 1,
    /// As an event of a block.
    Event = 2,
    /// From the host.
    Host = 3,
}

/// Who is running, and how it was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    record: [u64; 8],
}

impl Identity {
    /// What the kernel says about the present call.
    ///
    /// # Errors
    /// [`Status::RANGE`] where the program's path is longer than 16 slots, as it is written.
    #[inline]
    pub fn read() -> Result<Identity, Status> {
        let mut record = [0_u64; 8];
        // SAFETY: it writes the 64 bytes of the record.
        done(unsafe { ask(Operation::SelfRecord, 0, [address(&raw mut record), 0, 0, 0], 0) })?;
        Ok(Identity { record })
    }

    /// The 64 bytes as eight little-endian words.
    #[must_use]
    pub const fn words(&self) -> [u64; 8] {
        self.record
    }

    /// How the call came.
    #[must_use]
    pub const fn via(&self) -> Via {
        match self.record[0] as u8 {
            0 => Via::Owner,
            1 => Via::Callable,
            2 => Via::Event,
            _ => Via::Host,
        }
    }

    /// How many Instances are between who made the Callable and the program: 0 itself, 1 its owner, 2 the owner's owner.
    #[must_use]
    pub const fn distance(&self) -> u8 {
        (self.record[0] >> 8) as u8
    }

    /// The badge of the Callable that was called, else 0.
    #[must_use]
    pub const fn badge(&self) -> u64 {
        self.record[1]
    }

    /// The slots from the root down to the program; how many, and the first sixteen bytes of which so many count.
    #[must_use]
    pub fn path(&self) -> ([u8; 16], usize) {
        let mut path = [0; 16];
        for (bytes, word) in path.chunks_exact_mut(8).zip(&self.record[2..4]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        (path, usize::from((self.record[0] >> 16) as u8))
    }

    /// Whom the embedding chain has authenticated as the origin of the event that the call is, else zeros.
    #[must_use]
    pub fn origin(&self) -> [u8; 32] {
        let mut origin = [0; 32];
        for (bytes, word) in origin.chunks_exact_mut(8).zip(&self.record[4..]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_about_the_call() {
        let identity = Identity::read().expect("it is never refused");
        assert_eq!((identity.via(), identity.badge(), identity.origin()), (Via::Host, 0, [0; 32]));
        assert_eq!((identity.path(), identity.distance()), (([0; 16], 0), 0));
        assert_eq!((gas(), quota()), (crate::test::GAS, 1 << 40));
    }

    #[test]
    fn parts_of_a_stat() {
        let stat = Stat { result: 0x3_02_04_01_14, pages: 9 };
        assert_eq!((stat.kind(), stat.run_state()), (Kind::Instance, Some(RunState::Suspended(Why::Yield))));
        assert_eq!((stat.height(), stat.has_quota(), stat.has_home()), (2, true, true));
        assert_eq!((Stat { result: 0x10, pages: 1 }).run_state(), None);
    }
}
