//! What an author sees: a program as host code, and Images that were written with this crate, in nub.

extern crate alloc;

mod images;
mod instance;
mod program;
mod services;
mod token;
mod workloads;
