//! One instruction: from bytes to operands and back.

use alloc::vec::Vec;
use thiserror::Error;

use crate::opcode::{Form, Kind, Opcode};
use crate::register::Reg;
use crate::roles::RegOperand;

mod decode;

/// A decoded instruction. Operands that its form does not have hold φ0 or zero, so that two instructions are equal
/// exactly when they do the same at the same place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// What it does.
    pub opcode: Opcode,
    /// Register A.
    pub a: Reg,
    /// Register B.
    pub b: Reg,
    /// Register D.
    pub d: Reg,
    /// Immediate X, sign-extended to 64 bits.
    pub x: u64,
    /// Immediate Y, sign-extended to 64 bits.
    pub y: u64,
    /// Where a static jump or branch goes: an offset in the code (which may lie outside of it).
    pub target: u32,
}

/// How many bytes the immediates of an instruction take when it is encoded; `None` means as few as hold the value.
/// An offset counts as the immediate that it stands for (X of a jump and a two-register branch, Y otherwise).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lengths {
    /// Bytes of X, 0 to 4.
    pub x: Option<u8>,
    /// Bytes of Y, 0 to 4.
    pub y: Option<u8>,
}

/// Why an instruction has no encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum EncodeError {
    /// An immediate is not the sign extension of four bytes, or of as many as were asked for.
    #[error("immediate {value:#x} does not fit into {bytes} bytes, sign-extended")]
    Immediate {
        /// The value.
        value: u64,
        /// How many bytes there were for it.
        bytes: u8,
    },
    /// More than four bytes were asked for.
    #[error("an immediate has at most 4 bytes, {0} were asked for")]
    Length(u8),
}

/// Bytes that a decoder may look at from the opcode on: opcode, two operand bytes, two immediates of four bytes.
pub(crate) const WINDOW: usize = 16;

impl Instruction {
    /// An instruction without operands.
    #[must_use]
    pub const fn new(opcode: Opcode) -> Instruction {
        Instruction { opcode, a: Reg::RA, b: Reg::RA, d: Reg::RA, x: 0, y: 0, target: 0 }
    }

    /// Appends its bytes, as they stand at `pc`, to `out` and gives their number.
    ///
    /// # Errors
    /// [`EncodeError`] when an immediate does not fit; `out` is then as it was.
    pub fn encode(&self, pc: u32, lengths: Lengths, out: &mut Vec<u8>) -> Result<usize, EncodeError> {
        let offset = i64::from(self.target.wrapping_sub(pc) as i32) as u64;
        let nibbles = |low: Reg, high: Reg| low.number() | high.number() << 4;
        let mut bytes = Bytes::new(self.opcode.number());
        match self.opcode.row().form {
            Form::None => {}
            Form::Imm => bytes.immediate(self.x, lengths.x)?,
            Form::RegImm64 => {
                bytes.push(self.a.number());
                bytes.extend(&self.x.to_le_bytes());
            }
            Form::ImmImm => {
                bytes.push(length_of(self.x, lengths.x)?);
                bytes.immediate(self.x, lengths.x)?;
                bytes.immediate(self.y, lengths.y)?;
            }
            Form::Offset => bytes.immediate(offset, lengths.x)?,
            Form::RegImm => {
                bytes.push(self.a.number());
                bytes.immediate(self.x, lengths.x)?;
            }
            form @ (Form::RegImmImm | Form::RegImmOffset) => {
                bytes.push(self.a.number() | length_of(self.x, lengths.x)? << 4);
                bytes.immediate(self.x, lengths.x)?;
                bytes.immediate(if form == Form::RegImmImm { self.y } else { offset }, lengths.y)?;
            }
            Form::RegReg => bytes.push(nibbles(self.d, self.a)),
            Form::RegRegImm => {
                bytes.push(nibbles(self.a, self.b));
                bytes.immediate(self.x, lengths.x)?;
            }
            Form::RegRegOffset => {
                bytes.push(nibbles(self.a, self.b));
                bytes.immediate(offset, lengths.x)?;
            }
            Form::RegRegImmImm => {
                bytes.push(nibbles(self.a, self.b));
                bytes.push(length_of(self.x, lengths.x)?);
                bytes.immediate(self.x, lengths.x)?;
                bytes.immediate(self.y, lengths.y)?;
            }
            Form::RegRegReg => {
                bytes.push(nibbles(self.a, self.b));
                bytes.push(self.d.number());
            }
        }
        out.extend_from_slice(bytes.written());
        Ok(bytes.written().len())
    }

    /// The register that it writes, if any.
    #[must_use]
    #[inline]
    pub fn destination(&self) -> Option<Reg> {
        self.register(self.opcode.row().roles.destination)
    }

    /// The registers that it reads, in the order of its operands. `ecalli` and `ecall` are not counted as reading any.
    #[must_use]
    #[inline]
    pub fn sources(&self) -> [Option<Reg>; 3] {
        self.opcode.row().roles.sources.map(|operand| self.register(operand))
    }

    #[inline]
    fn register(&self, operand: RegOperand) -> Option<Reg> {
        match operand {
            RegOperand::A => Some(self.a),
            RegOperand::B => Some(self.b),
            RegOperand::D => Some(self.d),
            RegOperand::None => None,
        }
    }

    /// Where it may go besides the next instruction, if that is fixed: the target of a static jump or branch.
    #[must_use]
    pub fn static_target(&self) -> Option<u32> {
        matches!(self.opcode.row().kind, Kind::Jump | Kind::Branch).then_some(self.target)
    }
}

/// As few bytes as hold `value` sign-extended, or `asked` if that is enough.
pub(crate) fn length_of(value: u64, asked: Option<u8>) -> Result<u8, EncodeError> {
    let fits = |bytes: u8| match bytes {
        0 => value == 0,
        _ => {
            let unused = 64 - 8 * u32::from(bytes);
            ((value << unused) as i64 >> unused) as u64 == value
        }
    };
    match asked {
        Some(bytes) if bytes > 4 => Err(EncodeError::Length(bytes)),
        Some(bytes) if fits(bytes) => Ok(bytes),
        Some(bytes) => Err(EncodeError::Immediate { value, bytes }),
        None => (0..=4).find(|&bytes| fits(bytes)).ok_or(EncodeError::Immediate { value, bytes: 4 }),
    }
}

/// The bytes of one instruction on their way out.
struct Bytes {
    bytes: [u8; WINDOW],
    length: usize,
}

impl Bytes {
    fn new(opcode: u8) -> Bytes {
        let mut bytes = [0; WINDOW];
        bytes[0] = opcode;
        Bytes { bytes, length: 1 }
    }

    fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    fn extend(&mut self, more: &[u8]) {
        self.bytes[self.length..self.length + more.len()].copy_from_slice(more);
        self.length += more.len();
    }

    fn immediate(&mut self, value: u64, asked: Option<u8>) -> Result<(), EncodeError> {
        let length = length_of(value, asked)?;
        self.extend(&value.to_le_bytes()[..usize::from(length)]);
        Ok(())
    }

    fn written(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
