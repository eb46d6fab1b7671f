//! Adds up numbers of a book that is far larger than what it has. It just reads: that nothing is there, before its owner
//! puts it there, is not its concern.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::{endpoint, memory};

memory! { stack: 4 << 10 }

/// Where the book is. The Image maps nothing there.
const BOOK: usize = 0x3000_0000;

/// The sum of `count` numbers of the book, eight bytes each, from number `first` on.
#[endpoint]
fn sum(first: u64, count: u64) -> u64 {
    (first..first + count).fold(0, |sum, number| sum.wrapping_add(word(number)))
}

fn word(number: u64) -> u64 {
    let place = core::ptr::with_exposed_provenance::<u64>(BOOK + number as usize * 8);
    // SAFETY: memory that nobody else has; where nothing is mapped the load faults.
    unsafe { place.read_volatile() }
}
