//! The model against the pages, against itself, and against `javm-cap` where both have the same values.

mod hashes;
mod invariants;
mod spec;
