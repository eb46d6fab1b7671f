//! What reading an archive takes, as far as it can be told before it is read.

use super::{ArchiveError, Raw, next};
use crate::decode;
use crate::image::Image;

/// The memory that a part of an archive takes when it is read. It is a little more than it will be.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Weight {
    /// The nodes in it.
    pub nodes: u32,
    /// The pages that it stores.
    pub pages: u32,
    /// Bytes of everything else.
    pub rest: u64,
    /// Bytes of the largest single piece of that.
    pub block: u64,
}

/// What a node takes for itself: with its counts and remembered hashes.
const NODE: u64 = 192;
/// What a slot of a CNode that is taken takes.
const SLOT: u64 = 256;

impl Weight {
    /// That of a part of an archive, whose first node has this number.
    ///
    /// # Errors
    /// [`ArchiveError`] where the bytes are no nodes.
    pub fn of(part: &[u8], first: u32) -> Result<Weight, ArchiveError> {
        let mut from = decode::Reader::new(part);
        let mut weight = Weight::default();
        while from.offset() < part.len() {
            let node = first.saturating_add(weight.nodes);
            let error = |reason| ArchiveError { node, reason };
            let raw = next(&mut from).map_err(|reason| error(reason.into()))?;
            weight = weight.and(Weight::of_node(&raw));
        }
        Ok(weight)
    }

    /// That of one node.
    pub(super) fn of_node(raw: &Raw<'_>) -> Weight {
        let one = |pages, rest, block| Weight { nodes: 1, pages, rest: NODE + rest, block };
        match raw {
            Raw::Page(_) => one(1, 0, 0),
            Raw::Halves(_) | Raw::Data { .. } | Raw::NamedImage(_) | Raw::Service { .. } | Raw::Callable { .. } => {
                one(0, 0, 0)
            }
            Raw::CNode(slots) => one(0, SLOT * slots.len() as u64, 0),
            // What is no Image is refused before it takes anything.
            Raw::Image(bytes) => Image::weigh(bytes).map_or(one(0, 0, 0), |weight| {
                let (tables, code) = (16 * weight.tables as u64, u64::from(weight.code));
                one(weight.pages, tables + code + SLOT * u64::from(weight.pages), code)
            }),
            // A byte of its encoding stands for a type of a few words at most.
            Raw::TypeDef(bytes) => one(0, 64 * bytes.len() as u64, 0),
            Raw::Instance { state, .. } => one(0, 8 * state.len() as u64, 0),
        }
    }

    /// That of both.
    #[must_use]
    pub fn and(self, other: Weight) -> Weight {
        Weight {
            nodes: self.nodes.saturating_add(other.nodes),
            pages: self.pages.saturating_add(other.pages),
            rest: self.rest.saturating_add(other.rest),
            block: self.block.max(other.block),
        }
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        (u64::from(self.pages) * crate::page::PAGE_SIZE as u64).saturating_add(self.rest)
    }
}
