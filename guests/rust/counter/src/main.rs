//! A counter: the smallest program that keeps state.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::{endpoint, log, memory, state};

memory! { stack: 16 << 10, scratchpad: 4096 }

state! {
    static TOTAL: u64 = 0;
    static ADDITIONS: u64 = 0;
}

/// Adds `n` (mod 2^64) and returns the new total.
#[endpoint]
fn add(n: u64) -> u64 {
    let total = TOTAL.get().wrapping_add(n);
    TOTAL.set(total);
    ADDITIONS.update(|additions| additions + 1);
    log!("added {n}, total {total}");
    total
}

/// The total.
#[endpoint]
fn get() -> u64 {
    TOTAL.get()
}

/// How many additions there were.
#[endpoint]
fn additions() -> u64 {
    ADDITIONS.get()
}

/// Back to zero; returns the total that was.
#[endpoint]
fn reset() -> u64 {
    ADDITIONS.set(0);
    TOTAL.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts() {
        assert_eq!([add(5), add(7), get(), additions()], [5, 12, 12, 2]);
        assert_eq!([reset(), get(), additions()], [12, 0, 0]);
        assert_eq!(javm_guest::test::logs(), ["added 5, total 5", "added 7, total 12"]);
    }
}
