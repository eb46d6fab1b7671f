//! Tests of the linker as its users see it: ELF in, Image out, Image run.
//!
//! - [`elf`]: writes small ELF files. [`rv`]: writes RISC-V instructions. [`machine`]: runs linked Images.
//! - [`instructions`]: the decoder against the text of an assembler.
//! - [`equivalence`]: random and systematic programs against [`sim`], a RISC-V machine of its own.
//! - [`relocations`], [`errors`], [`memory`]: what each relocation, mistake and section does.
//! - [`programs`]: programs that compilers made. [`hostile`]: files that are not what they seem.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod elf;
mod equivalence;
mod errors;
mod hostile;
mod instructions;
mod lines;
mod machine;
mod memory;
mod programs;
mod relocations;
mod rv;
mod sim;
