//! Makes any number of programs from one Image, and keeps them in a table of tables of tables.
#![no_std]
#![cfg_attr(not(test), no_main)]

use interfaces::Counter;
use javm_guest::{Callee, Place, Status, endpoint, memory, operation, state};

memory! { stack: 16 << 10, scratchpad: 4 << 10 }

/// The Image.
const SEED: Place = Place::slot(20);
/// Where its Instances stand.
const COLONY: Place = Place::slot(21);

/// Slots that are used of each table: none is 0, through which no way leads.
const SLOTS: u32 = 255;

state! {
    static COUNT: u32 = 0;
}

/// The slots of member `number`: in the colony's table, in that one's, in that one's.
fn slots(number: u32) -> [u8; 3] {
    let slot = |number| (number % SLOTS + 1) as u8;
    [slot(number / (SLOTS * SLOTS)), slot(number / SLOTS), slot(number)]
}

/// Makes `count` more, and returns how many there are.
#[endpoint]
fn grow(count: u32) -> Result<u32, Status> {
    let before = COUNT.get();
    if before == 0 && count > 0 {
        operation::new_cnode(COLONY)?;
    }
    for number in before..before + count {
        let [first, second, third] = slots(number);
        if number.is_multiple_of(SLOTS * SLOTS) {
            operation::new_cnode(COLONY.at(first))?;
        }
        if number.is_multiple_of(SLOTS) {
            operation::new_cnode(COLONY.at(first).at(second))?;
        }
        operation::spawn(SEED, COLONY.at(first).at(second).at(third))?;
    }
    COUNT.set(before + count);
    Ok(before + count)
}

/// Adds `amount` to member `number`, a counter. Returns its new total.
#[endpoint]
fn add(number: u32, amount: u64) -> Result<u64, &'static str> {
    if number >= COUNT.get() {
        return Err("there are not so many");
    }
    let [first, second, third] = slots(number);
    Ok(Callee::<dyn Counter>::at(COLONY.at(first).at(second).at(third)).add(amount))
}
