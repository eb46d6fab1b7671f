//! What must hold whatever bytes come from outside, as functions that any fuzzer can call.
//!
//! A target takes bytes, does with them what nub does with bytes of strangers, and panics if a promise is broken. `fuzz/`
//! gives the targets to `cargo fuzz`; the tests of this crate run each of them over its committed corpus and for a
//! while over generated and mutated inputs. `fuzz/README.md` says how to run either for longer.
//!
//! # How to read this crate
//! - [`target`](Target): what a target is.
//! - [`targets`]: the targets, a module each: the promises, then how to make inputs that get past the outer checks.
//! - [`exercise`]: an Image called at all its endpoints, for the targets that come by one.
//! - [`input`]: bytes as a sequence of choices. [`mutation`], [`text`], [`program`]: changes of bytes, of text, of programs.
//! - [`harness`](mod@harness): corpus, seeds, time; what happens when a target fails.
//!
//! ```
//! use javm_fuzz::{Reached, targets};
//! assert_eq!((targets::blob::TARGET.run)(b"no blob at all"), Reached::Refused);
//! assert_eq!((targets::blob::TARGET.run)(&[0, 0, 1, 0, 1]), Reached::Accepted);
//! ```

pub mod exercise;
pub mod harness;
pub mod input;
pub mod mutation;
pub mod program;
mod target;
pub mod targets;
pub mod text;

pub use target::{MAX_BYTES, Random, Reached, Target, random};
