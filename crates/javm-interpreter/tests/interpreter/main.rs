//! The interpreter against the public test vectors, a reference of our own and the `polkavm` crate.
//!
//! - `vectors`: the public vectors.
//! - `reference`: the reference.
//! - `machine`: a generated case on the engine and on the reference.
//! - `peer`: the case on polkavm, and where polkavm is known to differ.
//! - `differential`: generated programs on all of them.
//! - `resume`: runs that stop and go on are as runs that do not; traces.
//! - `mistakes`: what went wrong in engines elsewhere, a test each.
#![allow(clippy::unwrap_used)]

mod differential;
mod machine;
mod mistakes;
mod peer;
mod reference;
mod resume;
mod vectors;
