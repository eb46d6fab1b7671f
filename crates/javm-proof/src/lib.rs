//! Proofs of what stands in a state: who knows nothing but the root hash checks that a capability stands at a path, that
//! nothing does, or what bytes a Data there has.
//!
//! The crate needs neither the state nor a kernel, nothing but the hash function and no allocator, so that a light client
//! can link it. Proofs are made by `javm-cap`. Whatever the bytes of a proof are, [`verify`] gives an answer; it never
//! panics, and takes time for each byte of proof and claim.
//!
//! # How to read this crate
//! - [`verify`]: claims and how they are checked.
//! - `reader`: a proof as a sequence of fields; [`ProofError`].
//! - `hash`: what is hashed, as `docs/spec/hashes.md` says it.
//!
//! The normative text is `docs/spec/proofs.md`.
#![no_std]
#![forbid(unsafe_code)]

mod hash;
mod reader;
mod verify;

pub use hash::Hash;
pub use reader::ProofError;
pub use verify::{Claim, MAX_PATH_SLOTS, verify};
