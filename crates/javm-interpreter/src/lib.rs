//! The reference engine: predecodes a program once, then interprets it over a [`Memory`].
//!
//! # How to read this crate
//! - [`memory`]: what an engine sees of memory, the [`Memory`] trait.
//! - [`bare`]: a whole machine for test vectors and tools: memory with page rights, program, state.
//! - `op`: the fixed-size operation that the loop runs, and the list of handlers.
//! - `sealed`: the array of operations and the cursor that walks it without bounds checks. Unsafe code is there and
//!   where `step` moves the cursor, nowhere else.
//! - `positions`: where in the code the operations come from.
//! - `predecode`: from a program to operations: operands extended, targets resolved, gas at block heads.
//! - [`code`]: a predecoded program and its questions: where blocks start, what they cost.
//! - [`mod@run`]: state, exits, entering and leaving the loop.
//! - `step`: the steps that run operations, one line an instruction, and the loop.
//! - `arithmetic`: what has edges: division, rotation, upper halves of products.
//!
//! The normative text is `docs/spec/isa.md` and `docs/spec/cost.md`.
//!
//! # Example
//! ```
//! use javm_interpreter::{Code, Exit, State, bare::BareMemory, run};
//! use javm_isa::{CostModel, Mode, Reg, assemble};
//!
//! let program = assemble("add_imm_64 a0, a0, 1\n jump_ind ra, 0")?;
//! let code = Code::new(&program, Mode::Bare, CostModel::Flat);
//!
//! let mut state = State::new(0, 10);
//! state.registers[Reg::RA.index()] = 0xFFFF_0000; // Jumping there ends the run.
//! assert_eq!(run(&code, &mut state, &mut BareMemory::new()), Exit::Halt);
//! assert_eq!(state.registers[Reg::A0.index()], 1);
//! assert_eq!(state.gas, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arithmetic;
pub mod bare;
pub mod code;
pub mod memory;
mod op;
mod positions;
mod predecode;
pub mod run;
mod sealed;
mod step;

pub use code::Code;
pub use memory::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};
pub use run::{Exit, State, run, run_traced};
