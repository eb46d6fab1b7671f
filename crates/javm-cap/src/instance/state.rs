//! Run state: what an Instance at rest is doing, with its quota and its `home`.
//!
//! The normative text is `docs/spec/instance.md`.

use alloc::vec::Vec;

use javm_isa::REG_COUNT;

use super::mappings::{DynamicMapping, DynamicMappings};
use crate::data::Data;
use crate::decode::{DecodeError, DecodeErrorReason, Reader};
use crate::hash::{CapHash, Hash, hash_from_hex, hash_parts};
use crate::measure::{MAX_HEIGHT, Measure};
use crate::page::PAGE_SIZE;
use crate::path::Path;
use crate::tag::Tag;

/// What an Instance at rest is doing. Those on the call stack are the kernel's, and are never hashed or stored.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum RunState {
    /// Nothing: it can be called.
    #[default]
    Idle,
    /// It was stopped in a call, and can be resumed.
    Suspended(Suspended),
}

/// Everything that a call was stopped with but what stands in slots 0 and 1, which are those of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspended {
    /// Why it was stopped.
    pub why: Why,
    /// Whether the gas of the basic block at `pc` is paid.
    pub block_paid: bool,
    /// Code offset of the next instruction.
    pub pc: u32,
    /// φ0 to φ12.
    pub registers: [u64; REG_COUNT],
    /// The pages of the Image's ephemeral mappings, one mapping behind the other, in ascending order of their addresses.
    pub ephemeral: Data,
    /// What MAP added.
    pub mappings: DynamicMappings,
}

/// Why a call was stopped, by the statuses that callers see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It trapped, or broke a rule of the machine.
    Panic,
    /// It touched a page that forbids it.
    Fault {
        /// The address of the page.
        page: u32,
    },
    /// What came next costs more gas than was left.
    OutOfGas,
    /// It yielded.
    Yield {
        /// The value that it gave.
        value: u64,
    },
}

impl Why {
    /// The number of the status.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Why::Panic => 1,
            Why::Fault { .. } => 2,
            Why::OutOfGas => 3,
            Why::Yield { .. } => 4,
        }
    }

    /// What this number and [detail](Why::detail) say, if anything is stopped so.
    #[must_use]
    pub fn from_parts(number: u8, detail: u64) -> Option<Why> {
        match (number, u32::try_from(detail)) {
            (1, Ok(0)) => Some(Why::Panic),
            (2, Ok(page)) if page % PAGE_SIZE as u32 == 0 => Some(Why::Fault { page }),
            (3, Ok(0)) => Some(Why::OutOfGas),
            (4, _) => Some(Why::Yield { value: detail }),
            _ => None,
        }
    }

    /// What comes with the status: the page of a fault, the value of a yield, else 0.
    #[must_use]
    pub const fn detail(self) -> u64 {
        match self {
            Why::Panic | Why::OutOfGas => 0,
            Why::Fault { page } => page as u64,
            Why::Yield { value } => value,
        }
    }
}

/// What an Instance has beside Image and table.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Condition {
    pub(super) state: RunState,
    pub(super) quota: Option<u64>,
    pub(super) home: Option<Path>,
}

/// The hash of an Idle Instance that has neither quota nor `home`: of the tag and three zeros.
pub(super) static PLAIN: Hash = hash_from_hex("8fa1b4b3094dde8d8ed022a0b4e5931d756fb4055cad2768e077f5ed718de083");

impl Condition {
    /// Whether it says nothing: Idle, no quota, no `home`.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Condition { state: RunState::Idle, quota: None, home: None })
    }

    /// What is hashed of it, without the tag.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Condition { state, quota, home } = self;
        let mut out = Vec::new();
        let number = match state {
            RunState::Idle => 0,
            RunState::Suspended(_) => 1,
        };
        out.extend([number, u8::from(quota.is_some()), u8::from(home.is_some())]);
        out.extend(quota.iter().flat_map(|quota| quota.to_le_bytes()));
        if let Some(home) = home {
            // At most 16.
            out.push(home.len() as u8);
            out.extend_from_slice(home);
        }
        if let RunState::Suspended(suspended) = state {
            suspended.encode(&mut out);
        }
        out
    }

    /// Reads what [`encode`](Condition::encode) wrote, but for the ephemeral pages, of which it has the hash alone.
    pub(super) fn decode(from: &mut Reader<'_>, ephemeral: Option<Data>) -> Result<Condition, DecodeError> {
        let is_suspended = from.either("state", "0 = Idle, 1 = Suspended", [false, true])?;
        let (has_quota, has_home) = (from.flag("quota")?, from.flag("home")?);
        let quota = if has_quota { Some(from.u64("quota in pages")?) } else { None };
        let home = if has_home {
            let at = from.offset();
            let length = from.u8("home length")?;
            let path = Path::new(from.bytes("home path", length.into())?);
            let too_long = DecodeErrorReason::TooLarge { found: length.into(), limit: MAX_HEIGHT.into() };
            Some(path.map_err(|_| DecodeError::new(at, "home length", too_long))?)
        } else {
            None
        };
        let state = if is_suspended {
            RunState::Suspended(Suspended::decode(from, ephemeral)?)
        } else if ephemeral.is_some() {
            let reason =
                DecodeErrorReason::Unknown { found: 0, known: "only a Suspended Instance has ephemeral pages" };
            return Err(DecodeError::new(0, "state", reason));
        } else {
            RunState::Idle
        };
        Ok(Condition { state, quota, home })
    }

    pub(super) fn hash(&self) -> Hash {
        hash_parts(Tag::RunState, &[&self.encode()])
    }

    pub(super) fn measure(&self) -> Measure {
        match &self.state {
            RunState::Idle => Measure::default(),
            RunState::Suspended(suspended) => suspended.ephemeral.measure(),
        }
    }
}

impl Suspended {
    fn decode(from: &mut Reader<'_>, ephemeral: Option<Data>) -> Result<Suspended, DecodeError> {
        let unknown =
            |at, field, found, known| DecodeError::new(at, field, DecodeErrorReason::Unknown { found, known });
        let why_at = from.offset();
        let number = from.u8("why")?;
        let block_paid = from.flag("block paid")?;
        let pc = from.u32("pc")?;
        let mut registers = [0; REG_COUNT];
        for register in &mut registers {
            *register = from.u64("register")?;
        }
        let detail_at = from.offset();
        let detail = from.u64("detail")?;
        let why = Why::from_parts(number, detail).ok_or(match number {
            1..=4 => unknown(detail_at, "detail", detail, "the address of a page for FAULT, else 0"),
            other => unknown(why_at, "why", other.into(), "1 PANIC, 2 FAULT, 3 OUT_OF_GAS, 4 YIELD"),
        })?;
        let hash_at = from.offset();
        let stated = CapHash(from.hash("ephemeral pages")?);
        let missing =
            DecodeErrorReason::Unknown { found: 0, known: "a Suspended Instance comes with its ephemeral pages" };
        let ephemeral = ephemeral.ok_or(DecodeError::new(hash_at, "ephemeral pages", missing))?;
        let actual = ephemeral.hash();
        if stated != actual {
            return Err(DecodeError::new(hash_at, "ephemeral pages", DecodeErrorReason::Hash { stated, actual }));
        }
        let count_at = from.offset();
        let count = from.u32("number of dynamic mappings")?;
        let mut mappings = DynamicMappings::new();
        for index in 0..count {
            let field = |name| ("dynamic mapping", index, name);
            let at = from.offset();
            let first_page = from.u32(field("first page"))?;
            let (pages, offset) = (from.u32(field("pages"))?, from.u32(field("offset"))?);
            let access = from.access(field("access"))?;
            let slot = from.u8(field("slot"))?;
            let is_behind = mappings.iter().last().is_none_or(|last| last.first_page + last.pages <= first_page);
            let mapped = mappings.map(DynamicMapping { first_page, pages, offset, access, slot });
            // An entry that goes on as the one before is none of its own.
            if mapped.is_err() || !is_behind || mappings.len() as u64 != u64::from(index) + 1 {
                let known = "in ascending order, as few as can say it, each within the bounds of an Image's";
                return Err(unknown(at, "dynamic mapping", first_page.into(), known));
            }
        }
        if mappings.len() as u64 != u64::from(count) {
            return Err(unknown(count_at, "number of dynamic mappings", count.into(), "as many as follow"));
        }
        Ok(Suspended { why, block_paid, pc, registers, ephemeral, mappings })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Suspended { why, block_paid, pc, registers, ephemeral, mappings } = self;
        out.extend([why.number(), u8::from(*block_paid)]);
        out.extend(pc.to_le_bytes());
        out.extend(registers.iter().flat_map(|register| register.to_le_bytes()));
        out.extend(why.detail().to_le_bytes());
        out.extend(ephemeral.hash().as_bytes());
        // As few as the limit says.
        out.extend((mappings.len() as u32).to_le_bytes());
        for mapping in mappings.iter() {
            for number in [mapping.first_page, mapping.pages, mapping.offset] {
                out.extend(number.to_le_bytes());
            }
            out.extend([mapping.access as u8, mapping.slot]);
        }
    }
}
