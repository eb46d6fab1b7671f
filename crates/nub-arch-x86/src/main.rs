//! The binary that runs inside the virtual machine: entry, allocator, panic handler, and the symbols that compiled code
//! expects of a C library. `nub-build` builds it; any other build of this package gets a program that says so.
#![cfg_attr(nub_guest, no_std)]
#![cfg_attr(nub_guest, no_main)]

#[cfg(nub_guest)]
mod entry;
#[cfg(nub_guest)]
mod hashing;
#[cfg(nub_guest)]
mod symbols;

#[cfg(not(nub_guest))]
fn main() {
    eprintln!("this is the kernel for nub's virtual machine: nub-build builds it, and nub-host-kvm runs it");
    std::process::exit(2);
}
