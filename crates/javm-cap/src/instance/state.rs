//! Run state: what an Instance at rest is doing, with its quota and its `home`.
//!
//! The normative text is `docs/spec/instance.md`.

use alloc::vec::Vec;

use javm_isa::REG_COUNT;

use super::mappings::DynamicMappings;
use crate::data::Data;
use crate::hash::{Hash, hash_from_hex, hash_parts};
use crate::measure::Measure;
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
