//! The kernel's memory: the heap, page frames, and the physical memory that both grow into.
//!
//! Physical memory is taken in steps of a large page, in ascending order, so that what was never needed is never
//! touched. Page frames — 4096 bytes aligned to their size, which is what pages of Data, page tables and the frames of
//! windows are — come from a list of free frames and cost the heap nothing; everything else is the heap's. When all physical
//! memory is in use, what is free of the heap serves for frames, too, and goes back to it.
//!
//! Whether there is enough for a request is `room`'s to say.

#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nub_arch_x86_abi::layout::{LARGE_PAGE, LINEAR_BASE, MAX_MEMORY, PAGE};
use nub_arch_x86_abi::reply::Stats;
use spin::Mutex;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use crate::boot;
use crate::log::log;

/// The end of the physical memory that was taken so far; 0 before any was.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Which steps the heap has taken: a bit for each.
static OF_HEAP: [AtomicU64; (MAX_MEMORY / LARGE_PAGE / 64) as usize] =
    [const { AtomicU64::new(0) }; (MAX_MEMORY / LARGE_PAGE / 64) as usize];

/// How many bytes of physical memory were never used.
pub fn unused() -> u64 {
    let info = boot::info();
    info.memory.saturating_sub(TAKEN.load(Relaxed).max(info.free))
}

/// Takes at least `bytes` of physical memory, in whole steps; gives its place in the linear map, and its size.
fn grow(bytes: u64) -> Option<(*mut u8, u64)> {
    let info = boot::info();
    let size = bytes.checked_next_multiple_of(LARGE_PAGE)?;
    let end_of = |taken: u64| taken.max(info.free).checked_add(size).filter(|&end| end <= info.memory);
    let before = TAKEN.fetch_update(Relaxed, Relaxed, end_of).ok()?;
    // So that the host has found memory for what is taken next.
    boot::slot(0).taken.fetch_max(((before.max(info.free) + size) / LARGE_PAGE) as u32, Relaxed);
    log!("takes {} MiB of memory at {} MiB", size >> 20, before.max(info.free) >> 20);
    Some((boot::linear(before.max(info.free)) as *mut u8, size))
}

/// The bit that says whose the step is that an address of the linear map lies in.
fn owner(address: u64) -> (&'static AtomicU64, u64) {
    let step = (address - LINEAR_BASE) / LARGE_PAGE;
    (&OF_HEAP[(step / 64) as usize], 1 << (step % 64))
}

/// A free page frame holds the next one's address.
struct Frames {
    free: Option<NonNull<Link>>,
    /// How many are in the list.
    listed: u64,
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
                self.listed -= 1;
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
        self.listed += 1;
        self.used -= 1;
    }
}

/// Where the heap grows from.
#[derive(Debug)]
struct Physical {
    /// The end of what it has taken last; 0 before it has taken any.
    end: u64,
}

// SAFETY: what is claimed comes from `grow`, which hands every byte out once, and the heap itself is not used.
unsafe impl Source for Physical {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // What the heap needs beside the allocation itself, and room to align it.
        const OVERHEAD: usize = 4096;
        let wanted = layout.size().checked_add(layout.align()).and_then(|size| size.checked_add(OVERHEAD)).ok_or(())?;
        let (start, size) = grow(wanted as u64).ok_or(())?;
        for step in (0..size).step_by(LARGE_PAGE as usize) {
            let (bits, bit) = owner(start as u64 + step);
            bits.fetch_or(bit, Relaxed);
        }
        let before = NonNull::new(talc.source.end as *mut u8).filter(|end| end.as_ptr() == start);
        // What lies together is one piece, so that it can be one block again when it is free.
        let end = match before {
            // SAFETY: nobody else has this memory, and it begins where what the heap has taken last ends.
            Some(before) => unsafe { talc.extend(before, start.wrapping_add(size as usize)) },
            // SAFETY: nobody else has this memory.
            None => unsafe { talc.claim(start, size as usize) }.ok_or(())?,
        };
        talc.source.end = end.as_ptr() as u64;
        Ok(())
    }
}

/// The allocator of the kernel.
pub struct KernelMemory {
    heap: Mutex<Talc<Physical, DefaultBinning>>,
    frames: Mutex<Frames>,
}

/// The one kernel memory; the binary makes it the global allocator.
pub static MEMORY: KernelMemory = KernelMemory {
    heap: Mutex::new(Talc::new(Physical { end: 0 })),
    frames: Mutex::new(Frames { free: None, listed: 0, rest: ptr::null_mut(), rest_size: 0, used: 0 }),
};

/// The layout of a page frame.
pub const FRAME: Layout = match Layout::from_size_align(PAGE as usize, PAGE as usize) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

impl KernelMemory {
    /// A page frame with anything in it; null when memory has run out.
    fn take_frame(&self) -> *mut u8 {
        let taken = self.frames.lock().take();
        if !taken.is_null() {
            return taken;
        }
        // SAFETY: a frame has a size.
        let taken = unsafe { self.heap.lock().allocate(FRAME) };
        self.frames.lock().used += u64::from(taken.is_some());
        taken.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// # Safety
    /// The frame came from [`KernelMemory::take_frame`] and nobody uses it any more.
    unsafe fn give_frame(&self, frame: *mut u8) {
        let (bits, bit) = owner(frame as u64);
        if bits.load(Relaxed) & bit == 0 {
            // SAFETY: as promised; frames are cut from steps that are not the heap's.
            return unsafe { self.frames.lock().give(frame) };
        }
        if let Some(block) = NonNull::new(frame) {
            // SAFETY: as promised; in the heap's steps it was allocated by this layout.
            unsafe { self.heap.lock().deallocate(block.as_ptr(), FRAME) };
            self.frames.lock().used -= 1;
        }
    }

    /// Whether the heap can give a block of `whole` bytes and, beside it, `pieces` bytes in small ones. Nothing is taken.
    pub(crate) fn can_give(&self, whole: u64, pieces: u64) -> bool {
        /// What the pieces are strung together by while they are counted.
        struct Piece(Option<NonNull<Piece>>);
        const PIECE: Layout = match Layout::from_size_align(32 << 10, 16) {
            Ok(layout) => layout,
            Err(_) => unreachable!(),
        };
        let Ok(whole) = Layout::from_size_align((whole as usize).max(16), 16) else { return false };
        let mut heap = self.heap.lock();
        // SAFETY: the size is not 0.
        let Some(block) = (unsafe { heap.allocate(whole) }) else { return false };
        let mut taken: Option<NonNull<Piece>> = None;
        let mut missing = pieces.div_ceil(PIECE.size() as u64);
        while missing > 0 {
            // SAFETY: the size is not 0.
            let Some(piece) = (unsafe { heap.allocate(PIECE) }) else { break };
            let piece = piece.cast::<Piece>();
            // SAFETY: the piece is new, large enough, and aligned.
            unsafe { piece.write(Piece(taken)) };
            taken = Some(piece);
            missing -= 1;
        }
        while let Some(piece) = taken {
            // SAFETY: it was written above, and is given back as it was taken.
            unsafe {
                taken = piece.read().0;
                heap.deallocate(piece.as_ptr().cast(), PIECE);
            }
        }
        // SAFETY: it was taken above, by this layout.
        unsafe { heap.deallocate(block.as_ptr(), whole) };
        missing == 0
    }
}

// SAFETY: heap and frames hand out memory that nobody else has, of the size and alignment that was asked for; which of the
// two a block belongs to is told by its layout, which is the same when it is given back.
unsafe impl GlobalAlloc for KernelMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout == FRAME {
            return self.take_frame();
        }
        // SAFETY: the size is not 0, as the caller promises.
        unsafe { self.heap.lock().allocate(layout) }.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout == FRAME {
            // SAFETY: `alloc` took it from the frames, by its layout.
            return unsafe { self.give_frame(block) };
        }
        // SAFETY: `alloc` took it from the heap, by its layout.
        unsafe { self.heap.lock().deallocate(block, layout) };
    }
}

/// Takes all memory there is, for good.
pub(crate) fn use_up() {
    TAKEN.store(boot::info().memory, Relaxed);
    {
        let mut frames = MEMORY.frames.lock();
        (frames.free, frames.listed, frames.rest_size) = (None, 0, 0);
    }
    let mut heap = MEMORY.heap.lock();
    for power in (4..=39).rev() {
        let Ok(layout) = Layout::from_size_align(1 << power, 16) else { continue };
        // SAFETY: the size is not 0. Nobody uses the block, and nobody gives it back.
        while unsafe { heap.allocate(layout) }.is_some() {}
    }
}

/// A page frame with anything in it; `None` when memory has run out.
#[must_use]
pub fn take_frame() -> Option<NonNull<u8>> {
    NonNull::new(MEMORY.take_frame())
}

/// Gives a page frame back.
///
/// # Safety
/// It came from [`take_frame`] and nobody uses it any more.
pub unsafe fn give_frame(frame: NonNull<u8>) {
    // SAFETY: as promised.
    unsafe { MEMORY.give_frame(frame.as_ptr()) };
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
    stats.memory_used = boot::info().memory - unused();
}

/// Bytes that are free for frames, beside what was never used.
pub(crate) fn free_frames() -> u64 {
    let frames = MEMORY.frames.lock();
    frames.listed * PAGE + frames.rest_size
}

/// Bytes that are free on the heap, in however many pieces, beside what was never used.
pub(crate) fn free_heap() -> u64 {
    MEMORY.heap.lock().counters().available_bytes as u64
}

/// What memory is used for, in words, for a report of the guest's end: as far as it can be told without waiting.
pub(crate) struct Situation;

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        write!(f, "of {} MiB", boot::info().memory / MIB)?;
        if let Some(heap) = MEMORY.heap.try_lock() {
            let counters = heap.counters();
            let (used, all) = (counters.allocated_bytes as u64, counters.claimed_bytes as u64);
            write!(f, ", {} of the heap's {} MiB are in use", used / MIB, all / MIB)?;
        }
        if let Some(frames) = MEMORY.frames.try_lock() {
            write!(f, ", {} MiB are page frames in use", frames.used * PAGE / MIB)?;
        }
        write!(f, ", {} MiB were never used", unused() / MIB)
    }
}
