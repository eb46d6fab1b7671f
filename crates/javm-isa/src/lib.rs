//! The instruction set of JAVM programs: PVM, 64-bit.
//!
//! # How to read this crate
//! - [`opcode`]: the one table of instructions; everything else derives from it.
//! - [`roles`]: which registers an instruction reads and writes.
//! - [`instruction`]: bytes to operands and back.
//! - [`program`]: the program blob: code, bitmask, jump table; basic blocks.
//! - [`cost`]: what a basic block is charged.
//! - [`asm`]: programs as text, both ways.
//!
//! The normative text is `docs/spec/isa.md` and `docs/spec/cost.md`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod asm;
pub mod cost;
pub mod instruction;
pub mod opcode;
pub mod program;
mod register;
pub mod roles;

pub use asm::{AsmError, Listing, assemble, disassemble};
pub use cost::{BlockCosts, CostModel, block_cost};
pub use instruction::{EncodeError, Instruction, Lengths};
pub use opcode::{Form, Kind, Mode, Opcode};
pub use program::{BlobError, BlockStarts, Program, ProgramBuilder};
pub use register::{REG_COUNT, Reg};
