//! Fibonacci numbers, mod 2^64: a tight loop and a tree of calls.
#![no_std]
#![no_main]

nub_guest_support::endpoint! {
    /// F(n), by n additions.
    fn fib(n) {
        let (mut a, mut b) = (0u64, 1u64);
        for _ in 0..n {
            (a, b) = (b, a.wrapping_add(b));
        }
        a
    }

    /// F(n), by F(n + 1) calls or so: what a function call costs.
    fn fib_recursive(n) {
        recursive(n)
    }
}

/// The definition, word for word.
#[inline(never)]
fn recursive(n: u64) -> u64 {
    if n < 2 { n } else { recursive(n - 1).wrapping_add(recursive(n - 2)) }
}
