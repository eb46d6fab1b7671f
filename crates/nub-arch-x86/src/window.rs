//! Windows: the 4 GiB of virtual memory in which a program sees its own, and the page tables behind them.
//!
//! A window belongs to one lane: no other processor ever uses it, so that a translation that was taken back has to be
//! forgotten by this lane only, and only before its next access to the window. [`Window`] keeps account of what has to be
//! forgotten, and forgets it in one go ([`View::settle`]). Where another lane took it back, [`crate::tlb`] sees to it that
//! the lane forgets it before it uses any window, and that nothing is free before.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use javm_cap::Page;
use nub_arch_x86_abi::layout::{self, LINEAR_BASE, MAX_LANES, PAGE, WINDOW_STRIDE, WINDOWS_PER_LANE};

use crate::space::view::{Released, Shown, View};
use crate::{access, boot, memory, processor, tlb};

/// The bits of a page table's entry.
mod entry {
    pub(super) const PRESENT: u64 = 1;
    pub(super) const WRITABLE: u64 = 1 << 1;
    pub(super) const USER: u64 = 1 << 2;
    /// Set from the start, so that the processor never has to write it.
    pub(super) const ACCESSED: u64 = 1 << 5;
    /// The same, but where the processor is to note the first write.
    pub(super) const DIRTY: u64 = 1 << 6;
    pub(super) const NO_EXECUTE: u64 = 1 << 63;
    pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
}

/// Which windows of each lane are in use.
static USED: [[AtomicU64; USED_WORDS]; MAX_LANES] = [const { [const { AtomicU64::new(0) }; USED_WORDS] }; MAX_LANES];
const USED_WORDS: usize = WINDOWS_PER_LANE / 64;
const _: () = assert!(WINDOWS_PER_LANE.is_multiple_of(64));

/// How many windows are in use, and how often translations were forgotten.
pub fn count() -> (u64, u64) {
    (
        USED.iter().flatten().map(|used| u64::from(used.load(Ordering::Relaxed).count_ones())).sum(),
        FLUSHES.load(Ordering::Relaxed),
    )
}

static FLUSHES: AtomicU64 = AtomicU64::new(0);

/// With more translations to forget than this, all of them are.
const SINGLE_FLUSHES: usize = 16;

/// A window of a lane.
pub struct Window {
    lane: usize,
    number: u32,
    base: u64,
    /// Where programs look: the base, or where nothing is ever mapped.
    look: u64,
    /// Addresses whose translation is to be forgotten; more than [`SINGLE_FLUSHES`] stand for all there are.
    forgotten: Vec<u64>,
    /// Whether the entries below [`Window::forget`]'s limit overflowed.
    forget_all: bool,
}

impl Window {
    /// A window of this lane with nothing mapped; `None` when all are in use.
    pub fn new(lane: usize) -> Option<Window> {
        let free = |bits: u64| (bits != u64::MAX).then_some(bits | (bits + 1));
        let number = USED[lane].iter().enumerate().find_map(|(word, used)| {
            let before = used.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).ok()?;
            Some(64 * word as u32 + before.trailing_ones())
        })?;
        let base = layout::lane_windows(lane) + u64::from(number) * WINDOW_STRIDE;
        let nowhere = base + (1 << 32);
        Some(Window { lane, number, base, look: nowhere, forgotten: Vec::new(), forget_all: false })
    }

    /// Where it begins.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// An address where nothing is ever mapped, with a reach like the window's.
    pub fn nowhere(&self) -> u64 {
        self.base + (1 << 32)
    }

    /// The entry of a page; makes the tables on the way to it if `make`, and gives `None` without them otherwise.
    fn entry(&self, page: u32, make: bool) -> Option<*mut u64> {
        let address = self.base + u64::from(page) * PAGE;
        let mut table = boot::info().root;
        for level in [3, 2, 1] {
            let place = place(table, address, level);
            // SAFETY: `place` is an entry of a page table, in the linear map; only this lane uses those of its windows.
            let present = unsafe { place.read_volatile() };
            table = if present & entry::PRESENT != 0 {
                present & entry::ADDRESS
            } else if make {
                let new = new_table();
                // SAFETY: as above.
                unsafe { place.write_volatile(new | entry::PRESENT | entry::WRITABLE | entry::USER) };
                new
            } else {
                return None;
            };
        }
        Some(place(table, address, 0))
    }

    fn replace(&mut self, place: *mut u64, page: u32, new: u64) {
        // SAFETY: `place` comes from `entry`: an entry for a page of this window. The processor may write it, too.
        let entry = unsafe { &*place.cast::<AtomicU64>() };
        if entry.swap(new, Ordering::SeqCst) & entry::PRESENT != 0 {
            self.forget(self.base + u64::from(page) * PAGE);
        }
    }

    fn forget(&mut self, address: u64) {
        if self.forgotten.len() < SINGLE_FLUSHES {
            self.forgotten.push(address);
        } else {
            self.forget_all = true;
        }
    }

    /// Forgets what was taken back, on the lane whose window it is.
    fn flush(&mut self) {
        if self.forgotten.is_empty() {
            return;
        }
        FLUSHES.fetch_add(1, Ordering::Relaxed);
        // Without privilege each flush is a trap, and one for all costs no more than one for a page.
        if self.forget_all || boot::is_user() && self.forgotten.len() > 1 {
            processor::flush_all();
        } else {
            self.forgotten.iter().for_each(|&address| processor::flush_page(address));
        }
        self.forgotten.clear();
        self.forget_all = false;
    }
}

/// Where a page is entered in a page table, which stays there for good.
#[derive(Clone, Copy)]
pub struct Entry(*const AtomicU64);

// SAFETY: the entry is in the linear map on every lane, and is only ever read through this.
unsafe impl Send for Entry {}
// SAFETY: see above.
unsafe impl Sync for Entry {}

impl View for Window {
    type Entry = Entry;

    #[inline(always)]
    fn load<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        // SAFETY: this is where a window begins that is up to date, or where nothing is mapped.
        unsafe { access::load(self.look, address) }
    }

    #[inline(always)]
    fn store<const N: usize>(&self, address: u32, value: [u8; N]) -> bool {
        // SAFETY: as above; to what is mapped for writing no reference exists, as `map` was promised.
        unsafe { access::store(self.look, address, value) }
    }

    fn hide(&mut self) {
        self.look = self.nowhere();
    }

    fn reveal(&mut self) {
        self.look = self.base;
    }

    unsafe fn map(&mut self, page: u32, frame: NonNull<Page>, shown: Shown) -> Entry {
        let Some(place) = self.entry(page, true) else { unreachable!("tables are made") };
        let mut bits = entry::PRESENT | entry::ACCESSED | entry::NO_EXECUTE;
        bits |= match shown {
            Shown::Reading => 0,
            Shown::Writing => entry::WRITABLE | entry::DIRTY,
            Shown::Watched => entry::WRITABLE,
        };
        bits |= if boot::is_user() { entry::USER } else { 0 };
        let physical = frame.as_ptr() as u64 - LINEAR_BASE;
        self.replace(place, page, physical | bits);
        Entry(place.cast())
    }

    fn unmap(&mut self, page: u32) {
        if let Some(place) = self.entry(page, false) {
            self.replace(place, page, 0);
        }
    }

    #[inline]
    fn was_written(&self, entry: Entry) -> bool {
        // SAFETY: page tables stay where they are for good. The processor notes a write before it does it.
        unsafe { (*entry.0).load(Ordering::Relaxed) & entry::DIRTY != 0 }
    }

    fn settle(&mut self, released: &mut Vec<Released>) {
        if self.is_here() {
            self.flush();
        } else if !self.forgotten.is_empty() {
            // The lane forgets everything before it uses a window again.
            tlb::retire(self.lane, core::mem::take(released));
            self.forgotten.clear();
            self.forget_all = false;
        }
    }

    fn is_here(&self) -> bool {
        processor::lane() == self.lane
    }

    fn sibling(&self) -> Option<Window> {
        Window::new(self.lane)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.settle(&mut Vec::new());
        USED[self.lane][self.number as usize / 64].fetch_and(!(1 << (self.number % 64)), Ordering::Release);
    }
}

/// Takes the translation of any address away, for tests of what happens then.
pub(crate) fn take_away(address: u64) {
    let mut table = boot::info().root;
    for level in [3, 2, 1] {
        // SAFETY: the tables are in the linear map.
        table = unsafe { place(table, address, level).read_volatile() } & entry::ADDRESS;
    }
    // SAFETY: as above. What stands on the page is lost to whoever needs it, as is wanted.
    unsafe { place(table, address, 0).write_volatile(0) };
    processor::flush_page(address);
}

/// The entry for an address in a table; level 3 is the root's, 0 that of pages.
fn place(table: u64, address: u64, level: u32) -> *mut u64 {
    let index = address >> (12 + 9 * level) & 511;
    boot::linear(table + index * 8) as *mut u64
}

/// A page table with nothing in it. Tables stay for the next program of the window.
fn new_table() -> u64 {
    let Some(frame) = memory::take_frame() else { panic!("out of memory for page tables") };
    // SAFETY: the frame is new and nobody else has it.
    unsafe { frame.write_bytes(0, PAGE as usize) };
    frame.as_ptr() as u64 - LINEAR_BASE
}
