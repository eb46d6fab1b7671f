//! Windows: the 4 GiB of virtual memory in which a program sees its own, and the page tables behind them.
//!
//! A window belongs to one lane: no other processor ever uses it, so that a translation that was taken back has to be
//! forgotten by this lane only, and only before its next access to the window. [`Window`] keeps account of what has to be
//! forgotten; whoever uses a window calls [`Window::settle`] first.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use javm_cap::Page;
use nub_arch_x86_abi::layout::{self, LINEAR_BASE, MAX_LANES, PAGE, WINDOW_STRIDE, WINDOWS_PER_LANE};

use crate::{boot, memory, processor};

/// The bits of a page table's entry.
mod entry {
    pub(super) const PRESENT: u64 = 1;
    pub(super) const WRITABLE: u64 = 1 << 1;
    pub(super) const USER: u64 = 1 << 2;
    /// Set from the start, so that the processor never has to write them.
    pub(super) const ACCESSED_AND_DIRTY: u64 = 1 << 5 | 1 << 6;
    pub(super) const NO_EXECUTE: u64 = 1 << 63;
    pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
}

/// Which windows of each lane are in use.
static USED: [AtomicU64; MAX_LANES] = [const { AtomicU64::new(0) }; MAX_LANES];
const _: () = assert!(WINDOWS_PER_LANE == 64);

/// How many windows are in use, and how often translations were forgotten.
pub fn count() -> (u64, u64) {
    (
        USED.iter().map(|used| u64::from(used.load(Ordering::Relaxed).count_ones())).sum(),
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
    /// Addresses whose translation is to be forgotten; more than [`SINGLE_FLUSHES`] stand for all there are.
    forgotten: Vec<u64>,
    /// Whether the entries below [`Window::forget`]'s limit overflowed.
    forget_all: bool,
}

impl Window {
    /// A window of this lane with nothing mapped; `None` when all are in use.
    pub fn new(lane: usize) -> Option<Window> {
        let used = &USED[lane];
        let free = |bits: u64| (bits != u64::MAX).then_some(bits | (bits + 1));
        let before = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok()?;
        let number = before.trailing_ones();
        let base = layout::lane_windows(lane) + u64::from(number) * WINDOW_STRIDE;
        Some(Window { lane, number, base, forgotten: Vec::new(), forget_all: false })
    }

    /// Another window of the same lane.
    pub fn sibling(&self) -> Option<Window> {
        Window::new(self.lane)
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

    /// Shows `frame` at a page.
    ///
    /// # Safety
    /// Until the page is mapped anew or unmapped, and that is settled, the frame stays where it is and, if `writable`, is
    /// reached by raw pointers only.
    pub unsafe fn map(&mut self, page: u32, frame: NonNull<Page>, writable: bool) {
        let Some(place) = self.entry(page, true) else { unreachable!("tables are made") };
        let mut bits = entry::PRESENT | entry::ACCESSED_AND_DIRTY | entry::NO_EXECUTE;
        bits |= if writable { entry::WRITABLE } else { 0 };
        bits |= if boot::is_user() { entry::USER } else { 0 };
        let physical = frame.as_ptr() as u64 - LINEAR_BASE;
        self.replace(place, page, physical | bits);
    }

    /// Shows nothing at a page.
    pub fn unmap(&mut self, page: u32) {
        if let Some(place) = self.entry(page, false) {
            self.replace(place, page, 0);
        }
    }

    fn replace(&mut self, place: *mut u64, page: u32, new: u64) {
        // SAFETY: `place` comes from `entry`: an entry for a page of this window.
        unsafe {
            if place.read_volatile() & entry::PRESENT != 0 {
                self.forget(self.base + u64::from(page) * PAGE);
            }
            place.write_volatile(new);
        }
    }

    fn forget(&mut self, address: u64) {
        if self.forgotten.len() < SINGLE_FLUSHES {
            self.forgotten.push(address);
        } else {
            self.forget_all = true;
        }
    }

    /// Forgets what was taken back. Before this returns, the window must not be used after [`Window::map`] or
    /// [`Window::unmap`].
    pub fn settle(&mut self) {
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

impl Drop for Window {
    fn drop(&mut self) {
        self.settle();
        USED[self.lane].fetch_and(!(1 << self.number), Ordering::Relaxed);
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
