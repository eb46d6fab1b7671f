//! Operations on values. Known numbers become immediates, and x0 becomes whatever the operation is with a zero.

use javm_isa::{Instruction, Opcode, Reg};

use super::facts::{Comparison, Fact, Right};
use super::ir::{Borrow, Node, Op, make};
use super::lower::{Decision, Lowering, Value, decide, fits};
use crate::riscv::{Binary, Compare, Unary, X};

/// What an operation is when one operand is zero, in terms of the other one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WithZero {
    /// The other operand.
    Same,
    Number(u64),
    /// The low 32 bits of the other operand, sign-extended.
    Extended,
    /// An instruction of the other operand and an immediate.
    Immediate(Opcode, u64),
    /// The larger or smaller of both, signed.
    Clamp(Opcode),
    /// Zero divided by the other operand: all ones if that is zero too.
    Divided,
    /// The same in 32 bits.
    Divided32,
}

const ONES: u64 = u64::MAX;

fn with_right_zero(op: Binary) -> WithZero {
    use WithZero::{Clamp, Extended, Immediate, Number, Same};
    match op {
        Binary::Add
        | Binary::Sub
        | Binary::Or
        | Binary::Xor
        | Binary::ShiftLeft
        | Binary::ShiftRight
        | Binary::ShiftRightSigned
        | Binary::RotateLeft
        | Binary::RotateRight
        | Binary::Rem
        | Binary::RemUnsigned
        | Binary::AndNot
        | Binary::MaxUnsigned => Same,
        Binary::Add32
        | Binary::Sub32
        | Binary::ShiftLeft32
        | Binary::ShiftRight32
        | Binary::ShiftRightSigned32
        | Binary::RotateLeft32
        | Binary::RotateRight32
        | Binary::Rem32
        | Binary::RemUnsigned32 => Extended,
        Binary::And
        | Binary::LessUnsigned
        | Binary::Mul
        | Binary::Mul32
        | Binary::MulHigh
        | Binary::MulHighUnsigned
        | Binary::MulHighSignedUnsigned
        | Binary::MinUnsigned => Number(0),
        Binary::Div | Binary::DivUnsigned | Binary::Div32 | Binary::DivUnsigned32 | Binary::OrNot => Number(ONES),
        Binary::Less => Immediate(Opcode::SetLtSImm, 0),
        Binary::XorNot => Immediate(Opcode::XorImm, ONES),
        Binary::Max => Clamp(Opcode::Max),
        Binary::Min => Clamp(Opcode::Min),
    }
}

fn with_left_zero(op: Binary) -> WithZero {
    use WithZero::{Clamp, Divided, Divided32, Extended, Immediate, Number, Same};
    match op {
        Binary::Add | Binary::Or | Binary::Xor | Binary::MaxUnsigned => Same,
        Binary::Add32 => Extended,
        Binary::And
        | Binary::AndNot
        | Binary::ShiftLeft
        | Binary::ShiftRight
        | Binary::ShiftRightSigned
        | Binary::ShiftLeft32
        | Binary::ShiftRight32
        | Binary::ShiftRightSigned32
        | Binary::RotateLeft
        | Binary::RotateRight
        | Binary::RotateLeft32
        | Binary::RotateRight32
        | Binary::Mul
        | Binary::Mul32
        | Binary::MulHigh
        | Binary::MulHighUnsigned
        | Binary::MulHighSignedUnsigned
        | Binary::Rem
        | Binary::RemUnsigned
        | Binary::Rem32
        | Binary::RemUnsigned32
        | Binary::MinUnsigned => Number(0),
        Binary::Sub => Immediate(Opcode::NegAddImm64, 0),
        Binary::Sub32 => Immediate(Opcode::NegAddImm32, 0),
        Binary::Less => Immediate(Opcode::SetGtSImm, 0),
        Binary::LessUnsigned => Immediate(Opcode::SetGtUImm, 0),
        Binary::OrNot | Binary::XorNot => Immediate(Opcode::XorImm, ONES),
        Binary::Max => Clamp(Opcode::Max),
        Binary::Min => Clamp(Opcode::Min),
        Binary::Div | Binary::DivUnsigned => Divided,
        Binary::Div32 | Binary::DivUnsigned32 => Divided32,
    }
}

/// The instruction with two registers.
fn with_registers(op: Binary) -> Opcode {
    match op {
        Binary::Add => Opcode::Add64,
        Binary::Sub => Opcode::Sub64,
        Binary::ShiftLeft => Opcode::ShloL64,
        Binary::ShiftRight => Opcode::ShloR64,
        Binary::ShiftRightSigned => Opcode::SharR64,
        Binary::Less => Opcode::SetLtS,
        Binary::LessUnsigned => Opcode::SetLtU,
        Binary::And => Opcode::And,
        Binary::Or => Opcode::Or,
        Binary::Xor => Opcode::Xor,
        Binary::Add32 => Opcode::Add32,
        Binary::Sub32 => Opcode::Sub32,
        Binary::ShiftLeft32 => Opcode::ShloL32,
        Binary::ShiftRight32 => Opcode::ShloR32,
        Binary::ShiftRightSigned32 => Opcode::SharR32,
        Binary::Mul => Opcode::Mul64,
        Binary::Mul32 => Opcode::Mul32,
        Binary::MulHigh => Opcode::MulUpperSS,
        Binary::MulHighUnsigned => Opcode::MulUpperUU,
        Binary::MulHighSignedUnsigned => Opcode::MulUpperSU,
        Binary::Div => Opcode::DivS64,
        Binary::DivUnsigned => Opcode::DivU64,
        Binary::Rem => Opcode::RemS64,
        Binary::RemUnsigned => Opcode::RemU64,
        Binary::Div32 => Opcode::DivS32,
        Binary::DivUnsigned32 => Opcode::DivU32,
        Binary::Rem32 => Opcode::RemS32,
        Binary::RemUnsigned32 => Opcode::RemU32,
        Binary::AndNot => Opcode::AndInv,
        Binary::OrNot => Opcode::OrInv,
        Binary::XorNot => Opcode::Xnor,
        Binary::Max => Opcode::Max,
        Binary::MaxUnsigned => Opcode::MaxU,
        Binary::Min => Opcode::Min,
        Binary::MinUnsigned => Opcode::MinU,
        Binary::RotateLeft => Opcode::RotL64,
        Binary::RotateRight => Opcode::RotR64,
        Binary::RotateLeft32 => Opcode::RotL32,
        Binary::RotateRight32 => Opcode::RotR32,
    }
}

/// The instruction with a number on the right, and its immediate.
fn with_number_right(op: Binary, number: u64) -> Option<(Opcode, u64)> {
    let negative = number.wrapping_neg();
    let (opcode, immediate) = match op {
        Binary::Add => (Opcode::AddImm64, number),
        Binary::Sub => (Opcode::AddImm64, negative),
        Binary::And => (Opcode::AndImm, number),
        Binary::AndNot => (Opcode::AndImm, !number),
        Binary::Or => (Opcode::OrImm, number),
        Binary::OrNot => (Opcode::OrImm, !number),
        Binary::Xor => (Opcode::XorImm, number),
        Binary::XorNot => (Opcode::XorImm, !number),
        Binary::ShiftLeft => (Opcode::ShloLImm64, number & 63),
        Binary::ShiftRight => (Opcode::ShloRImm64, number & 63),
        Binary::ShiftRightSigned => (Opcode::SharRImm64, number & 63),
        Binary::RotateRight => (Opcode::RotR64Imm, number & 63),
        Binary::RotateLeft => (Opcode::RotR64Imm, negative & 63),
        Binary::Less => (Opcode::SetLtSImm, number),
        Binary::LessUnsigned => (Opcode::SetLtUImm, number),
        Binary::Mul => (Opcode::MulImm64, number),
        // Of the 32-bit operations only the low half of the operand counts.
        Binary::Add32 => (Opcode::AddImm32, low(number)),
        Binary::Sub32 => (Opcode::AddImm32, low(negative)),
        Binary::Mul32 => (Opcode::MulImm32, low(number)),
        Binary::ShiftLeft32 => (Opcode::ShloLImm32, number & 31),
        Binary::ShiftRight32 => (Opcode::ShloRImm32, number & 31),
        Binary::ShiftRightSigned32 => (Opcode::SharRImm32, number & 31),
        Binary::RotateRight32 => (Opcode::RotR32Imm, number & 31),
        Binary::RotateLeft32 => (Opcode::RotR32Imm, negative & 31),
        _ => return None,
    };
    fits(immediate).then_some((opcode, immediate))
}

/// The instruction with a number on the left, and its immediate.
fn with_number_left(op: Binary, number: u64) -> Option<(Opcode, u64)> {
    let (opcode, immediate) = match op {
        Binary::Sub => (Opcode::NegAddImm64, number),
        Binary::Sub32 => (Opcode::NegAddImm32, low(number)),
        Binary::Less => (Opcode::SetGtSImm, number),
        Binary::LessUnsigned => (Opcode::SetGtUImm, number),
        Binary::XorNot => (Opcode::XorImm, !number),
        Binary::Add | Binary::Add32 | Binary::And | Binary::Or | Binary::Xor | Binary::Mul | Binary::Mul32 => {
            return with_number_right(op, number);
        }
        _ => return None,
    };
    fits(immediate).then_some((opcode, immediate))
}

/// The same for shifts and rotations. These forms take more decode slots than those with a register: they are worth it
/// only if the register need not be loaded.
fn with_shifted_number(op: Binary, number: u64) -> Option<(Opcode, u64)> {
    let (opcode, immediate) = match op {
        Binary::ShiftLeft => (Opcode::ShloLImmAlt64, number),
        Binary::ShiftRight => (Opcode::ShloRImmAlt64, number),
        Binary::ShiftRightSigned => (Opcode::SharRImmAlt64, number),
        Binary::RotateRight => (Opcode::RotR64ImmAlt, number),
        Binary::ShiftLeft32 => (Opcode::ShloLImmAlt32, low(number)),
        Binary::ShiftRight32 => (Opcode::ShloRImmAlt32, low(number)),
        Binary::ShiftRightSigned32 => (Opcode::SharRImmAlt32, low(number)),
        Binary::RotateRight32 => (Opcode::RotR32ImmAlt, low(number)),
        _ => return None,
    };
    fits(immediate).then_some((opcode, immediate))
}

/// The low 32 bits, sign-extended.
fn low(number: u64) -> u64 {
    number as i32 as i64 as u64
}

impl Lowering<'_> {
    pub(super) fn binary(&mut self, op: Binary, rd: Reg, left: Value, right: Value) {
        if let (Some(a), Some(b)) = (left.number, right.number) {
            let result = op.evaluate(a, b);
            // Eight bytes of immediate are worth it only if the operands need not be loaded for this.
            let overwritten = |value: Value| value.register.is_none_or(|register| register == rd);
            if fits(result) || (overwritten(left) && overwritten(right)) {
                return self.set_number(rd, result);
            }
            self.general(op, rd, left, right);
            return self.facts.set(rd, Fact::Number(result));
        }
        self.general(op, rd, left, right);
    }

    fn general(&mut self, op: Binary, rd: Reg, left: Value, right: Value) {
        if right.number == Some(0) {
            return self.with_zero(with_right_zero(op), rd, left);
        }
        if left.number == Some(0) {
            return self.with_zero(with_left_zero(op), rd, right);
        }
        if self.fuse_shifts(op, rd, left, right) {
            return;
        }
        self.select(op, rd, left, right);
    }

    /// A shift to the left and one to the right by as much cut a number of high bits off, which is an `and` when the mask
    /// fits into an immediate. The first one must have no other use.
    fn fuse_shifts(&mut self, op: Binary, rd: Reg, left: Value, right: Value) -> bool {
        let (Binary::ShiftRight, Some(by @ 33..=63)) = (op, right.number) else { return false };
        let Some(&Node::Op(Op { instruction: Instruction { opcode: Opcode::ShloLImm64, a, b, x, .. }, .. })) =
            self.nodes.last()
        else {
            return false;
        };
        if a != rd || left.register != Some(a) || x != by {
            return false;
        }
        self.nodes.pop();
        self.push(make::reg_reg_imm(Opcode::AndImm, rd, b, (1 << (64 - by)) - 1), Fact::Unknown);
        true
    }

    /// An instruction for the operation, whatever its operands are.
    fn select(&mut self, op: Binary, rd: Reg, left: Value, right: Value) {
        let choice = match (left, right) {
            (Value { register: Some(other), .. }, Value { number: Some(number), .. }) => {
                with_number_right(op, number).map(|form| (form, other))
            }
            (Value { number: Some(number), register }, Value { register: Some(other), .. }) => {
                let mut form = with_number_left(op, number);
                if register.is_none_or(|register| register == rd) {
                    form = form.or_else(|| with_shifted_number(op, number));
                }
                form.map(|form| (form, other))
            }
            _ => None,
        };
        let fact = self.result(op, left, right);
        if let Some(((opcode, immediate), other)) = choice {
            return self.push(make::reg_reg_imm(opcode, rd, other, immediate), fact);
        }
        // Numbers without a register are immediates of operations that have such a form, or zero.
        if let (Some(left), Some(right)) = (left.register, right.register) {
            self.push(make::reg_reg_reg(with_registers(op), rd, left, right), fact);
        }
    }

    /// What is known of a result that is not known as a number.
    fn result(&self, op: Binary, left: Value, right: Value) -> Fact {
        let compared = match op {
            Binary::Less => decide(Compare::Less, left, right),
            Binary::LessUnsigned => decide(Compare::LessUnsigned, left, right),
            Binary::Add | Binary::Sub => return self.sum(op, left, right),
            _ => return Fact::Unknown,
        };
        match compared {
            Decision::Open(comparison) => Fact::Comparison(comparison),
            Decision::Known(known) => Fact::Number(known.into()),
        }
    }

    fn sum(&self, op: Binary, left: Value, right: Value) -> Fact {
        let (base, number) = match (op, left, right) {
            (Binary::Add | Binary::Sub, Value { register: Some(base), .. }, Value { number: Some(number), .. }) => {
                (base, if op == Binary::Sub { number.wrapping_neg() } else { number })
            }
            (Binary::Add, Value { number: Some(number), .. }, Value { register: Some(base), .. }) => (base, number),
            _ => return Fact::Unknown,
        };
        if !fits(number) {
            return Fact::Unknown;
        }
        self.shifted_base(base, number as i32)
    }

    /// `base + add`, in terms of what `base` itself is a sum of if that is possible.
    fn shifted_base(&self, base: Reg, add: i32) -> Fact {
        if let Fact::Sum { base: inner, add: more } = self.facts.get(base)
            && let Some(add) = add.checked_add(more)
        {
            return Fact::Sum { base: inner, add };
        }
        Fact::Sum { base, add }
    }

    fn with_zero(&mut self, what: WithZero, rd: Reg, other: Value) {
        let Some(register) = other.register else { return };
        let immediate = |opcode, x| make::reg_reg_imm(opcode, rd, register, x);
        match what {
            WithZero::Same => self.copy(rd, other),
            WithZero::Number(number) => self.set_number(rd, number),
            WithZero::Extended => self.push(immediate(Opcode::AddImm32, 0), Fact::Unknown),
            WithZero::Immediate(opcode, x) => {
                let fact = match opcode {
                    Opcode::SetLtSImm => compared(Opcode::BranchLtSImm, register),
                    Opcode::SetGtSImm => compared(Opcode::BranchGtSImm, register),
                    Opcode::SetGtUImm => compared(Opcode::BranchGtUImm, register),
                    _ => Fact::Unknown,
                };
                self.push(immediate(opcode, x), fact);
            }
            WithZero::Clamp(opcode) => self.clamp(opcode, rd, register),
            WithZero::Divided => self.divided(rd, register),
            WithZero::Divided32 => {
                self.push(immediate(Opcode::AddImm32, 0), Fact::Unknown);
                self.divided(rd, rd);
            }
        }
    }

    /// -1 if `source` is zero, else 0.
    fn divided(&mut self, rd: Reg, source: Reg) {
        self.push(make::reg_reg_imm(Opcode::SetLtUImm, rd, source, 1), Fact::Unknown);
        self.push(make::reg_reg_imm(Opcode::NegAddImm64, rd, rd, 0), Fact::Unknown);
    }

    /// The sign of a register, spread over all bits, is a mask that keeps it if negative and its inverse if not.
    fn clamp(&mut self, opcode: Opcode, rd: Reg, source: Reg) {
        if rd == source {
            self.nodes.push(Node::Borrow(Borrow::Clamp { opcode, register: rd }, self.at.offset));
            self.forget(rd);
            return;
        }
        self.push(make::reg_reg_imm(Opcode::SharRImm64, rd, source, 63), Fact::Unknown);
        let masked = if opcode == Opcode::Max { Opcode::AndInv } else { Opcode::And };
        self.push(make::reg_reg_reg(masked, rd, source, rd), Fact::Unknown);
    }

    /// `rd = value`.
    pub(super) fn copy(&mut self, rd: Reg, value: Value) {
        match value {
            Value { number: Some(number), register } if fits(number) || register.is_none() => {
                self.set_number(rd, number)
            }
            Value { register: Some(source), .. } if source != rd => {
                let fact = match self.facts.get(source) {
                    known @ (Fact::Number(_) | Fact::Code(_)) => known,
                    _ => self.shifted_base(source, 0),
                };
                self.push(make::reg_reg(Opcode::MoveReg, rd, source), fact);
            }
            // It is there already.
            _ => {}
        }
    }

    pub(super) fn unary(&mut self, op: Unary, rd: Reg, source: X) {
        let value = self.value(source);
        let Value { number: None, register: Some(source) } = value else {
            let result = op.evaluate(value.number.unwrap_or(0));
            return self.set_number(rd, result);
        };
        let opcode = match op {
            Unary::LeadingZeros => Opcode::LeadingZeroBits64,
            Unary::LeadingZeros32 => Opcode::LeadingZeroBits32,
            Unary::TrailingZeros => Opcode::TrailingZeroBits64,
            Unary::TrailingZeros32 => Opcode::TrailingZeroBits32,
            Unary::Ones => Opcode::CountSetBits64,
            Unary::Ones32 => Opcode::CountSetBits32,
            Unary::SignExtend8 => Opcode::SignExtend8,
            Unary::SignExtend16 => Opcode::SignExtend16,
            Unary::ZeroExtend16 => Opcode::ZeroExtend16,
            Unary::ReverseBytes => Opcode::ReverseBytes,
            Unary::OrBytes => {
                self.nodes.push(Node::Borrow(Borrow::OrBytes { rd, source }, self.at.offset));
                self.forget(rd);
                return;
            }
        };
        self.push(make::reg_reg(opcode, rd, source), Fact::Unknown);
    }

    pub(super) fn conditional_move(&mut self, if_zero: bool, rd: Reg, source: Value, condition: Value) {
        let condition = match condition {
            Value { number: Some(number), .. } if (number == 0) == if_zero => return self.copy(rd, source),
            Value { number: Some(_), .. } | Value { register: None, .. } => return,
            Value { register: Some(condition), .. } => condition,
        };
        let (with_number, with_register) = match if_zero {
            true => (Opcode::CmovIzImm, Opcode::CmovIz),
            false => (Opcode::CmovNzImm, Opcode::CmovNz),
        };
        match (source.immediate(), source.register) {
            (Some(number), _) => self.push(make::reg_reg_imm(with_number, rd, condition, number), Fact::Unknown),
            (None, Some(source)) => self.push(make::reg_reg_reg(with_register, rd, source, condition), Fact::Unknown),
            (None, None) => {}
        }
    }

    pub(super) fn conditional_zero(&mut self, if_zero: bool, rd: Reg, source: Value, condition: Value) {
        let condition = match condition {
            Value { number: Some(number), .. } if (number == 0) == if_zero => return self.set_number(rd, 0),
            Value { number: Some(_), .. } | Value { register: None, .. } => return self.copy(rd, source),
            Value { register: Some(condition), .. } => condition,
        };
        // A register that is its own condition is zero in either case if it has to be zero to be kept.
        let is_own_condition = !if_zero && source.register == Some(condition);
        if source.number == Some(0) || is_own_condition {
            return self.set_number(rd, 0);
        }
        if condition != rd {
            self.copy(rd, source);
            let opcode = if if_zero { Opcode::CmovIzImm } else { Opcode::CmovNzImm };
            return self.push(make::reg_reg_imm(opcode, rd, condition, 0), Fact::Unknown);
        }
        match (if_zero, source.immediate(), source.register) {
            // The register is its own condition: where it is zero it already holds the result.
            (true, Some(number), _) => self.push(make::reg_reg_imm(Opcode::CmovNzImm, rd, rd, number), Fact::Unknown),
            (true, None, Some(source)) => self.push(make::reg_reg_reg(Opcode::CmovNz, rd, source, rd), Fact::Unknown),
            // Where it is not zero it first becomes a number that is the same wherever: all ones, then masked.
            (false, number, register) => {
                self.push(make::reg_reg_imm(Opcode::SetLtUImm, rd, rd, 1), Fact::Unknown);
                self.push(make::reg_reg_imm(Opcode::NegAddImm64, rd, rd, 0), Fact::Unknown);
                match (number, register) {
                    (Some(number), _) => self.push(make::reg_reg_imm(Opcode::AndImm, rd, rd, number), Fact::Unknown),
                    (None, Some(source)) => {
                        self.push(make::reg_reg_reg(Opcode::And, rd, rd, source), Fact::Unknown);
                    }
                    (None, None) => {}
                }
            }
            (true, None, None) => {}
        }
    }
}

/// The comparison of a register with zero.
fn compared(opcode: Opcode, left: Reg) -> Fact {
    Fact::Comparison(Comparison { opcode, left, right: Right::Immediate(0) })
}
