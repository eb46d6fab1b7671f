//! Interfaces by which the example programs call each other: what a caller has to know of a program, and all it has to.
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use javm_guest::{Address, Typed, interface};

/// A number that is added to: the program `counter`, whose endpoints are in this order.
#[interface]
pub trait Counter {
    /// Adds `n`, and returns the new total.
    fn add(&self, n: u64) -> u64;
    /// The total.
    fn get(&self) -> u64;
    /// How many additions there were.
    fn additions(&self) -> u64;
    /// Back to zero; returns the total that was.
    fn reset(&self) -> u64;
}

/// An account with an amount.
#[derive(Typed, Clone, PartialEq, Debug)]
pub struct Payment {
    /// Whose.
    pub account: Address,
    /// How much.
    pub amount: u64,
}

/// A fungible token: the program `token`.
#[interface]
pub trait Token {
    /// Makes new tokens. Returns the supply.
    fn mint(&self, minter: Address, to: Address, amount: u64) -> u64;
    /// Destroys tokens. Returns the supply.
    fn burn(&self, from: Address, amount: u64) -> u64;
    /// Pays.
    fn transfer(&self, from: Address, to: Address, amount: u64);
    /// Pays all or none; returns what they come to.
    fn distribute(&self, from: Address, payments: Vec<Payment>) -> u64;
    /// Lets somebody take up to so much; returns what it was before.
    fn approve(&self, owner: Address, spender: Address, amount: u64) -> u64;
    /// Takes it; returns what is left of that.
    fn transfer_from(&self, spender: Address, owner: Address, to: Address, amount: u64) -> u64;
    /// What somebody has.
    fn balance(&self, account: Address) -> u64;
}

/// Somebody who passes a payment on.
#[interface]
pub trait Relay {
    /// Has `amount` paid.
    fn relay(&self, from: Address, to: Address, amount: u64);
}

/// Capabilities by name: the program `directory`. What is put in is the gift of the call, what comes out is its gift back:
/// these calls are made [`with_gift`](javm_guest::Callee::with_gift).
#[interface]
pub trait Directory {
    /// Keeps the gift under a name that nobody has. It belongs to the badge of the right that the call came by.
    fn put(&self, name: &str);
    /// Gives a copy of what stands under the name, to anybody.
    fn get(&self, name: &str);
    /// Gives back what stands under the name, to whom it belongs.
    fn remove(&self, name: &str);
    /// Up to `count` names in order, those before `from` left out.
    fn list(&self, from: &str, count: u16) -> Vec<String>;
}
