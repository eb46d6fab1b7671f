//! Operations on values: what they compute. One table: the text of an operation and its meaning stand side by side.

/// An operation of two operands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Binary {
    Add,
    Sub,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,
    Less,
    LessUnsigned,
    And,
    Or,
    Xor,
    Add32,
    Sub32,
    ShiftLeft32,
    ShiftRight32,
    ShiftRightSigned32,
    Mul,
    Mul32,
    MulHigh,
    MulHighUnsigned,
    MulHighSignedUnsigned,
    Div,
    DivUnsigned,
    Rem,
    RemUnsigned,
    Div32,
    DivUnsigned32,
    Rem32,
    RemUnsigned32,
    AndNot,
    OrNot,
    XorNot,
    Max,
    MaxUnsigned,
    Min,
    MinUnsigned,
    RotateLeft,
    RotateRight,
    RotateLeft32,
    RotateRight32,
}

/// An operation of one operand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Unary {
    LeadingZeros,
    LeadingZeros32,
    TrailingZeros,
    TrailingZeros32,
    Ones,
    Ones32,
    SignExtend8,
    SignExtend16,
    ZeroExtend16,
    ReverseBytes,
    /// Each byte becomes 255 unless it is zero.
    OrBytes,
}

/// A 32-bit result as registers hold it.
const fn wide(value: u32) -> u64 {
    value as i32 as i64 as u64
}

impl Binary {
    /// The result.
    pub const fn evaluate(self, a: u64, b: u64) -> u64 {
        let (sa, sb) = (a as i64, b as i64);
        let (a32, b32) = (a as u32, b as u32);
        let (sa32, sb32) = (a as i32, b as i32);
        // Shifts and rotations take their amount mod the width.
        let (by, by32) = (b as u32 & 63, b32 & 31);
        match self {
            Binary::Add => a.wrapping_add(b),
            Binary::Sub => a.wrapping_sub(b),
            Binary::ShiftLeft => a << by,
            Binary::ShiftRight => a >> by,
            Binary::ShiftRightSigned => (sa >> by) as u64,
            Binary::Less => (sa < sb) as u64,
            Binary::LessUnsigned => (a < b) as u64,
            Binary::And => a & b,
            Binary::Or => a | b,
            Binary::Xor => a ^ b,
            Binary::Add32 => wide(a32.wrapping_add(b32)),
            Binary::Sub32 => wide(a32.wrapping_sub(b32)),
            Binary::ShiftLeft32 => wide(a32 << by32),
            Binary::ShiftRight32 => wide(a32 >> by32),
            Binary::ShiftRightSigned32 => wide((sa32 >> by32) as u32),
            Binary::Mul => a.wrapping_mul(b),
            Binary::Mul32 => wide(a32.wrapping_mul(b32)),
            Binary::MulHigh => ((sa as i128 * sb as i128) >> 64) as u64,
            Binary::MulHighUnsigned => ((a as u128 * b as u128) >> 64) as u64,
            Binary::MulHighSignedUnsigned => ((sa as i128 * b as i128) >> 64) as u64,
            // Division by zero gives all ones, and the dividend as remainder; overflow wraps.
            Binary::Div if b == 0 => u64::MAX,
            Binary::Div => sa.wrapping_div(sb) as u64,
            Binary::DivUnsigned if b == 0 => u64::MAX,
            Binary::DivUnsigned => a / b,
            Binary::Rem if b == 0 => a,
            Binary::Rem => sa.wrapping_rem(sb) as u64,
            Binary::RemUnsigned if b == 0 => a,
            Binary::RemUnsigned => a % b,
            Binary::Div32 if b32 == 0 => u64::MAX,
            Binary::Div32 => wide(sa32.wrapping_div(sb32) as u32),
            Binary::DivUnsigned32 if b32 == 0 => u64::MAX,
            Binary::DivUnsigned32 => wide(a32 / b32),
            Binary::Rem32 if b32 == 0 => wide(a32),
            Binary::Rem32 => wide(sa32.wrapping_rem(sb32) as u32),
            Binary::RemUnsigned32 if b32 == 0 => wide(a32),
            Binary::RemUnsigned32 => wide(a32 % b32),
            Binary::AndNot => a & !b,
            Binary::OrNot => a | !b,
            Binary::XorNot => a ^ !b,
            Binary::Max => (if sa > sb { sa } else { sb }) as u64,
            Binary::MaxUnsigned => {
                if a > b {
                    a
                } else {
                    b
                }
            }
            Binary::Min => (if sa < sb { sa } else { sb }) as u64,
            Binary::MinUnsigned => {
                if a < b {
                    a
                } else {
                    b
                }
            }
            Binary::RotateLeft => a.rotate_left(by),
            Binary::RotateRight => a.rotate_right(by),
            Binary::RotateLeft32 => wide(a32.rotate_left(by32)),
            Binary::RotateRight32 => wide(a32.rotate_right(by32)),
        }
    }

    /// How assembly text writes it with two registers.
    pub const fn text(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::ShiftLeft => "sll",
            Binary::ShiftRight => "srl",
            Binary::ShiftRightSigned => "sra",
            Binary::Less => "slt",
            Binary::LessUnsigned => "sltu",
            Binary::And => "and",
            Binary::Or => "or",
            Binary::Xor => "xor",
            Binary::Add32 => "addw",
            Binary::Sub32 => "subw",
            Binary::ShiftLeft32 => "sllw",
            Binary::ShiftRight32 => "srlw",
            Binary::ShiftRightSigned32 => "sraw",
            Binary::Mul => "mul",
            Binary::Mul32 => "mulw",
            Binary::MulHigh => "mulh",
            Binary::MulHighUnsigned => "mulhu",
            Binary::MulHighSignedUnsigned => "mulhsu",
            Binary::Div => "div",
            Binary::DivUnsigned => "divu",
            Binary::Rem => "rem",
            Binary::RemUnsigned => "remu",
            Binary::Div32 => "divw",
            Binary::DivUnsigned32 => "divuw",
            Binary::Rem32 => "remw",
            Binary::RemUnsigned32 => "remuw",
            Binary::AndNot => "andn",
            Binary::OrNot => "orn",
            Binary::XorNot => "xnor",
            Binary::Max => "max",
            Binary::MaxUnsigned => "maxu",
            Binary::Min => "min",
            Binary::MinUnsigned => "minu",
            Binary::RotateLeft => "rol",
            Binary::RotateRight => "ror",
            Binary::RotateLeft32 => "rolw",
            Binary::RotateRight32 => "rorw",
        }
    }

    /// How assembly text writes it with an immediate as second operand.
    pub const fn immediate_text(self) -> &'static str {
        match self {
            Binary::Add => "addi",
            Binary::ShiftLeft => "slli",
            Binary::ShiftRight => "srli",
            Binary::ShiftRightSigned => "srai",
            Binary::Less => "slti",
            Binary::LessUnsigned => "sltiu",
            Binary::And => "andi",
            Binary::Or => "ori",
            Binary::Xor => "xori",
            Binary::Add32 => "addiw",
            Binary::ShiftLeft32 => "slliw",
            Binary::ShiftRight32 => "srliw",
            Binary::ShiftRightSigned32 => "sraiw",
            Binary::RotateRight => "rori",
            Binary::RotateRight32 => "roriw",
            other => other.text(),
        }
    }
}

impl Unary {
    /// The result.
    pub const fn evaluate(self, a: u64) -> u64 {
        match self {
            Unary::LeadingZeros => a.leading_zeros() as u64,
            Unary::LeadingZeros32 => (a as u32).leading_zeros() as u64,
            Unary::TrailingZeros => a.trailing_zeros() as u64,
            Unary::TrailingZeros32 => (a as u32).trailing_zeros() as u64,
            Unary::Ones => a.count_ones() as u64,
            Unary::Ones32 => (a as u32).count_ones() as u64,
            Unary::SignExtend8 => a as i8 as i64 as u64,
            Unary::SignExtend16 => a as i16 as i64 as u64,
            Unary::ZeroExtend16 => a as u16 as u64,
            Unary::ReverseBytes => a.swap_bytes(),
            Unary::OrBytes => {
                const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
                // The high bit of each byte: set if any bit of the byte is, whether the carry of the low seven or itself.
                let any = (((a & LOW) + LOW) | a) & !LOW;
                (any >> 7) * 255
            }
        }
    }

    /// How assembly text writes it.
    pub const fn text(self) -> &'static str {
        match self {
            Unary::LeadingZeros => "clz",
            Unary::LeadingZeros32 => "clzw",
            Unary::TrailingZeros => "ctz",
            Unary::TrailingZeros32 => "ctzw",
            Unary::Ones => "cpop",
            Unary::Ones32 => "cpopw",
            Unary::SignExtend8 => "sext.b",
            Unary::SignExtend16 => "sext.h",
            Unary::ZeroExtend16 => "zext.h",
            Unary::ReverseBytes => "rev8",
            Unary::OrBytes => "orc.b",
        }
    }
}
