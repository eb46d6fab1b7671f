//! The one function of the library.

use core::slice;

use blake2b_simd::Params;
use blake2b_simd::many::{HashManyJob, hash_many};

use crate::Message;

/// How many messages are worked on at once; more than a processor has room for does no harm.
const BATCH: usize = 8;

/// [`crate::HashMany`].
///
/// # Safety
/// As there.
#[cfg_attr(nub_library, unsafe(no_mangle))]
pub(crate) unsafe extern "C" fn nub_hash_many(messages: *const Message, count: usize, hashes: *mut [u8; 32]) {
    if count == 0 {
        return;
    }
    // SAFETY: the caller says that there are so many of both; a caller's messages are not its hashes, which it may write.
    let (messages, hashes) =
        unsafe { (slice::from_raw_parts(messages, count), slice::from_raw_parts_mut(hashes, count)) };
    let mut params = Params::new();
    params.hash_length(32);
    for (messages, hashes) in messages.chunks(BATCH).zip(hashes.chunks_mut(BATCH)) {
        let mut jobs: [_; BATCH] = core::array::from_fn(|index| {
            let message = messages.get(index).filter(|message| message.length > 0);
            // SAFETY: the caller says that these bytes may be read.
            let bytes = message.map(|message| unsafe { slice::from_raw_parts(message.bytes, message.length) });
            HashManyJob::new(&params, bytes.unwrap_or_default())
        });
        let jobs = &mut jobs[..messages.len()];
        hash_many(&mut *jobs);
        for (job, hash) in jobs.iter().zip(hashes) {
            // The hash of a job is an array with its length beside it.
            for (to, from) in hash.iter_mut().zip(job.to_hash().as_bytes()) {
                *to = *from;
            }
        }
    }
}

const _: crate::HashMany = nub_hash_many;

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    /// From none to more than a batch, of every length around a block, each as it is hashed alone.
    #[test]
    fn many_are_hashed_as_each_alone() {
        let bytes: Vec<u8> = (0..1000u32).map(|index| (index * 7 + index / 256) as u8).collect();
        for count in 0..20 {
            for length in [0, 1, 31, 65, 127, 128, 129, 256, 900] {
                let parts: Vec<&[u8]> = (0..count).map(|at| &bytes[at..at + length]).collect();
                let messages: Vec<Message> = parts.iter().map(|&part| part.into()).collect();
                let mut hashes = [[0; 32]; 20];
                // SAFETY: so many messages, of bytes that live here, and room for more hashes. This build needs no AVX2.
                unsafe { nub_hash_many(messages.as_ptr(), count, hashes.as_mut_ptr()) };
                for (part, hash) in parts.iter().zip(&hashes) {
                    assert_eq!(Params::new().hash_length(32).hash(part).as_bytes(), hash, "{count} of {length} bytes");
                }
                assert!(hashes[count..].iter().all(|hash| *hash == [0; 32]));
            }
        }
    }
}
