//! The virtual machine monitor: boots nub's kernel inside a virtual machine and carries requests to it.
//!
//! # How to read this crate
//! - [`Config`], [`Sandbox`]: what a host uses. A configuration starts a sandbox; a sandbox takes requests.
//! - [`Error`]: why there is no virtual machine, or why it came to an end.
//! - [`hypervisor`]: what is asked of a hypervisor, from creating a machine on; `kvm`: the one there is.
//! - `memory`: the machine's memory. `image`: the kernel's binary, `hashing`: by which code it hashes on this
//!   processor can run. `boot`: what stands in memory when it starts.
//! - `ahead`: memory that is found before the guest touches it.
//! - `lane`: the host's side of a lane. `bell`, `spin`: where its threads sleep, and how long they look before. `processor`: the thread that a lane's processor runs on.
//! - `seccomp`: what that thread may do.
//! - `exits`: how often and why the guest left the machine.
//! - `costs`: what things cost inside, which the guest decides by. `pace`: how long a call may take.
//! - [`figures`]: how fast the guest is on this machine.
//! - `privilege`: at which privilege the kernel runs here, and how that is found out. `trial`: instructions that are tried
//!   out beforehand.
//!
//! All that comes from the guest is hostile: see `docs/spec/abi.md`.
#![deny(unsafe_code)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod ahead;
mod bell;
mod boot;
mod config;
mod costs;
mod error;
mod exits;
#[cfg(test)]
mod fake_guest;
pub mod figures;
mod hashing;
pub mod hypervisor;
mod image;
mod kvm;
mod lane;
mod memory;
mod pace;
mod privilege;
mod processor;
mod sandbox;
mod seccomp;
mod spin;
mod trial;

pub use config::{Config, PrivilegeChoice};
pub use costs::Costs;
pub use error::{Death, Error, Missing};
pub use exits::Exits;
pub use hashing::Hashing;
pub use nub_arch_x86_abi::{Privilege, Reply, Request, reply, request};
pub use pace::Pace;
pub use privilege::Probe;
pub use sandbox::{Answer, KERNEL_LANE, Sandbox};
