//! The kernel's machine on bare x86-64, as the monitor `nub-host-kvm` sets it up.
//!
//! # How to read this crate
//! - [`boot`]: what the monitor said. [`lane`]: the loop in which a lane takes requests; `serve`: what it does with them.
//! - [`memory`]: heap and page frames. [`processor`]: the few instructions that need words of their own.
//! - [`trap`]: what happens when an instruction cannot be carried out. [`access`]: the instructions for which that is
//!   expected, the loads and stores of programs.
//!
//! - [`machine`], [`space`]: what the kernel sees of all this. [`window`]: page tables; [`frame`]: what programs write to.
//! - `fail`: failing on purpose, for tests.
//!
//! `docs/guest.md` draws the memory map and tells how a guest starts and how to look into one. The library holds all but
//! what only a binary can have; the binary `nub-guest` adds the entry, the allocator and the panic handler.
#![no_std]
#![deny(unsafe_code)]
#![cfg(target_arch = "x86_64")]

extern crate alloc;

pub mod access;
pub mod boot;
mod fail;
pub mod frame;
pub mod lane;
pub mod machine;
pub mod memory;
pub mod processor;
mod serve;
pub mod space;
pub mod trap;
pub mod window;
