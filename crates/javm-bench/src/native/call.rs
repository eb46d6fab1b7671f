//! Stands in for the module of this name of the guests: the memory that a program finds at each call.
//!
//! It is static, so that C programs find it too, and belongs to one program at a time: to who has the [`Session`].

use std::sync::{Mutex, MutexGuard, PoisonError};

/// As much heap as any of the programs has.
pub const HEAP_BYTES: usize = 1 << 20;
/// As much scratchpad as any of the programs has.
pub const SCRATCHPAD_BYTES: usize = 1 << 20;

#[repr(align(4096))]
struct Area<const N: usize>([u8; N]);

static mut HEAP: Area<HEAP_BYTES> = Area([0; HEAP_BYTES]);
#[unsafe(export_name = "__nub_scratch_start")]
static mut SCRATCHPAD: Area<SCRATCHPAD_BYTES> = Area([0; SCRATCHPAD_BYTES]);

/// The heap: zeros at the beginning of a [`Session`].
pub fn heap() -> *mut [u8] {
    core::ptr::slice_from_raw_parts_mut((&raw mut HEAP).cast::<u8>(), HEAP_BYTES)
}

/// The scratchpad: what a [`Session`] began with, then zeros.
pub fn scratchpad() -> *mut [u8] {
    core::ptr::slice_from_raw_parts_mut((&raw mut SCRATCHPAD).cast::<u8>(), SCRATCHPAD_BYTES)
}

static IN_USE: Mutex<()> = Mutex::new(());

/// The memory while a program works on it: nobody else does.
pub struct Session {
    _in_use: MutexGuard<'static, ()>,
}

impl Session {
    /// Makes memory what a program finds when it is called with these bytes in the scratchpad. Waits for other programs
    /// to be done.
    pub fn enter(bytes: &[u8]) -> Session {
        // Nothing that a program leaves behind is believed, so that it does not matter if one has panicked.
        let in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: only programs hold references to these, and none is running: whoever runs one has a session.
        let (heap, scratchpad) = unsafe { (&mut *heap(), &mut *scratchpad()) };
        heap.fill(0);
        scratchpad.fill(0);
        scratchpad[..bytes.len()].copy_from_slice(bytes);
        Session { _in_use: in_use }
    }

    /// The first bytes of the scratchpad as the program left them.
    pub fn scratchpad(&self, length: usize) -> Vec<u8> {
        // SAFETY: only programs hold references to it, and the one of this session has returned.
        unsafe { (&*scratchpad())[..length].to_vec() }
    }
}
