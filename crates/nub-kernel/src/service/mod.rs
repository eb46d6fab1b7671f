//! The services of the kernel, called like programs. One file each; this table says which there are.

mod block;
mod caller;
mod hash;
mod log;
pub mod verify;

pub use self::block::Block;
pub(crate) use self::caller::Caller;
pub(crate) use self::log::Log;
pub use self::log::{LOG_BYTES_LIMIT, LogEntry};
use crate::status::Status;
use javm_cap::CapHash;

macro_rules! services {
    ($($number:literal $name:ident $text:literal $interface:literal, $doc:literal;)*) => {
        /// A service, by its number in a Service capability.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum Service {
            $(
                #[doc = $doc]
                $name = $number,
            )*
        }

        impl Service {
            /// Every service.
            pub const ALL: &'static [Service] = &[$(Service::$name),*];

            /// The service of this number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Service> {
                match number {
                    $($number => Some(Service::$name),)*
                    _ => None,
                }
            }

            /// The hash of its TypeDef, by which something else can stand in for it.
            #[must_use]
            pub const fn interface(self) -> CapHash {
                match self {
                    $(Service::$name => CapHash(*$interface),)*
                }
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Service::$name => $text,)*
                }
            }
        }
    };
}

services! {
    1 Log "LOG" b"\xd0\x67\xf6\x62\x10\x52\xc8\xaa\x79\x6a\x80\xb2\x40\x5c\x17\x1f\x35\x12\x13\xa9\x0f\x1e\xc2\xd5\xca\x7d\xbc\xab\xbf\xe2\x41\xe1", "Keeps bytes of the scratchpad as a log entry.";
    2 Hash "HASH" b"\xb6\xf9\x58\x3e\x43\x92\xfd\x9b\xd1\x90\xc3\x2b\xde\x74\x0a\x91\xe1\x22\x5a\xb4\x8a\x43\x91\x18\xb3\x7b\xf0\x51\xcc\xb2\x6a\xbb", "Hashes bytes of the scratchpad.";
    3 Block "BLOCK" b"\x91\x08\x70\x4a\x28\xc3\x14\x4d\x3f\x1d\x51\x5f\x62\x5e\x71\x3e\xd5\xe0\x45\x55\x3a\xa9\xe4\x78\x74\xb9\x0a\x33\x43\x79\x13\xa7", "Says which block a call is a part of.";
    4 Verify "VERIFY" b"\xd9\xf1\xbf\x7d\x8a\x6a\xf2\xb1\xe2\xd3\xd8\x31\x51\x3f\xf8\x3e\x32\x16\x27\xf8\xdf\x61\x50\x48\xe1\xf5\xe0\x4e\x7e\x91\x1f\xf8", "Verifies signatures of bytes of the scratchpad.";
}

impl Service {
    /// The gas that a call of `method` with `length` bytes costs, on top of that of CALL; `None` where there is no such
    /// method.
    #[must_use]
    pub fn price(self, method: u16, length: u64) -> Option<u64> {
        match self {
            Service::Log => log::price(method, length),
            Service::Hash => hash::price(method, length),
            Service::Block => block::price(method),
            Service::Verify => verify::price(method, length),
        }
    }
}

/// What a service works on: the scratchpad that came with the call, and what the call leaves behind.
pub(crate) trait Surroundings {
    /// The length of the scratchpad in bytes; 0 when none came with the call.
    fn scratchpad_length(&self) -> u64;
    /// Reads bytes of the scratchpad; the range has been checked against its length.
    fn read_scratchpad(&mut self, offset: u64, bytes: &mut [u8]);
    /// Writes bytes of the scratchpad; the range has been checked against its length.
    fn write_scratchpad(&mut self, offset: u64, bytes: &[u8]);
    /// The log of the call so far.
    fn log(&mut self) -> &mut Log;
    /// The block that the call is a part of.
    fn block(&self) -> Block;
}

/// A call that may be made: its price is known, and nothing has happened yet.
#[must_use]
pub(crate) struct Prepared {
    /// Gas for all of it.
    pub(crate) price: u64,
    work: Work,
}

enum Work {
    Log(log::Entry),
    Hash(hash::Task),
    Block(block::Question),
    Verify(verify::Task),
}

/// Checks a call of `service` and computes its price. Every refusal happens here.
pub(crate) fn prepare(
    service: Service,
    method: u16,
    arguments: [u64; 4],
    surroundings: &mut impl Surroundings,
) -> Result<Prepared, Status> {
    match service {
        Service::Log => log::prepare(method, arguments, surroundings),
        Service::Hash => hash::prepare(method, arguments, surroundings),
        Service::Block => block::prepare(method, arguments, surroundings),
        Service::Verify => verify::prepare(method, arguments, surroundings),
    }
}

impl Prepared {
    /// Does what was prepared and gives the result for φ7.
    pub(crate) fn perform(self, surroundings: &mut impl Surroundings) -> u64 {
        match self.work {
            Work::Log(entry) => log::perform(&entry, surroundings),
            Work::Hash(task) => hash::perform(&task, surroundings),
            Work::Block(question) => block::perform(question, surroundings),
            Work::Verify(task) => verify::perform(&task, surroundings),
        }
    }
}

/// Bytes of a range that are read at a time, so that a long one needs no buffer of its length.
const CHUNK: usize = 4096;

/// A range of the scratchpad that lies within it.
#[derive(Clone, Copy)]
struct ScratchRange {
    offset: u64,
    length: usize,
}

impl ScratchRange {
    fn check(offset: u64, length: u64, surroundings: &impl Surroundings) -> Result<ScratchRange, Status> {
        let end = offset.checked_add(length).ok_or(Status::Range)?;
        if end > surroundings.scratchpad_length() {
            return Err(Status::Range);
        }
        Ok(ScratchRange { offset, length: usize::try_from(length).map_err(|_| Status::Range)? })
    }

    /// Hands all of it to `take`, one part behind the other.
    fn each_chunk(self, surroundings: &mut impl Surroundings, mut take: impl FnMut(&[u8])) {
        let mut buffer = [0; CHUNK];
        let mut done = 0;
        while done < self.length {
            let chunk = &mut buffer[..CHUNK.min(self.length - done)];
            surroundings.read_scratchpad(self.offset + done as u64, chunk);
            take(chunk);
            done += chunk.len();
        }
    }
}
