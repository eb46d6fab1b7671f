//! The reference model of capabilities: what `docs/spec/capabilities.md`, `calls.md`, `operations.md` and `services.md` say, in the
//! plainest code there is. For tests only.
//!
//! It is meant to be compared with the pages by reading and with kernels by running. So it prefers what is obvious: state
//! is plain maps, an operation works on the state and takes back a full copy where a bound is passed, a call is a
//! recursion, undoing one is assigning the copy that was made before it, and hashes, sizes and heights are computed from
//! scratch by walking the tree. Programs are [`Script`]s: lists of actions where a real program has code, so that random
//! operation sequences need no compiler. Two things a reader may take for granted: a page is shared between copies of a
//! Data until one is written (`Rc::make_mut`), and Images and TypeDefs never change.
//!
//! # How to read this crate
//! - [`value`](Value): the seven kinds. [`image`](Image): programs. [`script`](Script): what they do.
//! - [`hash`](mod@hash), [`measure`]: the encodings' hashes; size, height, changes.
//! - [`table`](Operation): the operations with numbers and prices; [`Status`].
//! - [`state`](State): σ, the call stack, and what is undone together; places, pins, coordinates, bounds.
//! - `memory`: what a program's addresses mean. `run`: a script's actions.
//! - `operate`: the order of things; then `places`, `create`, `space`, `inspect`: the operations. `call`: CALL, RESUME and
//!   ends. `service`: services.
//! - [`World`]: calls from the host. Start here to use it. [`Meter`]: where a call could end for want of gas.
//! - [`generate`]: random worlds and operation sequences.
//!
//! # Comparing a kernel
//! A call from the host gives an [`Outcome`] and a list of [`Step`]s, one for each operation in the order in which they
//! ended: depth, what was asked, φ7 to φ9 and gas afterwards. The state is compared by the hash of the root, and where
//! that differs by [`World::tree`], the hash of each path. A script says at which code offsets its actions stand and
//! what its blocks cost, so that it can be given those of real code.
#![forbid(unsafe_code)]

mod call;
mod create;
pub mod generate;
pub mod hash;
mod image;
mod inspect;
pub mod measure;
mod memory;
mod meter;
mod operate;
mod places;
mod run;
mod script;
mod service;
mod space;
mod state;
mod table;
mod value;
mod world;

pub use image::{Endpoint, Image, Import, Mapping, Source, Wanted};
pub use meter::{Meter, Metered};
pub use script::{Action, Request, Script};
pub use service::{BLOCK, HASH, LOG, SERVICE_TYPES, VERIFY, service_type};
pub use state::{Frame, LogEntry, Parameters, Place, State, Via};
pub use table::{HOP_PRICE, Operation, Status, UNKNOWN_PRICE, entry_price};
pub use value::{
    CNode, Callable, Data, Dynamic, Hash, Instance, PAGE_SIZE, Path, Run, Service, Suspended, TypeDef, Value,
};
pub use world::{HostCall, Outcome, Step, Watch, World};
