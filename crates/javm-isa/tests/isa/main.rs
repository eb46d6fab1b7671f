//! Tests of `javm-isa` from outside.
#![allow(missing_docs)]

mod blobs;
mod cost;
mod hostile;
mod images;
mod instructions;
mod model;
mod oracle;
mod spec;
mod text;
mod vectors;
