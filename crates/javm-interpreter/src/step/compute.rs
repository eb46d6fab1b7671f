//! What computes a register from registers and immediates: one line an instruction.

use super::Straight;
use crate::arithmetic::*;
use crate::memory::{Fault, Memory};
use crate::op::{Op, Registers};

/// `Name: destination = (operands) => value;` where `a`, `b` and `d` are registers, `x` the immediate in the width of
/// a register and `x64` an immediate that was encoded in eight bytes.
macro_rules! compute {
    ($($name:ident: $destination:ident = ($($operand:ident),*) => $value:expr;)*) => {$(
        pub(crate) struct $name;

        impl Straight for $name {
            #[inline(always)]
            fn quick<M: Memory>(op: &Op, registers: &mut Registers, _: &mut M) -> bool {
                $(let $operand: u64 = operand!($operand, op, registers);)*
                registers[op.$destination as usize] = $value;
                true
            }

            fn slow<M: Memory>(_: &Op, _: &mut Registers, _: &mut M) -> Result<(), Fault> {
                // Never called: the quick way always succeeds.
                Ok(())
            }
        }
    )*};
}

macro_rules! operand {
    (x, $op:ident, $registers:ident) => {
        $op.x()
    };
    (x64, $op:ident, $registers:ident) => {
        $op.x64()
    };
    ($register:ident, $op:ident, $registers:ident) => {
        $registers[$op.$register as usize]
    };
}

compute! {
    // Constants and copies.
    LoadImm: a = (x) => x;
    LoadImm64: a = (x64) => x64;
    MoveReg: d = (a) => a;

    // Bits and bytes.
    CountSetBits64: d = (a) => u64::from(a.count_ones());
    CountSetBits32: d = (a) => u64::from((a as u32).count_ones());
    LeadingZeroBits64: d = (a) => u64::from(a.leading_zeros());
    LeadingZeroBits32: d = (a) => u64::from((a as u32).leading_zeros());
    TrailingZeroBits64: d = (a) => u64::from(a.trailing_zeros());
    TrailingZeroBits32: d = (a) => u64::from((a as u32).trailing_zeros());
    SignExtend8: d = (a) => a as i8 as u64;
    SignExtend16: d = (a) => a as i16 as u64;
    ZeroExtend16: d = (a) => a as u16 as u64;
    ReverseBytes: d = (a) => a.swap_bytes();

    // A register and an immediate.
    AddImm32: a = (b, x) => extend_32((b as u32).wrapping_add(x as u32));
    AddImm64: a = (b, x) => b.wrapping_add(x);
    NegAddImm32: a = (b, x) => extend_32((x as u32).wrapping_sub(b as u32));
    NegAddImm64: a = (b, x) => x.wrapping_sub(b);
    MulImm32: a = (b, x) => extend_32((b as u32).wrapping_mul(x as u32));
    MulImm64: a = (b, x) => b.wrapping_mul(x);
    AndImm: a = (b, x) => b & x;
    XorImm: a = (b, x) => b ^ x;
    OrImm: a = (b, x) => b | x;
    SetLtUImm: a = (b, x) => u64::from(b < x);
    SetLtSImm: a = (b, x) => u64::from((b as i64) < x as i64);
    SetGtUImm: a = (b, x) => u64::from(b > x);
    SetGtSImm: a = (b, x) => u64::from(b as i64 > x as i64);
    CmovIzImm: a = (a, b, x) => if b == 0 { x } else { a };
    CmovNzImm: a = (a, b, x) => if b != 0 { x } else { a };

    // Shifts and rotations, one side immediate.
    ShloLImm32: a = (b, x) => extend_32((b as u32).wrapping_shl(x as u32));
    ShloRImm32: a = (b, x) => extend_32((b as u32).wrapping_shr(x as u32));
    SharRImm32: a = (b, x) => (b as i32).wrapping_shr(x as u32) as u64;
    ShloLImmAlt32: a = (b, x) => extend_32((x as u32).wrapping_shl(b as u32));
    ShloRImmAlt32: a = (b, x) => extend_32((x as u32).wrapping_shr(b as u32));
    SharRImmAlt32: a = (b, x) => (x as i32).wrapping_shr(b as u32) as u64;
    ShloLImm64: a = (b, x) => b.wrapping_shl(x as u32);
    ShloRImm64: a = (b, x) => b.wrapping_shr(x as u32);
    SharRImm64: a = (b, x) => (b as i64).wrapping_shr(x as u32) as u64;
    ShloLImmAlt64: a = (b, x) => x.wrapping_shl(b as u32);
    ShloRImmAlt64: a = (b, x) => x.wrapping_shr(b as u32);
    SharRImmAlt64: a = (b, x) => (x as i64).wrapping_shr(b as u32) as u64;
    RotR32Imm: a = (b, x) => extend_32((b as u32).rotate_right(x as u32 % 32));
    RotR32ImmAlt: a = (b, x) => extend_32((x as u32).rotate_right(b as u32 % 32));
    RotR64Imm: a = (b, x) => b.rotate_right(x as u32 % 64);
    RotR64ImmAlt: a = (b, x) => x.rotate_right(b as u32 % 64);

    // Three registers.
    Add32: d = (a, b) => extend_32((a as u32).wrapping_add(b as u32));
    Sub32: d = (a, b) => extend_32((a as u32).wrapping_sub(b as u32));
    Mul32: d = (a, b) => extend_32((a as u32).wrapping_mul(b as u32));
    DivU32: d = (a, b) => div_u_32(a, b);
    DivS32: d = (a, b) => div_s_32(a, b);
    RemU32: d = (a, b) => rem_u_32(a, b);
    RemS32: d = (a, b) => rem_s_32(a, b);
    ShloL32: d = (a, b) => extend_32((a as u32).wrapping_shl(b as u32));
    ShloR32: d = (a, b) => extend_32((a as u32).wrapping_shr(b as u32));
    SharR32: d = (a, b) => (a as i32).wrapping_shr(b as u32) as u64;
    Add64: d = (a, b) => a.wrapping_add(b);
    Sub64: d = (a, b) => a.wrapping_sub(b);
    Mul64: d = (a, b) => a.wrapping_mul(b);
    DivU64: d = (a, b) => div_u_64(a, b);
    DivS64: d = (a, b) => div_s_64(a, b);
    RemU64: d = (a, b) => rem_u_64(a, b);
    RemS64: d = (a, b) => rem_s_64(a, b);
    ShloL64: d = (a, b) => a.wrapping_shl(b as u32);
    ShloR64: d = (a, b) => a.wrapping_shr(b as u32);
    SharR64: d = (a, b) => (a as i64).wrapping_shr(b as u32) as u64;
    And: d = (a, b) => a & b;
    Xor: d = (a, b) => a ^ b;
    Or: d = (a, b) => a | b;
    MulUpperSS: d = (a, b) => mul_upper_s_s(a, b);
    MulUpperUU: d = (a, b) => mul_upper_u_u(a, b);
    MulUpperSU: d = (a, b) => mul_upper_s_u(a, b);
    SetLtU: d = (a, b) => u64::from(a < b);
    SetLtS: d = (a, b) => u64::from((a as i64) < b as i64);
    CmovIz: d = (a, b, d) => if b == 0 { a } else { d };
    CmovNz: d = (a, b, d) => if b != 0 { a } else { d };
    RotL64: d = (a, b) => a.rotate_left(b as u32 % 64);
    RotL32: d = (a, b) => extend_32((a as u32).rotate_left(b as u32 % 32));
    RotR64: d = (a, b) => a.rotate_right(b as u32 % 64);
    RotR32: d = (a, b) => extend_32((a as u32).rotate_right(b as u32 % 32));
    AndInv: d = (a, b) => a & !b;
    OrInv: d = (a, b) => a | !b;
    Xnor: d = (a, b) => !(a ^ b);
    Max: d = (a, b) => (a as i64).max(b as i64) as u64;
    MaxU: d = (a, b) => a.max(b);
    Min: d = (a, b) => (a as i64).min(b as i64) as u64;
    MinU: d = (a, b) => a.min(b);
}
