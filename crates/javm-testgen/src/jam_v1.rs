//! The form in which the public `polkavm` crate (0.37) takes a program: its instruction set `JamV1`, which has no
//! `sbrk` (101) and numbers the instructions behind it, 102 to 111, one lower.
//!
//! What else it does differently, for whoever compares with it:
//! - It refuses to load code with an unknown opcode, and code whose last instruction can run past the end
//!   ([`Config::only_valid`](crate::Config::only_valid) avoids both).
//! - Of the byte that holds register D of a three-register instruction it looks at the low four bits only; the Gray
//!   Paper takes 12 for every byte above 12.

use javm_isa::{Mode, Opcode, Program};

/// A number that `JamV1` has no instruction for.
const UNKNOWN: u8 = 255;

/// The code of `program` with the numbers of `JamV1`; code and bitmask keep their layout. `ecall` of an Image becomes
/// `ecalli`, which costs the same, and `sbrk`, which traps there, an unknown opcode. `None` for bare programs with
/// `sbrk`, which cannot be expressed.
#[must_use]
pub fn code(program: &Program, mode: Mode) -> Option<Vec<u8>> {
    let mut code = program.code().to_vec();
    for (pc, byte) in (0..).zip(&mut code) {
        if !program.is_instruction_start(pc) {
            continue;
        }
        match (Opcode::in_mode(*byte, mode), *byte) {
            (Some(Opcode::Sbrk), _) => return None,
            (Some(Opcode::Ecall), _) => *byte = Opcode::Ecalli.number(),
            (Some(_), 102..=111) => *byte -= 1,
            (Some(_), _) => {}
            (None, _) => *byte = UNKNOWN,
        }
    }
    Some(code)
}

/// The whole blob in the form in which `polkavm_common::program::ProgramParts::code_and_jump_table` takes it. `None`
/// where [`code`] gives none.
#[must_use]
pub fn blob(program: &Program, mode: Mode) -> Option<Vec<u8>> {
    let code = code(program, mode)?;
    let mut blob = program.blob().to_vec();
    // The code stands right before the bitmask, which ends the blob.
    let end = blob.len() - code.len().div_ceil(8);
    blob[end - code.len()..end].copy_from_slice(&code);
    Some(blob)
}
