//! Runs programs side by side, a slice of gas each in turn. They are in the slots 1 and on of the table in slot 20, and know
//! nothing of each other, nor of being stopped.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;

use javm_guest::operation::{RunState, Why, stat};
use javm_guest::{Call, Place, Resume, Status, Typed, endpoint, memory};

memory! { stack: 16 << 10, heap: 64 << 10, scratchpad: 16 << 10 }

const PROGRAMS: Place = Place::slot(20);

/// How a program ended.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Ended {
    program: u8,
    /// In which round, from 1 on.
    round: u32,
    status: u64,
    result: u64,
}

/// Calls endpoint 0 of the first `count` programs with `argument`, and goes on with those that are not at their end, for
/// `rounds` rounds of `slice` gas each. Returns those that ended, in that order; the others stand where they were stopped.
#[endpoint]
fn start(count: u8, argument: u64, slice: u64, rounds: u32) -> Vec<Ended> {
    let call = Call::method(0).arguments([argument, 0, 0, 0]).gas(slice);
    let mut ended = Vec::new();
    let mut waiting: Vec<u8> = Vec::new();
    for program in 1..=count {
        let reply = call.place(PROGRAMS.at(program));
        match reply.status {
            Status::OUT_OF_GAS => waiting.push(program),
            status => ended.push(Ended { program, round: 1, status: status.number(), result: reply.result }),
        }
    }
    go_on(waiting, slice, 2..=rounds, &mut ended);
    ended
}

/// Goes on with those of the first `count` programs whose gas had run out, for `rounds` rounds more.
#[endpoint]
fn proceed(count: u8, slice: u64, rounds: u32) -> Vec<Ended> {
    let stopped = |program: &u8| {
        stat(PROGRAMS.at(*program)).is_ok_and(|found| found.run_state() == Some(RunState::Suspended(Why::OutOfGas)))
    };
    let mut ended = Vec::new();
    go_on((1..=count).filter(stopped).collect(), slice, 1..=rounds, &mut ended);
    ended
}

fn go_on(mut waiting: Vec<u8>, slice: u64, rounds: core::ops::RangeInclusive<u32>, ended: &mut Vec<Ended>) {
    for round in rounds {
        waiting.retain(|&program| {
            let reply = Resume::new().gas(slice).place(PROGRAMS.at(program));
            if reply.status != Status::OUT_OF_GAS {
                ended.push(Ended { program, round, status: reply.status.number(), result: reply.result });
            }
            reply.status == Status::OUT_OF_GAS
        });
    }
}
