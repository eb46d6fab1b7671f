//! The reference engine: predecodes a program once, then interprets it over a [`Memory`].
#![no_std]

pub mod memory;

pub use memory::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};
