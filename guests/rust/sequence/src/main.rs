//! Numbers from a program in slot 20 that yields them one by one. Between two calls it stands where it was stopped, as part
//! of the state.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;

use javm_guest::generator::Generator;
use javm_guest::{Call, Place, Status, endpoint, memory};

memory! { stack: 16 << 10, heap: 64 << 10, scratchpad: 16 << 10 }

const SOURCE: Place = Place::slot(20);

/// The first value of a new sequence from `first` on.
#[endpoint]
fn begin(first: u64) -> Result<u64, Status> {
    let mut source = Generator::call(SOURCE, Call::method(0).arguments([first, 0, 0, 0]));
    source.next().ok_or_else(|| why_not(&source))
}

/// The next values.
#[endpoint]
fn next(count: u16) -> Result<Vec<u64>, Status> {
    let mut source = Generator::resume(SOURCE);
    let values: Vec<u64> = source.by_ref().take(count.into()).collect();
    if values.len() < count.into() { Err(why_not(&source)) } else { Ok(values) }
}

/// Ends the sequence. Returns what the program says at its end: how many values there were.
#[endpoint]
fn end() -> Result<u64, Status> {
    let mut source = Generator::resume(SOURCE);
    match source.send(1) {
        Some(_) => Err(Status::YIELD),
        None => source.end().unwrap_or(Err(Status::YIELD)),
    }
}

/// Why there is no next value; HALT where the program has come to its end.
fn why_not(source: &Generator) -> Status {
    source.end().and_then(Result::err).unwrap_or(Status::HALT)
}
