//! Tries things out on a counter that runs in slot 20: on a copy that is thrown away, or on the counter itself, which is
//! then put back as it was.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;

use interfaces::{Counter, TryCounter};
use javm_guest::snapshot::{attempt, fork};
use javm_guest::{Callee, Failure, Place, Status, endpoint, memory, operation};

memory! { stack: 16 << 10, heap: 64 << 10, scratchpad: 16 << 10 }

/// The counter.
const ORIGINAL: Place = Place::slot(20);
/// Where copies stand.
const COPY: Place = Place::slot(21);

const fn counter(place: Place) -> Callee<dyn Counter> {
    Callee::at(place)
}

/// What the totals would be. The counter itself never hears of it.
#[endpoint]
fn foresee(amounts: Vec<u64>) -> Result<Vec<u64>, Status> {
    fork(ORIGINAL, COPY)?;
    let totals = amounts.into_iter().map(|amount| counter(COPY).add(amount)).collect();
    operation::drop(COPY)?;
    Ok(totals)
}

/// Why nothing was added.
enum Refusal {
    TooMuch,
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failed(failure)
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal::Failed(status.into())
    }
}

/// Adds all amounts, and returns the total; or nothing, if it would pass `limit` on the way.
#[endpoint]
fn add_all(amounts: Vec<u64>, limit: u64) -> Result<Option<u64>, Failure> {
    let added = attempt(ORIGINAL, COPY, || {
        let mut total = counter(ORIGINAL).try_get()?;
        for amount in amounts {
            total = counter(ORIGINAL).try_add(amount)?;
            if total > limit {
                return Err(Refusal::TooMuch);
            }
        }
        Ok(total)
    });
    match added {
        Ok(total) => Ok(Some(total)),
        Err(Refusal::TooMuch) => Ok(None),
        Err(Refusal::Failed(failure)) => Err(failure),
    }
}
