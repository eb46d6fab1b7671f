//! LOG: keeps bytes of the scratchpad for whoever made the top-level call.
//!
//! Method 0: offset, length, topic. The result is the number of entries of this call before.

use alloc::vec;
use alloc::vec::Vec;

use super::{Prepared, ScratchRange, Surroundings, Work};
use crate::status::Status;

/// What the log entries of one top-level call may hold together: each counts its bytes and 16 more.
/// A receipt has to stay small enough to be sent around.
pub const LOG_BYTES_LIMIT: usize = 64 << 10;

/// What an entry counts beyond its bytes, so that empty ones are bounded too.
pub const ENTRY_BYTES: usize = 16;

const BASE_PRICE: u64 = 100;
const PRICE_PER_BYTE: u64 = 1;

/// A log entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// What the program says that it is about.
    pub topic: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The log of a top-level call.
pub(crate) struct Log {
    entries: Vec<LogEntry>,
    /// What they count together.
    used: usize,
    /// What they may.
    limit: usize,
}

impl Log {
    pub(crate) fn new(limit: usize) -> Log {
        Log { entries: Vec::new(), used: 0, limit }
    }

    fn push(&mut self, entry: LogEntry) {
        self.used += ENTRY_BYTES + entry.bytes.len();
        self.entries.push(entry);
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets the entries behind the first so many.
    pub(crate) fn truncate(&mut self, length: usize) {
        for gone in self.entries.drain(length.min(self.entries.len())..) {
            self.used -= ENTRY_BYTES + gone.bytes.len();
        }
    }

    /// The entries, in order.
    pub(crate) fn into_entries(self) -> Vec<LogEntry> {
        self.entries
    }
}

pub(super) struct Entry {
    topic: u64,
    range: ScratchRange,
}

/// Of keeping `length` bytes.
pub(super) fn price(method: u16, length: u64) -> Option<u64> {
    (method == 0).then(|| length.saturating_mul(PRICE_PER_BYTE).saturating_add(BASE_PRICE))
}

pub(super) fn prepare(
    method: u16,
    [offset, length, topic, _]: [u64; 4],
    surroundings: &mut impl Surroundings,
) -> Result<Prepared, Status> {
    let price = price(method, length).ok_or(Status::NoEndpoint)?;
    let range = ScratchRange::check(offset, length, surroundings)?;
    if surroundings.log().used + ENTRY_BYTES + range.length > surroundings.log().limit {
        return Err(Status::Quota);
    }
    Ok(Prepared { price, work: Work::Log(Entry { topic, range }) })
}

pub(super) fn perform(entry: &Entry, surroundings: &mut impl Surroundings) -> u64 {
    let mut bytes = vec![0; entry.range.length];
    surroundings.read_scratchpad(entry.range.offset, &mut bytes);
    let log = surroundings.log();
    log.push(LogEntry { topic: entry.topic, bytes });
    log.entries.len() as u64 - 1
}
