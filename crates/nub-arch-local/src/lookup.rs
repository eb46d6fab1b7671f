//! The lookup cache: the one place where the software-paged memory follows raw pointers.
//!
//! A program's load or store asks here first; a hit costs a comparison and the access itself. Everything slower, and
//! every decision about what is allowed, is in [`crate::space`].
//!
//! # Why this is sound
//! An entry is a page number and a pointer to the 4096 bytes that the page has *now*. Whoever enters one promises
//! (see [`Lookup::insert`]) that the pointer stays valid, and for writing unique, until the entry is removed. An access
//! is made only after the page number has matched and the bytes were found to lie within the page.

use javm_interpreter::PAGE_SIZE;

const ENTRIES: usize = 256;
/// No page has this number.
const NO_PAGE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    page: u32,
    bytes: *mut u8,
}

const EMPTY: Entry = Entry { page: NO_PAGE, bytes: std::ptr::null_mut() };

/// A direct-mapped cache from page number to the page's bytes, apart for reading and writing.
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
        let page = address / PAGE_SIZE;
        let offset = address % PAGE_SIZE;
        let entry = &self.read[index(page)];
        if entry.page != page || offset > PAGE_SIZE - N as u32 {
            return None;
        }
        // SAFETY: the entry's pointer is valid for reading 4096 bytes (promised to `insert`), and offset + N <= 4096.
        Some(unsafe { entry.bytes.add(offset as usize).cast::<[u8; N]>().read_unaligned() })
    }

    /// Writes `value` at `address` if the page is in the cache, writable, and holds all of it.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> bool {
        let page = address / PAGE_SIZE;
        let offset = address % PAGE_SIZE;
        let entry = &self.write[index(page)];
        if entry.page != page || offset > PAGE_SIZE - N as u32 {
            return false;
        }
        // SAFETY: the entry's pointer is valid for writing 4096 bytes and nothing else refers to them (promised to
        // `insert`), and offset + N <= 4096.
        unsafe { entry.bytes.add(offset as usize).cast::<[u8; N]>().write_unaligned(value) };
        true
    }

    /// Enters a page, for reading and, if `writable`, for writing.
    ///
    /// # Safety
    /// Until the entry is removed, `bytes` has to be valid for reading [`PAGE_SIZE`] bytes; if `writable`, also for
    /// writing them, and no reference to them may be used.
    #[inline]
    pub(crate) unsafe fn insert(&mut self, page: u32, bytes: *mut u8, writable: bool) {
        let index = index(page);
        self.used[index / 64] |= 1 << (index % 64);
        self.read[index] = Entry { page, bytes };
        if writable {
            self.write[index] = Entry { page, bytes };
        } else if self.write[index].page == page {
            self.write[index] = EMPTY;
        }
    }

    /// Removes a page.
    pub(crate) fn remove(&mut self, page: u32) {
        let index = index(page);
        for entry in [&mut self.read[index], &mut self.write[index]] {
            if entry.page == page {
                *entry = EMPTY;
            }
        }
    }

    /// Makes a page one that may only be read.
    pub(crate) fn protect(&mut self, page: u32) {
        let entry = &mut self.write[index(page)];
        if entry.page == page {
            *entry = EMPTY;
        }
    }

    /// Removes the pages of a range.
    pub(crate) fn remove_range(&mut self, first: u32, end: u32) {
        if end - first < ENTRIES as u32 {
            (first..end).for_each(|page| self.remove(page));
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
