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
            MoveRegMoveReg = MoveReg MoveReg;
            MoveRegLoadImm = MoveReg LoadImm;
            LoadImmMoveReg = LoadImm MoveReg;
            LoadIndU64LoadIndU64 = LoadIndU64 LoadIndU64;
            StoreIndU64StoreIndU64 = StoreIndU64 StoreIndU64;
            StoreIndU64LoadIndU64 = StoreIndU64 LoadIndU64;
            Add64LoadIndU64 = Add64 LoadIndU64;
            Add64LoadIndU8 = Add64 LoadIndU8;
            Add64StoreIndU64 = Add64 StoreIndU64;
            Add64StoreIndU8 = Add64 StoreIndU8;
            Add64Add64 = Add64 Add64;
            Add64AddImm64 = Add64 AddImm64;
            Add64SetLtU = Add64 SetLtU;
            SetLtUAdd64 = SetLtU Add64;
            LoadIndU64Add64 = LoadIndU64 Add64;
            LoadIndU64AddImm64 = LoadIndU64 AddImm64;
            AddImm64MoveReg = AddImm64 MoveReg;
            AddImm64StoreIndU64 = AddImm64 StoreIndU64;
            AddImm64LoadIndU64 = AddImm64 LoadIndU64;
            AddImm64Add64 = AddImm64 Add64;
            AddImm64AddImm64 = AddImm64 AddImm64;
            Mul64Add64 = Mul64 Add64;
            Mul64MulUpperUU = Mul64 MulUpperUU;
            MulUpperUUMul64 = MulUpperUU Mul64;
            Mul64ShloRImm64 = Mul64 ShloRImm64;
            Mul64SharRImm64 = Mul64 SharRImm64;
            ShloLImm64Add64 = ShloLImm64 Add64;
            ShloLImm64Or = ShloLImm64 Or;
            ShloLImm64ShloRImm64 = ShloLImm64 ShloRImm64;
            ShloRImm64ShloLImm64 = ShloRImm64 ShloLImm64;
            ShloRImm64Or = ShloRImm64 Or;
            ShloRImm64AndImm = ShloRImm64 AndImm;
            SharRImm64AndImm = SharRImm64 AndImm;
            AndImmAdd64 = AndImm Add64;
            AndImmShloL64 = AndImm ShloL64;
            ShloL64Or = ShloL64 Or;
            OrAdd64 = Or Add64;
            LoadIndU8AndImm = LoadIndU8 AndImm;
            XorXor = Xor Xor;
            XorRotR64Imm = Xor RotR64Imm;
            AndXor = And Xor;
            AddImm64BranchNe = AddImm64 BranchNe;
            AddImm64BranchNeImm = AddImm64 BranchNeImm;
            AddImm64BranchLtU = AddImm64 BranchLtU;
            AddImm64JumpInd = AddImm64 JumpInd;
            AddImm64LoadImmJump = AddImm64 LoadImmJump;
            LoadIndU64JumpInd = LoadIndU64 JumpInd;
            MoveRegBranchNeImm = MoveReg BranchNeImm;
            MoveRegLoadImmJump = MoveReg LoadImmJump;
            AndImmBranchEqImm = AndImm BranchEqImm;
            AndImmBranchNeImm = AndImm BranchNeImm;
            Add64BranchLtU = Add64 BranchLtU;
            Add64BranchNe = Add64 BranchNe;
            Sub64BranchNe = Sub64 BranchNe;
            StoreIndU8BranchLtU = StoreIndU8 BranchLtU;
            ShloRImm64BranchGeU = ShloRImm64 BranchGeU;
            LoadImmBranchLtUImm = LoadImm BranchLtUImm;
            LoadIndU8BranchEqImm = LoadIndU8 BranchEqImm;
            LoadIndU8BranchNeImm = LoadIndU8 BranchNeImm;
            LoadIndU64BranchEqImm = LoadIndU64 BranchEqImm;
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

            /// Every fused one with its two parts.
            const PAIRS: &[(Handler, Handler, Handler)] =
                &[$((Handler::$fused, Handler::$first, Handler::$second),)*];
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

/// For each handler its row in [`FUSED`]; row 0 is for those that are no first half.
const FUSED_ROW: [u8; Handler::COUNT] = {
    let mut rows = [0; Handler::COUNT];
    let mut used = 0;
    let mut index = 0;
    while index < Handler::PAIRS.len() {
        let first = Handler::PAIRS[index].1 as usize;
        if rows[first] == 0 {
            used += 1;
            rows[first] = used;
        }
        index += 1;
    }
    rows
};

/// How many rows there are.
const FUSED_ROWS: usize = {
    let mut last = 0;
    let mut index = 0;
    while index < FUSED_ROW.len() {
        if FUSED_ROW[index] > last {
            last = FUSED_ROW[index];
        }
        index += 1;
    }
    last as usize + 1
};

/// By first and second half the fused handler. A table, because what follows what is hard to predict.
static FUSED: [[Option<Handler>; Handler::COUNT]; FUSED_ROWS] = {
    let mut table = [[None; Handler::COUNT]; FUSED_ROWS];
    let mut index = 0;
    while index < Handler::PAIRS.len() {
        let (fused, first, second) = Handler::PAIRS[index];
        table[FUSED_ROW[first as usize] as usize][second as usize] = Some(fused);
        index += 1;
    }
    table
};

impl Handler {
    /// The handler that runs these two under one dispatch, if there is one.
    #[inline]
    pub fn fused(first: Handler, second: Handler) -> Option<Handler> {
        FUSED[usize::from(FUSED_ROW[first as usize])][second as usize]
    }

    /// Whether it runs two operations.
    #[inline]
    pub fn is_fused(self) -> bool {
        self as usize > Handler::Cut as usize
    }

    /// Whether the operation that it runs, or the second one, goes as far as its `y` says.
    #[inline]
    pub fn jumps(self) -> bool {
        JUMPS[self as usize]
    }

    const fn is_static_jump(self) -> bool {
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

/// [`Handler::jumps`] of each handler.
static JUMPS: [bool; Handler::COUNT] = {
    let mut table = [false; Handler::COUNT];
    let mut index = 0;
    while index < Handler::ALL.len() {
        table[index] = Handler::ALL[index].is_static_jump();
        index += 1;
    }
    index = 0;
    while index < Handler::PAIRS.len() {
        let (fused, _, second) = Handler::PAIRS[index];
        table[fused as usize] = second.is_static_jump();
        index += 1;
    }
    table
};
