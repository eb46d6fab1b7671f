//! Which registers an instruction reads and writes.

use crate::opcode::{Form, Kind};

/// A register operand of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum RegOperand {
    /// Register A.
    A,
    /// Register B.
    B,
    /// Register D.
    D,
    /// No register.
    None,
}

/// Which of an instruction's register operands it reads and writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles {
    /// The one that it writes.
    pub destination: RegOperand,
    /// The ones that it reads, in the order of its operands. `ecalli` and `ecall` are not counted as reading any.
    pub sources: [RegOperand; 3],
}

impl Roles {
    /// What follows from the kind and the form of an instruction.
    pub(crate) const fn of(kind: &Kind, form: Form) -> Roles {
        use RegOperand::{A, B, D, None};
        let destination = match (kind, form) {
            (Kind::Compute | Kind::ConditionalMove | Kind::Sbrk, Form::RegReg | Form::RegRegReg) => D,
            (Kind::Compute | Kind::ConditionalMove | Kind::Load { .. }, _) => A,
            (Kind::Jump, Form::RegImmOffset) | (Kind::IndirectJump, Form::RegRegImmImm) => A,
            _ => None,
        };
        let sources = match (kind, form) {
            (Kind::ConditionalMove, Form::RegRegReg) => [A, B, D],
            (Kind::ConditionalMove, _) => [B, A, None],
            (_, Form::RegReg) => [A, None, None],
            (_, Form::RegRegReg | Form::RegRegOffset) => [A, B, None],
            (Kind::Store { .. }, Form::RegRegImm) => [A, B, None],
            (_, Form::RegRegImm | Form::RegRegImmImm) => [B, None, None],
            (Kind::Store { .. }, Form::RegImm | Form::RegImmImm) => [A, None, None],
            (Kind::IndirectJump, Form::RegImm) => [A, None, None],
            (Kind::Branch, Form::RegImmOffset) => [A, None, None],
            _ => [None; 3],
        };
        Roles { destination, sources }
    }
}
