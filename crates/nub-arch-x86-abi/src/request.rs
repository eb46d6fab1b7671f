//! What the host asks of the guest.

use alloc::vec::Vec;

use crate::reply::REGISTERS;
use crate::wire::{Reader, WireError, Writer};

/// The hash of a capability.
pub type Hash = [u8; 32];

/// An endpoint, as a call names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint<'a> {
    /// By its position in the Image.
    Number(u16),
    /// By its name.
    Name(&'a str),
}

/// A service that a new Instance is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceGrant {
    /// The slot that it goes to.
    pub slot: u8,
    /// Which service it is.
    pub id: u32,
    /// Its parameter.
    pub parameter: u64,
}

/// The arguments of a call, where they stand: as numbers, or as bytes of a message.
#[derive(Clone, Copy)]
pub struct Arguments<'a>(Stored<'a>);

#[derive(Clone, Copy)]
enum Stored<'a> {
    Numbers(&'a [u64]),
    /// Little-endian.
    Encoded(&'a [[u8; 8]]),
}

impl Arguments<'_> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.0 {
            Stored::Numbers(numbers) => numbers.len(),
            Stored::Encoded(encoded) => encoded.len(),
        }
    }

    /// That of a position, from 0 on.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<u64> {
        match self.0 {
            Stored::Numbers(numbers) => numbers.get(index).copied(),
            Stored::Encoded(encoded) => encoded.get(index).map(|&bytes| u64::from_le_bytes(bytes)),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.count()).filter_map(|index| self.get(index))
    }
}

impl<'a> From<&'a [u64]> for Arguments<'a> {
    fn from(numbers: &'a [u64]) -> Arguments<'a> {
        Arguments(Stored::Numbers(numbers))
    }
}

impl<'a, const N: usize> From<&'a [u64; N]> for Arguments<'a> {
    fn from(numbers: &'a [u64; N]) -> Arguments<'a> {
        Arguments(Stored::Numbers(numbers))
    }
}

impl PartialEq for Arguments<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Arguments<'_> {}

impl core::fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The most slots that a path has.
pub const MOST_SLOTS: usize = 16;

/// A place: an Instance, and the slots from there down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// The Instance's number.
    pub instance: u64,
    /// At most [`MOST_SLOTS`].
    pub path: &'a [u8],
}

impl<'a> Place<'a> {
    fn encode(&self, to: &mut Writer) {
        debug_assert!(self.path.len() <= MOST_SLOTS, "paths are bounded");
        to.u64(self.instance);
        to.u8(self.path.len() as u8);
        to.raw(self.path);
    }

    fn decode(from: &mut Reader<'a>) -> Result<Place<'a>, WireError> {
        let (instance, length) = (from.u64()?, from.u8()?);
        if usize::from(length) > MOST_SLOTS {
            return Err(from.unexpected("length of a path", length.into()));
        }
        Ok(Place { instance, path: from.raw(length.into())? })
    }
}

/// A call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invoke<'a> {
    /// Where what is called stands.
    pub place: Place<'a>,
    /// What is called.
    pub endpoint: Endpoint<'a>,
    /// φ7 and on.
    pub arguments: Arguments<'a>,
    /// How much gas it may use.
    pub gas: u64,
    /// The scratchpad that goes with it.
    pub scratchpad: Option<&'a [u8]>,
    /// The hash of what goes with it in slot 1, which is held.
    pub gift: Option<Hash>,
    /// Who sent the event, if it is one.
    pub origin: Option<[u8; 32]>,
}

/// A range of pages that a program without an Image finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range<'a> {
    /// Its first page.
    pub first_page: u32,
    /// How many there are.
    pub pages: u32,
    /// Whether the program may write there.
    pub writable: bool,
    /// Its first bytes; zeros follow.
    pub bytes: &'a [u8],
}

/// A program without an Image, as the public test vectors have them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bare<'a> {
    /// The program blob.
    pub program: &'a [u8],
    /// The registers.
    pub registers: [u64; REGISTERS],
    /// The instruction to begin with.
    pub pc: u32,
    /// How much gas it may use.
    pub gas: u64,
    /// Its memory.
    pub memory: Vec<Range<'a>>,
}

/// What makes a guest fail, for tests of those who have to notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Failure {
    /// The kernel panics.
    Panic = 1,
    /// The processor finds no way to deliver a trap, and shuts down.
    TripleFault = 2,
    /// The lane never answers.
    Hang = 3,
    /// The kernel's stack runs over.
    StackOverflow = 4,
    /// The kernel reads where nothing is mapped.
    WildRead = 5,
    /// The kernel writes to its own code.
    WriteCode = 6,
    /// The kernel runs an invalid instruction.
    InvalidOpcode = 7,
    /// A page fault finds no stack.
    DoubleFault = 8,
    /// The reply is no reply.
    Garbage = 9,
    /// There is no memory left from then on, for anything.
    OutOfMemory = 10,
}

impl Failure {
    /// All of them.
    pub const ALL: [Failure; 10] = [
        Failure::Panic,
        Failure::TripleFault,
        Failure::Hang,
        Failure::StackOverflow,
        Failure::WildRead,
        Failure::WriteCode,
        Failure::InvalidOpcode,
        Failure::DoubleFault,
        Failure::Garbage,
        Failure::OutOfMemory,
    ];

    fn decode(from: &mut Reader<'_>) -> Result<Failure, WireError> {
        let number = from.u8()?;
        let failure = Failure::ALL.into_iter().find(|&failure| failure as u8 == number);
        failure.ok_or_else(|| from.unexpected("failure", u64::from(number)))
    }
}

/// What goes wrong in the middle of calls from here on, for tests of that nobody notices, or that everybody does who has to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Disturbance {
    /// Whether all that is kept only to be fast is let go of before each run of a program.
    pub evict: bool,
    /// Fail in this way after so many steps: beginnings and ends of runs of programs, of which each operation has one of either.
    /// Not by [`Failure::Garbage`], which is a reply.
    pub failure: Option<(Failure, u32)>,
}

/// Something whose cost the host can find out by having the guest do it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Work {
    /// An access of a program to a page that is not shown: a page fault, there and back.
    Fault = 1,
    /// Copying a page.
    Copy = 2,
    /// Entering a page in a page table, and taking it out again.
    Map = 3,
    /// Leaving the machine, there and back.
    Exit = 4,
}

impl Work {
    /// All of it.
    pub const ALL: [Work; 4] = [Work::Fault, Work::Copy, Work::Map, Work::Exit];
    /// It is done at most so often for a request.
    pub const MOST: u32 = 1 << 16;
}

/// What things cost on the machine, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// [`Work::Fault`].
    pub fault: u32,
    /// [`Work::Copy`].
    pub copy: u32,
    /// [`Work::Map`].
    pub map: u32,
}

/// Who does what in the test of pages that another lane may still see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Watch {
    /// Takes pages back from the other lane's window.
    Revoke = 1,
    /// Has the window, and watches what is seen there.
    Look = 2,
}

impl Watch {
    /// Both.
    pub const ALL: [Watch; 2] = [Watch::Revoke, Watch::Look];
}

/// What calls are a part of: what the chain has fixed, and the block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    /// How many pages the frames on the call stack may write to together.
    pub writable_pages: u32,
    /// How many frames there may be.
    pub depth: u32,
    /// How many pages a block may change.
    pub changed_pages: u64,
    /// What log entries may hold together, in bytes.
    pub log_bytes: u64,
    /// The height of the block; 0 outside of blocks.
    pub height: u64,
    /// The root before it; zeros outside of blocks.
    pub prior_root: Hash,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// Nothing: answered with [`crate::Reply::Done`].
    Ping,
    /// Publish an Image, given in its canonical encoding: [`crate::Reply::Hash`].
    PutCap(&'a [u8]),
    /// Whether a capability of this hash is published: [`crate::Reply::Flag`].
    Contains(Hash),
    /// Make an Instance of a published Image: [`crate::Reply::Instance`].
    Instantiate {
        /// The Image.
        image: Hash,
        /// Whether it is given every service that it imports.
        all_services: bool,
        /// What it is given besides.
        services: Vec<ServiceGrant>,
    },
    /// Make a copy of an Instance: [`crate::Reply::Instance`].
    Copy(u64),
    /// Drop an Instance: [`crate::Reply::Flag`], whether there was one.
    Drop(u64),
    /// The hash of an Instance: [`crate::Reply::Hash`].
    Root(u64),
    /// Call an endpoint: [`crate::Reply::Outcome`].
    Invoke(Invoke<'a>),
    /// What the guest uses: [`crate::Reply::Stats`].
    Stats,
    /// Fail. Only guests that were started for tests do.
    Fail(Failure),
    /// Do something so often, at most [`Work::MOST`] times: [`crate::Reply::Done`]. How long it takes is the host's to say:
    /// the guest has no clock.
    Measure(Work, u32),
    /// What things cost, for decisions that change nothing but speed: [`crate::Reply::Done`].
    Costs(Costs),
    /// Play a part in a test of two lanes, so many rounds long: [`crate::Reply::Done`], or the guest's end. Only guests that
    /// were started for tests do.
    Watch(Watch, u32),
    /// Run a program without an Image: [`crate::Reply::Ran`].
    Run(Bare<'a>),
    /// Call an endpoint of an Instance as it is, and leave it so: [`crate::Reply::Outcome`]. Any lane does.
    Query(Invoke<'a>),
    /// Forget a published Image: [`crate::Reply::Flag`], whether there was one. Refused while there are Instances of it.
    Unpublish(Hash),
    /// A part of the archive of a capability: [`crate::Reply::Done`]. Refused, with all parts forgotten, where it is none, or
    /// there is no memory for it.
    Receive {
        /// Whether it is the first one. What was received before and is not held is forgotten.
        is_first: bool,
        /// Whole nodes.
        part: &'a [u8],
    },
    /// Hold what was received, which has this hash: [`crate::Reply::Done`].
    Hold(Hash),
    /// Hold a capability no longer: [`crate::Reply::Flag`], whether it was held.
    Release(Hash),
    /// Keep an Instance that is held as the root of a tree: [`crate::Reply::Instance`].
    Load(Hash),
    /// The hash of the Image of the Instance at a place, and of nothing else: [`crate::Reply::Hash`]. Refused as a call of it
    /// would be.
    ImageAt(Place<'a>),
    /// What stands at a place: [`crate::Reply::Found`].
    Describe {
        /// The place.
        place: Place<'a>,
        /// Whether it is to be sent.
        send: bool,
    },
    /// The next part of the archive of what is to be sent under this ticket: [`crate::Reply::Part`]. Any lane does.
    Send(u64),
    /// A proof of what stands at a place, or of these bytes of the Data there (offset and length): [`crate::Reply::Proof`].
    Prove {
        /// The place.
        place: Place<'a>,
        /// The bytes.
        range: Option<(u64, u64)>,
    },
    /// Calls from here on are a part of this: [`crate::Reply::Done`]. Refused where no chain is so.
    SetChain(Chain),
    /// Calls from here on are disturbed: [`crate::Reply::Done`]. Only guests that were started for tests do.
    Disturb(Disturbance),
}

/// What of a call may be absent, as bits before it.
mod presence {
    /// The endpoint's name; its number, where it has none.
    pub const NAME: u8 = 0x01;
    pub const SCRATCHPAD: u8 = 0x02;
    pub const GIFT: u8 = 0x04;
    pub const ORIGIN: u8 = 0x08;
    pub const ALL: u8 = NAME | SCRATCHPAD | GIFT | ORIGIN;
}

/// The numbers of the requests that are calls.
const INVOKE: u8 = 8;
const QUERY: u8 = 15;

/// How many bytes of a call are there whatever it is: [`presence`], the length of the path, the endpoint's number or the length
/// of its name, how many arguments there are, Instance, gas.
const HEAD: usize = 1 + 1 + 4 + 4 + 8 + 8;

impl<'a> Invoke<'a> {
    /// A call of an Instance itself, with nothing but arguments and gas.
    #[must_use]
    pub fn new(instance: u64, endpoint: Endpoint<'a>, arguments: impl Into<Arguments<'a>>, gas: u64) -> Invoke<'a> {
        let (place, arguments) = (Place { instance, path: &[] }, arguments.into());
        Invoke { place, endpoint, arguments, gas, scratchpad: None, gift: None, origin: None }
    }

    /// Writes the request that it is: [`Request::Query`] or [`Request::Invoke`].
    pub fn encode(&self, is_query: bool, to: &mut Writer) {
        debug_assert!(self.place.path.len() <= MOST_SLOTS, "paths are bounded");
        let (number, name) = match self.endpoint {
            Endpoint::Number(number) => (number.into(), None),
            Endpoint::Name(name) => (name.len() as u32, Some(name)),
        };
        let bit = |is_there: bool, bit: u8| if is_there { bit } else { 0 };
        let presence = bit(name.is_some(), presence::NAME)
            | bit(self.scratchpad.is_some(), presence::SCRATCHPAD)
            | bit(self.gift.is_some(), presence::GIFT)
            | bit(self.origin.is_some(), presence::ORIGIN);
        // Together, so that memory for them is looked for once.
        let mut head = [0; 1 + HEAD];
        head[..3].copy_from_slice(&[if is_query { QUERY } else { INVOKE }, presence, self.place.path.len() as u8]);
        head[3..7].copy_from_slice(&number.to_le_bytes());
        head[7..11].copy_from_slice(&(self.arguments.count() as u32).to_le_bytes());
        head[11..19].copy_from_slice(&self.place.instance.to_le_bytes());
        head[19..].copy_from_slice(&self.gas.to_le_bytes());
        to.raw(&head);
        to.raw(self.place.path);
        to.raw(name.unwrap_or_default().as_bytes());
        self.arguments.iter().for_each(|argument| to.u64(argument));
        if let Some(scratchpad) = self.scratchpad {
            to.bytes(scratchpad);
        }
        for bytes in [&self.gift, &self.origin].into_iter().flatten() {
            to.raw(bytes);
        }
    }

    /// Reads a request if it is a call, and says whether it is a query; gives `None` for any other. Nothing else of a message is
    /// looked at, and what is read is not moved again.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no request.
    #[inline]
    pub fn decode_request(bytes: &'a [u8]) -> Result<Option<(Invoke<'a>, bool)>, WireError> {
        let mut from = Reader::new(bytes);
        let is_query = match from.u8()? {
            INVOKE => false,
            QUERY => true,
            _ => return Ok(None),
        };
        let invoke = Invoke::decode(&mut from)?;
        from.end()?;
        Ok(Some((invoke, is_query)))
    }

    #[inline]
    fn decode(from: &mut Reader<'a>) -> Result<Invoke<'a>, WireError> {
        let head: [u8; HEAD] = from.array()?;
        let mut head = Reader::new(&head);
        let (presence, path, number, count) = (head.u8()?, head.u8()?, head.u32()?, head.u32()?);
        let (instance, gas) = (head.u64()?, head.u64()?);
        if presence & !presence::ALL != 0 {
            return Err(from.unexpected("set of what a call has", presence.into()));
        }
        if usize::from(path) > MOST_SLOTS {
            return Err(from.unexpected("length of a path", path.into()));
        }
        let place = Place { instance, path: from.raw(path.into())? };
        let endpoint = match presence & presence::NAME {
            0 => match u16::try_from(number) {
                Ok(number) => Endpoint::Number(number),
                Err(_) => return Err(from.unexpected("number of an endpoint", number.into())),
            },
            _ => Endpoint::Name(from.text_of(number as usize)?),
        };
        // Each takes eight bytes, so that what is not there is noticed before anything is collected for it.
        let arguments = from.raw((count as usize).saturating_mul(8))?;
        let arguments = Arguments(Stored::Encoded(arguments.as_chunks().0));
        let is_there = |bit: u8| presence & bit != 0;
        let scratchpad = is_there(presence::SCRATCHPAD).then(|| from.bytes()).transpose()?;
        let gift = is_there(presence::GIFT).then(|| from.array()).transpose()?;
        let origin = is_there(presence::ORIGIN).then(|| from.array()).transpose()?;
        Ok(Invoke { place, endpoint, arguments, gas, scratchpad, gift, origin })
    }
}

impl<'a> Request<'a> {
    /// Writes it.
    pub fn encode(&self, to: &mut Writer) {
        let tail = self.encode_head(to);
        to.raw(tail);
    }

    /// Writes it but for the bytes that it ends with, which are many where there are any: whoever sends them can take them
    /// from where they are.
    pub fn encode_head(&self, to: &mut Writer) -> &'a [u8] {
        match self {
            Request::Ping => to.u8(1),
            Request::PutCap(bytes) => {
                to.u8(2);
                to.u32(bytes.len() as u32);
                return bytes;
            }
            Request::Contains(hash) => {
                to.u8(3);
                to.raw(hash);
            }
            Request::Instantiate { image, all_services, services } => {
                to.u8(4);
                to.raw(image);
                to.u8(u8::from(*all_services));
                to.u32(services.len() as u32);
                for grant in services {
                    to.u8(grant.slot);
                    to.u32(grant.id);
                    to.u64(grant.parameter);
                }
            }
            Request::Copy(instance) => {
                to.u8(5);
                to.u64(*instance);
            }
            Request::Drop(instance) => {
                to.u8(6);
                to.u64(*instance);
            }
            Request::Root(instance) => {
                to.u8(7);
                to.u64(*instance);
            }
            Request::Invoke(invoke) => invoke.encode(false, to),
            Request::Stats => to.u8(9),
            Request::Fail(failure) => {
                to.u8(10);
                to.u8(*failure as u8);
            }
            Request::Measure(work, times) => {
                to.u8(11);
                to.u8(*work as u8);
                to.u32(*times);
            }
            Request::Costs(Costs { fault, copy, map }) => {
                to.u8(12);
                [fault, copy, map].into_iter().for_each(|&cost| to.u32(cost));
            }
            Request::Watch(part, rounds) => {
                to.u8(13);
                to.u8(*part as u8);
                to.u32(*rounds);
            }
            Request::Run(bare) => {
                to.u8(14);
                to.bytes(bare.program);
                bare.registers.iter().for_each(|&register| to.u64(register));
                to.u32(bare.pc);
                to.u64(bare.gas);
                to.u32(bare.memory.len() as u32);
                for range in &bare.memory {
                    to.u32(range.first_page);
                    to.u32(range.pages);
                    to.u8(u8::from(range.writable));
                    to.bytes(range.bytes);
                }
            }
            Request::Query(invoke) => invoke.encode(true, to),
            Request::Unpublish(hash) => {
                to.u8(16);
                to.raw(hash);
            }
            Request::Receive { is_first, part } => {
                to.u8(17);
                to.u8(u8::from(*is_first));
                to.u32(part.len() as u32);
                return part;
            }
            Request::Hold(hash) => {
                to.u8(18);
                to.raw(hash);
            }
            Request::Release(hash) => {
                to.u8(19);
                to.raw(hash);
            }
            Request::Load(hash) => {
                to.u8(20);
                to.raw(hash);
            }
            Request::ImageAt(place) => {
                to.u8(26);
                place.encode(to);
            }
            Request::Describe { place, send } => {
                to.u8(21);
                place.encode(to);
                to.u8(u8::from(*send));
            }
            Request::Send(ticket) => {
                to.u8(22);
                to.u64(*ticket);
            }
            Request::Prove { place, range } => {
                to.u8(23);
                place.encode(to);
                to.optional(*range, |to, (offset, length)| {
                    to.u64(offset);
                    to.u64(length);
                });
            }
            Request::SetChain(Chain { writable_pages, depth, changed_pages, log_bytes, height, prior_root }) => {
                to.u8(24);
                [writable_pages, depth].into_iter().for_each(|&number| to.u32(number));
                [changed_pages, log_bytes, height].into_iter().for_each(|&number| to.u64(number));
                to.raw(prior_root);
            }
            Request::Disturb(Disturbance { evict, failure }) => {
                to.u8(25);
                to.u8(u8::from(*evict));
                to.optional(*failure, |to, (failure, steps)| {
                    to.u8(failure as u8);
                    to.u32(steps);
                });
            }
        }
        &[]
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are no request.
    pub fn decode(bytes: &'a [u8]) -> Result<Request<'a>, WireError> {
        let mut from = Reader::new(bytes);
        let request = match from.u8()? {
            1 => Request::Ping,
            2 => Request::PutCap(from.bytes()?),
            3 => Request::Contains(from.array()?),
            4 => {
                let image = from.array()?;
                let all_services = from.flag("grant of all services")?;
                let count = from.u32()?;
                // A table has 256 slots.
                if count > 256 {
                    return Err(from.unexpected("number of grants", u64::from(count)));
                }
                let services = (0..count)
                    .map(|_| Ok(ServiceGrant { slot: from.u8()?, id: from.u32()?, parameter: from.u64()? }))
                    .collect::<Result<_, WireError>>()?;
                Request::Instantiate { image, all_services, services }
            }
            5 => Request::Copy(from.u64()?),
            6 => Request::Drop(from.u64()?),
            7 => Request::Root(from.u64()?),
            INVOKE => Request::Invoke(Invoke::decode(&mut from)?),
            9 => Request::Stats,
            10 => Request::Fail(Failure::decode(&mut from)?),
            11 => {
                let number = from.u8()?;
                let work = Work::ALL.into_iter().find(|&work| work as u8 == number);
                Request::Measure(work.ok_or_else(|| from.unexpected("work", u64::from(number)))?, from.u32()?)
            }
            12 => Request::Costs(Costs { fault: from.u32()?, copy: from.u32()?, map: from.u32()? }),
            13 => {
                let number = from.u8()?;
                let part = Watch::ALL.into_iter().find(|&part| part as u8 == number);
                Request::Watch(part.ok_or_else(|| from.unexpected("part", u64::from(number)))?, from.u32()?)
            }
            14 => {
                let program = from.bytes()?;
                let registers = from.numbers()?;
                let (pc, gas, count) = (from.u32()?, from.u64()?, from.u32()?);
                let mut memory = Vec::new();
                for _ in 0..count {
                    let (first_page, pages) = (from.u32()?, from.u32()?);
                    memory.push(Range { first_page, pages, writable: from.flag("access")?, bytes: from.bytes()? });
                }
                Request::Run(Bare { program, registers, pc, gas, memory })
            }
            QUERY => Request::Query(Invoke::decode(&mut from)?),
            16 => Request::Unpublish(from.array()?),
            17 => Request::Receive { is_first: from.flag("first part")?, part: from.bytes()? },
            18 => Request::Hold(from.array()?),
            19 => Request::Release(from.array()?),
            20 => Request::Load(from.array()?),
            26 => Request::ImageAt(Place::decode(&mut from)?),
            21 => Request::Describe { place: Place::decode(&mut from)?, send: from.flag("wish for it")? },
            22 => Request::Send(from.u64()?),
            23 => {
                let place = Place::decode(&mut from)?;
                Request::Prove { place, range: from.optional(|from| Ok((from.u64()?, from.u64()?)))? }
            }
            24 => {
                let (writable_pages, depth) = (from.u32()?, from.u32()?);
                let [changed_pages, log_bytes, height] = from.numbers()?;
                let prior_root = from.array()?;
                Request::SetChain(Chain { writable_pages, depth, changed_pages, log_bytes, height, prior_root })
            }
            25 => Request::Disturb(Disturbance {
                evict: from.flag("wish to evict")?,
                failure: from.optional(|from| Ok((Failure::decode(from)?, from.u32()?)))?,
            }),
            other => return Err(from.unexpected("request", u64::from(other))),
        };
        from.end()?;
        Ok(request)
    }
}
