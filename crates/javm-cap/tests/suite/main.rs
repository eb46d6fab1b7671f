//! Everything that is tested from outside: one binary, a module for each subject.

mod archive;
mod callable;
mod cnode;
mod data;
mod decoding;
mod fixtures;
mod place;
mod reclaim;
mod spec;
mod survey;
mod validation;
