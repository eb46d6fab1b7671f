//! Random programs, and other inputs, for tests. Not published; tests of the other crates use it.
//!
//! # How to read this crate
//! - [`config`]: what programs a test wants.
//! - [`case`]: a program with the registers, memory and gas that it starts with.
//! - [`generate`](mod@generate): a case from a seed; `operands` and `steps` are its parts.
//! - [`shrink`](mod@shrink): the smallest case that still fails.
//! - [`seeds`](mod@seeds): which seeds a test runs, and the environment variables that say so.
//! - [`jam_v1`]: the same program in the form in which the public `polkavm` crate takes it.
//! - [`engines`]: a case on the interpreter, on a reference, and on polkavm.
//! - [`swaps`](mod@swaps): sequences of calls of Instances that come and go.
//! - [`document`]: JSON for programs that read it.
//!
//! ```
//! use javm_testgen::{Config, generate, shrink};
//!
//! let config = Config { blocks: 1..=6, ..Config::default() };
//! for seed in javm_testgen::seeds("NUB_PROGRAMS", 10) {
//!     let case = generate(&config, seed);
//!     let fails = |case: &javm_testgen::Case| case.program().code().is_empty();
//!     if fails(&case) {
//!         panic!("{}", shrink(&case, fails));
//!     }
//! }
//! ```
#![forbid(unsafe_code)]

pub mod case;
pub mod config;
pub mod document;
pub mod engines;
pub mod generate;
pub mod jam_v1;
mod operands;
pub mod seeds;
pub mod shrink;
mod steps;
pub mod swaps;

pub use case::Case;
pub use config::{Config, Region};
pub use document::Document;
pub use generate::generate;
pub use seeds::seeds;
pub use shrink::shrink;
