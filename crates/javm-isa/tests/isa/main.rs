//! Tests of `javm-isa` from outside.
#![allow(missing_docs)]

mod blobs;
mod cost;
mod hostile;
mod instructions;
mod oracle;
mod text;
mod vectors;
