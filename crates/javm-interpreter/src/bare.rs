//! Memory for bare programs: test vectors, tools, comparisons. Pages with rights, found through a table of two levels,
//! with a small cache of recent pages in front.
//!
//! The rules of an access are those of `docs/spec/isa.md`: an access that touches an address below 2^16, also by
//! running past 2^32, panics; any other that touches a page without the right faults and names the lowest such page.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::memory::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};

/// What a program may do with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Loads only.
    ReadOnly,
    /// Loads and stores.
    ReadWrite,
}

/// 2^32 bytes of which nothing is there until it is mapped. Mapping takes memory for the pages mapped and never gives
/// it back.
#[derive(Clone)]
pub struct BareMemory {
    frames: Vec<Frame>,
    /// Indexed by the upper ten bits of an address; its tables by the next ten.
    directory: Box<[Option<Box<Table>>; ENTRIES]>,
    readable: Recent,
    writable: Recent,
    /// Where the heap ends now and how far it may grow.
    heap_end: u32,
    heap_limit: u32,
}

const PAGE: usize = PAGE_SIZE as usize;
const ENTRIES: usize = 1024;

type Frame = [u8; PAGE];
type Table = [Option<Entry>; ENTRIES];

/// A mapped page.
#[derive(Clone, Copy)]
struct Entry {
    frame: u32,
    access: Access,
}

/// The pages used last: each page has one place where it may be.
#[derive(Clone)]
struct Recent([Translation; RECENT]);

const RECENT: usize = 64;

#[derive(Clone, Copy)]
struct Translation {
    /// The page's number, or [`NO_PAGE`].
    page: u32,
    frame: u32,
}

const NO_PAGE: u32 = u32::MAX;

impl Recent {
    const EMPTY: Recent = Recent([Translation { page: NO_PAGE, frame: 0 }; RECENT]);

    #[inline(always)]
    fn find(&self, page: u32) -> Option<u32> {
        let translation = self.0[page as usize % RECENT];
        (translation.page == page).then_some(translation.frame)
    }

    fn remember(&mut self, page: u32, frame: u32) {
        self.0[page as usize % RECENT] = Translation { page, frame };
    }
}

/// Why [`BareMemory::map`], [`BareMemory::read`] or [`BareMemory::write`] did nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BareMemoryError {
    /// Address or length is no multiple of [`PAGE_SIZE`].
    Unaligned,
    /// The range reaches past 2^32.
    PastEnd,
    /// The range reaches below [`LOWEST_ADDRESS`], where no access is possible.
    BelowLowest,
    /// Nothing is mapped at this address.
    Unmapped(u32),
}

impl fmt::Display for BareMemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BareMemoryError::Unaligned => write!(f, "address or length is no multiple of {PAGE_SIZE}"),
            BareMemoryError::PastEnd => f.write_str("the range reaches past 2^32"),
            BareMemoryError::BelowLowest => write!(f, "the range reaches below {LOWEST_ADDRESS:#x}"),
            BareMemoryError::Unmapped(address) => write!(f, "nothing is mapped at {address:#x}"),
        }
    }
}

impl core::error::Error for BareMemoryError {}

impl BareMemory {
    /// Memory with nothing mapped and no heap.
    #[must_use]
    pub fn new() -> BareMemory {
        BareMemory {
            frames: Vec::new(),
            directory: Box::new([const { None }; ENTRIES]),
            readable: Recent::EMPTY,
            writable: Recent::EMPTY,
            heap_end: 0,
            heap_limit: 0,
        }
    }

    /// Gives the pages from `address` on this access. Pages that were not mapped are zero, others keep their content.
    ///
    /// # Errors
    /// [`BareMemoryError`] unless address and length are whole pages between [`LOWEST_ADDRESS`] and 2^32.
    pub fn map(&mut self, address: u32, length: u32, access: Access) -> Result<(), BareMemoryError> {
        if !address.is_multiple_of(PAGE_SIZE) || !length.is_multiple_of(PAGE_SIZE) {
            return Err(BareMemoryError::Unaligned);
        }
        if length > 0 && address < LOWEST_ADDRESS {
            return Err(BareMemoryError::BelowLowest);
        }
        let end = u64::from(address) + u64::from(length);
        if end > 1 << 32 {
            return Err(BareMemoryError::PastEnd);
        }
        for page in address / PAGE_SIZE..(end / u64::from(PAGE_SIZE)) as u32 {
            self.map_page(page, access);
        }
        // A page may have lost its right to be written.
        self.writable = Recent::EMPTY;
        Ok(())
    }

    fn map_page(&mut self, page: u32, access: Access) {
        let next = self.frames.len() as u32;
        let table = self.directory[page as usize / ENTRIES].get_or_insert_with(|| Box::new([None; ENTRIES]));
        let entry = table[page as usize % ENTRIES].get_or_insert(Entry { frame: next, access });
        entry.access = access;
        if entry.frame == next {
            self.frames.push([0; PAGE]);
        }
    }

    /// Says where the heap ends, for [`Memory::sbrk`] to grow it from there, and how far it may grow. What it grows over
    /// becomes writable, whatever was mapped there before. `start` is at least [`LOWEST_ADDRESS`]; without a heap
    /// (`limit` not above `start`) nothing grows.
    pub fn set_heap(&mut self, start: u32, limit: u32) {
        self.heap_end = start.max(LOWEST_ADDRESS);
        self.heap_limit = limit;
    }

    /// What may be done with the page of `address`, if it is mapped.
    #[must_use]
    pub fn access(&self, address: u32) -> Option<Access> {
        self.entry(address / PAGE_SIZE).map(|entry| entry.access)
    }

    /// Reads mapped memory into `bytes`, whatever its rights.
    ///
    /// # Errors
    /// [`BareMemoryError`] when not all of it is mapped; `bytes` may then be filled in part.
    pub fn read(&self, address: u32, bytes: &mut [u8]) -> Result<(), BareMemoryError> {
        let mut place = u64::from(address);
        for chunk in chunks(address, bytes) {
            chunk.copy_from_slice(&self.frames[self.frame(place)?][place as usize % PAGE..][..chunk.len()]);
            place += chunk.len() as u64;
        }
        Ok(())
    }

    /// Writes mapped memory, whatever its rights.
    ///
    /// # Errors
    /// [`BareMemoryError`] when not all of it is mapped; `bytes` may then have been written in part.
    pub fn write(&mut self, address: u32, mut bytes: &[u8]) -> Result<(), BareMemoryError> {
        let mut place = u64::from(address);
        while !bytes.is_empty() {
            let offset = place as usize % PAGE;
            let (chunk, rest) = bytes.split_at(bytes.len().min(PAGE - offset));
            let frame = self.frame(place)?;
            self.frames[frame][offset..][..chunk.len()].copy_from_slice(chunk);
            place += chunk.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    /// Every mapped page in ascending order: address, access, content.
    pub fn pages(&self) -> impl Iterator<Item = (u32, Access, &[u8; PAGE])> {
        let tables = self.directory.iter().zip(0..).filter_map(|(table, upper)| Some((table.as_ref()?, upper)));
        tables.flat_map(move |(table, upper)| {
            table.iter().zip(0..).filter_map(move |(entry, lower)| {
                let entry = (*entry)?;
                let page: u32 = upper * ENTRIES as u32 + lower;
                Some((page * PAGE_SIZE, entry.access, &self.frames[entry.frame as usize]))
            })
        })
    }

    fn entry(&self, page: u32) -> Option<Entry> {
        self.directory[page as usize / ENTRIES].as_ref()?[page as usize % ENTRIES]
    }

    fn frame(&self, place: u64) -> Result<usize, BareMemoryError> {
        let address = u32::try_from(place).map_err(|_| BareMemoryError::PastEnd)?;
        Ok(self.entry(address / PAGE_SIZE).ok_or(BareMemoryError::Unmapped(address))?.frame as usize)
    }

    /// The frames that an access touches, after checking that it may; the pages are then recent ones.
    #[cold]
    #[inline(never)]
    fn translate(&mut self, address: u32, length: u32, write: bool) -> Result<[u32; 2], Fault> {
        let last = match address.checked_add(length - 1) {
            Some(last) if address >= LOWEST_ADDRESS => last,
            _ => return Err(Fault::Panic),
        };
        let mut frames = [0; 2];
        for (slot, page) in frames.iter_mut().zip([address / PAGE_SIZE, last / PAGE_SIZE]) {
            let forbidden = Fault::Page(page * PAGE_SIZE);
            let entry = self.entry(page).ok_or(forbidden)?;
            if write {
                if entry.access != Access::ReadWrite {
                    return Err(forbidden);
                }
                self.writable.remember(page, entry.frame);
            } else {
                self.readable.remember(page, entry.frame);
            }
            *slot = entry.frame;
        }
        Ok(frames)
    }
}

/// `bytes` cut where pages end, if they lie at `address`.
fn chunks(address: u32, bytes: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    let first = bytes.len().min(PAGE - address as usize % PAGE);
    let (first, rest) = bytes.split_at_mut(first);
    core::iter::once(first).chain(rest.chunks_mut(PAGE))
}

impl Default for BareMemory {
    fn default() -> BareMemory {
        BareMemory::new()
    }
}

impl fmt::Debug for BareMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.pages().map(|(address, access, _)| (address, access))).finish()
    }
}

impl Memory for BareMemory {
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        let frames = self.translate(address, N as u32, false)?;
        let offset = address as usize % PAGE;
        let first = N.min(PAGE - offset);
        let mut bytes = [0; N];
        bytes[..first].copy_from_slice(&self.frames[frames[0] as usize][offset..offset + first]);
        bytes[first..].copy_from_slice(&self.frames[frames[1] as usize][..N - first]);
        Ok(bytes)
    }

    fn store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> Result<(), Fault> {
        let frames = self.translate(address, N as u32, true)?;
        let offset = address as usize % PAGE;
        let first = N.min(PAGE - offset);
        self.frames[frames[0] as usize][offset..offset + first].copy_from_slice(&bytes[..first]);
        self.frames[frames[1] as usize][..N - first].copy_from_slice(&bytes[first..]);
        Ok(())
    }

    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        let frame = self.readable.find(address / PAGE_SIZE)?;
        let offset = address as usize % PAGE;
        if offset > PAGE - N {
            return None;
        }
        let page = self.frames.get(frame as usize)?;
        page[offset..].first_chunk().copied()
    }

    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, bytes: [u8; N]) -> bool {
        let Some(frame) = self.writable.find(address / PAGE_SIZE) else { return false };
        let offset = address as usize % PAGE;
        if offset > PAGE - N {
            return false;
        }
        match self.frames.get_mut(frame as usize).and_then(|page| page[offset..].first_chunk_mut()) {
            Some(place) => {
                *place = bytes;
                true
            }
            None => false,
        }
    }

    fn sbrk(&mut self, bytes: u64) -> u64 {
        let old = self.heap_end;
        let end = match u32::try_from(bytes).ok().and_then(|bytes| old.checked_add(bytes)) {
            Some(end) if end <= self.heap_limit => end,
            _ => return 0,
        };
        // An empty range maps nothing, also when it lies inside of a page.
        for page in if bytes == 0 { 0..0 } else { old / PAGE_SIZE..end.div_ceil(PAGE_SIZE) } {
            self.map_page(page, Access::ReadWrite);
        }
        self.heap_end = end;
        u64::from(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    const BASE: u32 = 0x2_0000;

    #[test]
    fn the_heap_grows_up_to_its_limit_and_gives_its_old_end() {
        let mut memory = BareMemory::new();
        assert_eq!(memory.sbrk(1), 0, "there is none");
        memory.set_heap(BASE + 100, BASE + 8192);
        assert_eq!(memory.sbrk(0), u64::from(BASE) + 100);
        assert_eq!(memory.pages().count(), 0);
        assert_eq!(memory.sbrk(3996), u64::from(BASE) + 100);
        assert_eq!(memory.store_u8(BASE + 4095, 1), Ok(()));
        assert_eq!(memory.store_u8(BASE + 4096, 1), Err(Fault::Page(BASE + 4096)));
        for too_much in [4097, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            assert_eq!(memory.sbrk(too_much), 0);
        }
        assert_eq!(memory.sbrk(4096), u64::from(BASE) + 4096);
        assert_eq!(memory.store_u8(BASE + 8191, 1), Ok(()));
        assert_eq!(memory.sbrk(1), 0);
        assert_eq!(memory.sbrk(0), u64::from(BASE) + 8192);
    }

    #[test]
    fn no_heap_lies_where_no_access_may_go() {
        let mut memory = BareMemory::new();
        memory.set_heap(0, LOWEST_ADDRESS + 4096);
        assert_eq!(memory.sbrk(1), u64::from(LOWEST_ADDRESS));
        assert_eq!(memory.pages().map(|(address, ..)| address).collect::<Vec<_>>(), [LOWEST_ADDRESS]);
    }

    #[test]
    fn raw_access_reaches_across_pages_and_ignores_rights() {
        let mut memory = BareMemory::new();
        memory.map(BASE, 3 * 4096, Access::ReadOnly).unwrap();
        let written: Vec<u8> = (0..9000).map(|n| n as u8).collect();
        memory.write(BASE + 77, &written).unwrap();
        let mut read = vec![0; 9000];
        memory.read(BASE + 77, &mut read).unwrap();
        assert_eq!(read, written);
        assert_eq!(memory.load_u16(BASE + 77 + 4095), Ok(u16::from_le_bytes([written[4095], written[4096]])));
        assert_eq!(memory.read(BASE + 3 * 4096 - 1, &mut [0; 2]), Err(BareMemoryError::Unmapped(BASE + 3 * 4096)));
        assert_eq!(memory.write(BASE - 1, &[0]), Err(BareMemoryError::Unmapped(BASE - 1)));
        memory.map(0xFFFF_F000, 4096, Access::ReadWrite).unwrap();
        assert_eq!(memory.write(0xFFFF_FFFF, &[1]), Ok(()));
        assert_eq!(memory.write(0xFFFF_FFFF, &[1, 2]), Err(BareMemoryError::PastEnd));
    }

    #[test]
    fn pages_that_share_a_place_in_the_cache_are_told_apart() {
        let mut memory = BareMemory::new();
        let apart = RECENT as u32 * 4096;
        for page in 0..4 {
            memory.map(BASE + page * apart, 4096, Access::ReadWrite).unwrap();
        }
        for round in 0..3 {
            for page in 0..4 {
                let address = BASE + page * apart + 8;
                assert_eq!(memory.load_u64(address), Ok(if round == 0 { 0 } else { u64::from(page) + 1 }));
                assert_eq!(memory.quick_load::<8>(address), Some(memory.load_u64(address).unwrap().to_le_bytes()));
                assert_eq!(memory.store_u64(address, u64::from(page) + 1), Ok(()));
                assert!(memory.quick_store(address, (u64::from(page) + 1).to_le_bytes()));
            }
        }
        assert_eq!(memory.quick_load::<8>(BASE + 8), None, "another page is there");
        assert_eq!(memory.quick_load::<8>(BASE + 3 * apart + 4089), None, "it crosses into the next page");
    }

    #[test]
    fn a_copy_is_one_of_its_own() {
        let mut memory = BareMemory::new();
        memory.map(BASE, 4096, Access::ReadWrite).unwrap();
        memory.store_u8(BASE, 1).unwrap();
        let mut copy = memory.clone();
        copy.store_u8(BASE, 2).unwrap();
        assert_eq!((memory.load_u8(BASE), copy.load_u8(BASE)), (Ok(1), Ok(2)));
        assert_eq!(copy.access(BASE + 4095), Some(Access::ReadWrite));
        assert_eq!(copy.access(BASE + 4096), None);
    }
}
