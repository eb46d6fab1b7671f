//! Blocks of machine instructions before they have offsets.

use std::collections::BTreeMap;

use javm_isa::{Instruction, Kind, Opcode, Reg};

use crate::resolve::At;

/// The number of a block, in the order in which blocks are emitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct BlockId(pub u32);

impl BlockId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The whole program.
pub(crate) struct Code {
    pub blocks: Vec<Block>,
    /// The blocks that start where control can come to other than from the block before.
    pub leaders: BTreeMap<At, BlockId>,
}

/// Instructions that run one after the other. Only the last may go elsewhere.
pub(crate) struct Block {
    /// Where it comes from.
    pub at: At,
    pub nodes: Vec<Node>,
    /// Whether the next block comes next (if the last instruction does not go elsewhere).
    pub falls_through: bool,
}

/// An instruction, or something that becomes a few once it is known which registers are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    Op(Op),
    /// With the offset of the instruction that it comes from, as in [`Op`].
    Borrow(Borrow, u32),
}

/// A machine instruction whose code addresses are still blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Op {
    pub instruction: Instruction,
    /// Where a static jump or branch goes.
    pub target: Option<BlockId>,
    /// The block whose jump-table address X is.
    pub address_of: Option<BlockId>,
    /// An `auipc` of its own, whose value means nothing but to the instructions that complete it.
    pub high: Option<At>,
    /// Where in the block's section the instruction stands that it comes from.
    pub offset: u32,
}

/// Something that needs registers which it may overwrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Borrow {
    /// A load whose value nobody wants but which must fault where it should. The destination is replaced.
    Probe { load: Instruction },
    /// The larger or smaller (signed) of a register and zero, into the same register.
    Clamp { opcode: Opcode, register: Reg },
    /// Each byte of the source becomes 255 unless it is zero.
    OrBytes { rd: Reg, source: Reg },
}

impl From<Instruction> for Op {
    fn from(instruction: Instruction) -> Op {
        Op { instruction, target: None, address_of: None, high: None, offset: 0 }
    }
}

impl Op {
    /// Whether it ends a basic block.
    pub fn is_terminator(&self) -> bool {
        self.instruction.opcode.is_terminator()
    }

    /// The registers that it reads. Calls into the kernel read all arguments.
    pub fn sources(&self) -> Registers {
        match self.instruction.opcode.row().kind {
            Kind::HostCall | Kind::Operation => Registers::ARGUMENTS,
            _ => self.instruction.sources().into_iter().flatten().collect(),
        }
    }

    /// Whether nothing happens but that a register gets a value.
    pub fn is_pure(&self) -> bool {
        matches!(self.instruction.opcode.row().kind, Kind::Compute | Kind::ConditionalMove)
    }
}

impl Borrow {
    pub fn sources(&self) -> Registers {
        match *self {
            Borrow::Probe { load } => load.sources().into_iter().flatten().collect(),
            Borrow::Clamp { register, .. } => [register].into_iter().collect(),
            Borrow::OrBytes { source, .. } => [source].into_iter().collect(),
        }
    }

    pub fn destination(&self) -> Option<Reg> {
        match *self {
            Borrow::Probe { .. } => None,
            Borrow::Clamp { register, .. } => Some(register),
            Borrow::OrBytes { rd, .. } => Some(rd),
        }
    }
}

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Registers(u16);

impl Registers {
    pub const NONE: Registers = Registers(0);
    pub const ALL: Registers = Registers((1 << javm_isa::REG_COUNT) - 1);
    /// φ7 to φ12.
    pub const ARGUMENTS: Registers = Registers(0b1_1111_1000_0000);

    pub fn contains(self, register: Reg) -> bool {
        self.0 >> register.number() & 1 == 1
    }

    pub fn with(self, register: Reg) -> Registers {
        Registers(self.0 | 1 << register.number())
    }

    pub fn without(self, register: Reg) -> Registers {
        Registers(self.0 & !(1 << register.number()))
    }

    pub fn union(self, other: Registers) -> Registers {
        Registers(self.0 | other.0)
    }
}

impl FromIterator<Reg> for Registers {
    fn from_iter<I: IntoIterator<Item = Reg>>(registers: I) -> Registers {
        registers.into_iter().fold(Registers::NONE, Registers::with)
    }
}

/// Builders of instructions, by the operands that they have.
pub(crate) mod make {
    use super::{Instruction, Opcode, Reg};

    /// A and X.
    pub fn reg_imm(opcode: Opcode, a: Reg, x: u64) -> Instruction {
        Instruction { a, x, ..Instruction::new(opcode) }
    }

    /// X and Y.
    pub fn imm_imm(opcode: Opcode, x: u64, y: u64) -> Instruction {
        Instruction { x, y, ..Instruction::new(opcode) }
    }

    /// A, X and Y.
    pub fn reg_imm_imm(opcode: Opcode, a: Reg, x: u64, y: u64) -> Instruction {
        Instruction { a, x, y, ..Instruction::new(opcode) }
    }

    /// D and A.
    pub fn reg_reg(opcode: Opcode, d: Reg, a: Reg) -> Instruction {
        Instruction { d, a, ..Instruction::new(opcode) }
    }

    /// A, B and X.
    pub fn reg_reg_imm(opcode: Opcode, a: Reg, b: Reg, x: u64) -> Instruction {
        Instruction { a, b, x, ..Instruction::new(opcode) }
    }

    /// D, A and B.
    pub fn reg_reg_reg(opcode: Opcode, d: Reg, a: Reg, b: Reg) -> Instruction {
        Instruction { d, a, b, ..Instruction::new(opcode) }
    }
}
