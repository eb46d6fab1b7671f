//! Figures about a link.

use serde::Serialize;

/// How large everything is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Reachable RISC-V instructions.
    pub riscv_instructions: usize,
    /// Their bytes.
    pub riscv_bytes: usize,
    /// Bytes of all code sections of the input, reachable or not.
    pub input_code_bytes: u64,
    /// Instructions of the Image.
    pub instructions: usize,
    /// Bytes of the Image's code, without bitmask and jump table.
    pub code_bytes: u32,
    /// Entries of the jump table: return places and functions and labels whose address is taken.
    pub jump_table_entries: usize,
    /// Functions that are reachable, at least in part.
    pub functions: usize,
    /// Pieces of code whose source line is told; 0 without debug information.
    pub line_runs: usize,
    /// Pages of constants.
    pub constant_pages: u32,
    /// Pages of persistent variables.
    pub variable_pages: u32,
    /// Pages that are zero at the start of each call: stack, heap, ephemeral variables.
    pub ephemeral_pages: u32,
}
