//! Counts the primes below `n` with the sieve of Eratosthenes: one bit for each odd number, on the heap.
#![no_std]
#![no_main]

use nub_guest_support::call;

/// The largest `n`.
const LIMIT: u64 = 1_000_000;
/// Bit i of the bitmap stands for 2i + 1.
const BITMAP_BYTES: u32 = (LIMIT / 16 + 1) as u32;

nub_guest_support::memory! { stack 16384, heap BITMAP_BYTES.next_multiple_of(4096), scratchpad 0 }

nub_guest_support::endpoint! {
    /// How many primes are below `n`; panics above a million.
    fn sieve(n) {
        assert!(n <= LIMIT);
        if n <= 2 {
            return 0;
        }
        // SAFETY: the heap is ours alone and comes zeroed.
        let composite = unsafe { &mut *call::heap() };
        // The odd numbers below n.
        let odds = (n / 2) as usize;
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
        let struck: u64 = composite[..odds.div_ceil(64) * 8]
            .chunks_exact(8)
            .map(|word| u64::from(u64::from_le_bytes(word.try_into().unwrap_or_default()).count_ones()))
            .sum();
        odds as u64 - struck
    }
}
