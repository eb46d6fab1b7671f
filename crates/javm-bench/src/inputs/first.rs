//! The programs that came first: small ones, each about one thing.

use rand::RngExt;

use super::Random;
use crate::native::{counter, ed25519, fib, sieve};
use crate::workload::{self, Call};

pub(super) fn counter(random: &mut Random) -> Vec<Call> {
    let count = random.random_range(1..10);
    let call = |_| match random.random_range(0..6) {
        0 => Call::of::<counter::endpoint_get>(&()),
        1 => Call::of::<counter::endpoint_additions>(&()),
        2 => Call::of::<counter::endpoint_reset>(&()),
        _ => Call::of::<counter::endpoint_add>(&(random.random::<u64>() >> random.random_range(0..64),)),
    };
    (0..count).map(call).collect()
}

/// The signature of the vector or something near it.
pub(super) fn ed25519(random: &mut Random) -> Vec<Call> {
    let mut bytes = workload::bytes_of(workload::RFC_8032_TEST_3);
    for _ in 0..random.random_range(0..2) {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
    }
    // More than the scratchpad has is a panic.
    let length = if random.random_range(0..8) == 0 { random.random() } else { random.random_range(0..4_u64) };
    vec![Call::of::<ed25519::endpoint_verify>(&(length,)).with_scratchpad(bytes)]
}

pub(super) fn fib(random: &mut Random) -> Vec<Call> {
    vec![
        Call::of::<fib::endpoint_fib>(&(random.random_range(0..2000_u64),)),
        Call::of::<fib::endpoint_fib_recursive>(&(random.random_range(0..18_u64),)),
    ]
}

/// A C program that fails ends the process that it is part of, on a host: these do not.
pub(super) fn mandelbrot(random: &mut Random) -> Vec<Call> {
    let mut size = || random.random_range(1..40);
    vec![crate::native::c::mandelbrot(size(), size(), 3 * size())]
}

pub(super) fn sieve(random: &mut Random) -> Vec<Call> {
    // More than a million is a panic.
    let bits = random.random_range(0..40);
    vec![Call::of::<sieve::endpoint_sieve>(&(random.random::<u64>() & ((1 << bits) - 1),))]
}
