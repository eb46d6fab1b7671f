//! What the monitor (`nub-host-kvm`) and the kernel inside the virtual machine (`nub-arch-x86`) agree on: one definition
//! for both. The norm is `docs/spec/abi.md`.
//!
//! # How to read this crate
//! - [`version`]: the note in the guest's binary by which the monitor knows what it loads.
//! - [`layout`]: the memory map.
//! - [`boot`]: what the guest is told when a lane starts.
//! - [`trap`]: vectors, the frame that a trap leaves, the report of a guest that died.
//! - [`slot`]: a lane's place in shared memory; [`turn`]: the protocol of it.
//! - [`port`]: what the guest leaves the machine for.
//! - [`wire`]: reading and writing the bytes of messages; [`request`] and [`reply`]: the messages.
//!
//! Everything that the host reads from the guest is hostile: readers here are total, and give an error where the bytes
//! say anything else than what the format allows.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod boot;
pub mod layout;
pub mod port;
pub mod reply;
pub mod request;
pub mod slot;
pub mod trap;
pub mod turn;
pub mod version;
pub mod wire;

pub use boot::{BootInfo, Privilege};
pub use reply::Reply;
pub use request::Request;
pub use slot::{Slot, SlotState};
pub use version::{ABI_VERSION, Note};
pub use wire::WireError;
