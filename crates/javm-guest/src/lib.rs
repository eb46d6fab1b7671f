//! What programs for nub are written with.
//!
//! A program is a `no_std` binary. Functions with [`#[endpoint]`](macro@endpoint) can be called from outside, with any
//! arguments and results that the type language knows; a [`state!`] is a static that keeps its value from call to call.
//!
//! ```
//! #![no_std]
//! # extern crate std;
//! use javm_guest::{endpoint, log, memory, state};
//!
//! memory! { scratchpad: 4096 }
//!
//! state! {
//!     static TOTAL: u64 = 0;
//! }
//!
//! /// Adds `n`, and returns the new total.
//! #[endpoint]
//! fn add(n: u64) -> Result<u64, &'static str> {
//!     let total = TOTAL.get().checked_add(n).ok_or("the total is full")?;
//!     TOTAL.set(total);
//!     log!("added {n}, total {total}");
//!     Ok(total)
//! }
//!
//! // The same program as host code: an endpoint is a function, and each thread has a state and a log of its own.
//! # fn main() {
//! assert_eq!(add(5), Ok(5));
//! assert_eq!(add(u64::MAX), Err("the total is full"));
//! assert_eq!(javm_guest::test::logs(), ["added 5, total 5"]);
//! # }
//! ```
//!
//! # How to read this crate
//! - [`interface`](macro@interface), [`Callee`]: calls of other programs, as of traits.
//! - [`endpoint`](macro@endpoint), [`Typed`](macro@Typed): what can be called, with which types. [`types`] is the crate
//!   `javm-types`, whose traits they implement.
//! - [`state!`], [`State`]: variables that outlive a call.
//! - [`memory!`], [`import!`], [`implements!`], `record`: what else the linker is told.
//! - `heap`: `Box`, `Vec` and maps; [`persistent_heap!`] makes them last.
//! - [`Scratchpad`]: the bytes that travel with a call. [`mod@log`], [`hash`], [`block`], [`verify`]: the services, which
//!   work on them.
//! - [`operation`]: what the kernel does with capabilities, a function for each operation; [`Place`] names what they are
//!   done to, [`Status`] says how they went. [`Call`] and [`Resume`] run other programs.
//! - [`generator`], [`pager`], [`snapshot`]: what owners do with children: take values from them, give them memory, keep them
//!   as they were.
//! - `panic`: what a panic says before it traps.
//! - [`mod@test`]: where a program runs as host code, in its unit tests.
//! - `machine`: all that differs between nub and a host, once for each; everything above is the same code.
//!
//! C programs have the same in `include/javm.h`, and their tests in `include/javm_test.h`. What the linker makes of a program is `docs/spec/linker.md`, how it is
//! called `docs/spec/operations.md`, types `docs/spec/types.md`.
//!
//! # How a failure ends
//! A panic, an `Err` from an endpoint, arguments that are not what the signature says: each logs why, if LOG is granted
//! and the program has a scratchpad, and traps. The kernel then undoes everything that the call did.
#![no_std]

extern crate alloc;
// What the macros make names the crate.
#[cfg(test)]
extern crate self as javm_guest;
#[cfg(not(target_os = "none"))]
extern crate std;
#[doc(hidden)]
#[cfg(not(target_os = "none"))]
pub extern crate std as __std;

pub mod block;
mod call;
mod callee;
#[doc(hidden)]
pub mod __endpoint {
    pub use crate::endpoint::*;
}
mod endpoint;
mod exchange;
pub mod generator;
pub mod hash;
mod heap;
pub mod log;
mod machine;
pub mod operation;
pub mod pager;
mod panic;
mod place;
#[doc(hidden)]
pub mod record;
mod scratchpad;
pub mod service;
pub mod snapshot;
mod state;
mod status;
#[cfg(not(target_os = "none"))]
pub mod test;
pub mod verify;

pub use call::{Call, Resume};
pub use callee::{Callee, Failure, Interface};
/// A struct with named fields as a type of the language: it can be an argument, a result, a part of either.
///
/// Implements [`types::Typed`], [`types::Encode`] and [`types::Decode`]. It may borrow from its encoding, by one lifetime.
///
/// ```
/// use javm_guest::{Address, Typed, types};
///
/// #[derive(Typed, PartialEq, Debug)]
/// struct Payment<'a> {
///     to: Address,
///     amount: u64,
///     memo: &'a str,
/// }
///
/// let payment = Payment { to: Address([7; 32]), amount: 5, memo: "rent" };
/// let bytes = types::encode(&payment)?;
/// assert_eq!(types::decode::<Payment>(&bytes)?, payment);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An enum, fields without names and parameters that are types do not compile:
///
/// ```compile_fail
/// #[derive(javm_guest::Typed)]
/// struct Pair(u8, u8);
/// ```
pub use javm_guest_macros::Typed;
/// Makes a function callable from outside, under its name or another one: `#[endpoint(name = "balance.of")]`.
///
/// Arguments and result are of types that implement [`types::Decode`] and [`types::Encode`]: integers, `bool`,
/// [`Address`], strings, `Vec`, `Option`, tuples, and structs that [derive `Typed`](derive@Typed). Up to four scalars
/// travel in registers; anything else is encoded in the scratchpad, for which [`memory!`] has to ask. `&str` and `&[u8]`
/// borrow from it. `docs/spec/types.md` is the norm.
///
/// - What is returned as `Result<T, E>` is a `T` for the caller. An `Err` says why, and the call fails and leaves nothing
///   behind; `E` implements `Display`. Other code of the program, and its tests, see the `Result`.
/// - Endpoints have numbers, too: those of a file in the order of their lines. Names are the better choice.
/// - A result that does not fit into a register is encoded behind the arguments and then moved: there must be room for
///   both.
///
/// ```
/// use javm_guest::{Address, endpoint};
///
/// #[endpoint]
/// fn transfer(to: Address, amount: u64) -> Result<(), &'static str> {
///     if amount == 0 { Err("nothing to transfer") } else { Ok(()) }
/// }
///
/// #[endpoint(name = "first.word")]
/// fn first_word(text: &str) -> &str {
///     text.split(' ').next().unwrap_or_default()
/// }
///
/// assert_eq!(transfer(Address([7; 32]), 0), Err("nothing to transfer"));
/// assert_eq!(first_word("to be"), "to");
/// ```
///
/// What a caller could not know, and what is no type of the language, does not compile:
///
/// ```compile_fail
/// #[javm_guest::endpoint]
/// fn add<T: Into<u64>>(n: T) {}
/// ```
/// ```compile_fail
/// #[javm_guest::endpoint]
/// fn root(x: f64) -> f64 { x }
/// ```
/// ```compile_fail
/// #[javm_guest::endpoint(name = "no spaces")]
/// fn add(n: u64) -> u64 { n }
/// ```
///
/// An argument that is borrowed is gone when the call ends, and cannot be kept:
///
/// ```compile_fail
/// javm_guest::state! { static LAST: &'static str = ""; }
/// #[javm_guest::endpoint]
/// fn remember(text: &'static str) { LAST.set(text); }
/// ```
pub use javm_guest_macros::endpoint;
/// Makes a trait an interface: methods by which programs call each other, and the TypeDef that they agree on.
///
/// ```
/// use javm_guest::{Address, Callee, Place, interface};
///
/// /// A fungible token.
/// #[interface]
/// pub trait Token {
///     /// Pays from the caller's account.
///     fn transfer(&self, to: Address, amount: u64);
///     #[method(name = "balance.of")]
///     fn balance(&self, account: Address) -> u64;
/// }
///
/// /// Whatever stands in slot 20.
/// const TOKEN: Callee<dyn Token> = Callee::at(Place::slot(20));
///
/// fn pay_out(to: Address) {
///     let all = TOKEN.balance(Address([7; 32]));
///     TOKEN.transfer(to, all);
/// }
///
/// // As host code something that implements the trait can stand in for it.
/// struct Fake;
/// impl Token for Fake {
///     fn transfer(&self, _: Address, amount: u64) { assert_eq!(amount, 12) }
///     fn balance(&self, _: Address) -> u64 { 12 }
/// }
/// javm_guest::test::stand_in::<dyn Token>(20, Box::new(Fake));
/// pay_out(Address([1; 32]));
/// ```
///
/// [`Callee<dyn Token>`](Callee) implements `Token`, and `TryToken`, which comes with it and has a method
/// `try_transfer` for each `transfer`:
///
/// - `TOKEN.transfer(to, 5)` panics unless the call halts and gives a result of the type. So whoever has called this
///   program sees that nothing has happened: no refusal, no failure, no lack of gas slips through.
/// - `TOKEN.try_transfer(to, 5)` gives a [`Failure`] instead. The call is undone, and the program goes on.
///
/// The interface is called as the trait, `KeyValue` being `key_value`, or as `#[interface(name = "…")]` says. Arguments
/// and results are as those of an [`endpoint`](macro@endpoint); a result owns what it has. Arguments that are in the
/// scratchpad need room there, beside those of the program itself.
///
/// A program that can be called so says [`implements!(dyn Token)`](implements), one that wants to be given such a program
/// asks for it by [`import!`].
pub use javm_guest_macros::interface;
pub use javm_types as types;
pub use javm_types::Address;
pub use operation::{Identity, Reply, Via, gas};
pub use place::Place;
pub use scratchpad::Scratchpad;
pub use state::State;
pub use status::Status;

#[doc(hidden)]
#[cfg(target_os = "none")]
pub use heap::Heap as __Heap;
#[doc(hidden)]
pub use heap::HeapMemory as __HeapMemory;
