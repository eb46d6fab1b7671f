//! Assembly text: programs as people read and write them.
//!
//! - `syntax`: which operands an instruction has in text, and in which order; one table for reader and writer.
//! - `listing`: a program between text and bytes: statements with labels.
//! - `write`: listings and instructions as text.
//! - `lexer`, `read`: text to a listing, with errors that name line and column.
//!
//! The grammar is in `docs/spec/isa.md`. Text and bytes go round: the text of a program assembles to the very same
//! blob, whatever bytes it holds.
//!
//! ```
//! let program = javm_isa::assemble(
//!     "@sum:                          ; a0 = a0 + (a0 - 1) + ... + 1
//!          load_imm      a1, 0
//!      @next:
//!          add_64        a1, a1, a0
//!          add_imm_64    a0, a0, -1
//!          branch_ne_imm a0, 0, @next
//!          move_reg      a0, a1
//!          jump_ind      ra, 0",
//! )?;
//! assert_eq!(program.code().len(), 15);
//! # Ok::<(), javm_isa::AsmError>(())
//! ```

mod lexer;
mod listing;
mod read;
mod syntax;
mod write;

use alloc::string::{String, ToString};
use core::fmt::{self, Display, Formatter};

pub use self::listing::{Content, Listing, ListingError, ListingErrorReason, Statement, Target};
pub use self::read::{AsmError, AsmErrorReason};
use crate::opcode::Opcode;
use crate::program::Program;

/// The program that `text` describes.
///
/// # Errors
/// [`AsmError`] with line, column and reason.
pub fn assemble(text: &str) -> Result<Program, AsmError> {
    read::read(text)?.assemble_located()
}

impl Listing {
    /// The listing that `text` describes.
    ///
    /// # Errors
    /// [`AsmError`] with line, column and reason.
    pub fn read(text: &str) -> Result<Listing, AsmError> {
        read::read(text).map(read::Located::into_listing)
    }
}

/// The text of `program`, which [`assemble`] makes the same program of. Opcodes of both modes are written by name.
#[must_use]
pub fn disassemble(program: &Program) -> String {
    Listing::of(program).to_string()
}

/// How an opcode is written, with letters for its operands: `load_ind_u64 A, [B + X]`.
#[must_use]
pub fn syntax(opcode: Opcode) -> impl Display {
    Syntax(opcode)
}

struct Syntax(Opcode);

impl Display for Syntax {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.row().mnemonic)?;
        for (index, operand) in syntax::operands(self.0).iter().enumerate() {
            write!(f, "{}{operand}", if index == 0 { " " } else { ", " })?;
        }
        Ok(())
    }
}
