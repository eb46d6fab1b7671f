//! What reads and writes memory: one line an instruction.

use super::Straight;
use crate::memory::{Fault, Memory};
use crate::op::{Op, Registers};

/// The address that an instruction names: immediate X alone, or on top of a register.
macro_rules! address {
    ($op:ident, $registers:ident, x) => {{
        let _: &Registers = $registers;
        $op.x as u32
    }};
    ($op:ident, $registers:ident, $base:ident + x) => {
        ($registers[$op.$base as usize] as u32).wrapping_add($op.x as u32)
    };
}

/// `Name: bytes method, unsigned type as value types, [address];`: register A becomes what is in memory.
macro_rules! loads {
    ($($name:ident: $bytes:literal $method:ident, $type:ident as $($to:ident)+, [$($address:tt)+];)*) => {$(
        pub(crate) struct $name;

        impl Straight for $name {
            #[inline(always)]
            fn quick<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> bool {
                match memory.quick_load::<$bytes>(address!(op, registers, $($address)+)) {
                    Some(bytes) => {
                        registers[op.a as usize] = $type::from_le_bytes(bytes) $(as $to)+;
                        true
                    }
                    None => false,
                }
            }

            fn slow<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> Result<(), Fault> {
                let value = memory.$method(address!(op, registers, $($address)+))?;
                registers[op.a as usize] = value $(as $to)+;
                Ok(())
            }
        }
    )*};
}

loads! {
    LoadU8: 1 load_u8, u8 as u64, [x];
    LoadI8: 1 load_u8, u8 as i8 u64, [x];
    LoadU16: 2 load_u16, u16 as u64, [x];
    LoadI16: 2 load_u16, u16 as i16 u64, [x];
    LoadU32: 4 load_u32, u32 as u64, [x];
    LoadI32: 4 load_u32, u32 as i32 u64, [x];
    LoadU64: 8 load_u64, u64 as u64, [x];
    LoadIndU8: 1 load_u8, u8 as u64, [b + x];
    LoadIndI8: 1 load_u8, u8 as i8 u64, [b + x];
    LoadIndU16: 2 load_u16, u16 as u64, [b + x];
    LoadIndI16: 2 load_u16, u16 as i16 u64, [b + x];
    LoadIndU32: 4 load_u32, u32 as u64, [b + x];
    LoadIndI32: 4 load_u32, u32 as i32 u64, [b + x];
    LoadIndU64: 8 load_u64, u64 as u64, [b + x];
}

/// What a store writes: register A or immediate Y.
macro_rules! value {
    ($op:ident, $registers:ident, a) => {
        $registers[$op.a as usize]
    };
    ($op:ident, $registers:ident, y) => {{
        let _: &Registers = $registers;
        $op.y()
    }};
}

/// `Name: method, type, [address] = value;`
macro_rules! stores {
    ($($name:ident: $method:ident, $type:ident, [$($address:tt)+] = $value:ident;)*) => {$(
        pub(crate) struct $name;

        impl Straight for $name {
            #[inline(always)]
            fn quick<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> bool {
                let value = value!(op, registers, $value) as $type;
                memory.quick_store(address!(op, registers, $($address)+), value.to_le_bytes())
            }

            fn slow<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> Result<(), Fault> {
                let value = value!(op, registers, $value) as $type;
                memory.$method(address!(op, registers, $($address)+), value)
            }
        }
    )*};
}

stores! {
    StoreU8: store_u8, u8, [x] = a;
    StoreU16: store_u16, u16, [x] = a;
    StoreU32: store_u32, u32, [x] = a;
    StoreU64: store_u64, u64, [x] = a;
    StoreIndU8: store_u8, u8, [b + x] = a;
    StoreIndU16: store_u16, u16, [b + x] = a;
    StoreIndU32: store_u32, u32, [b + x] = a;
    StoreIndU64: store_u64, u64, [b + x] = a;
    StoreImmU8: store_u8, u8, [x] = y;
    StoreImmU16: store_u16, u16, [x] = y;
    StoreImmU32: store_u32, u32, [x] = y;
    StoreImmU64: store_u64, u64, [x] = y;
    StoreImmIndU8: store_u8, u8, [a + x] = y;
    StoreImmIndU16: store_u16, u16, [a + x] = y;
    StoreImmIndU32: store_u32, u32, [a + x] = y;
    StoreImmIndU64: store_u64, u64, [a + x] = y;
}

/// Asks the memory for more heap; bare programs only.
pub(crate) struct Sbrk;

impl Straight for Sbrk {
    #[inline(always)]
    fn quick<M: Memory>(_: &Op, _: &mut Registers, _: &mut M) -> bool {
        false
    }

    fn slow<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> Result<(), Fault> {
        registers[op.d as usize] = memory.sbrk(registers[op.a as usize]);
        Ok(())
    }
}
