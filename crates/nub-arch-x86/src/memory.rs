//! The kernel's memory: the heap, page frames, and the physical memory that both grow into.
//!
//! Physical memory is taken in steps of a large page, in ascending order, so that what was never needed is never
//! touched. Page frames — 4096 bytes aligned to their size, which is what pages of Data, page tables and the frames of
//! windows are — come from a list of free frames and cost the heap nothing; everything else is the heap's.

#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use nub_arch_x86_abi::layout::{LARGE_PAGE, PAGE};
use nub_arch_x86_abi::reply::Stats;
use spin::Mutex;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use crate::boot;

/// Physical memory that was never used.
static UNUSED: Mutex<Option<Unused>> = Mutex::new(None);

struct Unused {
    next: u64,
    end: u64,
}

/// Takes at least `bytes` of physical memory, in whole steps; gives its place in the linear map, and its size.
fn grow(bytes: u64) -> Option<(*mut u8, u64)> {
    let info = boot::info();
    let mut unused = UNUSED.lock();
    let unused = unused.get_or_insert(Unused { next: info.free, end: info.memory });
    let size = bytes.checked_next_multiple_of(LARGE_PAGE)?;
    let end = unused.next.checked_add(size).filter(|&end| end <= unused.end)?;
    let start = unused.next;
    unused.next = end;
    Some((boot::linear(start) as *mut u8, size))
}

/// A free page frame holds the next one's address.
struct Frames {
    free: Option<NonNull<Link>>,
    /// What is left of the step that frames are cut from.
    rest: *mut u8,
    rest_size: u64,
    used: u64,
}

struct Link {
    next: Option<NonNull<Link>>,
}

// SAFETY: the pointers lead to memory that nobody else has, on every lane the same.
unsafe impl Send for Frames {}

impl Frames {
    fn take(&mut self) -> *mut u8 {
        let taken = match self.free {
            Some(link) => {
                // SAFETY: a link in the list is a free frame that `give` wrote it to.
                self.free = unsafe { link.read() }.next;
                link.as_ptr().cast()
            }
            None => {
                if self.rest_size == 0 {
                    let Some((start, size)) = grow(LARGE_PAGE) else { return ptr::null_mut() };
                    (self.rest, self.rest_size) = (start, size);
                }
                let taken = self.rest;
                self.rest = taken.wrapping_add(PAGE as usize);
                self.rest_size -= PAGE;
                taken
            }
        };
        self.used += 1;
        taken
    }

    /// # Safety
    /// The frame is one that `take` gave and that nobody uses any more.
    unsafe fn give(&mut self, frame: *mut u8) {
        let Some(link) = NonNull::new(frame.cast::<Link>()) else { return };
        // SAFETY: the frame is the caller's to give, valid and aligned.
        unsafe { link.write(Link { next: self.free }) };
        self.free = Some(link);
        self.used -= 1;
    }
}

/// Where the heap grows from.
#[derive(Debug)]
struct Physical;

// SAFETY: what is claimed comes from `grow`, which hands every byte out once, and the heap itself is not used.
unsafe impl Source for Physical {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // What the heap needs beside the allocation itself, and room to align it.
        const OVERHEAD: usize = 4096;
        let wanted = layout.size().checked_add(layout.align()).and_then(|size| size.checked_add(OVERHEAD)).ok_or(())?;
        let (start, size) = grow(wanted as u64).ok_or(())?;
        // SAFETY: nobody else has this memory.
        unsafe { talc.claim(start, size as usize) }.map(|_| ()).ok_or(())
    }
}

/// The allocator of the kernel.
pub struct KernelMemory {
    heap: Mutex<Talc<Physical, DefaultBinning>>,
    frames: Mutex<Frames>,
}

/// The one kernel memory; the binary makes it the global allocator.
pub static MEMORY: KernelMemory = KernelMemory {
    heap: Mutex::new(Talc::new(Physical)),
    frames: Mutex::new(Frames { free: None, rest: ptr::null_mut(), rest_size: 0, used: 0 }),
};

/// The layout of a page frame.
pub const FRAME: Layout = match Layout::from_size_align(PAGE as usize, PAGE as usize) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

// SAFETY: heap and frames hand out memory that nobody else has, of the size and alignment that was asked for; which of the
// two a block belongs to is told by its layout, which is the same when it is given back.
unsafe impl GlobalAlloc for KernelMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout == FRAME {
            return self.frames.lock().take();
        }
        // SAFETY: the size is not 0, as the caller promises.
        unsafe { self.heap.lock().allocate(layout) }.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout == FRAME {
            // SAFETY: `alloc` took it from the frames, by its layout.
            return unsafe { self.frames.lock().give(block) };
        }
        // SAFETY: `alloc` took it from the heap, by its layout.
        unsafe { self.heap.lock().deallocate(block, layout) };
    }
}

/// A page frame with anything in it; `None` when memory has run out.
#[must_use]
pub fn take_frame() -> Option<NonNull<u8>> {
    NonNull::new(MEMORY.frames.lock().take())
}

/// Gives a page frame back.
///
/// # Safety
/// It came from [`take_frame`] and nobody uses it any more.
pub unsafe fn give_frame(frame: NonNull<u8>) {
    // SAFETY: as promised.
    unsafe { MEMORY.frames.lock().give(frame.as_ptr()) };
}

/// What memory is used for, entered into `stats`.
pub fn count(stats: &mut Stats) {
    {
        let heap = MEMORY.heap.lock();
        let counters = heap.counters();
        stats.heap_used = counters.allocated_bytes as u64;
        stats.heap_size = counters.claimed_bytes as u64;
    }
    stats.frames_used = MEMORY.frames.lock().used;
    stats.memory_used = UNUSED.lock().as_ref().map_or(boot::info().free, |unused| unused.next);
}
