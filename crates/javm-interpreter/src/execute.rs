//! The loop.

use javm_isa::program::HALT_ADDRESS;

use crate::arithmetic::*;
use crate::code::Code;
use crate::memory::{Fault, Memory};
use crate::op::{Handler, Op};
use crate::run::{Exit, State};

/// Who looks on while a program runs. It is a type, so that the loop nobody looks at has no trace of it.
pub(crate) trait Observer {
    /// Whether anybody looks.
    const ACTIVE: bool;

    /// Called before the instruction at `state.pc`.
    fn before(&mut self, state: &State, code: &Code);
}

/// Runs from the operation `start`, whose block has been paid.
pub(crate) fn execute<M: Memory, O: Observer>(
    code: &Code,
    start: u32,
    state: &mut State,
    memory: &mut M,
    observer: &mut O,
) -> Exit {
    let mut at = code.ops.cursor(start);
    let mut gas = state.gas;

    let exit = loop {
        let op: &Op = at.op();
        if O::ACTIVE {
            state.pc = code.pc_of(at.index());
            state.gas = gas;
            state.block_paid = true;
            observer.before(state, code);
        }

        // The value of an operand.
        macro_rules! reg {
            ($operand:ident) => {
                state.registers[op.$operand as usize]
            };
        }
        // Writes a register and goes on.
        macro_rules! set {
            ($operand:ident, $value:expr) => {{
                let value: u64 = $value;
                state.registers[op.$operand as usize] = value;
                at.advance();
            }};
        }
        // Enters the block that the cursor stands at.
        macro_rules! enter {
            () => {
                match gas.checked_sub(u64::from(at.op().cost)) {
                    Some(rest) => gas = rest,
                    None => break Exit::OutOfGas,
                }
            };
        }
        macro_rules! jump {
            ($target:expr) => {{
                at.go($target);
                enter!();
            }};
        }
        macro_rules! branch {
            ($condition:expr) => {
                if $condition {
                    at.go(op.y);
                    enter!();
                } else {
                    at.advance();
                    enter!();
                }
            };
        }
        macro_rules! jump_indirect {
            ($address:expr) => {{
                let address: u32 = $address;
                match code.jump_target(address) {
                    Some(target) => jump!(target),
                    None if address == HALT_ADDRESS => break Exit::Halt,
                    None => break Exit::Panic,
                }
            }};
        }
        macro_rules! access {
            ($result:expr, $value:pat => $then:expr) => {
                match $result {
                    Ok($value) => $then,
                    Err(Fault::Page(page)) => break Exit::Fault(page),
                    Err(Fault::Panic) => break Exit::Panic,
                }
            };
        }
        macro_rules! load {
            ($method:ident as $($to:ty),+; $address:expr) => {
                access!(memory.$method($address), value => set!(a, value $(as $to)+))
            };
        }
        macro_rules! store {
            ($method:ident, $type:ty; $value:expr, $address:expr) => {
                access!(memory.$method($address, $value as $type), () => at.advance())
            };
        }
        // The address an access with a base register goes to.
        macro_rules! address {
            ($base:ident) => {
                (reg!($base) as u32).wrapping_add(op.x as u32)
            };
        }

        match op.handler {
            Handler::Trap => break Exit::Panic,
            Handler::Fallthrough => {
                at.advance();
                enter!();
            }
            Handler::Unlikely => at.advance(),
            Handler::Ecall => break Exit::Operation,
            Handler::Ecalli => break Exit::Host(op.x as u32),
            Handler::Sbrk => set!(d, memory.sbrk(reg!(a))),

            Handler::Jump => jump!(op.y),
            Handler::LoadImmJump => {
                state.registers[op.a as usize] = op.x();
                jump!(op.y);
            }
            Handler::JumpInd => jump_indirect!(address!(a)),
            Handler::LoadImmJumpInd => {
                let address = (reg!(b) as u32).wrapping_add(op.y);
                state.registers[op.a as usize] = op.x();
                jump_indirect!(address);
            }

            Handler::BranchEq => branch!(reg!(a) == reg!(b)),
            Handler::BranchNe => branch!(reg!(a) != reg!(b)),
            Handler::BranchLtU => branch!(reg!(a) < reg!(b)),
            Handler::BranchLtS => branch!((reg!(a) as i64) < (reg!(b) as i64)),
            Handler::BranchGeU => branch!(reg!(a) >= reg!(b)),
            Handler::BranchGeS => branch!(reg!(a) as i64 >= reg!(b) as i64),
            Handler::BranchEqImm => branch!(reg!(a) == op.x()),
            Handler::BranchNeImm => branch!(reg!(a) != op.x()),
            Handler::BranchLtUImm => branch!(reg!(a) < op.x()),
            Handler::BranchLeUImm => branch!(reg!(a) <= op.x()),
            Handler::BranchGeUImm => branch!(reg!(a) >= op.x()),
            Handler::BranchGtUImm => branch!(reg!(a) > op.x()),
            Handler::BranchLtSImm => branch!((reg!(a) as i64) < op.x() as i64),
            Handler::BranchLeSImm => branch!(reg!(a) as i64 <= op.x() as i64),
            Handler::BranchGeSImm => branch!(reg!(a) as i64 >= op.x() as i64),
            Handler::BranchGtSImm => branch!(reg!(a) as i64 > op.x() as i64),

            Handler::LoadU8 => load!(load_u8 as u64; op.x as u32),
            Handler::LoadI8 => load!(load_u8 as i8, i64, u64; op.x as u32),
            Handler::LoadU16 => load!(load_u16 as u64; op.x as u32),
            Handler::LoadI16 => load!(load_u16 as i16, i64, u64; op.x as u32),
            Handler::LoadU32 => load!(load_u32 as u64; op.x as u32),
            Handler::LoadI32 => load!(load_u32 as i32, i64, u64; op.x as u32),
            Handler::LoadU64 => load!(load_u64 as u64; op.x as u32),
            Handler::LoadIndU8 => load!(load_u8 as u64; address!(b)),
            Handler::LoadIndI8 => load!(load_u8 as i8, i64, u64; address!(b)),
            Handler::LoadIndU16 => load!(load_u16 as u64; address!(b)),
            Handler::LoadIndI16 => load!(load_u16 as i16, i64, u64; address!(b)),
            Handler::LoadIndU32 => load!(load_u32 as u64; address!(b)),
            Handler::LoadIndI32 => load!(load_u32 as i32, i64, u64; address!(b)),
            Handler::LoadIndU64 => load!(load_u64 as u64; address!(b)),

            Handler::StoreU8 => store!(store_u8, u8; reg!(a), op.x as u32),
            Handler::StoreU16 => store!(store_u16, u16; reg!(a), op.x as u32),
            Handler::StoreU32 => store!(store_u32, u32; reg!(a), op.x as u32),
            Handler::StoreU64 => store!(store_u64, u64; reg!(a), op.x as u32),
            Handler::StoreIndU8 => store!(store_u8, u8; reg!(a), address!(b)),
            Handler::StoreIndU16 => store!(store_u16, u16; reg!(a), address!(b)),
            Handler::StoreIndU32 => store!(store_u32, u32; reg!(a), address!(b)),
            Handler::StoreIndU64 => store!(store_u64, u64; reg!(a), address!(b)),
            Handler::StoreImmU8 => store!(store_u8, u8; op.y(), op.x as u32),
            Handler::StoreImmU16 => store!(store_u16, u16; op.y(), op.x as u32),
            Handler::StoreImmU32 => store!(store_u32, u32; op.y(), op.x as u32),
            Handler::StoreImmU64 => store!(store_u64, u64; op.y(), op.x as u32),
            Handler::StoreImmIndU8 => store!(store_u8, u8; op.y(), address!(a)),
            Handler::StoreImmIndU16 => store!(store_u16, u16; op.y(), address!(a)),
            Handler::StoreImmIndU32 => store!(store_u32, u32; op.y(), address!(a)),
            Handler::StoreImmIndU64 => store!(store_u64, u64; op.y(), address!(a)),

            Handler::LoadImm => set!(a, op.x()),
            Handler::LoadImm64 => set!(a, op.x64()),
            Handler::MoveReg => set!(d, reg!(a)),
            Handler::CountSetBits64 => set!(d, u64::from(reg!(a).count_ones())),
            Handler::CountSetBits32 => set!(d, u64::from((reg!(a) as u32).count_ones())),
            Handler::LeadingZeroBits64 => set!(d, u64::from(reg!(a).leading_zeros())),
            Handler::LeadingZeroBits32 => set!(d, u64::from((reg!(a) as u32).leading_zeros())),
            Handler::TrailingZeroBits64 => set!(d, u64::from(reg!(a).trailing_zeros())),
            Handler::TrailingZeroBits32 => set!(d, u64::from((reg!(a) as u32).trailing_zeros())),
            Handler::SignExtend8 => set!(d, reg!(a) as i8 as u64),
            Handler::SignExtend16 => set!(d, reg!(a) as i16 as u64),
            Handler::ZeroExtend16 => set!(d, reg!(a) as u16 as u64),
            Handler::ReverseBytes => set!(d, reg!(a).swap_bytes()),

            Handler::AddImm32 => set!(a, extend_32((reg!(b) as u32).wrapping_add(op.x as u32))),
            Handler::AddImm64 => set!(a, reg!(b).wrapping_add(op.x())),
            Handler::AndImm => set!(a, reg!(b) & op.x()),
            Handler::XorImm => set!(a, reg!(b) ^ op.x()),
            Handler::OrImm => set!(a, reg!(b) | op.x()),
            Handler::MulImm32 => set!(a, extend_32((reg!(b) as u32).wrapping_mul(op.x as u32))),
            Handler::MulImm64 => set!(a, reg!(b).wrapping_mul(op.x())),
            Handler::NegAddImm32 => set!(a, extend_32((op.x as u32).wrapping_sub(reg!(b) as u32))),
            Handler::NegAddImm64 => set!(a, op.x().wrapping_sub(reg!(b))),
            Handler::SetLtUImm => set!(a, u64::from(reg!(b) < op.x())),
            Handler::SetLtSImm => set!(a, u64::from((reg!(b) as i64) < op.x() as i64)),
            Handler::SetGtUImm => set!(a, u64::from(reg!(b) > op.x())),
            Handler::SetGtSImm => set!(a, u64::from(reg!(b) as i64 > op.x() as i64)),
            Handler::CmovIzImm => set!(a, if reg!(b) == 0 { op.x() } else { reg!(a) }),
            Handler::CmovNzImm => set!(a, if reg!(b) != 0 { op.x() } else { reg!(a) }),

            Handler::ShloLImm32 => set!(a, extend_32((reg!(b) as u32).wrapping_shl(op.x as u32))),
            Handler::ShloRImm32 => set!(a, extend_32((reg!(b) as u32).wrapping_shr(op.x as u32))),
            Handler::SharRImm32 => set!(a, (reg!(b) as i32).wrapping_shr(op.x as u32) as u64),
            Handler::ShloLImmAlt32 => set!(a, extend_32((op.x as u32).wrapping_shl(reg!(b) as u32))),
            Handler::ShloRImmAlt32 => set!(a, extend_32((op.x as u32).wrapping_shr(reg!(b) as u32))),
            Handler::SharRImmAlt32 => set!(a, op.x.wrapping_shr(reg!(b) as u32) as u64),
            Handler::ShloLImm64 => set!(a, reg!(b).wrapping_shl(op.x as u32)),
            Handler::ShloRImm64 => set!(a, reg!(b).wrapping_shr(op.x as u32)),
            Handler::SharRImm64 => set!(a, (reg!(b) as i64).wrapping_shr(op.x as u32) as u64),
            Handler::ShloLImmAlt64 => set!(a, op.x().wrapping_shl(reg!(b) as u32)),
            Handler::ShloRImmAlt64 => set!(a, op.x().wrapping_shr(reg!(b) as u32)),
            Handler::SharRImmAlt64 => set!(a, (op.x() as i64).wrapping_shr(reg!(b) as u32) as u64),
            Handler::RotR32Imm => set!(a, extend_32((reg!(b) as u32).rotate_right(op.x as u32 % 32))),
            Handler::RotR32ImmAlt => set!(a, extend_32((op.x as u32).rotate_right(reg!(b) as u32 % 32))),
            Handler::RotR64Imm => set!(a, reg!(b).rotate_right(op.x as u32 % 64)),
            Handler::RotR64ImmAlt => set!(a, op.x().rotate_right(reg!(b) as u32 % 64)),

            Handler::Add32 => set!(d, extend_32((reg!(a) as u32).wrapping_add(reg!(b) as u32))),
            Handler::Sub32 => set!(d, extend_32((reg!(a) as u32).wrapping_sub(reg!(b) as u32))),
            Handler::Mul32 => set!(d, extend_32((reg!(a) as u32).wrapping_mul(reg!(b) as u32))),
            Handler::DivU32 => set!(d, div_u_32(reg!(a), reg!(b))),
            Handler::DivS32 => set!(d, div_s_32(reg!(a), reg!(b))),
            Handler::RemU32 => set!(d, rem_u_32(reg!(a), reg!(b))),
            Handler::RemS32 => set!(d, rem_s_32(reg!(a), reg!(b))),
            Handler::ShloL32 => set!(d, extend_32((reg!(a) as u32).wrapping_shl(reg!(b) as u32))),
            Handler::ShloR32 => set!(d, extend_32((reg!(a) as u32).wrapping_shr(reg!(b) as u32))),
            Handler::SharR32 => set!(d, (reg!(a) as i32).wrapping_shr(reg!(b) as u32) as u64),
            Handler::Add64 => set!(d, reg!(a).wrapping_add(reg!(b))),
            Handler::Sub64 => set!(d, reg!(a).wrapping_sub(reg!(b))),
            Handler::Mul64 => set!(d, reg!(a).wrapping_mul(reg!(b))),
            Handler::DivU64 => set!(d, div_u_64(reg!(a), reg!(b))),
            Handler::DivS64 => set!(d, div_s_64(reg!(a), reg!(b))),
            Handler::RemU64 => set!(d, rem_u_64(reg!(a), reg!(b))),
            Handler::RemS64 => set!(d, rem_s_64(reg!(a), reg!(b))),
            Handler::ShloL64 => set!(d, reg!(a).wrapping_shl(reg!(b) as u32)),
            Handler::ShloR64 => set!(d, reg!(a).wrapping_shr(reg!(b) as u32)),
            Handler::SharR64 => set!(d, (reg!(a) as i64).wrapping_shr(reg!(b) as u32) as u64),
            Handler::And => set!(d, reg!(a) & reg!(b)),
            Handler::Xor => set!(d, reg!(a) ^ reg!(b)),
            Handler::Or => set!(d, reg!(a) | reg!(b)),
            Handler::MulUpperSS => set!(d, mul_upper_s_s(reg!(a), reg!(b))),
            Handler::MulUpperUU => set!(d, mul_upper_u_u(reg!(a), reg!(b))),
            Handler::MulUpperSU => set!(d, mul_upper_s_u(reg!(a), reg!(b))),
            Handler::SetLtU => set!(d, u64::from(reg!(a) < reg!(b))),
            Handler::SetLtS => set!(d, u64::from((reg!(a) as i64) < reg!(b) as i64)),
            Handler::CmovIz => set!(d, if reg!(b) == 0 { reg!(a) } else { reg!(d) }),
            Handler::CmovNz => set!(d, if reg!(b) != 0 { reg!(a) } else { reg!(d) }),
            Handler::RotL64 => set!(d, reg!(a).rotate_left(reg!(b) as u32 % 64)),
            Handler::RotL32 => set!(d, extend_32((reg!(a) as u32).rotate_left(reg!(b) as u32 % 32))),
            Handler::RotR64 => set!(d, reg!(a).rotate_right(reg!(b) as u32 % 64)),
            Handler::RotR32 => set!(d, extend_32((reg!(a) as u32).rotate_right(reg!(b) as u32 % 32))),
            Handler::AndInv => set!(d, reg!(a) & !reg!(b)),
            Handler::OrInv => set!(d, reg!(a) | !reg!(b)),
            Handler::Xnor => set!(d, !(reg!(a) ^ reg!(b))),
            Handler::Max => set!(d, (reg!(a) as i64).max(reg!(b) as i64) as u64),
            Handler::MaxU => set!(d, reg!(a).max(reg!(b))),
            Handler::Min => set!(d, (reg!(a) as i64).min(reg!(b) as i64) as u64),
            Handler::MinU => set!(d, reg!(a).min(reg!(b))),
        }
    };

    state.pc = code.pc_of(at.index());
    state.gas = gas;
    state.block_paid = exit != Exit::OutOfGas;
    exit
}
