//! What capabilities make possible, shown by example programs: each page of `docs/guide/` that tells of one is tested here.
//! Everything runs in this process and in a virtual machine, and comes to the same.

extern crate alloc;

/// What the example programs say of each other.
#[path = "../../../../guests/interfaces/src/lib.rs"]
#[allow(unused_attributes, dead_code)]
mod interfaces;

mod arcade;
mod checkpoint;
mod colony;
mod convoy;
mod directory;
mod exchange;
mod generator;
mod nesting;
mod pager;
mod pages;
mod policy;
mod rude;
mod scheduler;
mod shared_token;
mod tree;
