//! What the fuzz targets have in common: libFuzzer's own mutations and those that know the formats take turns.
#![deny(missing_docs)]

use javm_fuzz::{MAX_BYTES, Target, random};

/// Makes a binary of a target, in a crate with `#![no_main]`.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            ($target.run)(bytes);
        });
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
            $crate::mutate(&$target, data, size, most, seed)
        });
        libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            $crate::cross(&$target, one, other, out, seed)
        });
    };
}

/// Changes the first `size` bytes of `data`, to `most` bytes at most, and gives their new number.
pub fn mutate(target: &Target, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    if seed.is_multiple_of(4) {
        // As it is: what refuses broken lengths and hashes is to be tried too.
        return libfuzzer_sys::fuzzer_mutate(data, size, most);
    }
    let mut bytes;
    if seed % 4 == 1 {
        let size = libfuzzer_sys::fuzzer_mutate(data, size, most);
        bytes = data[..size].to_vec();
        (target.repair)(&mut bytes);
    } else {
        bytes = data[..size].to_vec();
        target.change(&mut random(seed.into()), &mut bytes, &[]);
    }
    put(&bytes, &mut data[..most])
}

/// Makes one input of two.
pub fn cross(target: &Target, one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut bytes = one[..one.len().min(MAX_BYTES)].to_vec();
    target.change(&mut random(seed.into()), &mut bytes, other);
    put(&bytes, out)
}

fn put(bytes: &[u8], out: &mut [u8]) -> usize {
    let size = bytes.len().min(out.len());
    out[..size].copy_from_slice(&bytes[..size]);
    size
}
