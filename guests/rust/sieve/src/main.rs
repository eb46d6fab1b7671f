//! Counts the primes below `n` with the sieve of Eratosthenes: one bit for each odd number, on the heap.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use javm_guest::{endpoint, memory};

/// The largest `n`.
const LIMIT: u64 = 1_000_000;

// A bit for every other number, and the allocator's own variables.
memory! { stack: 16 << 10, heap: (LIMIT / 16) as u32 + 8192, scratchpad: 4096 }

/// How many primes are below `n`; panics above a million.
#[endpoint]
pub fn sieve(n: u64) -> u64 {
    assert!(n <= LIMIT, "{n} is above {LIMIT}");
    if n <= 2 {
        return 0;
    }
    // The odd numbers below n. Bit i stands for 2i + 1.
    let odds = (n / 2) as usize;
    let mut composite = alloc::vec![0_u8; odds.div_ceil(64) * 8];
    let mut i = 1;
    // From p = 2i + 1, the first multiple worth striking out is p², and the odd ones are p bits apart.
    while 2 * i * (i + 1) < odds {
        if composite[i / 8] >> (i % 8) & 1 == 0 {
            let mut multiple = 2 * i * (i + 1);
            while multiple < odds {
                composite[multiple / 8] |= 1 << (multiple % 8);
                multiple += 2 * i + 1;
            }
        }
        i += 1;
    }
    // 1 is no prime and 2 is: they cancel out, so every bit left at zero counts.
    let struck: u64 = composite
        .chunks_exact(8)
        .map(|word| u64::from(u64::from_le_bytes(word.try_into().unwrap_or_default()).count_ones()))
        .sum();
    odds as u64 - struck
}
