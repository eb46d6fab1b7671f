//! A small language: its source arrives with the call, is compiled to bytecode and run.
//!
//! ```text
//! // Whole numbers of 64 bits, strings, lists, true, false, nil. A statement ends with its line or `;`.
//! let seen = []
//! fn collatz(n) {
//!     let steps = 0
//!     while n != 1 {
//!         if n % 2 == 0 { n = n / 2 } else { n = 3 * n + 1 }
//!         steps = steps + 1
//!     }
//!     return steps
//! }
//! for i in 1..10 { push(seen, collatz(i)) }      // 1 to 9
//! print("up to nine: ", seen)
//! return seen[8]
//! ```
//!
//! - Operators, weakest first: `or`, `and`, `not`, `== !=`, `< <= > >=`, `|`, `^`, `&`, `<< >>`, `+ -`, `* / %`; `- ~`; calls
//!   and `list[i]`. What overflows is an error. `+` joins strings; `<` and its kin compare them, too.
//! - `let` makes a variable, of the block or, outside of all, of the whole program; `=` changes one, or an element.
//! - `if`, `else`, `while`, `for i in a..b`, `break`, `continue`, `return`. Only `false` and `nil` are not true.
//! - Functions: `len`, `push`, `pop`, `slice`, `byte`, `text`, `number`, `print`; see `builtin`. `args` are the numbers that
//!   came with the call.
//!
//! # How to read this program
//! `lexer` makes words of the source, `compiler` makes of words the `code`, which `machine` runs over `value`s.
//! What goes wrong names its line.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

mod builtin;
mod code;
mod compiler;
mod lexer;
mod machine;
mod value;

use alloc::string::String;
use alloc::vec::Vec;

use javm_guest::{Typed, endpoint, memory};

memory! { stack: 128 << 10, heap: 12 << 20, scratchpad: 1 << 20 }

/// What a script came to.
#[derive(Typed, Clone, PartialEq, Debug)]
pub struct Outcome {
    /// What it returned, as text.
    pub result: String,
    /// What it printed, a line each.
    pub printed: Vec<String>,
    /// How many instructions of its bytecode were run.
    pub steps: u64,
}

/// Runs `source`, where `args` are `arguments`, for at most so many `steps`.
///
/// # Errors
/// The line and what is wrong there: in the text, or while it runs.
#[endpoint]
pub fn run(source: &str, arguments: Vec<i64>, steps: u64) -> Result<Outcome, String> {
    let program = compiler::compile(source)?;
    machine::run(&program, &arguments, steps)
}

/// The bytecode of `source`, an instruction a line: its number, the line that it is from, and what it does.
///
/// # Errors
/// The line and what is wrong there.
#[endpoint]
pub fn listing(source: &str) -> Result<Vec<String>, String> {
    Ok(compiler::compile(source)?.listing())
}

#[cfg(test)]
mod tests;
