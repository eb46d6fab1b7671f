//! Capabilities: what a program can name, as values with one encoding and one hash each.
//!
//! A copy of any of them costs a count or two whatever hangs below it; a change is never seen in a copy. Equal content
//! has equal hashes on every machine and whichever way it was built.
//!
//! # How to read this crate
//! - [`tag`](Tag), [`hash`](CapHash): BLAKE2b-256 with a domain tag in front, and the caches that nodes keep.
//! - [`page`](Page): 4096 bytes and the shared reference to them.
//! - `tree`: the persistent sparse Merkle tree under Data and CNode. Start here for how O(1) copies come about.
//! - [`data`](Data): bytes in pages.
//! - [`cnode`](CNode): the table of 256 slots.
//! - [`image`]: programs: what they consist of, their encoding, their [limits](image::limits), what must hold before one
//!   is published, and [`ValidImage`], the proof that it does.
//! - [`instance`](Instance): a program with its table.
//! - [`capability`](Capability): any of them.
//! - [`decode`](DecodeError): the cursor that reads encodings and the error that says where and why.
//!
//! The normative text is in `docs/spec`: `hashes.md`, `data.md`, `image.md`. TypeDef and Callable have their numbers in
//! [`Tag`] and nothing else yet.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod capability;
mod cnode;
mod data;
mod decode;
mod hash;
pub mod image;
mod instance;
mod page;
mod tag;
mod tree;

pub use capability::{Capability, Service};
pub use cnode::{CNODE_SLOTS, CNode};
pub use data::{Data, DataError, MAX_DATA_PAGES};
pub use decode::{DecodeError, DecodeErrorReason, Field};
pub use hash::{CapHash, HASH_SIZE, Hash, ParseHashError};
pub use image::{
    Access, Backing, CodeError, Endpoint, EndpointName, GIFT_SLOT, Image, ImageError, Import, LoadError, Mapping,
    MappingError, NameError, NotABlock, SCRATCHPAD_SLOT, ValidImage, Wanted,
};
pub use instance::{Instance, RunState};
pub use page::{PAGE_SIZE, Page, PageRef};
pub use tag::Tag;
