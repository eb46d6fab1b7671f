//! The kernel compared with the reference model, on every machine.
//!
//! # How to read this crate
//! - [`real`]: real values and programs for those of the model.
//! - [`subject`]: what is compared with the model, through the same few questions whatever it is.
//! - [`hosted`]: the handle of hosts as such a subject, over every machine.
//! - [`comparison`]: calls in both, and everything that can be seen of them.
//! - [`directed`]: cases by hand, one for each thing that the norm says.
//! - [`exhaustion`]: the same calls again, with the gas cut where any of it was taken.
//! - [`coverage`]: which outcomes of which operations were met.
//! - [`vectors`]: what of it is published for other implementations.
//!
//! Everything here is for tests and for the command of this crate; nothing of nub depends on it.
#![forbid(unsafe_code)]

pub mod comparison;
pub mod coverage;
pub mod directed;
pub mod exhaustion;
pub mod hosted;
pub mod real;
pub mod subject;
pub mod vectors;
