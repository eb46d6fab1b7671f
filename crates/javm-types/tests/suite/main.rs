//! Everything that is tested from outside: one binary, a module for each subject.

mod calls;
mod definitions;
mod json;
mod rust_types;
mod signatures;
mod spec;
mod strategies;
mod text;
mod values;
