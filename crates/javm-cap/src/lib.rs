//! Capabilities: what a program can name, as values with one encoding and one hash each.
//!
//! A copy of any of them costs a count or two whatever hangs below it; a change is never seen in a copy. Equal content
//! has equal hashes on every machine and whichever way it was built.
//!
//! # How to read this crate
//! - [`tag`](Tag), [`hash`](CapHash): BLAKE2b-256 with a domain tag in front, and the caches that nodes keep.
//! - [`many`](hash_with): hashing several messages side by side.
//! - [`page`](Page): 4096 bytes and the shared reference to them.
//! - [`data`](Data): bytes in pages. Its `tree` is the persistent sparse Merkle tree: start there for how O(1) copies come
//!   about; its `rehash` finds a new root.
//! - [`cnode`](CNode): the table of 256 slots. Its `trie` is what it is made of; its `place` reads and changes what a path
//!   of slots leads to.
//! - [`image`]: programs: what they consist of, their encoding, their [limits](image::limits), what must hold before one
//!   is published, and [`ValidImage`], the proof that it does.
//! - [`typedef`](TypeDef): an interface.
//! - [`instance`](Instance): a program with its table; its `state` is what it was stopped in, its `mappings` what that had
//!   mapped, its `validate` what must hold of one that comes from outside; `survey` asks that of all in a
//!   [tree](Capability::survey).
//! - [`callable`](Callable): the right to call what stands at a [`Path`].
//! - [`capability`](Capability): any of them.
//! - [`measure`](Measure): size and height, and their bounds, which everything that can be made is within.
//! - [`changes`](Epoch): how often things were changed in a block.
//! - `proof`: what convinces who has a hash alone ([`Capability::prove`]); `javm-proof` verifies it.
//! - [`reclaim`](Reclaim): dropping in small steps.
//! - [`archive`]: capabilities as bytes that another kernel reads.
//! - [`decode`](DecodeError): the cursor that reads encodings and the error that says where and why.
//!
//! The normative text is in `docs/spec`: `capabilities.md` for what there is, `hashes.md` and a page for each kind.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod archive;
mod callable;
mod capability;
mod changes;
mod cnode;
mod data;
mod decode;
mod hash;
pub mod image;
mod instance;
mod many;
mod measure;
mod page;
mod path;
mod proof;
mod reclaim;
mod survey;
mod tag;
mod typedef;

pub use callable::{CALLABLE_BYTES, Callable, CallableError, Interface, Mask, Right};
pub use capability::{Capability, Service};
pub use changes::Epoch;
pub use cnode::{CNODE_SLOTS, CNode, PlaceError, Refused, TableIdentity};
pub use data::{Data, DataError, MAX_DATA_PAGES};
pub use decode::{DecodeError, DecodeErrorReason, Field};
pub use hash::{CapHash, HASH_SIZE, Hash, ParseHashError};
pub use image::{
    Access, Backing, CodeError, Endpoint, EndpointName, GIFT_SLOT, Image, ImageError, Import, LoadError, Mapping,
    MappingError, NameError, NotABlock, SCRATCHPAD_SLOT, ValidImage, Wanted, Weight,
};
pub use instance::{
    DynamicMapping, DynamicMappingError, DynamicMappings, Instance, InstanceError, MAX_DYNAMIC_MAPPINGS, RunState,
    StateError, Suspended, Why,
};
pub use many::{HashMany, hash_with};
pub use measure::{BoundsError, MAX_HEIGHT, MAX_SIZE, Measure};
pub use page::{PAGE_SIZE, Page, PageRef};
pub use path::{ParsePathError, Path, PathError};
pub use reclaim::Reclaim;
pub use survey::InvalidInstance;
pub use tag::Tag;
pub use typedef::TypeDef;
