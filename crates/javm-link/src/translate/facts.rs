//! What is known about the registers at one point of a block.

use javm_isa::{Opcode, REG_COUNT, Reg};

use super::ir::BlockId;

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fact {
    Unknown,
    /// This number.
    Number(u64),
    /// The jump-table address of a block.
    Code(BlockId),
    /// What `base` holds plus a constant, exactly (64 bits).
    Sum {
        base: Reg,
        add: i32,
    },
    /// 1 if the comparison holds, else 0.
    Comparison(Comparison),
}

/// A comparison of a register with something, as the branch that it could be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Comparison {
    /// A branch that is taken if it holds.
    pub opcode: Opcode,
    pub left: Reg,
    pub right: Right,
}

/// What a register is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    Register(Reg),
    Immediate(u64),
}

impl Comparison {
    /// The comparison that holds when this one does not.
    pub fn inverse(self) -> Comparison {
        Comparison { opcode: inverse(self.opcode), ..self }
    }
}

/// The branch with the opposite condition. Anything but a branch stays what it is.
fn inverse(opcode: Opcode) -> Opcode {
    const PAIRS: [(Opcode, Opcode); 8] = [
        (Opcode::BranchEq, Opcode::BranchNe),
        (Opcode::BranchLtU, Opcode::BranchGeU),
        (Opcode::BranchLtS, Opcode::BranchGeS),
        (Opcode::BranchEqImm, Opcode::BranchNeImm),
        (Opcode::BranchLtUImm, Opcode::BranchGeUImm),
        (Opcode::BranchLeUImm, Opcode::BranchGtUImm),
        (Opcode::BranchLtSImm, Opcode::BranchGeSImm),
        (Opcode::BranchLeSImm, Opcode::BranchGtSImm),
    ];
    for (one, other) in PAIRS {
        if opcode == one {
            return other;
        }
        if opcode == other {
            return one;
        }
    }
    opcode
}

impl Fact {
    /// Whether it stops being true when `register` changes.
    fn depends_on(&self, register: Reg) -> bool {
        match *self {
            Fact::Unknown | Fact::Number(_) | Fact::Code(_) => false,
            Fact::Sum { base, .. } => base == register,
            Fact::Comparison(Comparison { left, right, .. }) => left == register || right == Right::Register(register),
        }
    }
}

/// The facts of all registers.
pub(super) struct Facts([Fact; REG_COUNT]);

impl Facts {
    /// Nothing is known.
    pub fn none() -> Facts {
        Facts([Fact::Unknown; REG_COUNT])
    }

    pub fn get(&self, register: Reg) -> Fact {
        self.0[register.index()]
    }

    /// Notes that `register` now holds something else, of which `fact` is known (in terms of the other registers).
    pub fn set(&mut self, register: Reg, fact: Fact) {
        for known in &mut self.0 {
            if known.depends_on(register) {
                *known = Fact::Unknown;
            }
        }
        self.0[register.index()] = if fact.depends_on(register) { Fact::Unknown } else { fact };
    }
}
