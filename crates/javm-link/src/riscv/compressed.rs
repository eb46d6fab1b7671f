//! The 16-bit instructions, each as the 32-bit one that it is short for.

use javm_isa::Reg;

use super::{Binary, Compare, DecodeError, Operand, Rv, Width, X, extend, field, register};

const WORD: Width = Width { bytes: 4, signed: true };
const DOUBLE: Width = Width { bytes: 8, signed: true };
const SP: X = Some(Reg::SP);

/// One of x8 to x15, which RV64E has all.
fn short(number: u32) -> X {
    Reg::new(number as u8 + Reg::S0.number())
}

fn immediate(op: Binary, rd: X, left: X, value: i32) -> Rv {
    Rv::Binary { op, rd, left, right: Operand::Immediate(value) }
}

fn binary(op: Binary, rd: X, right: X) -> Rv {
    Rv::Binary { op, rd, left: rd, right: Operand::Register(right) }
}

pub(super) fn decode(half: u16) -> Result<Rv, DecodeError> {
    let half = u32::from(half);
    match half & 3 {
        0 => quadrant_0(half),
        1 => quadrant_1(half),
        _ => quadrant_2(half),
    }
}

/// Loads and stores relative to a register.
fn quadrant_0(half: u32) -> Result<Rv, DecodeError> {
    let (base, other) = (short(field(half, 7, 3)), short(field(half, 2, 3)));
    let double = (field(half, 10, 3) << 3 | field(half, 5, 2) << 6) as i32;
    let word = (field(half, 10, 3) << 3 | field(half, 6, 1) << 2 | field(half, 5, 1) << 6) as i32;
    match field(half, 13, 3) {
        0 if half == 0 => Ok(Rv::Trap),
        0 => {
            let bits =
                field(half, 11, 2) << 4 | field(half, 7, 4) << 6 | field(half, 6, 1) << 2 | field(half, 5, 1) << 3;
            if bits == 0 {
                return Err(DecodeError::Unknown);
            }
            Ok(immediate(Binary::Add, other, SP, bits as i32))
        }
        2 => Ok(Rv::Load { width: WORD, rd: other, base, offset: word }),
        3 => Ok(Rv::Load { width: DOUBLE, rd: other, base, offset: double }),
        6 => Ok(Rv::Store { bytes: 4, source: other, base, offset: word }),
        7 => Ok(Rv::Store { bytes: 8, source: other, base, offset: double }),
        1 | 5 => Err(DecodeError::Float),
        _ => Err(DecodeError::Unknown),
    }
}

/// Immediates, arithmetic of short registers, jumps and branches.
fn quadrant_1(half: u32) -> Result<Rv, DecodeError> {
    let number = field(half, 7, 5);
    let small = extend(field(half, 12, 1) << 5 | field(half, 2, 5), 6);
    match field(half, 13, 3) {
        0 => register(number).map(|rd| immediate(Binary::Add, rd, rd, small)),
        1 if number == 0 => Err(DecodeError::Unknown),
        1 => register(number).map(|rd| immediate(Binary::Add32, rd, rd, small)),
        2 => register(number).map(|rd| immediate(Binary::Add, rd, None, small)),
        3 if small == 0 => Err(DecodeError::Unknown),
        3 if number == 2 => {
            let bits = field(half, 12, 1) << 9
                | field(half, 6, 1) << 4
                | field(half, 5, 1) << 6
                | field(half, 3, 2) << 7
                | field(half, 2, 1) << 5;
            Ok(immediate(Binary::Add, SP, SP, extend(bits, 10)))
        }
        3 => Ok(Rv::Lui { rd: register(number)?, value: small << 12 }),
        4 => arithmetic(half, small),
        5 => {
            let bits = field(half, 12, 1) << 11
                | field(half, 11, 1) << 4
                | field(half, 9, 2) << 8
                | field(half, 8, 1) << 10
                | field(half, 7, 1) << 6
                | field(half, 6, 1) << 7
                | field(half, 3, 3) << 1
                | field(half, 2, 1) << 5;
            Ok(Rv::Jal { rd: None, offset: extend(bits, 12) })
        }
        function => {
            let bits = field(half, 12, 1) << 8
                | field(half, 10, 2) << 3
                | field(half, 5, 2) << 6
                | field(half, 3, 2) << 1
                | field(half, 2, 1) << 5;
            let compare = if function == 6 { Compare::Equal } else { Compare::NotEqual };
            Ok(Rv::Branch { compare, left: short(field(half, 7, 3)), right: None, offset: extend(bits, 9) })
        }
    }
}

fn arithmetic(half: u32, small: i32) -> Result<Rv, DecodeError> {
    let (rd, other) = (short(field(half, 7, 3)), short(field(half, 2, 3)));
    match (field(half, 10, 2), field(half, 12, 1), field(half, 5, 2)) {
        (0, ..) => Ok(immediate(Binary::ShiftRight, rd, rd, small & 63)),
        (1, ..) => Ok(immediate(Binary::ShiftRightSigned, rd, rd, small & 63)),
        (2, ..) => Ok(immediate(Binary::And, rd, rd, small)),
        (_, 0, 0) => Ok(binary(Binary::Sub, rd, other)),
        (_, 0, 1) => Ok(binary(Binary::Xor, rd, other)),
        (_, 0, 2) => Ok(binary(Binary::Or, rd, other)),
        (_, 0, _) => Ok(binary(Binary::And, rd, other)),
        (_, _, 0) => Ok(binary(Binary::Sub32, rd, other)),
        (_, _, 1) => Ok(binary(Binary::Add32, rd, other)),
        _ => Err(DecodeError::Unknown),
    }
}

/// Shifts, moves, jumps through registers, loads and stores relative to the stack pointer.
fn quadrant_2(half: u32) -> Result<Rv, DecodeError> {
    let (first, second) = (field(half, 7, 5), field(half, 2, 5));
    let high = field(half, 12, 1);
    match field(half, 13, 3) {
        0 => {
            let rd = register(first)?;
            Ok(immediate(Binary::ShiftLeft, rd, rd, (high << 5 | second) as i32))
        }
        2 | 3 if first == 0 => Err(DecodeError::Unknown),
        2 => {
            let offset = high << 5 | field(half, 4, 3) << 2 | field(half, 2, 2) << 6;
            Ok(Rv::Load { width: WORD, rd: register(first)?, base: SP, offset: offset as i32 })
        }
        3 => {
            let offset = high << 5 | field(half, 5, 2) << 3 | field(half, 2, 3) << 6;
            Ok(Rv::Load { width: DOUBLE, rd: register(first)?, base: SP, offset: offset as i32 })
        }
        4 => match (high, first, second) {
            (0, 0, 0) => Err(DecodeError::Unknown),
            (1, 0, 0) => Ok(Rv::Trap),
            (link, _, 0) => {
                let rd = if link == 1 { Some(Reg::RA) } else { None };
                Ok(Rv::Jalr { rd, base: register(first)?, offset: 0 })
            }
            (0, ..) => Ok(Rv::Binary {
                op: Binary::Add,
                rd: register(first)?,
                left: None,
                right: Operand::Register(register(second)?),
            }),
            _ => Ok(binary(Binary::Add, register(first)?, register(second)?)),
        },
        6 => {
            let offset = field(half, 9, 4) << 2 | field(half, 7, 2) << 6;
            Ok(Rv::Store { bytes: 4, source: register(second)?, base: SP, offset: offset as i32 })
        }
        7 => {
            let offset = field(half, 10, 3) << 3 | field(half, 7, 3) << 6;
            Ok(Rv::Store { bytes: 8, source: register(second)?, base: SP, offset: offset as i32 })
        }
        _ => Err(DecodeError::Float),
    }
}
