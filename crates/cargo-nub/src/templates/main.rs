//! A counter: it keeps a total between calls.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::{endpoint, log, memory, state};

// Bytes. Log lines and the messages of panics are written in the scratchpad; a heap is there for who asks for one.
memory! { stack: 64 << 10, heap: 0, scratchpad: 4096 }

state! {
    static TOTAL: u64 = 0;
}

/// Adds `n`, and returns the new total. A call that fails changes nothing.
#[endpoint]
fn add(n: u64) -> Result<u64, &'static str> {
    let total = TOTAL.get().checked_add(n).ok_or("the total is full")?;
    TOTAL.set(total);
    log!("added {n}, total {total}");
    Ok(total)
}

/// The total.
#[endpoint]
fn get() -> u64 {
    TOTAL.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts() {
        assert_eq!(add(5), Ok(5));
        assert_eq!(add(u64::MAX), Err("the total is full"));
        assert_eq!(get(), 5);
        assert_eq!(javm_guest::test::logs(), ["added 5, total 5"]);
    }
}
