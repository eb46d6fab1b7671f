//! Which operands an instruction has in text, and in which order: the destination first, memory in brackets.

use core::fmt::{self, Display, Formatter};

use crate::opcode::{Form, Kind, Opcode};

/// A place in the text of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operand {
    /// Register A.
    A,
    /// Register B.
    B,
    /// Register D.
    D,
    /// Immediate X.
    X,
    /// Immediate Y.
    Y,
    /// Where a jump or branch goes.
    Target,
    /// The memory at X: `[X]`.
    AtX,
    /// The memory at A + X: `[A + X]`.
    AtA,
    /// The memory at B + X: `[B + X]`.
    AtB,
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operand::A => "A",
            Operand::B => "B",
            Operand::D => "D",
            Operand::X => "X",
            Operand::Y => "Y",
            Operand::Target => "T",
            Operand::AtX => "[X]",
            Operand::AtA => "[A + X]",
            Operand::AtB => "[B + X]",
        })
    }
}

/// The operands of `opcode`, in the order in which they are written.
pub(super) fn operands(opcode: Opcode) -> &'static [Operand] {
    use Operand::{A, AtA, AtB, AtX, B, D, Target, X, Y};
    let row = opcode.row();
    match (row.form, row.kind) {
        (Form::None, _) => &[],
        (Form::Imm, _) => &[X],
        (Form::ImmImm, _) => &[AtX, Y],
        (Form::Offset, _) => &[Target],
        (Form::RegImm, Kind::Load { .. }) => &[A, AtX],
        (Form::RegImm, Kind::Store { .. }) => &[AtX, A],
        (Form::RegImm | Form::RegImm64, _) => &[A, X],
        (Form::RegImmImm, _) => &[AtA, Y],
        (Form::RegImmOffset, _) => &[A, X, Target],
        (Form::RegReg, _) => &[D, A],
        (Form::RegRegImm, Kind::Load { .. }) => &[A, AtB],
        (Form::RegRegImm, Kind::Store { .. }) => &[AtB, A],
        (Form::RegRegImm, _) => &[A, B, X],
        (Form::RegRegOffset, _) => &[A, B, Target],
        (Form::RegRegImmImm, _) => &[A, X, B, Y],
        (Form::RegRegReg, _) => &[D, A, B],
    }
}

/// The letters of labels that need no quotes: `@like_this-1.x`.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_plain_letter)
}

/// Whether `letter` may stand in a label without quotes.
pub(super) fn is_plain_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '$' | '-')
}
