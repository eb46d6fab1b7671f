//! BLAKE2b-256 of whole messages, side by side: the part of the kernel inside the virtual machine that is built for AVX2.
//!
//! `blake2b_simd` takes its code for AVX2 where it is built for it, or where the standard library asks the processor. The kernel has
//! no standard library, and runs on processors without AVX2, too. So `nub-build` builds this crate by itself, with AVX2, into a
//! library with one symbol, and links the kernel with it; the kernel calls it where the monitor says that it may.
//!
//! [`Message`] and [`HashMany`] are what both sides agree on; they are all there is in any other build.
#![no_std]

#[cfg(any(nub_library, test))]
mod many;
#[cfg(nub_library)]
mod panic;

/// Bytes to hash.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The first of them.
    pub bytes: *const u8,
    /// How many.
    pub length: usize,
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message { bytes: bytes.as_ptr(), length: bytes.len() }
    }
}

/// What the symbol `nub_hash_many` is: writes the hashes of `count` messages to `hashes`, in their order.
///
/// # Safety
/// The processor has AVX2 and it is switched on. `messages` is valid for reading `count` of them, each of which is of bytes that may be
/// read; `hashes` is valid for writing as many.
pub type HashMany = unsafe extern "C" fn(messages: *const Message, count: usize, hashes: *mut [u8; 32]);
