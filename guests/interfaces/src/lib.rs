//! Interfaces by which the example programs call each other: what a caller has to know of a program, and all it has to.
#![no_std]

extern crate alloc;

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
