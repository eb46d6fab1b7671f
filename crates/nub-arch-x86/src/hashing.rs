//! The library for AVX2 that the binary is linked with, where the monitor says that it may be used.

use core::array;

use nub_arch_x86::boot;
use nub_hash_avx2::Message;

// SAFETY: the library that `nub-build` links defines it, as the crate that both sides take the types from says.
unsafe extern "C" {
    fn nub_hash_many(messages: *const Message, count: usize, hashes: *mut [u8; 32]);
}

const _: nub_hash_avx2::HashMany = nub_hash_many;

/// Has the library hash where it may.
pub(crate) fn choose() {
    if boot::info().has_avx2 != 0 {
        javm_cap::hash_with(hash_many);
    }
}

/// Only for processors with AVX2: nobody else is given it.
fn hash_many(messages: &[&[u8]], hashes: &mut [[u8; 32]]) {
    for (messages, hashes) in messages.chunks(8).zip(hashes.chunks_mut(8)) {
        let described: [Message; 8] =
            array::from_fn(|index| Message::from(messages.get(index).copied().unwrap_or_default()));
        let count = messages.len().min(hashes.len());
        // SAFETY: the monitor has tried AVX2 in a machine like this one; there are so many messages, of bytes that are borrowed here,
        // and so many places.
        unsafe { nub_hash_many(described.as_ptr(), count, hashes.as_mut_ptr()) };
    }
}
