//! The machine's memory, as the host sees it.
//!
//! The guest may change any of it at any time. So the host never makes a reference to what it holds: it copies bytes in
//! and out, and everything that both sides look at while the other may write is atomic ([`Slot`]).

#![allow(unsafe_code)]

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use nub_arch_x86_abi::Slot;
use nub_arch_x86_abi::layout::{self, LARGE_PAGE, PAGE};

use crate::error::Error;
use crate::hypervisor::Region;

/// Anonymous memory that the host gives to the guest; taken from the host only where it is touched, by large pages where
/// the host has them.
pub(crate) struct GuestMemory {
    mapping: NonNull<u8>,
    mapping_size: usize,
    /// Where the guest's memory begins: on the border of a large page.
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the memory is reached by copying and by atomics only, from any thread, as the module says.
unsafe impl Send for GuestMemory {}
// SAFETY: see above.
unsafe impl Sync for GuestMemory {}

impl GuestMemory {
    /// Memory of `size` bytes, all zero.
    pub(crate) fn new(size: u64) -> Result<GuestMemory, Error> {
        let refused = |error| Error::Memory { size, error };
        let too_large = || refused(io::ErrorKind::OutOfMemory.into());
        let bytes = usize::try_from(size).map_err(|_| too_large())?;
        let mapping_size = bytes.checked_add(LARGE_PAGE as usize).ok_or_else(too_large)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping wherever the system likes harms nothing that is there.
        let mapping =
            unsafe { libc::mmap(std::ptr::null_mut(), mapping_size, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(refused(io::Error::last_os_error()));
        }
        let mapping = NonNull::new(mapping.cast::<u8>()).ok_or_else(too_large)?;
        let padding = mapping.as_ptr().align_offset(LARGE_PAGE as usize);
        // SAFETY: the padding is less than a large page, by which the mapping is longer than asked for.
        let start = unsafe { mapping.add(padding) };
        for advice in [libc::MADV_HUGEPAGE, libc::MADV_DONTDUMP, libc::MADV_DONTFORK] {
            // SAFETY: the range is the mapping's. Advice that the system does not take changes nothing.
            unsafe { libc::madvise(start.as_ptr().cast(), bytes, advice) };
        }
        Ok(GuestMemory { mapping, mapping_size, start, size: bytes })
    }

    /// All of it, from physical address 0 on.
    pub(crate) fn region(self: &Arc<GuestMemory>) -> Region {
        Region { physical: 0, host: self.start.as_ptr() as u64, size: self.size(), _holder: self.clone() }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size as u64
    }

    /// How many bytes of it the host has had to find so far, because somebody touched them.
    pub(crate) fn touched(&self) -> io::Result<u64> {
        // The host's page is no smaller than the guest's on x86-64.
        let mut pages = vec![0; self.size / PAGE as usize];
        // SAFETY: the range is the mapping's, and the vector has room for a byte a page.
        if unsafe { libc::mincore(self.start.as_ptr().cast(), self.size, pages.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(pages.iter().filter(|&&page| page & 1 != 0).count() as u64 * PAGE)
    }

    /// Finds memory for what has none yet in a range, as if it was written to; whether there is memory for all of it. What
    /// stands there stays.
    pub(crate) fn populate(&self, physical: u64, length: u64) -> bool {
        let Ok(bytes) = usize::try_from(length) else { return false };
        let Some(place) = self.place(physical, bytes) else { return false };
        // SAFETY: the range is the mapping's, whose content this does not change.
        unsafe { libc::madvise(place.cast(), bytes, libc::MADV_POPULATE_WRITE) == 0 }
    }

    /// The place of `length` bytes from a physical address on, if they all exist.
    fn place(&self, physical: u64, length: usize) -> Option<*mut u8> {
        let end = physical.checked_add(length as u64)?;
        // SAFETY: the address is at most the end of the memory.
        (end <= self.size()).then(|| unsafe { self.start.as_ptr().add(physical as usize) })
    }

    /// Copies bytes in; whether there is memory for all of them.
    #[must_use]
    pub(crate) fn write(&self, physical: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.place(physical, bytes.len()) else { return false };
        // SAFETY: the place has room for them, and no reference to it exists anywhere.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// Copies bytes out, behind what is in `to`; whether there is memory for all of them.
    #[must_use]
    pub(crate) fn read(&self, physical: u64, length: usize, to: &mut Vec<u8>) -> bool {
        let Some(from) = self.place(physical, length) else { return false };
        to.reserve(length);
        let end = to.len();
        // SAFETY: the vector has room for `length` more, and the place has as many; what the guest writes meanwhile
        // shows in the copy or not.
        unsafe {
            std::ptr::copy_nonoverlapping(from.cast_const(), to.as_mut_ptr().add(end), length);
            to.set_len(end + length);
        }
        true
    }

    /// The number at a physical address, which is a multiple of 8; 0 where there is no memory.
    pub(crate) fn word(&self, physical: u64) -> u64 {
        debug_assert!(physical.is_multiple_of(8));
        // SAFETY: the place has eight bytes, aligned.
        self.place(physical, 8).map_or(0, |from| unsafe { from.cast::<u64>().read_volatile() })
    }

    /// The slot of a lane.
    pub(crate) fn slot(&self, lane: usize) -> Option<&Slot> {
        let place = self.place(layout::slot(lane), size_of::<Slot>())?;
        // SAFETY: the place has room for a slot and is aligned for one; whatever its bytes are, they are one. All of its
        // fields that are ever read are atomic. It lives as long as the memory.
        Some(unsafe { &*place.cast::<Slot>() })
    }
}

impl Drop for GuestMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's, and nothing refers to it any more: slots borrow it, and the processors that
        // run in it hold on to it.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), self.mapping_size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_is_counted() {
        let memory = GuestMemory::new(4 * LARGE_PAGE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(memory.touched().ok(), Some(0));
        assert!(memory.write(LARGE_PAGE, b"there"));
        // As much as the host gives at a time.
        let touched = memory.touched().unwrap_or_else(|error| panic!("{error}"));
        assert!((PAGE..=LARGE_PAGE).contains(&touched), "{touched}");
    }

    #[test]
    fn nothing_is_read_or_written_behind_the_end() {
        let memory = GuestMemory::new(LARGE_PAGE).unwrap_or_else(|error| panic!("{error}"));
        assert!((memory.start.as_ptr() as u64).is_multiple_of(LARGE_PAGE));
        let mut bytes = Vec::new();
        assert!(memory.write(LARGE_PAGE - 3, b"end"));
        assert!(memory.read(LARGE_PAGE - 4, 4, &mut bytes));
        assert_eq!(bytes, b"\0end");
        for (address, length) in [(LARGE_PAGE - 2, 3), (LARGE_PAGE + 1, 0), (u64::MAX, 1), (0, usize::MAX)] {
            assert!(!memory.read(address, length, &mut bytes));
        }
        assert!(!memory.write(LARGE_PAGE - 2, b"end") && !memory.write(u64::MAX - 1, b"end"));
        assert_eq!((memory.word(LARGE_PAGE - 8), memory.word(LARGE_PAGE)), (u64::from_le_bytes(*b"\0\0\0\0\0end"), 0));
        assert!(memory.slot(0).is_none());
    }
}
