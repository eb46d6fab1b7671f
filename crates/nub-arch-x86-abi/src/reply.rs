//! What the guest answers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::request::{Hash, MOST_SLOTS};
use crate::wire::{PACKED, Reader, WireError, Writer};

/// How many registers a program has.
pub const REGISTERS: usize = 13;

/// What goes packed before them: what belongs to the end, gas, program counter.
const BEFORE_REGISTERS: usize = 3;

const _: () = assert!(BEFORE_REGISTERS + REGISTERS == PACKED);

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It returned.
    Halt,
    /// It trapped.
    Panic,
    /// It touched a page that forbids the access: the address of the lowest one.
    Fault(u32),
    /// What came next costs more gas than was left.
    OutOfGas,
    /// It could not end as it did: the number of the status.
    Refused(u8),
}

/// What stands at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The tag of its kind.
    pub tag: u8,
    /// Its hash.
    pub hash: Hash,
    /// Its size in pages, with everything below.
    pub size: u64,
    /// Its height.
    pub height: u8,
    /// What there is to an Instance.
    pub instance: Option<Standing>,
    /// By which it is sent, if it is to be.
    pub ticket: Option<u64>,
}

/// What there is to an Instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The hash of its Image.
    pub image: Hash,
    /// The status that it was suspended with, and what belongs to that; `None` where it is Idle.
    pub suspended: Option<(u8, u64)>,
    /// Its quota in pages.
    pub quota: Option<u64>,
    /// Its `home`.
    pub home: Option<Vec<u8>>,
}

impl Found {
    fn encode(&self, to: &mut Writer) {
        to.u8(self.tag);
        to.raw(&self.hash);
        to.u64(self.size);
        to.u8(self.height);
        to.optional(self.instance.as_ref(), |to, standing| {
            to.raw(&standing.image);
            to.optional(standing.suspended, |to, (why, detail)| {
                to.u8(why);
                to.u64(detail);
            });
            to.optional(standing.quota, Writer::u64);
            to.optional(standing.home.as_deref(), Writer::bytes);
        });
        to.optional(self.ticket, Writer::u64);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Found, WireError> {
        let (tag, hash, size, height) = (from.u8()?, from.array()?, from.u64()?, from.u8()?);
        let instance = from.optional(|from| {
            let image = from.array()?;
            let suspended = from.optional(|from| Ok((from.u8()?, from.u64()?)))?;
            let quota = from.optional(Reader::u64)?;
            let home = from.optional(|from| {
                let home = from.bytes()?;
                if home.len() > MOST_SLOTS {
                    return Err(from.unexpected("length of a path", home.len() as u64));
                }
                Ok(home.into())
            })?;
            Ok(Standing { image, suspended, quota, home })
        })?;
        Ok(Found { tag, hash, size, height, instance, ticket: from.optional(Reader::u64)? })
    }
}

/// A part of the archive of a capability.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Whether it is the last one.
    pub is_last: bool,
    /// Whole nodes.
    pub bytes: Vec<u8>,
}

/// An entry of a call's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// What it is about.
    pub topic: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The scratchpad at the end of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scratchpad {
    /// Its length in pages.
    pub pages: u32,
    /// Its bytes up to the last that is not zero.
    pub bytes: Vec<u8>,
}

/// What a call came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Gas that it used.
    pub gas_used: u64,
    /// The registers at the end.
    pub registers: [u64; REGISTERS],
    /// The code offset of the instruction that ended it.
    pub pc: u32,
    /// The scratchpad at the end, if there was one.
    pub scratchpad: Option<Scratchpad>,
    /// What the program logged.
    pub logs: Vec<LogEntry>,
    /// What came back in slot 1, which is to be sent. Seldom anything: in a place of its own, so that outcomes are small.
    pub gift: Option<Box<Found>>,
}

/// Why a program without an Image stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It returned.
    Halt,
    /// It trapped.
    Panic,
    /// It touched a page that forbids the access: the address of the lowest one.
    Fault(u32),
    /// What came next costs more gas than was left.
    OutOfGas,
    /// It called the host, with this immediate.
    Host(u32),
    /// It asked for an operation.
    Operation,
}

/// What running a program without an Image came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// Why it stopped.
    pub exit: Exit,
    /// The registers at the end.
    pub registers: [u64; REGISTERS],
    /// The instruction that ended it.
    pub pc: u32,
    /// The gas that was left.
    pub gas: u64,
    /// The bytes of each range of memory, up to the last that is not zero.
    pub memory: Vec<Vec<u8>>,
}

/// What the guest uses.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Bytes in use on the heap.
    pub heap_used: u64,
    /// Bytes that the heap has taken from physical memory.
    pub heap_size: u64,
    /// Page frames in use.
    pub frames_used: u64,
    /// Bytes of physical memory that were ever taken into use.
    pub memory_used: u64,
    /// Windows that exist.
    pub windows: u64,
    /// Accesses of programs that the page tables did not allow at first.
    pub window_faults: u64,
    /// Pages that were copied into windows and out of them.
    pub window_copies: u64,
    /// Times that translations were forgotten.
    pub flushes: u64,
    /// Images published.
    pub images: u64,
    /// Instances.
    pub instances: u64,
    /// Programs that are kept ready and whose Images nobody has published.
    pub found_programs: u64,
    /// Windows that are kept mounted beside those of calls that run.
    pub idle_windows: u64,
}

/// Why a request was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The bytes were no request.
    Malformed(String),
    /// The bytes were no Image, or one that breaks a rule.
    Image(String),
    /// No such Image is published.
    UnknownImage(Hash),
    /// A required import was not granted.
    Denied {
        /// The slot that it should be in.
        slot: u8,
        /// What should be there.
        wanted: String,
    },
    /// A grant for a slot that is no import.
    NoImport(u8),
    /// There is no such Instance.
    UnknownInstance(u64),
    /// The Image has no such endpoint.
    UnknownEndpoint {
        /// What was asked for.
        asked: String,
        /// The names that there are.
        known: String,
    },
    /// More or fewer arguments than the endpoint takes.
    Arguments {
        /// The endpoint's name.
        endpoint: String,
        /// How many it takes.
        expected: u8,
        /// How many there were.
        given: u64,
    },
    /// The scratchpad is too large: its length in bytes.
    Scratchpad(u64),
    /// A request that only guests for tests answer.
    TestsOnly,
    /// Something that this version has no form for.
    Other(String),
    /// The kernel's lane is busy, and has to be asked itself: the first query of an Instance.
    Busy,
    /// An Image has Instances.
    InUse {
        /// The Image.
        image: Hash,
        /// How many there are.
        instances: u64,
    },
    /// What a path leads to cannot be called: the number of the status.
    Target(u8),
    /// No capability of this hash is held.
    NotHeld(Hash),
    /// What was received is no archive, or not that of the hash that was said.
    Archive(String),
    /// There is no proof of that.
    NoProof(String),
    /// There is too little memory for it, and nothing was done: bytes.
    OutOfMemory {
        /// How much has to be free for it, with what is kept back.
        needed: u64,
        /// How much is.
        free: u64,
        /// How much the guest has at all.
        memory: u64,
    },
}

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// It is done.
    Done,
    /// A hash.
    Hash(Hash),
    /// The number of a new Instance.
    Instance(u64),
    /// Yes or no.
    Flag(bool),
    /// What a call came to.
    Outcome(Outcome),
    /// What the guest uses.
    Stats(Stats),
    /// It was not done.
    Refused(Refused),
    /// What running a program without an Image came to.
    Ran(Ran),
    /// What stands at a place, if anything does.
    Found(Option<Found>),
    /// A part of an archive.
    Part(Part),
    /// A proof, and the bytes that it is of, if it is of bytes.
    Proof(Vec<u8>, Vec<u8>),
}

impl Ran {
    fn encode(&self, to: &mut Writer) {
        let (kind, detail) = match self.exit {
            Exit::Halt => (0, 0),
            Exit::Panic => (1, 0),
            Exit::Fault(page) => (2, page),
            Exit::OutOfGas => (3, 0),
            Exit::Host(immediate) => (4, immediate),
            Exit::Operation => (5, 0),
        };
        to.u8(kind);
        to.u32(detail);
        self.registers.iter().for_each(|&register| to.u64(register));
        to.u32(self.pc);
        to.u64(self.gas);
        to.u32(self.memory.len() as u32);
        self.memory.iter().for_each(|bytes| to.bytes(bytes));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Ran, WireError> {
        let (kind, detail) = (from.u8()?, from.u32()?);
        let exit = match (kind, detail) {
            (0, 0) => Exit::Halt,
            (1, 0) => Exit::Panic,
            (2, page) if page % 4096 == 0 => Exit::Fault(page),
            (3, 0) => Exit::OutOfGas,
            (4, immediate) => Exit::Host(immediate),
            (5, 0) => Exit::Operation,
            (0..=5, detail) => return Err(from.unexpected("page of a fault", u64::from(detail))),
            (other, _) => return Err(from.unexpected("end of a run", u64::from(other))),
        };
        let registers = from.numbers()?;
        let (pc, gas, count) = (from.u32()?, from.u64()?, from.u32()?);
        let mut memory = Vec::new();
        for _ in 0..count {
            memory.push(from.bytes()?.into());
        }
        Ok(Ran { exit, registers, pc, gas, memory })
    }
}

impl Stats {
    fn fields(&mut self) -> [&mut u64; 12] {
        [
            &mut self.heap_used,
            &mut self.heap_size,
            &mut self.frames_used,
            &mut self.memory_used,
            &mut self.windows,
            &mut self.window_faults,
            &mut self.window_copies,
            &mut self.flushes,
            &mut self.images,
            &mut self.instances,
            &mut self.found_programs,
            &mut self.idle_windows,
        ]
    }
}

/// The number of the reply.
const OUTCOME: u8 = 4;

/// What of an outcome may be absent, as bits beside its end.
mod presence {
    /// The end.
    pub const ENDED: u8 = 0x07;
    pub const SCRATCHPAD: u8 = 0x08;
    pub const LOGS: u8 = 0x10;
    pub const GIFT: u8 = 0x20;
}

impl Default for Outcome {
    /// That of a call that did nothing.
    fn default() -> Outcome {
        Outcome {
            ended: Ended::Halt,
            gas_used: 0,
            registers: [0; REGISTERS],
            pc: 0,
            scratchpad: None,
            logs: Vec::new(),
            gift: None,
        }
    }
}

impl Outcome {
    /// Writes the reply that it is. What most calls come to fits in the line of the slot's state.
    pub fn encode(&self, to: &mut Writer) {
        let (kind, detail) = match self.ended {
            Ended::Halt => (0, 0),
            Ended::Panic => (1, 0),
            Ended::Fault(page) => (2, page),
            Ended::OutOfGas => (3, 0),
            Ended::Refused(status) => (4, status.into()),
        };
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        let presence = bit(self.scratchpad.is_some(), presence::SCRATCHPAD)
            | bit(!self.logs.is_empty(), presence::LOGS)
            | bit(self.gift.is_some(), presence::GIFT);
        to.raw(&[OUTCOME, kind | presence]);
        let before: [u64; BEFORE_REGISTERS] = [detail.into(), self.gas_used, self.pc.into()];
        to.packed(before.into_iter().chain(self.registers));
        if let Some(scratchpad) = &self.scratchpad {
            to.u32(scratchpad.pages);
            to.bytes(&scratchpad.bytes);
        }
        if !self.logs.is_empty() {
            to.u32(self.logs.len() as u32);
            for entry in &self.logs {
                to.u64(entry.topic);
                to.bytes(&entry.bytes);
            }
        }
        if let Some(gift) = &self.gift {
            gift.encode(to);
        }
    }

    /// Reads what follows the number of the reply. What an outcome does not say of it is as it is in [`Outcome::default`].
    fn decode(&mut self, from: &mut Reader<'_>) -> Result<(), WireError> {
        let what = from.u8()?;
        if what & !(presence::ENDED | presence::SCRATCHPAD | presence::LOGS | presence::GIFT) != 0 {
            return Err(from.unexpected("end of a call", what.into()));
        }
        let mut before = [0; BEFORE_REGISTERS];
        let registers = &mut self.registers;
        from.packed(|index, number| match index.checked_sub(BEFORE_REGISTERS) {
            Some(register) => registers[register] = number,
            None => before[index] = number,
        })?;
        let [detail, gas_used, pc] = before;
        self.gas_used = gas_used;
        self.ended = match (what & presence::ENDED, detail) {
            (0, 0) => Ended::Halt,
            (1, 0) => Ended::Panic,
            (2, page @ 0..=0xffff_f000) if page % 4096 == 0 => Ended::Fault(page as u32),
            (3, 0) => Ended::OutOfGas,
            (4, status @ 0..=0xff) => Ended::Refused(status as u8),
            (0..=4, page) => return Err(from.unexpected("page of a fault", page)),
            (other, _) => return Err(from.unexpected("end of a call", other.into())),
        };
        self.pc = u32::try_from(pc).map_err(|_| from.unexpected("program counter", pc))?;
        if what & presence::SCRATCHPAD != 0 {
            let pages = from.u32()?;
            let bytes = from.bytes()?;
            if bytes.len() as u64 > u64::from(pages) * 4096 {
                return Err(from.unexpected("length of a scratchpad", bytes.len() as u64));
            }
            self.scratchpad = Some(Scratchpad { pages, bytes: bytes.into() });
        }
        if what & presence::LOGS != 0 {
            let count = from.u32()?;
            if count == 0 {
                return Err(from.unexpected("number of log entries", 0));
            }
            for _ in 0..count {
                self.logs.push(LogEntry { topic: from.u64()?, bytes: from.bytes()?.into() });
            }
        }
        if what & presence::GIFT != 0 {
            self.gift = Some(Box::new(Found::decode(from)?));
        }
        Ok(())
    }
}

impl Refused {
    fn encode(&self, to: &mut Writer) {
        match self {
            Refused::Malformed(text) => {
                to.u8(0);
                to.text(text);
            }
            Refused::Image(text) => {
                to.u8(1);
                to.text(text);
            }
            Refused::UnknownImage(hash) => {
                to.u8(2);
                to.raw(hash);
            }
            Refused::Denied { slot, wanted } => {
                to.u8(3);
                to.u8(*slot);
                to.text(wanted);
            }
            Refused::NoImport(slot) => {
                to.u8(4);
                to.u8(*slot);
            }
            Refused::UnknownInstance(instance) => {
                to.u8(5);
                to.u64(*instance);
            }
            Refused::UnknownEndpoint { asked, known } => {
                to.u8(6);
                to.text(asked);
                to.text(known);
            }
            Refused::Arguments { endpoint, expected, given } => {
                to.u8(7);
                to.text(endpoint);
                to.u8(*expected);
                to.u64(*given);
            }
            Refused::Scratchpad(length) => {
                to.u8(8);
                to.u64(*length);
            }
            Refused::TestsOnly => to.u8(9),
            Refused::Busy => to.u8(11),
            Refused::Other(text) => {
                to.u8(10);
                to.text(text);
            }
            Refused::InUse { image, instances } => {
                to.u8(12);
                to.raw(image);
                to.u64(*instances);
            }
            Refused::OutOfMemory { needed, free, memory } => {
                to.u8(13);
                [needed, free, memory].into_iter().for_each(|&bytes| to.u64(bytes));
            }
            Refused::Target(status) => {
                to.u8(14);
                to.u8(*status);
            }
            Refused::NotHeld(hash) => {
                to.u8(15);
                to.raw(hash);
            }
            Refused::Archive(text) => {
                to.u8(16);
                to.text(text);
            }
            Refused::NoProof(text) => {
                to.u8(17);
                to.text(text);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Refused, WireError> {
        Ok(match from.u8()? {
            0 => Refused::Malformed(from.text()?.into()),
            1 => Refused::Image(from.text()?.into()),
            2 => Refused::UnknownImage(from.array()?),
            3 => Refused::Denied { slot: from.u8()?, wanted: from.text()?.into() },
            4 => Refused::NoImport(from.u8()?),
            5 => Refused::UnknownInstance(from.u64()?),
            6 => Refused::UnknownEndpoint { asked: from.text()?.into(), known: from.text()?.into() },
            7 => Refused::Arguments { endpoint: from.text()?.into(), expected: from.u8()?, given: from.u64()? },
            8 => Refused::Scratchpad(from.u64()?),
            9 => Refused::TestsOnly,
            10 => Refused::Other(from.text()?.into()),
            11 => Refused::Busy,
            12 => Refused::InUse { image: from.array()?, instances: from.u64()? },
            13 => Refused::OutOfMemory { needed: from.u64()?, free: from.u64()?, memory: from.u64()? },
            14 => Refused::Target(from.u8()?),
            15 => Refused::NotHeld(from.array()?),
            16 => Refused::Archive(from.text()?.into()),
            17 => Refused::NoProof(from.text()?.into()),
            other => return Err(from.unexpected("refusal", u64::from(other))),
        })
    }
}

impl Reply {
    /// Writes it.
    pub fn encode(&self, to: &mut Writer) {
        match self {
            Reply::Done => to.u8(0),
            Reply::Hash(hash) => {
                to.u8(1);
                to.raw(hash);
            }
            Reply::Instance(instance) => {
                to.u8(2);
                to.u64(*instance);
            }
            Reply::Flag(flag) => {
                to.u8(3);
                to.u8(u8::from(*flag));
            }
            Reply::Outcome(outcome) => outcome.encode(to),
            Reply::Stats(stats) => {
                to.u8(5);
                stats.clone().fields().into_iter().for_each(|field| to.u64(*field));
            }
            Reply::Refused(refused) => {
                to.u8(6);
                refused.encode(to);
            }
            Reply::Ran(ran) => {
                to.u8(7);
                ran.encode(to);
            }
            Reply::Found(found) => {
                to.u8(8);
                to.optional(found.as_ref(), |to, found| found.encode(to));
            }
            Reply::Part(part) => {
                to.u8(9);
                to.u8(u8::from(part.is_last));
                to.bytes(&part.bytes);
            }
            Reply::Proof(proof, content) => {
                to.u8(10);
                to.bytes(proof);
                to.bytes(content);
            }
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no reply.
    pub fn decode(bytes: &[u8]) -> Result<Reply, WireError> {
        let mut outcome = Outcome::default();
        Ok(match Reply::decode_to(bytes, &mut outcome)? {
            Some(reply) => *reply,
            None => Reply::Outcome(outcome),
        })
    }

    /// Reads one that is mostly an outcome: that is put where whoever reads it has a place for it, which is as in
    /// [`Outcome::default`] before, so that it need not be moved there. Gives any other.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no reply.
    pub fn decode_to(bytes: &[u8], outcome: &mut Outcome) -> Result<Option<Box<Reply>>, WireError> {
        let mut from = Reader::new(bytes);
        let kind = from.u8()?;
        let other = if kind == OUTCOME {
            outcome.decode(&mut from)?;
            None
        } else {
            Some(Box::new(Reply::decode_other(kind, &mut from)?))
        };
        from.end()?;
        Ok(other)
    }

    /// Reads what follows the number of a reply that is no outcome.
    fn decode_other(kind: u8, from: &mut Reader<'_>) -> Result<Reply, WireError> {
        Ok(match kind {
            0 => Reply::Done,
            1 => Reply::Hash(from.array()?),
            2 => Reply::Instance(from.u64()?),
            3 => Reply::Flag(from.flag("yes or no")?),
            5 => {
                let mut stats = Stats::default();
                for field in stats.fields() {
                    *field = from.u64()?;
                }
                Reply::Stats(stats)
            }
            6 => Reply::Refused(Refused::decode(from)?),
            7 => Reply::Ran(Ran::decode(from)?),
            8 => Reply::Found(from.optional(Found::decode)?),
            9 => Reply::Part(Part { is_last: from.flag("last part")?, bytes: from.bytes()?.into() }),
            10 => Reply::Proof(from.bytes()?.into(), from.bytes()?.into()),
            other => return Err(from.unexpected("reply", u64::from(other))),
        })
    }
}
