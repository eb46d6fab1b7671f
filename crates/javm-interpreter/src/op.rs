//! The operation: what an instruction becomes before it runs.

use javm_isa::{Opcode, Reg};

/// One operation of the predecoded program, four to a cache line. Nothing in it needs decoding any more.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(crate) struct Op {
    /// Which arm of the loop runs it.
    pub handler: Handler,
    pub a: Index,
    pub b: Index,
    pub d: Index,
    /// Immediate X before its sign extension; the low half of a 64-bit one.
    pub x: i32,
    /// The operation that a static jump or branch goes to; otherwise immediate Y before its sign extension, or the
    /// high half of a 64-bit X.
    pub y: u32,
    /// What entering a block here costs. Only jumps and terminators look at it.
    pub cost: u32,
}

impl Op {
    /// Immediate X, or what it is in the full width.
    #[inline(always)]
    pub fn x(&self) -> u64 {
        i64::from(self.x) as u64
    }

    /// Immediate Y.
    #[inline(always)]
    pub fn y(&self) -> u64 {
        i64::from(self.y as i32) as u64
    }

    /// Both immediates as one.
    #[inline(always)]
    pub fn x64(&self) -> u64 {
        u64::from(self.x as u32) | u64::from(self.y) << 32
    }
}

/// A register number as an index that needs no bounds check: the type has no other values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum Index { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12 }

impl From<Reg> for Index {
    #[inline(always)]
    fn from(reg: Reg) -> Index {
        use Index::*;
        const ALL: [Index; javm_isa::REG_COUNT] = [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12];
        ALL[reg.index()]
    }
}

macro_rules! handlers {
    (plain: $($plain:ident)*; fused: $($fused:ident)*;) => {
        /// The arms of the loop: one for each opcode, under its name, and the fused ones.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum Handler {
            $($plain,)*
            $($fused,)*
        }

        impl From<Opcode> for Handler {
            #[inline(always)]
            fn from(opcode: Opcode) -> Handler {
                // Exhaustive, so that an opcode without a handler does not compile.
                match opcode {
                    $(Opcode::$plain => Handler::$plain,)*
                }
            }
        }
    };
}

handlers! {
    plain:
    Trap Fallthrough Unlikely Ecall Ecalli LoadImm64
    StoreImmU8 StoreImmU16 StoreImmU32 StoreImmU64 Jump JumpInd LoadImm
    LoadU8 LoadI8 LoadU16 LoadI16 LoadU32 LoadI32 LoadU64 StoreU8 StoreU16 StoreU32 StoreU64
    StoreImmIndU8 StoreImmIndU16 StoreImmIndU32 StoreImmIndU64 LoadImmJump
    BranchEqImm BranchNeImm BranchLtUImm BranchLeUImm BranchGeUImm BranchGtUImm
    BranchLtSImm BranchLeSImm BranchGeSImm BranchGtSImm
    MoveReg Sbrk CountSetBits64 CountSetBits32 LeadingZeroBits64 LeadingZeroBits32 TrailingZeroBits64
    TrailingZeroBits32 SignExtend8 SignExtend16 ZeroExtend16 ReverseBytes
    StoreIndU8 StoreIndU16 StoreIndU32 StoreIndU64
    LoadIndU8 LoadIndI8 LoadIndU16 LoadIndI16 LoadIndU32 LoadIndI32 LoadIndU64
    AddImm32 AndImm XorImm OrImm MulImm32 SetLtUImm SetLtSImm ShloLImm32 ShloRImm32 SharRImm32 NegAddImm32
    SetGtUImm SetGtSImm ShloLImmAlt32 ShloRImmAlt32 SharRImmAlt32 CmovIzImm CmovNzImm AddImm64 MulImm64
    ShloLImm64 ShloRImm64 SharRImm64 NegAddImm64 ShloLImmAlt64 ShloRImmAlt64 SharRImmAlt64
    RotR64Imm RotR64ImmAlt RotR32Imm RotR32ImmAlt
    BranchEq BranchNe BranchLtU BranchLtS BranchGeU BranchGeS LoadImmJumpInd
    Add32 Sub32 Mul32 DivU32 DivS32 RemU32 RemS32 ShloL32 ShloR32 SharR32
    Add64 Sub64 Mul64 DivU64 DivS64 RemU64 RemS64 ShloL64 ShloR64 SharR64
    And Xor Or MulUpperSS MulUpperUU MulUpperSU SetLtU SetLtS CmovIz CmovNz RotL64 RotL32 RotR64 RotR32
    AndInv OrInv Xnor Max MaxU Min MinU;
    fused:;
}
