//! The operation: what an instruction becomes before it runs.

use javm_isa::{Opcode, REG_COUNT, Reg};

/// One operation of the predecoded program, four to a cache line. Nothing in it needs decoding any more.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(crate) struct Op {
    /// Which step runs it.
    pub handler: Handler,
    pub a: Index,
    pub b: Index,
    pub d: Index,
    /// Immediate X before its sign extension; the low half of a 64-bit one.
    pub x: i32,
    /// How many operations further a static jump or branch goes, signed; otherwise immediate Y before its sign
    /// extension, or the high half of a 64-bit X.
    pub y: u32,
    /// What entering a block here costs. Inside of a block, where none is entered, a [`Handler::Cut`] keeps the number
    /// of the handler here that it stands for.
    pub cost: u32,
}

impl Op {
    /// Immediate X.
    #[inline(always)]
    pub fn x(&self) -> u64 {
        i64::from(self.x) as u64
    }

    /// Immediate Y.
    #[inline(always)]
    pub fn y(&self) -> u64 {
        i64::from(self.y as i32) as u64
    }

    /// Immediate X of eight bytes.
    #[inline(always)]
    pub fn x64(&self) -> u64 {
        u64::from(self.x as u32) | u64::from(self.y) << 32
    }
}

/// φ0..φ12.
pub(crate) type Registers = [u64; REG_COUNT];

/// A register number as an index that needs no bounds check: the type has no other values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum Index { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12 }

impl From<Reg> for Index {
    #[inline(always)]
    fn from(reg: Reg) -> Index {
        use Index::*;
        const ALL: [Index; REG_COUNT] = [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12];
        ALL[reg.index()]
    }
}

/// Gives `$use` the one list of handlers: the plain ones, each with the name of its opcode; `Cut`; and the fused ones,
/// each with the two plain ones that it runs under one dispatch.
macro_rules! with_handlers {
    ($use:ident) => {
        $use! {
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

            cut: Cut;

            fused:
            AddImm64BranchNe = AddImm64 BranchNe;
            AddImm64BranchNeImm = AddImm64 BranchNeImm;
            AddImm64BranchLtU = AddImm64 BranchLtU;
        }
    };
}
pub(crate) use with_handlers;

macro_rules! define_handlers {
    (plain: $($plain:ident)*; cut: $cut:ident; fused: $($fused:ident = $first:ident $second:ident;)*) => {
        /// The steps of the loop, by name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum Handler {
            $($plain,)*
            $cut,
            $($fused,)*
        }

        impl Handler {
            const ALL: &[Handler] = &[$(Handler::$plain,)* Handler::$cut, $(Handler::$fused,)*];

            /// How many there are.
            pub const COUNT: usize = Handler::ALL.len();

            /// The handler of this number, if there is one.
            pub fn from_number(number: u32) -> Option<Handler> {
                Handler::ALL.get(number as usize).copied()
            }

            /// The handler that runs these two under one dispatch, if there is one.
            #[inline]
            pub fn fused(first: Handler, second: Handler) -> Option<Handler> {
                match (first, second) {
                    $((Handler::$first, Handler::$second) => Some(Handler::$fused),)*
                    _ => None,
                }
            }

            /// The two that a fused one runs.
            pub fn parts(self) -> Option<(Handler, Handler)> {
                match self {
                    $(Handler::$fused => Some((Handler::$first, Handler::$second)),)*
                    _ => None,
                }
            }
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
with_handlers!(define_handlers);

impl Handler {
    /// Whether its operation's `y` is a distance to go.
    #[inline]
    pub fn is_static_jump(self) -> bool {
        use Handler::*;
        matches!(
            self,
            Jump | LoadImmJump
                | BranchEqImm
                | BranchNeImm
                | BranchLtUImm
                | BranchLeUImm
                | BranchGeUImm
                | BranchGtUImm
                | BranchLtSImm
                | BranchLeSImm
                | BranchGeSImm
                | BranchGtSImm
                | BranchEq
                | BranchNe
                | BranchLtU
                | BranchLtS
                | BranchGeU
                | BranchGeS
        )
    }
}
