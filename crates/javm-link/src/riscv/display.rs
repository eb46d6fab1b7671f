//! Instructions as text, for messages.

use std::fmt;

use super::{Compare, Operand, Rv, Width, Word, X, decode};

struct Name(X);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("zero", javm_isa::Reg::name))
    }
}

impl Compare {
    fn text(self) -> &'static str {
        match self {
            Compare::Equal => "beq",
            Compare::NotEqual => "bne",
            Compare::Less => "blt",
            Compare::GreaterEqual => "bge",
            Compare::LessUnsigned => "bltu",
            Compare::GreaterEqualUnsigned => "bgeu",
        }
    }
}

fn size(bytes: u8) -> char {
    match bytes {
        1 => 'b',
        2 => 'h',
        4 => 'w',
        _ => 'd',
    }
}

impl fmt::Display for Rv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Rv::Lui { rd, value } => write!(f, "lui {}, {:#x}", Name(rd), value as u32 >> 12),
            Rv::Auipc { rd, value } => write!(f, "auipc {}, {:#x}", Name(rd), value as u32 >> 12),
            Rv::Jal { rd, offset } => write!(f, "jal {}, pc{offset:+}", Name(rd)),
            Rv::Jalr { rd, base, offset } => write!(f, "jalr {}, {offset}({})", Name(rd), Name(base)),
            Rv::Branch { compare, left, right, offset } => {
                write!(f, "{} {}, {}, pc{offset:+}", compare.text(), Name(left), Name(right))
            }
            Rv::Load { width: Width { bytes, signed }, rd, base, offset } => {
                let unsigned = if signed { "" } else { "u" };
                write!(f, "l{}{unsigned} {}, {offset}({})", size(bytes), Name(rd), Name(base))
            }
            Rv::Store { bytes, source, base, offset } => {
                write!(f, "s{} {}, {offset}({})", size(bytes), Name(source), Name(base))
            }
            Rv::Binary { op, rd, left, right: Operand::Register(right) } => {
                write!(f, "{} {}, {}, {}", op.text(), Name(rd), Name(left), Name(right))
            }
            Rv::Binary { op, rd, left, right: Operand::Immediate(right) } => {
                write!(f, "{} {}, {}, {right}", op.immediate_text(), Name(rd), Name(left))
            }
            Rv::Unary { op, rd, source } => write!(f, "{} {}, {}", op.text(), Name(rd), Name(source)),
            Rv::ConditionalMove { if_zero, rd, source, condition } => {
                let name = if if_zero { "th.mveqz" } else { "th.mvnez" };
                write!(f, "{name} {}, {}, {}", Name(rd), Name(source), Name(condition))
            }
            Rv::ConditionalZero { if_zero, rd, source, condition } => {
                let name = if if_zero { "czero.eqz" } else { "czero.nez" };
                write!(f, "{name} {}, {}, {}", Name(rd), Name(source), Name(condition))
            }
            Rv::Fence => f.write_str("fence"),
            Rv::Ecall => f.write_str("ecall"),
            Rv::Ecalli { slot } => write!(f, ".insn i 0x0B, 0, x0, x0, {slot}"),
            Rv::Trap => f.write_str("unimp"),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = usize::from(self.bytes.min(4));
        if length == 0 {
            return f.write_str("no instruction");
        }
        write!(f, "instruction 0x{:0width$x}", self.bits, width = 2 * length)?;
        match decode(&self.bits.to_le_bytes()[..length]) {
            Some((_, Ok(instruction))) => write!(f, " ({instruction})"),
            _ => Ok(()),
        }
    }
}
