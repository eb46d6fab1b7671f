//! The lookup cache: the one place where the software-paged memory follows raw pointers.
//!
//! A program's load or store asks here first; a hit costs a comparison and the access itself. Everything slower, and
//! every decision about what is allowed, is in [`crate::space`].
//!
//! # Why this is sound
//! An entry is a range of addresses within a page and a pointer to the bytes that it has *now*. Whoever enters one promises
//! (see [`Lookup::insert`]) that the pointer stays valid, and for writing unique, until the entry is removed. An access
//! is made only after its bytes were found to lie within the range.

use std::ops::Range;

use javm_interpreter::PAGE_SIZE;

const ENTRIES: usize = 256;

#[derive(Clone, Copy)]
struct Entry {
    /// The first address of the range, and how many there are.
    start: u32,
    length: u32,
    /// Where the byte at the first address is.
    bytes: *mut u8,
}

const EMPTY: Entry = Entry { start: 0, length: 0, bytes: std::ptr::null_mut() };

impl Entry {
    /// Where the `N` bytes at `address` are, if they are all in the range.
    #[inline(always)]
    fn find<const N: usize>(&self, address: u32) -> Option<*mut [u8; N]> {
        let offset = address.wrapping_sub(self.start);
        if u64::from(offset) + N as u64 > u64::from(self.length) {
            return None;
        }
        Some(self.bytes.wrapping_add(offset as usize).cast())
    }

    fn is_of(&self, page: u32) -> bool {
        self.length > 0 && self.start / PAGE_SIZE == page
    }
}

/// A direct-mapped cache from page number to the page's bytes, apart for reading and writing. What may be written may be a
/// part of the page only.
pub(crate) struct Lookup {
    read: Box<[Entry; ENTRIES]>,
    write: Box<[Entry; ENTRIES]>,
    /// A bit for each index that may be in use, so that clearing costs what was used.
    used: [u64; ENTRIES / 64],
}

// SAFETY: the pointers are only followed through `&mut self`, and point to pages that the owner of this cache keeps
// alive in reference counts that are atomic; moving both to another thread moves the whole of that ownership.
unsafe impl Send for Lookup {}

fn index(page: u32) -> usize {
    page as usize % ENTRIES
}

impl Lookup {
    pub(crate) fn new() -> Lookup {
        Lookup { read: Box::new([EMPTY; ENTRIES]), write: Box::new([EMPTY; ENTRIES]), used: [0; ENTRIES / 64] }
    }

    /// Reads the `N` bytes at `address` if the page is in the cache and holds them all.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        let place = self.read[index(address / PAGE_SIZE)].find::<N>(address)?;
        // SAFETY: the place lies in the range of an entry, which may be read (promised to `insert`).
        Some(unsafe { place.read_unaligned() })
    }

    /// Writes `value` at `address` if that part of the page is in the cache, writable, and holds all of it.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> bool {
        let Some(place) = self.write[index(address / PAGE_SIZE)].find::<N>(address) else { return false };
        // SAFETY: the place lies in the range of an entry, which may be written, and nothing else refers to it (promised to
        // `insert`).
        unsafe { place.write_unaligned(value) };
        true
    }

    /// Enters a page for reading, and this part of it for writing.
    ///
    /// # Safety
    /// Until the entry is removed, `bytes` has to be valid for reading [`PAGE_SIZE`] bytes; where `writable` is not empty,
    /// also for writing them, and no reference to them may be used. `writable` lies within the page.
    #[inline]
    pub(crate) unsafe fn insert(&mut self, page: u32, bytes: *mut u8, writable: Range<u16>) {
        let index = index(page);
        self.used[index / 64] |= 1 << (index % 64);
        let start = page * PAGE_SIZE;
        self.read[index] = Entry { start, length: PAGE_SIZE, bytes };
        if !writable.is_empty() {
            let first = writable.start;
            let length = u32::from(writable.end - first);
            self.write[index] =
                Entry { start: start + u32::from(first), length, bytes: bytes.wrapping_add(first.into()) };
        } else if self.write[index].is_of(page) {
            self.write[index] = EMPTY;
        }
    }

    /// Removes a page.
    pub(crate) fn remove(&mut self, page: u32) {
        let index = index(page);
        for entry in [&mut self.read[index], &mut self.write[index]] {
            if entry.is_of(page) {
                *entry = EMPTY;
            }
        }
    }

    /// Makes a page one that may only be read.
    pub(crate) fn protect(&mut self, page: u32) {
        let entry = &mut self.write[index(page)];
        if entry.is_of(page) {
            *entry = EMPTY;
        }
    }

    /// Removes the pages of a range.
    pub(crate) fn remove_range(&mut self, first: u32, end: u32) {
        self.remove_range_but(first, end, |_| false);
    }

    /// Removes the pages of a range but for those that `stays` names.
    pub(crate) fn remove_range_but(&mut self, first: u32, end: u32, stays: impl Fn(u32) -> bool) {
        if end - first < ENTRIES as u32 {
            (first..end).filter(|&page| !stays(page)).for_each(|page| self.remove(page));
        } else {
            self.clear();
        }
    }

    /// Removes every page.
    pub(crate) fn clear(&mut self) {
        for (word, used) in self.used.iter_mut().enumerate() {
            while *used != 0 {
                let index = word * 64 + used.trailing_zeros() as usize;
                self.read[index] = EMPTY;
                self.write[index] = EMPTY;
                *used &= *used - 1;
            }
        }
    }
}
