//! Hashing several messages side by side: by `blake2b_simd`, or by code that a kernel has brought.

use blake2b_simd::many::{HashManyJob, hash_many};
use spin::Once;

use crate::hash::{Hash, bytes_of, params};

/// How many messages are worked on side by side at most, where the machine has the registers for it.
pub(crate) const BATCH: usize = 8;

/// Writes the BLAKE2b-256 hash of each message, of 1 to 8, to the place of the same number. There are as many places as messages.
pub type HashMany = fn(messages: &[&[u8]], hashes: &mut [Hash]);

static GIVEN: Once<HashMany> = Once::new();

/// Has tree nodes and pages hashed by this function from here on, in the whole program. For kernels without `std`, where
/// `blake2b_simd` cannot find out what the processor can do. Only the first call counts: what it does is the same for all.
pub fn hash_with(many: HashMany) {
    GIVEN.call_once(|| many);
}

/// The hashes of at most [`BATCH`] messages; fastest where they are equally long.
pub(crate) fn hash(messages: &[&[u8]], hashes: &mut [Hash]) {
    debug_assert!(messages.len() <= BATCH && messages.len() == hashes.len());
    if let Some(many) = GIVEN.get() {
        return many(messages, hashes);
    }
    if let ([message], [hash]) = (messages, &mut *hashes) {
        *hash = bytes_of(&params().hash(message));
        return;
    }
    let params = params();
    let mut jobs: [_; BATCH] =
        core::array::from_fn(|index| HashManyJob::new(&params, messages.get(index).copied().unwrap_or_default()));
    let jobs = &mut jobs[..messages.len()];
    hash_many(&mut *jobs);
    jobs.iter().zip(hashes).for_each(|(job, hash)| *hash = bytes_of(&job.to_hash()));
}
