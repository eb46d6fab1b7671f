//! The opcode table. Everything that depends on which instruction something is — decoding, encoding, assembly text,
//! basic blocks, operand roles, gas — reads this table; no other list of opcodes exists.

use crate::cost::{Cost, Extra, Unit};
use crate::roles::Roles;

/// How the operands of an instruction are laid out in its bytes. The names follow the order of the operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The opcode alone.
    None,
    /// Immediate X.
    Imm,
    /// Register A, immediate X of eight bytes.
    RegImm64,
    /// Immediates X and Y.
    ImmImm,
    /// A code offset.
    Offset,
    /// Register A, immediate X.
    RegImm,
    /// Register A, immediates X and Y.
    RegImmImm,
    /// Register A, immediate X, a code offset.
    RegImmOffset,
    /// Registers D and A.
    RegReg,
    /// Registers A and B, immediate X.
    RegRegImm,
    /// Registers A and B, a code offset.
    RegRegOffset,
    /// Registers A and B, immediates X and Y.
    RegRegImmImm,
    /// Registers A, B and D.
    RegRegReg,
}

/// What an instruction does, as far as others than the engines need to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Computes its destination from registers and immediates.
    Compute,
    /// Writes its destination only under a condition, so that the old value counts as an operand.
    ConditionalMove,
    /// Reads `bytes` bytes of memory, sign-extended if `signed`.
    Load {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Whether the value is sign-extended to 64 bits.
        signed: bool,
    },
    /// Writes `bytes` bytes of memory.
    Store {
        /// 1, 2, 4 or 8.
        bytes: u8,
    },
    /// Ends the run with a panic.
    Trap,
    /// Ends the basic block and goes on with the next instruction.
    Fallthrough,
    /// Does nothing; tells the cost model that this block is rarely entered.
    Hint,
    /// Leaves the engine with a number for the host; the run goes on behind it.
    HostCall,
    /// Leaves the engine for an operation of the kernel; the run goes on behind it. Images only.
    Operation,
    /// Grows the heap of the bare machine. Bare programs only.
    Sbrk,
    /// Goes to a fixed place (and may set a register).
    Jump,
    /// Goes to a fixed place if a comparison holds.
    Branch,
    /// Goes where a register and the jump table say (and may set a register).
    IndirectJump,
}

/// Which machine a program is decoded for. Part of the key of everything that is derived from code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Mode {
    /// The bare machine of the public test vectors: `sbrk` works, `ecall` traps.
    Bare,
    /// A program inside an Image: `ecall` works, `sbrk` traps (memory comes from capabilities).
    Image,
}

macro_rules! opcodes {
    ($($number:literal $name:ident $mnemonic:literal $form:ident $kind:expr, $cost:expr;)*) => {
        /// An instruction of the table.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Opcode {
            $(
                #[doc = concat!("`", $mnemonic, "`")]
                $name = $number,
            )*
        }

        impl Opcode {
            /// Every opcode, in the order of their numbers.
            pub const ALL: &'static [Opcode] = &[$(Opcode::$name),*];

            /// Its row of the table.
            #[must_use]
            pub const fn row(self) -> &'static Row {
                &ROWS[INDEX_OF_NUMBER[self as usize] as usize - 1]
            }
        }

        static ROWS: [Row; Opcode::ALL.len()] = [
            $(Row {
                opcode: Opcode::$name,
                mnemonic: $mnemonic,
                form: Form::$form,
                kind: $kind,
                cost: $cost,
                roles: Roles::of(&$kind, Form::$form),
            },)*
        ];
    };
}

/// One row of the opcode table.
#[derive(Debug)]
pub struct Row {
    /// The opcode; its discriminant is the number in the code.
    pub opcode: Opcode,
    /// Its name in assembly text.
    pub mnemonic: &'static str,
    /// How its operands are laid out.
    pub form: Form,
    /// What it does.
    pub kind: Kind,
    /// What the pipeline cost model needs to know of it.
    pub cost: Cost,
    /// Which of its registers it reads and writes.
    pub roles: Roles,
}

const fn load(bytes: u8, signed: bool) -> Kind {
    Kind::Load { bytes, signed }
}
const fn store(bytes: u8) -> Kind {
    Kind::Store { bytes }
}
use Kind::{Branch, Compute, ConditionalMove, Fallthrough, Hint, HostCall, IndirectJump, Jump, Operation, Sbrk, Trap};

// The costs that several rows share. Arguments: latency in cycles, decode slots, when one slot more, execution unit.
const END: Cost = Cost::new(2, 1, Extra::Never, Unit::Nothing);
const HINT: Cost = Cost::new(40, 1, Extra::Never, Unit::Nothing);
const CALL: Cost = Cost::new(100, 4, Extra::Never, Unit::Alu);
const IMM: Cost = Cost::new(1, 1, Extra::Never, Unit::Nothing);
const IMM64: Cost = Cost::new(1, 2, Extra::Never, Unit::Nothing);
const LOAD: Cost = Cost::new(4, 1, Extra::Never, Unit::Load);
const STORE: Cost = Cost::new(25, 1, Extra::Never, Unit::Store);
const JUMP: Cost = Cost::new(15, 1, Extra::Never, Unit::Nothing);
const JUMP_IND: Cost = Cost::new(22, 1, Extra::Never, Unit::Nothing);
// The latency of a branch is 20 when it is hard to predict and 1 when a side of it ends in a trap: see `cost`.
const BRANCH: Cost = Cost::new(20, 1, Extra::Never, Unit::Alu);
const MOVE: Cost = Cost::new(0, 1, Extra::Never, Unit::Nothing);
const ALU: Cost = Cost::new(1, 1, Extra::DestinationIsNoSource, Unit::Alu);
const ALU_32: Cost = Cost::new(2, 2, Extra::DestinationIsNoSource, Unit::Alu);
const BITS: Cost = Cost::new(1, 1, Extra::Never, Unit::Alu);
const TRAILING: Cost = Cost::new(2, 1, Extra::Never, Unit::TwoAlus);
const SHIFT: Cost = Cost::new(1, 2, Extra::DestinationIsNotFirstSource, Unit::Alu);
const SHIFT_32: Cost = Cost::new(2, 3, Extra::DestinationIsNotFirstSource, Unit::Alu);
const SHIFT_ALT: Cost = Cost::new(1, 3, Extra::Never, Unit::Alu);
const SHIFT_ALT_32: Cost = Cost::new(2, 4, Extra::Never, Unit::Alu);
const COMPARE: Cost = Cost::new(3, 3, Extra::Never, Unit::Alu);
const CMOV: Cost = Cost::new(2, 2, Extra::Never, Unit::Alu);
const CMOV_IMM: Cost = Cost::new(2, 3, Extra::Never, Unit::Alu);
const MIN_MAX: Cost = Cost::new(3, 2, Extra::DestinationIsNoSource, Unit::Alu);
const DIV: Cost = Cost::new(60, 4, Extra::Never, Unit::Div);
const INVERTED: Cost = Cost::new(2, 3, Extra::Never, Unit::Alu);
const XNOR: Cost = Cost::new(2, 2, Extra::DestinationIsNoSource, Unit::Alu);
const NEG_ADD: Cost = Cost::new(2, 3, Extra::Never, Unit::Alu);
const NEG_ADD_32: Cost = Cost::new(3, 4, Extra::Never, Unit::Alu);
const MUL: Cost = Cost::new(3, 1, Extra::DestinationIsNoSource, Unit::Mul);
const MUL_32: Cost = Cost::new(4, 2, Extra::DestinationIsNoSource, Unit::Mul);
const MUL_UPPER: Cost = Cost::new(4, 4, Extra::Never, Unit::Mul);
const MUL_UPPER_SU: Cost = Cost::new(6, 4, Extra::Never, Unit::Mul);

opcodes! {
    0 Trap "trap" None Trap, END;
    1 Fallthrough "fallthrough" None Fallthrough, END;
    2 Unlikely "unlikely" None Hint, HINT;
    3 Ecall "ecall" None Operation, CALL;
    10 Ecalli "ecalli" Imm HostCall, CALL;
    20 LoadImm64 "load_imm_64" RegImm64 Compute, IMM64;
    30 StoreImmU8 "store_imm_u8" ImmImm store(1), STORE;
    31 StoreImmU16 "store_imm_u16" ImmImm store(2), STORE;
    32 StoreImmU32 "store_imm_u32" ImmImm store(4), STORE;
    33 StoreImmU64 "store_imm_u64" ImmImm store(8), STORE;
    40 Jump "jump" Offset Jump, JUMP;
    50 JumpInd "jump_ind" RegImm IndirectJump, JUMP_IND;
    51 LoadImm "load_imm" RegImm Compute, IMM;
    52 LoadU8 "load_u8" RegImm load(1, false), LOAD;
    53 LoadI8 "load_i8" RegImm load(1, true), LOAD;
    54 LoadU16 "load_u16" RegImm load(2, false), LOAD;
    55 LoadI16 "load_i16" RegImm load(2, true), LOAD;
    56 LoadU32 "load_u32" RegImm load(4, false), LOAD;
    57 LoadI32 "load_i32" RegImm load(4, true), LOAD;
    58 LoadU64 "load_u64" RegImm load(8, false), LOAD;
    59 StoreU8 "store_u8" RegImm store(1), STORE;
    60 StoreU16 "store_u16" RegImm store(2), STORE;
    61 StoreU32 "store_u32" RegImm store(4), STORE;
    62 StoreU64 "store_u64" RegImm store(8), STORE;
    70 StoreImmIndU8 "store_imm_ind_u8" RegImmImm store(1), STORE;
    71 StoreImmIndU16 "store_imm_ind_u16" RegImmImm store(2), STORE;
    72 StoreImmIndU32 "store_imm_ind_u32" RegImmImm store(4), STORE;
    73 StoreImmIndU64 "store_imm_ind_u64" RegImmImm store(8), STORE;
    80 LoadImmJump "load_imm_jump" RegImmOffset Jump, JUMP;
    81 BranchEqImm "branch_eq_imm" RegImmOffset Branch, BRANCH;
    82 BranchNeImm "branch_ne_imm" RegImmOffset Branch, BRANCH;
    83 BranchLtUImm "branch_lt_u_imm" RegImmOffset Branch, BRANCH;
    84 BranchLeUImm "branch_le_u_imm" RegImmOffset Branch, BRANCH;
    85 BranchGeUImm "branch_ge_u_imm" RegImmOffset Branch, BRANCH;
    86 BranchGtUImm "branch_gt_u_imm" RegImmOffset Branch, BRANCH;
    87 BranchLtSImm "branch_lt_s_imm" RegImmOffset Branch, BRANCH;
    88 BranchLeSImm "branch_le_s_imm" RegImmOffset Branch, BRANCH;
    89 BranchGeSImm "branch_ge_s_imm" RegImmOffset Branch, BRANCH;
    90 BranchGtSImm "branch_gt_s_imm" RegImmOffset Branch, BRANCH;
    100 MoveReg "move_reg" RegReg Compute, MOVE;
    101 Sbrk "sbrk" RegReg Sbrk, CALL;
    102 CountSetBits64 "count_set_bits_64" RegReg Compute, BITS;
    103 CountSetBits32 "count_set_bits_32" RegReg Compute, BITS;
    104 LeadingZeroBits64 "leading_zero_bits_64" RegReg Compute, BITS;
    105 LeadingZeroBits32 "leading_zero_bits_32" RegReg Compute, BITS;
    106 TrailingZeroBits64 "trailing_zero_bits_64" RegReg Compute, TRAILING;
    107 TrailingZeroBits32 "trailing_zero_bits_32" RegReg Compute, TRAILING;
    108 SignExtend8 "sign_extend_8" RegReg Compute, BITS;
    109 SignExtend16 "sign_extend_16" RegReg Compute, BITS;
    110 ZeroExtend16 "zero_extend_16" RegReg Compute, BITS;
    111 ReverseBytes "reverse_bytes" RegReg Compute, ALU;
    120 StoreIndU8 "store_ind_u8" RegRegImm store(1), STORE;
    121 StoreIndU16 "store_ind_u16" RegRegImm store(2), STORE;
    122 StoreIndU32 "store_ind_u32" RegRegImm store(4), STORE;
    123 StoreIndU64 "store_ind_u64" RegRegImm store(8), STORE;
    124 LoadIndU8 "load_ind_u8" RegRegImm load(1, false), LOAD;
    125 LoadIndI8 "load_ind_i8" RegRegImm load(1, true), LOAD;
    126 LoadIndU16 "load_ind_u16" RegRegImm load(2, false), LOAD;
    127 LoadIndI16 "load_ind_i16" RegRegImm load(2, true), LOAD;
    128 LoadIndU32 "load_ind_u32" RegRegImm load(4, false), LOAD;
    129 LoadIndI32 "load_ind_i32" RegRegImm load(4, true), LOAD;
    130 LoadIndU64 "load_ind_u64" RegRegImm load(8, false), LOAD;
    131 AddImm32 "add_imm_32" RegRegImm Compute, ALU_32;
    132 AndImm "and_imm" RegRegImm Compute, ALU;
    133 XorImm "xor_imm" RegRegImm Compute, ALU;
    134 OrImm "or_imm" RegRegImm Compute, ALU;
    135 MulImm32 "mul_imm_32" RegRegImm Compute, MUL_32;
    136 SetLtUImm "set_lt_u_imm" RegRegImm Compute, COMPARE;
    137 SetLtSImm "set_lt_s_imm" RegRegImm Compute, COMPARE;
    138 ShloLImm32 "shlo_l_imm_32" RegRegImm Compute, ALU_32;
    139 ShloRImm32 "shlo_r_imm_32" RegRegImm Compute, ALU_32;
    140 SharRImm32 "shar_r_imm_32" RegRegImm Compute, ALU_32;
    141 NegAddImm32 "neg_add_imm_32" RegRegImm Compute, NEG_ADD_32;
    142 SetGtUImm "set_gt_u_imm" RegRegImm Compute, COMPARE;
    143 SetGtSImm "set_gt_s_imm" RegRegImm Compute, COMPARE;
    144 ShloLImmAlt32 "shlo_l_imm_alt_32" RegRegImm Compute, SHIFT_ALT_32;
    145 ShloRImmAlt32 "shlo_r_imm_alt_32" RegRegImm Compute, SHIFT_ALT_32;
    146 SharRImmAlt32 "shar_r_imm_alt_32" RegRegImm Compute, SHIFT_ALT_32;
    147 CmovIzImm "cmov_iz_imm" RegRegImm ConditionalMove, CMOV_IMM;
    148 CmovNzImm "cmov_nz_imm" RegRegImm ConditionalMove, CMOV_IMM;
    149 AddImm64 "add_imm_64" RegRegImm Compute, ALU;
    150 MulImm64 "mul_imm_64" RegRegImm Compute, MUL;
    151 ShloLImm64 "shlo_l_imm_64" RegRegImm Compute, ALU;
    152 ShloRImm64 "shlo_r_imm_64" RegRegImm Compute, ALU;
    153 SharRImm64 "shar_r_imm_64" RegRegImm Compute, ALU;
    154 NegAddImm64 "neg_add_imm_64" RegRegImm Compute, NEG_ADD;
    155 ShloLImmAlt64 "shlo_l_imm_alt_64" RegRegImm Compute, SHIFT_ALT;
    156 ShloRImmAlt64 "shlo_r_imm_alt_64" RegRegImm Compute, SHIFT_ALT;
    157 SharRImmAlt64 "shar_r_imm_alt_64" RegRegImm Compute, SHIFT_ALT;
    158 RotR64Imm "rot_r_64_imm" RegRegImm Compute, ALU;
    159 RotR64ImmAlt "rot_r_64_imm_alt" RegRegImm Compute, SHIFT_ALT;
    160 RotR32Imm "rot_r_32_imm" RegRegImm Compute, ALU_32;
    161 RotR32ImmAlt "rot_r_32_imm_alt" RegRegImm Compute, SHIFT_ALT_32;
    170 BranchEq "branch_eq" RegRegOffset Branch, BRANCH;
    171 BranchNe "branch_ne" RegRegOffset Branch, BRANCH;
    172 BranchLtU "branch_lt_u" RegRegOffset Branch, BRANCH;
    173 BranchLtS "branch_lt_s" RegRegOffset Branch, BRANCH;
    174 BranchGeU "branch_ge_u" RegRegOffset Branch, BRANCH;
    175 BranchGeS "branch_ge_s" RegRegOffset Branch, BRANCH;
    180 LoadImmJumpInd "load_imm_jump_ind" RegRegImmImm IndirectJump, JUMP_IND;
    190 Add32 "add_32" RegRegReg Compute, ALU_32;
    191 Sub32 "sub_32" RegRegReg Compute, ALU_32;
    192 Mul32 "mul_32" RegRegReg Compute, MUL_32;
    193 DivU32 "div_u_32" RegRegReg Compute, DIV;
    194 DivS32 "div_s_32" RegRegReg Compute, DIV;
    195 RemU32 "rem_u_32" RegRegReg Compute, DIV;
    196 RemS32 "rem_s_32" RegRegReg Compute, DIV;
    197 ShloL32 "shlo_l_32" RegRegReg Compute, SHIFT_32;
    198 ShloR32 "shlo_r_32" RegRegReg Compute, SHIFT_32;
    199 SharR32 "shar_r_32" RegRegReg Compute, SHIFT_32;
    200 Add64 "add_64" RegRegReg Compute, ALU;
    201 Sub64 "sub_64" RegRegReg Compute, ALU;
    202 Mul64 "mul_64" RegRegReg Compute, MUL;
    203 DivU64 "div_u_64" RegRegReg Compute, DIV;
    204 DivS64 "div_s_64" RegRegReg Compute, DIV;
    205 RemU64 "rem_u_64" RegRegReg Compute, DIV;
    206 RemS64 "rem_s_64" RegRegReg Compute, DIV;
    207 ShloL64 "shlo_l_64" RegRegReg Compute, SHIFT;
    208 ShloR64 "shlo_r_64" RegRegReg Compute, SHIFT;
    209 SharR64 "shar_r_64" RegRegReg Compute, SHIFT;
    210 And "and" RegRegReg Compute, ALU;
    211 Xor "xor" RegRegReg Compute, ALU;
    212 Or "or" RegRegReg Compute, ALU;
    213 MulUpperSS "mul_upper_s_s" RegRegReg Compute, MUL_UPPER;
    214 MulUpperUU "mul_upper_u_u" RegRegReg Compute, MUL_UPPER;
    215 MulUpperSU "mul_upper_s_u" RegRegReg Compute, MUL_UPPER_SU;
    216 SetLtU "set_lt_u" RegRegReg Compute, COMPARE;
    217 SetLtS "set_lt_s" RegRegReg Compute, COMPARE;
    218 CmovIz "cmov_iz" RegRegReg ConditionalMove, CMOV;
    219 CmovNz "cmov_nz" RegRegReg ConditionalMove, CMOV;
    220 RotL64 "rot_l_64" RegRegReg Compute, SHIFT;
    221 RotL32 "rot_l_32" RegRegReg Compute, SHIFT_32;
    222 RotR64 "rot_r_64" RegRegReg Compute, SHIFT;
    223 RotR32 "rot_r_32" RegRegReg Compute, SHIFT_32;
    224 AndInv "and_inv" RegRegReg Compute, INVERTED;
    225 OrInv "or_inv" RegRegReg Compute, INVERTED;
    226 Xnor "xnor" RegRegReg Compute, XNOR;
    227 Max "max" RegRegReg Compute, MIN_MAX;
    228 MaxU "max_u" RegRegReg Compute, MIN_MAX;
    229 Min "min" RegRegReg Compute, MIN_MAX;
    230 MinU "min_u" RegRegReg Compute, MIN_MAX;
}

/// For each number its index in [`Opcode::ALL`] plus one; zero where the table has no such number.
static INDEX_OF_NUMBER: [u8; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        table[Opcode::ALL[index] as usize] = index as u8 + 1;
        index += 1;
    }
    table
};

/// For each number the opcode that programs decoded for a mode have: what decoding looks at for every instruction.
static OPCODES_OF_MODE: [[Option<Opcode>; 256]; 2] = [opcodes_of_mode(Mode::Bare), opcodes_of_mode(Mode::Image)];

const fn opcodes_of_mode(mode: Mode) -> [Option<Opcode>; 256] {
    let mut table = [None; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let opcode = Opcode::ALL[index];
        let is_there = match opcode.row().kind {
            Operation => matches!(mode, Mode::Image),
            Sbrk => matches!(mode, Mode::Bare),
            _ => true,
        };
        if is_there {
            table[opcode as usize] = Some(opcode);
        }
        index += 1;
    }
    table
}

/// Whether the opcode of a number ends a basic block; `false` where the table has no such number.
static IS_TERMINATOR: [bool; 256] = {
    let mut table = [false; 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let kind = &Opcode::ALL[index].row().kind;
        table[Opcode::ALL[index] as usize] = matches!(kind, Trap | Fallthrough | Jump | Branch | IndirectJump);
        index += 1;
    }
    table
};

impl Opcode {
    /// The opcode of this number, if the table has one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Opcode> {
        match INDEX_OF_NUMBER[usize::from(number)] {
            0 => None,
            index => Some(Opcode::ALL[usize::from(index) - 1]),
        }
    }

    /// The opcode of this number, if programs decoded for `mode` have it.
    #[must_use]
    #[inline]
    pub fn in_mode(number: u8, mode: Mode) -> Option<Opcode> {
        OPCODES_OF_MODE[mode as usize][usize::from(number)]
    }

    /// The opcode with this name in assembly text.
    #[must_use]
    pub fn from_mnemonic(mnemonic: &str) -> Option<Opcode> {
        ROWS.iter().find(|row| row.mnemonic == mnemonic).map(|row| row.opcode)
    }

    /// Its number in the code.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it ends a basic block.
    #[must_use]
    #[inline]
    pub const fn is_terminator(self) -> bool {
        IS_TERMINATOR[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_find_their_rows() {
        assert!(Opcode::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        for number in 0..=255 {
            if let Some(opcode) = Opcode::from_number(number) {
                assert_eq!(opcode.number(), number);
                assert_eq!(opcode.row().opcode, opcode);
                assert_eq!(Opcode::from_mnemonic(opcode.row().mnemonic), Some(opcode));
            }
        }
    }

    #[test]
    fn the_modes_differ_in_two_opcodes() {
        let differing: std::vec::Vec<u8> =
            (0..=255).filter(|&n| Opcode::in_mode(n, Mode::Bare) != Opcode::in_mode(n, Mode::Image)).collect();
        assert_eq!(differing, [Opcode::Ecall.number(), Opcode::Sbrk.number()]);
    }
}
