//! The form in which the public `polkavm` crate (0.37) takes a program: its instruction set `JamV1`, which has no
//! `sbrk` (101) and numbers the instructions behind it, 102 to 111, one lower.
//!
//! Programs that `polkavm` would read differently cannot be expressed:
//! - bare ones with `sbrk`;
//! - ones with an instruction so short that its operands are read from the opcode behind it, if that has another number;
//! - ones where the byte for register D of a three-register instruction is 16 or more: `polkavm` looks at its low four
//!   bits only, while the Gray Paper takes 12 for every byte above 12;
//! - ones with an instruction of 25 bytes, the most that can be skipped: near the end of the code `polkavm` does not find
//!   the instruction behind it.
//!
//! What is left are programs that it refuses to load, but which its simulator takes: those with an unknown opcode, and
//! those whose last instruction can run past the end ([`Config::only_valid`](crate::Config::only_valid) avoids both).

use javm_isa::program::MAX_SKIP;
use javm_isa::{Form, Mode, Opcode, Program};

/// A number that `JamV1` has no instruction for.
const UNKNOWN: u8 = 255;

/// The code of `program` with the numbers of `JamV1`; code and bitmask keep their layout. `ecall` of an Image becomes
/// `ecalli`, which costs the same, and `sbrk`, which traps there, an unknown opcode. `None` if it cannot be expressed.
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
    let mut starts = (0..program.code_length()).filter(|&pc| program.opcode_at(pc, mode).is_some());
    starts.all(|pc| reads_alike(program, mode, &code, pc)).then_some(code)
}

/// Whether polkavm reads the instruction at `pc` in the renumbered `code` as what it is.
fn reads_alike(program: &Program, mode: Mode, code: &[u8], pc: u32) -> bool {
    let form = program.decode(pc, mode).opcode.row().form;
    let operand = |index: u32| code.get((pc + index) as usize).copied().unwrap_or(0);
    let length_of_x = |bits: u8| u32::from(bits % 8).min(4);
    // How many operand bytes are read whether or not they are the instruction's own.
    let read = match form {
        Form::None | Form::Imm | Form::Offset => 0,
        Form::RegImm | Form::RegReg | Form::RegRegImm | Form::RegRegOffset => 1,
        Form::RegRegReg => 2,
        Form::RegImm64 => 9,
        Form::ImmImm => 1 + length_of_x(operand(1)),
        Form::RegImmImm | Form::RegImmOffset => 1 + length_of_x(operand(1) >> 4),
        Form::RegRegImmImm => 2 + length_of_x(operand(2)),
    };
    let end = (pc + 1 + read).min(program.code_length());
    let same = (program.next(pc)..end).all(|at| code[at as usize] == program.code()[at as usize]);
    same && (form != Form::RegRegReg || operand(2) < 16) && program.skip(pc) < MAX_SKIP
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
