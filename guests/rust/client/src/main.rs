//! Uses a `directory` that it has the right to call: leaves there what it is given, and pays with tokens that it only knows the
//! name of.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use interfaces::{Directory, Token};
use javm_guest::{Address, Callee, Place, endpoint, import, memory};

memory! { stack: 16 << 10, heap: 64 << 10, scratchpad: 64 << 10 }

import! {
    /// The directory.
    DIRECTORY: slot 20, interface dyn Directory, required
}

/// Whatever has come out of the directory, called as a token.
const FOUND: Callee<dyn Token> = Callee::at(Place::GIFT);

/// Has its own gift kept under a name.
#[endpoint]
fn put(name: &str) {
    DIRECTORY.with_gift().put(name);
}

/// Gets a copy of what has the name, and passes it on.
#[endpoint]
fn get(name: &str) {
    DIRECTORY.with_gift().get(name);
}

/// Takes back what has the name, and passes it on.
#[endpoint]
fn remove(name: &str) {
    DIRECTORY.with_gift().remove(name);
}

/// Up to `count` names, those before `from` left out.
#[endpoint]
fn list(from: &str, count: u16) -> Vec<String> {
    DIRECTORY.list(from, count)
}

/// Pays with the token of that name.
#[endpoint]
fn pay(name: &str, from: Address, to: Address, amount: u64) {
    DIRECTORY.with_gift().get(name);
    FOUND.transfer(from, to, amount);
}
