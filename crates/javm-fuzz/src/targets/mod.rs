//! The targets, a module each. A new one is a module with a `TARGET`, a line in [`ALL`], a folder of the corpus, a test,
//! and a file in `fuzz/fuzz_targets`; a test compares the lists.

pub mod archive;
pub mod arguments;
pub mod assembly;
pub mod blob;
pub mod elf;
pub mod image;
pub mod interface;
pub mod interpreter;
pub mod memory;
pub mod proof;
pub mod symbols;

use crate::Target;

/// Every target.
pub const ALL: &[&Target] = &[
    &archive::TARGET,
    &arguments::TARGET,
    &assembly::TARGET,
    &blob::TARGET,
    &elf::TARGET,
    &image::TARGET,
    &interface::TARGET,
    &interpreter::TARGET,
    &memory::TARGET,
    &proof::TARGET,
    &symbols::TARGET,
];
