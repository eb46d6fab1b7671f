//! What the pipeline model needs to know of an instruction, from one look into a table.

use super::{Extra, Unit};
use crate::instruction::Instruction;
use crate::opcode::{Kind, Opcode};
use crate::register::REG_COUNT;

/// What execution units are told apart by. Load and store ports are as many as ALUs, and every access takes an ALU as
/// well, so that ports never run short before ALUs do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
#[repr(u8)]
pub(super) enum Class {
    Nothing,
    OneAlu,
    TwoAlus,
    Mul,
    Div,
}

impl Class {
    pub const COUNT: usize = 5;

    const fn of(unit: Unit) -> Class {
        match unit {
            Unit::Nothing => Class::Nothing,
            Unit::Alu | Unit::Load | Unit::Store => Class::OneAlu,
            Unit::TwoAlus => Class::TwoAlus,
            Unit::Mul => Class::Mul,
            Unit::Div => Class::Div,
        }
    }

    /// How many ALUs it takes.
    #[inline]
    pub fn alus(self) -> u8 {
        [0, 1, 2, 1, 1][self as usize]
    }
}

/// Places behind the registers, for instructions that read or write none: nothing writes the one, nothing reads the other.
const NOTHING_READ: u8 = REG_COUNT as u8;
const NOTHING_WRITTEN: u8 = REG_COUNT as u8 + 1;
/// Registers and these places, rounded up to what a vector holds.
pub(super) const PLACES: usize = 16;

/// An instruction on its way through the pipeline. Registers are numbers below [`PLACES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued {
    pub destination: u8,
    pub sources: [u8; 3],
    /// Cycles from its start to its result: 1 to 127.
    pub latency: u8,
    /// Decode slots that it takes, copies included: 1 to 4.
    pub slots: u8,
    pub class: Class,
    /// Registers are renamed while decoding, and a move is nothing else: it never gets further.
    pub is_move: bool,
}

/// What is the same for all instructions of an opcode. Operands are the numbers of `RegOperand`.
#[derive(Clone, Copy)]
struct Facts {
    destination: u8,
    sources: [u8; 3],
    latency: u8,
    slots: u8,
    extra: Extra,
    class: Class,
    is_branch: bool,
}

impl Facts {
    const fn of(opcode: Opcode) -> Facts {
        let row = opcode.row();
        let [first, second, third] = row.roles.sources;
        Facts {
            destination: row.roles.destination as u8,
            sources: [first as u8, second as u8, third as u8],
            latency: row.cost.latency,
            slots: row.cost.slots,
            extra: row.cost.extra,
            class: Class::of(row.cost.unit),
            is_branch: matches!(row.kind, Kind::Branch),
        }
    }
}

/// By the number of the opcode.
static FACTS: [Facts; 256] = {
    let mut table = [Facts::of(Opcode::Trap); 256];
    let mut index = 0;
    while index < Opcode::ALL.len() {
        table[Opcode::ALL[index] as usize] = Facts::of(Opcode::ALL[index]);
        index += 1;
    }
    table
};

/// Whether the opcode is a branch, and the latency of its row.
#[inline]
pub(super) fn latency_of(opcode: Opcode) -> (bool, u8) {
    let facts = &FACTS[opcode as usize];
    (facts.is_branch, facts.latency)
}

impl Issued {
    #[inline]
    pub fn of(instruction: &Instruction, latency: u8) -> Issued {
        let facts = &FACTS[instruction.opcode as usize];
        let registers = u32::from_le_bytes([instruction.a.number(), instruction.b.number(), instruction.d.number(), 0]);
        let place = |operand: u8, none: u8| (registers | u32::from(none) << 24).to_le_bytes()[usize::from(operand) % 4];
        let destination = place(facts.destination, NOTHING_WRITTEN);
        let sources = facts.sources.map(|operand| place(operand, NOTHING_READ));
        let is_no_source = (destination != sources[0]) & (destination != sources[1]) & (destination != sources[2]);
        let copies = match facts.extra {
            Extra::Never => false,
            Extra::DestinationIsNoSource => is_no_source,
            Extra::DestinationIsNotFirstSource => destination != sources[0],
        };
        Issued {
            destination,
            sources,
            latency,
            slots: facts.slots + u8::from(copies),
            class: facts.class,
            is_move: instruction.opcode == Opcode::MoveReg,
        }
    }
}
