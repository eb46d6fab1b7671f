//! The portable kernel of nub.
//!
//! # How to read this crate
//! - [`arch`]: what the kernel asks of the machine: the traits [`Arch`] and [`AddressSpace`].
//! - [`kernel`]: [`Kernel`] — publish Images, make Instances, call them.
//! - [`query`]: calls that change nothing, beside the kernel that does.
//! - [`random`]: what is random in a kernel, all from one seed.
//! - [`regions`]: what is mapped where, for machines to build on.
//! - `published`, `programs`: Images ready to run.
//! - `process`: a call from the host with all the calls inside of it, and the state as they see it. `frame`: one program of
//!   it. `working`: the table that it works on. `call`: how frames come and go. `demand`: what entering a
//!   program takes. `reference`: how programs name slots.
//!   `pages`: ranges of bytes, page by page.
//! - [`bare`]: programs without an Image.
//! - `window`: address spaces that stay mounted between calls.
//! - [`engine`]: runs the frame on top and answers what its program asks for.
//! - [`operation`], [`status`], [`service`]: the tables of what it may ask for and what it gets back.
//!
//! The norm is `docs/spec/calls.md`, `operations.md` and `services.md`. State, store and chain get their own modules beside these.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arch;
pub mod bare;
mod call;
mod chain;
mod demand;
pub mod engine;
mod frame;
pub mod kernel;
pub mod operation;
mod pages;
mod process;
mod programs;
mod published;
pub mod query;
pub mod random;
mod reference;
pub mod regions;
pub mod service;
pub mod status;
mod window;
mod working;

pub use arch::{AddressSpace, Arch, Trace};
pub use chain::{Chain, MAX_DEPTH, MOST_LOG_BYTES, Parameters, ParametersError};
pub use engine::Ended;
pub use javm_interpreter::{Fault, Memory};
pub use kernel::{
    Call, EndpointRef, Entry, Grants, InstanceId, InstantiateError, InvokeError, Kernel, Outcome, Reached, Snapshot,
    UnpublishError, find_endpoint,
};
pub use service::{Block, LogEntry};
pub use status::Status;
