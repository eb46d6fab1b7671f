//! Loads and stores. Known addresses become absolute ones, known values become immediates.

use javm_isa::{Instruction, Opcode, Reg};

use super::facts::Fact;
use super::ir::{Borrow, Node, Op, make};
use super::lower::{Lowering, fits};
use crate::error::{InstructionError, LinkError};
use crate::riscv::{Width, X};

/// Where an access goes.
enum Address {
    Absolute(u64),
    Based(Reg, u64),
}

struct Forms {
    based: Opcode,
    absolute: Opcode,
}

fn load_forms(width: Width) -> Forms {
    let (based, absolute) = match (width.bytes, width.signed) {
        (1, false) => (Opcode::LoadIndU8, Opcode::LoadU8),
        (1, true) => (Opcode::LoadIndI8, Opcode::LoadI8),
        (2, false) => (Opcode::LoadIndU16, Opcode::LoadU16),
        (2, true) => (Opcode::LoadIndI16, Opcode::LoadI16),
        (4, false) => (Opcode::LoadIndU32, Opcode::LoadU32),
        (4, true) => (Opcode::LoadIndI32, Opcode::LoadI32),
        _ => (Opcode::LoadIndU64, Opcode::LoadU64),
    };
    Forms { based, absolute }
}

/// The forms that store a register, and those that store a number.
fn store_forms(bytes: u8) -> (Forms, Forms) {
    let forms = |based, absolute| Forms { based, absolute };
    match bytes {
        1 => (forms(Opcode::StoreIndU8, Opcode::StoreU8), forms(Opcode::StoreImmIndU8, Opcode::StoreImmU8)),
        2 => (forms(Opcode::StoreIndU16, Opcode::StoreU16), forms(Opcode::StoreImmIndU16, Opcode::StoreImmU16)),
        4 => (forms(Opcode::StoreIndU32, Opcode::StoreU32), forms(Opcode::StoreImmIndU32, Opcode::StoreImmU32)),
        _ => (forms(Opcode::StoreIndU64, Opcode::StoreU64), forms(Opcode::StoreImmIndU64, Opcode::StoreImmU64)),
    }
}

/// An address as an immediate: the machine takes addresses mod 2^32, so that the sign of the immediate does not matter.
fn wrapped(address: u64) -> u64 {
    address as i32 as i64 as u64
}

/// The shortest immediate that stores the same `bytes` bytes; `None` if there is none.
fn stored(number: u64, bytes: u8) -> Option<u64> {
    let unused = 64 - 8 * u32::from(bytes);
    let number = ((number << unused) as i64 >> unused) as u64;
    fits(number).then_some(number)
}

impl Lowering<'_> {
    fn resolve(&self, base: X, offset: i32) -> Result<Address, LinkError> {
        let offset = i64::from(offset) as u64;
        let Some(base) = base else { return Ok(Address::Absolute(wrapped(offset))) };
        Ok(match self.facts.get(base) {
            Fact::Number(number) => Address::Absolute(wrapped(number.wrapping_add(offset))),
            Fact::Sum { base, add } => Address::Based(base, wrapped(offset.wrapping_add(i64::from(add) as u64))),
            Fact::Code(block) => return Err(self.refuse(InstructionError::AccessToCode(self.name_of(block)))),
            Fact::Unknown | Fact::Comparison(_) => Address::Based(base, offset),
        })
    }

    /// Takes back an addition to `register` that was the last instruction, if that is where it can be undone: gives the
    /// register and the number that were added.
    fn take_addition(&mut self, register: Reg) -> Option<(Reg, u64)> {
        match self.nodes.last() {
            Some(&Node::Op(Op {
                instruction: Instruction { opcode: Opcode::AddImm64, a, b, x, .. },
                address_of: None,
                ..
            })) if a == register => {
                self.nodes.pop();
                self.facts.set(register, Fact::Unknown);
                Some((b, x))
            }
            _ => None,
        }
    }

    /// What a load from a known address gives, if that is known too.
    fn constant(&self, address: u32, width: Width) -> Option<u64> {
        let bytes = self.layout.constant(self.object, address, width.bytes)?;
        let raw = bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let unused = 64 - 8 * u32::from(width.bytes);
        Some(if width.signed { ((raw << unused) as i64 >> unused) as u64 } else { raw })
    }

    pub(super) fn load(&mut self, width: Width, rd: X, base: X, offset: i32) -> Result<(), LinkError> {
        let mut address = self.resolve(base, offset)?;
        // The sum is overwritten by what is loaded: the load can add by itself.
        if let Address::Based(base, offset) = address
            && rd == Some(base)
            && let Some((inner, add)) = self.take_addition(base)
        {
            address = Address::Based(inner, wrapped(offset.wrapping_add(add)));
        }
        if let (Address::Absolute(address), Some(rd)) = (&address, rd)
            && let Some(number) = self.constant(*address as u32, width)
        {
            self.set_number(rd, number);
            return Ok(());
        }
        let forms = load_forms(width);
        // Where nobody wants the value its register is found later.
        let a = rd.unwrap_or(Reg::RA);
        let instruction = match address {
            Address::Absolute(address) => make::reg_imm(forms.absolute, a, address),
            Address::Based(base, offset) => make::reg_reg_imm(forms.based, a, base, offset),
        };
        match rd {
            Some(_) => self.push(instruction, Fact::Unknown),
            None => self.nodes.push(Node::Borrow(Borrow::Probe { load: instruction }, self.at.offset)),
        }
        Ok(())
    }

    pub(super) fn store(&mut self, bytes: u8, source: X, base: X, offset: i32) -> Result<(), LinkError> {
        let address = self.resolve(base, offset)?;
        let value = self.value(source);
        let (registers, numbers) = store_forms(bytes);
        let number = value.number.and_then(|number| stored(number, bytes));
        let instruction = match (address, number, value.register) {
            (Address::Absolute(address), Some(number), _) => make::imm_imm(numbers.absolute, address, number),
            (Address::Based(base, offset), Some(number), _) => make::reg_imm_imm(numbers.based, base, offset, number),
            (Address::Absolute(address), None, Some(source)) => make::reg_imm(registers.absolute, source, address),
            (Address::Based(base, offset), None, Some(source)) => {
                make::reg_reg_imm(registers.based, source, base, offset)
            }
            // A value without register is zero.
            (_, None, None) => return Ok(()),
        };
        self.push(instruction, Fact::Unknown);
        Ok(())
    }
}
