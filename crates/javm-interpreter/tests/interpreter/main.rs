//! The interpreter against the public test vectors, a reference of our own and the `polkavm` crate.
//!
//! - `vectors`: the public vectors.
//! - `differential`: generated programs on the engine, the reference and polkavm, which [`javm_testgen::engines`] runs.
//! - `differences`: where polkavm is known to differ.
//! - `resume`: runs that stop and go on are as runs that do not; traces.
//! - `mistakes`: what went wrong in engines elsewhere, a test each.
#![allow(clippy::unwrap_used)]

mod differences;
mod differential;
mod mistakes;
mod resume;
mod vectors;

use javm_testgen::engines::{machine, peer, reference};
