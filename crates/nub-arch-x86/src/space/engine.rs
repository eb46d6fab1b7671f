//! How a program comes to its memory.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use javm_cap::{Access, Page};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};

use super::Space;
use super::view::View;

/// How often a program touched a page that its window did not show.
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// How many pages were copied into windows and out of them.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// How many pages were copied for windows: into them, and out of them into Data. Zeros are not counted.
pub fn copies() -> u64 {
    COPIES.load(Ordering::Relaxed)
}

/// So many more pages were copied.
pub(super) fn count_copies(pages: u64) {
    if pages > 0 {
        COPIES.fetch_add(pages, Ordering::Relaxed);
    }
}

/// How often programs touched a page that their window did not show.
pub fn faults() -> u64 {
    FAULTS.load(Ordering::Relaxed)
}

impl<V: View> Space<V> {
    /// The page's bytes now, shown in the window from now on; for reading.
    fn open_for_reading(&mut self, page: u32) -> Result<NonNull<Page>, Fault> {
        if let Some(resident) = self.residents.get(&page) {
            return Ok(resident.frame.pointer());
        }
        let region = self.regions.find(page).ok_or(Fault::Page(page * PAGE_SIZE))?;
        let (end, writable) = (region.pages().end, region.access() == Access::ReadWrite);
        if writable && self.has_room() {
            let shown = self.make_resident(page).frame.pointer();
            let ahead = self.ahead.fault(page);
            for next in page + 1..end.min(page.saturating_add(ahead)) {
                if self.has_room() && !self.residents.contains_key(&next) {
                    self.make_resident(next);
                }
            }
            self.settle();
            self.extra.count(self.residents.len());
            return Ok(shown);
        }
        let shown = self.share(page);
        let ahead = self.ahead.fault(page);
        for next in page + 1..end.min(page.saturating_add(ahead)) {
            if !self.residents.contains_key(&next) {
                self.share(next);
            }
        }
        self.settle();
        Ok(shown)
    }

    /// Whether another resident is likely to stay.
    fn has_room(&self) -> bool {
        let more = self.residents.len() + 1;
        self.policy.kept(more) >= more
    }

    /// The page's bytes, to be written to; shown in the window from now on.
    fn open_for_writing(&mut self, page: u32) -> Result<NonNull<Page>, Fault> {
        let fault = Fault::Page(page * PAGE_SIZE);
        let region = self.regions.find(page).ok_or(fault)?;
        if region.access() != Access::ReadWrite {
            return Err(fault);
        }
        let end = region.pages().end;
        if !self.residents.contains_key(&page) {
            self.make_resident(page);
            let ahead = self.ahead.fault(page);
            for next in page + 1..end.min(page.saturating_add(ahead)) {
                if !self.residents.contains_key(&next) {
                    self.make_resident(next);
                }
            }
            self.settle();
            self.extra.count(self.residents.len());
        }
        let resident = self.residents.get_mut(&page).ok_or(fault)?;
        // It is about to be written, not through the window.
        resident.touched = true;
        Ok(resident.frame.pointer())
    }

    /// Opens every page that an access of `N` bytes touches, lowest first; gives the first and the last.
    fn open<const N: usize>(
        &mut self,
        address: u32,
        mut open: impl FnMut(&mut Space<V>, u32) -> Result<NonNull<Page>, Fault>,
    ) -> Result<[NonNull<Page>; 2], Fault> {
        let last = address.checked_add(N as u32 - 1).ok_or(Fault::Panic)?;
        if address < LOWEST_ADDRESS {
            return Err(Fault::Panic);
        }
        FAULTS.fetch_add(1, Ordering::Relaxed);
        self.refresh();
        let first_page = open(self, address / PAGE_SIZE)?;
        let last_page =
            if last / PAGE_SIZE == address / PAGE_SIZE { first_page } else { open(self, last / PAGE_SIZE)? };
        Ok([first_page, last_page])
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        let pages = self.open::<N>(address, Space::open_for_reading)?;
        let mut value = [0; N];
        for (place, byte) in places::<N>(address, pages).zip(&mut value) {
            // SAFETY: the place lies in a page that this space holds.
            *byte = unsafe { place.read_volatile() };
        }
        Ok(value)
    }

    #[cold]
    #[inline(never)]
    fn store_slowly<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        // Whether both pages allow it is known before the first byte is written.
        let pages = self.open::<N>(address, Space::open_for_writing)?;
        for (place, byte) in places::<N>(address, pages).zip(value) {
            // SAFETY: the place lies in a frame of this space's residents, to which no reference exists.
            unsafe { place.write_volatile(byte) };
        }
        Ok(())
    }
}

/// Where the bytes of an access are, in the pages that its first and its last byte lie in.
fn places<const N: usize>(address: u32, [first, last]: [NonNull<Page>; 2]) -> impl Iterator<Item = *mut u8> {
    (0..N as u32).map(move |index| {
        let at = address.wrapping_add(index);
        let page = if at / PAGE_SIZE == address / PAGE_SIZE { first } else { last };
        page.as_ptr().cast::<u8>().wrapping_add((at % PAGE_SIZE) as usize)
    })
}

impl<V: View> Memory for Space<V> {
    #[inline(always)]
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        match self.view.load(address) {
            Some(value) => Ok(value),
            None => self.load_slowly(address),
        }
    }
    #[inline(always)]
    fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        if self.view.store(address, value) { Ok(()) } else { self.store_slowly(address, value) }
    }
    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        self.view.load(address)
    }
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> bool {
        self.view.store(address, value)
    }
}
