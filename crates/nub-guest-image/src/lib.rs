//! The kernel that runs inside the virtual machine, as its build script has it built. A crate of its own, without dependencies, so
//! that a build can begin with it while it compiles what the monitor needs: nothing takes longer.
#![no_std]
#![forbid(unsafe_code)]

/// An ELF binary for the addresses that `nub_arch_x86_abi::layout` says, with the version of the interface in a note. Only where there can
/// be a monitor for it: on Linux on x86-64.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub static KERNEL: &[u8] = include_bytes!(env!("NUB_GUEST"));
