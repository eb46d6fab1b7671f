//! Has payments made with a token that it has the right to use: by itself, or by the next one like it. It may be as stingy
//! or as deep as it likes: the token cannot be brought out of order.
#![no_std]
#![cfg_attr(not(test), no_main)]

use interfaces::{Relay, Token, TryToken};
use javm_guest::{Address, Status, endpoint, implements, import, memory, operation};

memory! { stack: 16 << 10, scratchpad: 4 << 10 }
implements!(dyn Relay);

import! {
    /// The token.
    TOKEN: slot 20, interface dyn Token, optional
    /// Somebody who passes payments on.
    NEXT: slot 21, interface dyn Relay, optional
}

/// Has `amount` paid: by the next relay if there is one, else by the token.
#[endpoint]
fn relay(from: Address, to: Address, amount: u64) {
    match operation::stat(NEXT.place()) {
        Ok(_) => NEXT.relay(from, to, amount),
        Err(_) => TOKEN.transfer(from, to, amount),
    }
}

/// Has `amount` paid with so much gas, and returns the status.
#[endpoint]
fn stingy(gas: u64, from: Address, to: Address, amount: u64) -> u64 {
    match TOKEN.gas(gas).try_transfer(from, to, amount) {
        Ok(()) => Status::HALT.number(),
        Err(failure) => failure.status().map_or(u64::MAX, Status::number),
    }
}

/// Pays twice. Either both are made or none.
#[endpoint]
fn twice(from: Address, to: Address, amount: u64) {
    TOKEN.transfer(from, to, amount);
    TOKEN.transfer(from, to, amount);
}

/// What somebody has.
#[endpoint]
fn balance(account: Address) -> u64 {
    TOKEN.balance(account)
}
