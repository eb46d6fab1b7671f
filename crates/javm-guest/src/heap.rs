//! The heap, by the allocator of the crate `talc`: `Box`, `Vec`, `String` and maps work as everywhere.
//!
//! There is one, in memory that is zero at each call ([`memory!`](crate::memory)) or in memory that is state
//! ([`persistent_heap!`]). The allocator's own variables live as long as what it hands out: those of the first kind
//! are per call, too, or the next call would go on with a heap that is gone (see `docs/adr/0002-statics-are-state.md`).

/// Puts the heap into the program's state, with so many bytes: what is allocated stays until it is dropped, over all
/// calls. That is what a [`State`](crate::State) needs to hold a map or a `Vec`. At most once in a program.
///
/// What is written there is state like any variable, garbage included. A program that only computes is better off
/// with [`memory!`](crate::memory)'s `heap`. Bytes that were never touched cost nothing.
///
/// ```
/// extern crate alloc;
/// use alloc::collections::BTreeMap;
/// use javm_guest::{Address, persistent_heap, state};
///
/// persistent_heap!(1 << 20);
///
/// state! {
///     static BALANCES: BTreeMap<Address, u64> = BTreeMap::new();
/// }
///
/// BALANCES.with_mut(|balances| *balances.entry(Address([7; 32])).or_default() += 5);
/// assert_eq!(BALANCES.with(|balances| balances.len()), 1);
/// ```
#[macro_export]
macro_rules! persistent_heap {
    ($bytes:expr) => {
        #[doc(hidden)]
        mod __javm_persistent_heap {
            #[allow(unused_imports)]
            use super::*;
            static MEMORY: $crate::__HeapMemory<{ $bytes }> = $crate::__HeapMemory::new();
            $crate::__persistent_heap!(MEMORY);
        }
    };
}

#[cfg(target_os = "none")]
#[doc(hidden)]
#[macro_export]
macro_rules! __persistent_heap {
    ($memory:ident) => {
        static HEAP: $crate::__Heap = $crate::__Heap::new(&$memory);
        // Found by its name, which is weak wherever it stands: without a heap of this kind nobody defines it.
        ::core::arch::global_asm!(
            ".weak __javm_persistent_heap",
            ".set __javm_persistent_heap, {heap}",
            heap = sym HEAP,
        );
    };
}

#[cfg(not(target_os = "none"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __persistent_heap {
    ($memory:ident) => {
        // As host code a program uses the host's heap.
        const _: () = _ = &$memory;
    };
}

/// The memory of a heap.
#[repr(align(16))]
pub struct HeapMemory<const BYTES: usize>(core::cell::UnsafeCell<[u8; BYTES]>);

// SAFETY: only the allocator touches it, and a program has one thread.
unsafe impl<const BYTES: usize> Sync for HeapMemory<BYTES> {}

impl<const BYTES: usize> HeapMemory<BYTES> {
    /// Zeros, which take no room in an Image.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is the value of a static")]
    pub const fn new() -> Self {
        Self(core::cell::UnsafeCell::new([0; BYTES]))
    }
}

#[cfg(target_os = "none")]
pub use nub::Heap;

#[cfg(target_os = "none")]
mod nub {
    use core::alloc::{GlobalAlloc, Layout};
    use core::cell::UnsafeCell;
    use core::ptr::{NonNull, null_mut};

    use talc::base::Talc;
    use talc::base::binning::DefaultBinning;
    use talc::source::Manual;

    use super::HeapMemory;
    use crate::machine;

    type Allocator = Talc<Manual, DefaultBinning>;

    /// An allocator and, if it is not the linker's heap, its memory.
    #[repr(C)]
    pub struct Heap {
        allocator: UnsafeCell<Allocator>,
        memory: *mut [u8],
    }

    // SAFETY: a program has one thread, and the allocator calls nobody who could come back to it.
    unsafe impl Sync for Heap {}

    impl Heap {
        /// Nothing is allocated.
        #[must_use]
        pub const fn new<const BYTES: usize>(memory: &'static HeapMemory<BYTES>) -> Self {
            Self { allocator: UnsafeCell::new(Allocator::new(Manual)), memory: memory.0.get() }
        }
    }

    /// All zeros: the linker refuses anything else in this section.
    struct Ephemeral(UnsafeCell<Allocator>);
    // SAFETY: as above.
    unsafe impl Sync for Ephemeral {}
    #[unsafe(link_section = ".ephemeral")]
    static EPHEMERAL: Ephemeral = Ephemeral(UnsafeCell::new(Allocator::new(Manual)));

    /// The allocator of this program, with its memory.
    #[inline(always)]
    fn allocator() -> &'static mut Allocator {
        let (allocator, memory) = match NonNull::new(machine::persistent_heap()) {
            // SAFETY: the symbol is that of a `Heap`.
            Some(heap) => unsafe { (heap.as_ref().allocator.get(), heap.as_ref().memory) },
            None => (EPHEMERAL.0.get(), machine::ephemeral_heap()),
        };
        // SAFETY: a program has one thread, and nobody keeps what this returns beyond one operation.
        let allocator = unsafe { &mut *allocator };
        if !allocator.is_metadata_established() {
            // SAFETY: the memory is the allocator's alone. Too little of it leaves the allocator without any.
            unsafe { allocator.claim(memory.cast(), memory.len()) };
        }
        allocator
    }

    struct Global;

    #[global_allocator]
    static GLOBAL: Global = Global;

    // SAFETY: each method does what it says with an allocator that keeps these promises.
    unsafe impl GlobalAlloc for Global {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's promises are those that are asked for.
            unsafe { allocator().allocate(layout) }.map_or(null_mut(), NonNull::as_ptr)
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's promises are those that are asked for.
            unsafe { allocator().deallocate(block, layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: the caller's promises are those that are asked for.
            if unsafe { allocator().try_realloc_in_place(block, layout, new_size) } {
                return block;
            }
            // SAFETY: the caller promises that the size is one of a layout.
            let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
            // SAFETY: the new size is not zero.
            let new = unsafe { self.alloc(new_layout) };
            if !new.is_null() {
                // SAFETY: shrinking is always done in place, so that the new block is longer, and it is another.
                unsafe {
                    block.copy_to_nonoverlapping(new, layout.size());
                    self.dealloc(block, layout);
                }
            }
            new
        }
    }
}

/// Whether what is allocated outlives the call.
pub(crate) fn is_persistent() -> bool {
    #[cfg(target_os = "none")]
    return !crate::machine::persistent_heap().is_null();
    // The host's heap does.
    #[cfg(not(target_os = "none"))]
    return true;
}
