//! The 32-bit instructions.

use super::{Binary, Compare, DecodeError, Operand, Rv, Unary, Width, compressed, extend, field, register};

/// Decodes the instruction at the start of `bytes` (at most the first four count) and gives its length. `None` if it is
/// cut off.
pub(crate) fn decode(bytes: &[u8]) -> Option<(super::Word, Result<Rv, DecodeError>)> {
    let low = u16::from_le_bytes(*bytes.first_chunk()?);
    if low & 3 != 3 {
        let word = super::Word { bits: low.into(), bytes: 2 };
        return Some((word, compressed::decode(low)));
    }
    let bits = u32::from_le_bytes(*bytes.first_chunk()?);
    let decoded = if low & 0x1C == 0x1C { Err(DecodeError::Long) } else { decode_word(bits) };
    Some((super::Word { bits, bytes: 4 }, decoded))
}

const LOAD: u32 = 0x03;
const LOAD_FP: u32 = 0x07;
const CUSTOM_0: u32 = 0x0B;
const MISC_MEM: u32 = 0x0F;
const OP_IMM: u32 = 0x13;
const AUIPC: u32 = 0x17;
const OP_IMM_32: u32 = 0x1B;
const STORE: u32 = 0x23;
const STORE_FP: u32 = 0x27;
const AMO: u32 = 0x2F;
const OP: u32 = 0x33;
const LUI: u32 = 0x37;
const OP_32: u32 = 0x3B;
const OP_FP: u32 = 0x53;
const OP_V: u32 = 0x57;
const BRANCH: u32 = 0x63;
const JALR: u32 = 0x67;
const JAL: u32 = 0x6F;
const SYSTEM: u32 = 0x73;

fn decode_word(word: u32) -> Result<Rv, DecodeError> {
    let function = field(word, 12, 3);
    let rd = || register(field(word, 7, 5));
    let rs1 = || register(field(word, 15, 5));
    let rs2 = || register(field(word, 20, 5));
    let immediate = word as i32 >> 20;
    match word & 0x7F {
        LUI => Ok(Rv::Lui { rd: rd()?, value: (word & 0xFFFF_F000) as i32 }),
        AUIPC => Ok(Rv::Auipc { rd: rd()?, value: (word & 0xFFFF_F000) as i32 }),
        JAL => Ok(Rv::Jal { rd: rd()?, offset: jump_offset(word) }),
        JALR if function == 0 => Ok(Rv::Jalr { rd: rd()?, base: rs1()?, offset: immediate }),
        BRANCH => {
            let compare = match function {
                0 => Compare::Equal,
                1 => Compare::NotEqual,
                4 => Compare::Less,
                5 => Compare::GreaterEqual,
                6 => Compare::LessUnsigned,
                7 => Compare::GreaterEqualUnsigned,
                _ => return Err(DecodeError::Unknown),
            };
            Ok(Rv::Branch { compare, left: rs1()?, right: rs2()?, offset: branch_offset(word) })
        }
        LOAD if function != 7 => {
            let width = Width { bytes: 1 << (function & 3), signed: function < 4 };
            Ok(Rv::Load { width, rd: rd()?, base: rs1()?, offset: immediate })
        }
        STORE if function < 4 => {
            let offset = extend(field(word, 25, 7) << 5 | field(word, 7, 5), 12);
            Ok(Rv::Store { bytes: 1 << function, source: rs2()?, base: rs1()?, offset })
        }
        OP_IMM => decode_immediate(word, rd()?, rs1()?),
        OP_IMM_32 => decode_immediate_32(word, rd()?, rs1()?),
        OP => decode_register(word, rd()?, rs1()?, rs2()?),
        OP_32 => decode_register_32(word, rd()?, rs1()?, rs2()?),
        MISC_MEM if function == 0 => Ok(Rv::Fence),
        MISC_MEM => Err(DecodeError::Privileged),
        SYSTEM => match word {
            0x0000_0073 => Ok(Rv::Ecall),
            // `unimp` is written as a write to a read-only counter.
            0x0010_0073 | 0xC000_1073 => Ok(Rv::Trap),
            _ if function == 0 || function == 4 => Err(DecodeError::Privileged),
            _ => Err(DecodeError::Csr),
        },
        CUSTOM_0 => decode_custom(word),
        LOAD_FP | STORE_FP if matches!(function, 0 | 5..=7) => Err(DecodeError::Vector),
        LOAD_FP | STORE_FP | 0x43 | 0x47 | 0x4B | 0x4F | OP_FP => Err(DecodeError::Float),
        AMO => Err(DecodeError::Atomic),
        OP_V => Err(DecodeError::Vector),
        _ => Err(DecodeError::Unknown),
    }
}

fn jump_offset(word: u32) -> i32 {
    let bits =
        field(word, 31, 1) << 20 | field(word, 12, 8) << 12 | field(word, 20, 1) << 11 | field(word, 21, 10) << 1;
    extend(bits, 21)
}

fn branch_offset(word: u32) -> i32 {
    let bits = field(word, 31, 1) << 12 | field(word, 7, 1) << 11 | field(word, 25, 6) << 5 | field(word, 8, 4) << 1;
    extend(bits, 13)
}

fn decode_immediate(word: u32, rd: super::X, left: super::X) -> Result<Rv, DecodeError> {
    let immediate = word as i32 >> 20;
    let shift = field(word, 20, 6);
    let binary = |op, right| Ok(Rv::Binary { op, rd, left, right: Operand::Immediate(right) });
    let unary = |op| Ok(Rv::Unary { op, rd, source: left });
    match (field(word, 12, 3), field(word, 26, 6), field(word, 20, 12)) {
        (0, ..) => binary(Binary::Add, immediate),
        (2, ..) => binary(Binary::Less, immediate),
        (3, ..) => binary(Binary::LessUnsigned, immediate),
        (4, ..) => binary(Binary::Xor, immediate),
        (6, ..) => binary(Binary::Or, immediate),
        (7, ..) => binary(Binary::And, immediate),
        (1, 0x00, _) => binary(Binary::ShiftLeft, shift as i32),
        (1, _, 0x600) => unary(Unary::LeadingZeros),
        (1, _, 0x601) => unary(Unary::TrailingZeros),
        (1, _, 0x602) => unary(Unary::Ones),
        (1, _, 0x604) => unary(Unary::SignExtend8),
        (1, _, 0x605) => unary(Unary::SignExtend16),
        (5, 0x00, _) => binary(Binary::ShiftRight, shift as i32),
        (5, 0x10, _) => binary(Binary::ShiftRightSigned, shift as i32),
        (5, 0x18, _) => binary(Binary::RotateRight, shift as i32),
        (5, _, 0x287) => unary(Unary::OrBytes),
        (5, _, 0x6B8) => unary(Unary::ReverseBytes),
        _ => Err(DecodeError::Unknown),
    }
}

fn decode_immediate_32(word: u32, rd: super::X, left: super::X) -> Result<Rv, DecodeError> {
    let shift = field(word, 20, 5) as i32;
    let binary = |op, right| Ok(Rv::Binary { op, rd, left, right: Operand::Immediate(right) });
    let unary = |op| Ok(Rv::Unary { op, rd, source: left });
    match (field(word, 12, 3), field(word, 25, 7), field(word, 20, 5)) {
        (0, ..) => binary(Binary::Add32, word as i32 >> 20),
        (1, 0x00, _) => binary(Binary::ShiftLeft32, shift),
        (1, 0x30, 0) => unary(Unary::LeadingZeros32),
        (1, 0x30, 1) => unary(Unary::TrailingZeros32),
        (1, 0x30, 2) => unary(Unary::Ones32),
        (5, 0x00, _) => binary(Binary::ShiftRight32, shift),
        (5, 0x20, _) => binary(Binary::ShiftRightSigned32, shift),
        (5, 0x30, _) => binary(Binary::RotateRight32, shift),
        _ => Err(DecodeError::Unknown),
    }
}

fn decode_register(word: u32, rd: super::X, left: super::X, right: super::X) -> Result<Rv, DecodeError> {
    let op = match (field(word, 25, 7), field(word, 12, 3)) {
        (0x00, 0) => Binary::Add,
        (0x00, 1) => Binary::ShiftLeft,
        (0x00, 2) => Binary::Less,
        (0x00, 3) => Binary::LessUnsigned,
        (0x00, 4) => Binary::Xor,
        (0x00, 5) => Binary::ShiftRight,
        (0x00, 6) => Binary::Or,
        (0x00, 7) => Binary::And,
        (0x01, 0) => Binary::Mul,
        (0x01, 1) => Binary::MulHigh,
        (0x01, 2) => Binary::MulHighSignedUnsigned,
        (0x01, 3) => Binary::MulHighUnsigned,
        (0x01, 4) => Binary::Div,
        (0x01, 5) => Binary::DivUnsigned,
        (0x01, 6) => Binary::Rem,
        (0x01, 7) => Binary::RemUnsigned,
        (0x05, 4) => Binary::Min,
        (0x05, 5) => Binary::MinUnsigned,
        (0x05, 6) => Binary::Max,
        (0x05, 7) => Binary::MaxUnsigned,
        (0x07, 5) => return Ok(Rv::ConditionalZero { if_zero: true, rd, source: left, condition: right }),
        (0x07, 7) => return Ok(Rv::ConditionalZero { if_zero: false, rd, source: left, condition: right }),
        (0x20, 0) => Binary::Sub,
        (0x20, 4) => Binary::XorNot,
        (0x20, 5) => Binary::ShiftRightSigned,
        (0x20, 6) => Binary::OrNot,
        (0x20, 7) => Binary::AndNot,
        (0x30, 1) => Binary::RotateLeft,
        (0x30, 5) => Binary::RotateRight,
        _ => return Err(DecodeError::Unknown),
    };
    Ok(Rv::Binary { op, rd, left, right: Operand::Register(right) })
}

fn decode_register_32(word: u32, rd: super::X, left: super::X, right: super::X) -> Result<Rv, DecodeError> {
    let op = match (field(word, 25, 7), field(word, 12, 3)) {
        (0x00, 0) => Binary::Add32,
        (0x00, 1) => Binary::ShiftLeft32,
        (0x00, 5) => Binary::ShiftRight32,
        (0x01, 0) => Binary::Mul32,
        (0x01, 4) => Binary::Div32,
        (0x01, 5) => Binary::DivUnsigned32,
        (0x01, 6) => Binary::Rem32,
        (0x01, 7) => Binary::RemUnsigned32,
        (0x04, 4) if right.is_none() => return Ok(Rv::Unary { op: Unary::ZeroExtend16, rd, source: left }),
        (0x20, 0) => Binary::Sub32,
        (0x20, 5) => Binary::ShiftRightSigned32,
        (0x30, 1) => Binary::RotateLeft32,
        (0x30, 5) => Binary::RotateRight32,
        _ => return Err(DecodeError::Unknown),
    };
    Ok(Rv::Binary { op, rd, left, right: Operand::Register(right) })
}

/// Custom-0: two conditional moves of XTheadCondMov (function 1), and our own call of a slot (function 0).
fn decode_custom(word: u32) -> Result<Rv, DecodeError> {
    let (rd, rs1, rs2) = (field(word, 7, 5), field(word, 15, 5), field(word, 20, 5));
    let if_zero = match (field(word, 12, 3), field(word, 25, 7)) {
        (0, _) if rd == 0 && rs1 == 0 => return Ok(Rv::Ecalli { slot: field(word, 20, 12) as u16 }),
        (1, 0x20) => true,
        (1, 0x21) => false,
        _ => return Err(DecodeError::Custom),
    };
    Ok(Rv::ConditionalMove { if_zero, rd: register(rd)?, source: register(rs1)?, condition: register(rs2)? })
}
