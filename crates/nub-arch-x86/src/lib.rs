//! The kernel's machine on bare x86-64, as the monitor `nub-host-kvm` sets it up.
//!
//! # How to read this crate
//! - [`boot`]: what the monitor said. [`lane`]: the loop in which a lane takes requests; `serve`: what it does with them.
//! - [`memory`]: heap and page frames. [`processor`]: the few instructions that need words of their own.
//! - [`trap`]: what happens when an instruction cannot be carried out. [`access`]: the instructions for which that is
//!   expected, the loads and stores of programs.
//!
//! - [`machine`], [`space`]: what the kernel sees of all this. [`window`]: page tables; [`frame`]: what programs write to.
//! - [`revocation`], [`tlb`]: when what was taken back from a window is free.
//! - `query`: calls on the other lanes.
//! - `transfer`: capabilities that come from the host and go to it.
//! - `log`: what it says of what it does, to who wants to know.
//! - `room`: whether there is memory for a request.
//! - [`bytes`]: copying and filling.
//! - `work`: what the host measures. `fail`, `disturb`, `stale`: failing on purpose, in the middle of a call too, and watching another lane's pages, for tests.
//!
//! `docs/guest.md` draws the memory map and tells how a guest starts and how to look into one. The library holds all but
//! what only a binary can have; the binary `nub-guest` adds the entry, the allocator and the panic handler.
//!
//! What needs no machine — spaces over any window, revocation — is also built as an ordinary program, to be tested.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![cfg(target_arch = "x86_64")]

extern crate alloc;

#[cfg(not(test))]
pub mod access;
#[cfg(not(test))]
pub mod boot;
pub mod bytes;
#[cfg(not(test))]
mod disturb;
#[cfg(not(test))]
mod fail;
pub mod frame;
#[cfg(not(test))]
pub mod lane;
#[cfg(not(test))]
mod log;
#[cfg(not(test))]
pub mod machine;
#[cfg(not(test))]
pub mod memory;
#[cfg(not(test))]
pub mod processor;
#[cfg(not(test))]
mod query;
pub mod revocation;
#[cfg(not(test))]
mod room;
#[cfg(not(test))]
mod serve;
pub mod space;
#[cfg(not(test))]
mod stale;
#[cfg(not(test))]
pub mod tlb;
#[cfg(not(test))]
mod transfer;
#[cfg(not(test))]
pub mod trap;
#[cfg(not(test))]
pub mod window;
#[cfg(not(test))]
mod work;
