//! Fibonacci numbers, mod 2^64: a tight loop and a tree of calls.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::endpoint;

/// F(n), by n additions.
#[endpoint]
pub fn fib(n: u64) -> u64 {
    let (mut a, mut b) = (0u64, 1u64);
    for _ in 0..n {
        (a, b) = (b, a.wrapping_add(b));
    }
    a
}

/// F(n), by F(n + 1) calls or so: what a function call costs.
#[endpoint]
pub fn fib_recursive(n: u64) -> u64 {
    recursive(n)
}

/// The definition, word for word.
#[inline(never)]
fn recursive(n: u64) -> u64 {
    if n < 2 { n } else { recursive(n - 1).wrapping_add(recursive(n - 2)) }
}
