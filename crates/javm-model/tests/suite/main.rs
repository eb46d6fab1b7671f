//! The model against the pages, against itself, and against `javm-cap` where both have the same values.

mod bounds;
mod calls;
mod creating;
mod fixture;
mod hashes;
mod invariants;
mod mistakes;
mod places;
mod services;
mod spaces;
mod spec;
mod states;
