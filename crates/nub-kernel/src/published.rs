//! Images that programs may be made from.

use alloc::sync::Arc;
use alloc::vec::Vec;

use javm_cap::{Access, Backing, CapHash, Data, Image, SCRATCHPAD_SLOT, ValidImage};
use javm_interpreter::Code;
use javm_isa::Mode;

use crate::arch::AddressSpace;
use crate::demand::Demand;
use crate::window::is_live;

/// An Image that was checked, with what running it needs. Instances of one Image share it.
pub(crate) struct Published {
    valid: ValidImage,
    code: Code,
    mappings: Vec<DataMapping>,
    /// First page and pages of each.
    ephemeral: Vec<(u32, u32)>,
    /// The slots that are mapped, in ascending order.
    slots: Vec<u8>,
    /// Those of them that are in the table and mapped for writing.
    stored_slots: Vec<u8>,
    /// How many pages of the scratchpad are mapped, and ephemeral.
    scratchpad_pages: u32,
    ephemeral_pages: u32,
    demand: Demand,
}

/// A range of pages that shows a part of a Data.
#[derive(Clone, Copy)]
pub(crate) struct DataMapping {
    pub(crate) first_page: u32,
    pub(crate) pages: u32,
    pub(crate) slot: u8,
    /// The page of the Data that the first page shows.
    pub(crate) offset: u32,
    pub(crate) access: Access,
}

impl DataMapping {
    /// The mapped page that shows this page of the Data, if one does.
    pub(crate) fn page_of(&self, index: u32) -> Option<u32> {
        let within = index.checked_sub(self.offset).filter(|&within| within < self.pages)?;
        Some(self.first_page + within)
    }

    /// Maps it to the pages of `data`.
    pub(crate) fn map(&self, space: &mut impl AddressSpace, data: &Data) {
        space.map_data(self.first_page, self.pages, data, self.offset, self.access);
    }

    /// Makes it inaccessible.
    pub(crate) fn unmap(&self, space: &mut impl AddressSpace) {
        space.unmap(self.first_page, self.pages);
    }
}

impl Published {
    pub(crate) fn new(valid: ValidImage) -> Arc<Published> {
        let code = Code::new(valid.program(), Mode::Image, valid.image().cost_model);
        let mappings = valid.image().memory.iter().filter_map(|(&first_page, mapping)| match mapping.backing {
            Backing::Persistent { slot, offset_pages: offset } => {
                Some(DataMapping { first_page, pages: mapping.pages, slot, offset, access: mapping.access })
            }
            Backing::Ephemeral => None,
        });
        let mappings: Vec<DataMapping> = mappings.collect();
        let ephemeral = valid.image().memory.iter().filter_map(|(&first_page, mapping)| match mapping.backing {
            Backing::Persistent { .. } => None,
            Backing::Ephemeral => Some((first_page, mapping.pages)),
        });
        let ephemeral: Vec<(u32, u32)> = ephemeral.collect();
        let mut slots: Vec<u8> = mappings.iter().map(|mapping| mapping.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        let is_stored = |slot: &u8| {
            let mut written = mappings.iter().filter(|mapping| mapping.access == Access::ReadWrite);
            !is_live(*slot) && written.any(|mapping| mapping.slot == *slot)
        };
        let stored_slots = slots.iter().copied().filter(is_stored).collect();
        let of_scratchpad = mappings.iter().filter(|mapping| mapping.slot == SCRATCHPAD_SLOT);
        let scratchpad_pages = of_scratchpad.map(|mapping| mapping.offset + mapping.pages).max().unwrap_or(0);
        let writable = mappings.iter().filter(|mapping| mapping.access == Access::ReadWrite);
        let writable_pages = writable.map(|mapping| mapping.pages).sum();
        let ephemeral_pages = ephemeral.iter().map(|(_, pages)| pages).sum();
        let demand = Demand::new(valid.image().memory.len(), writable_pages, ephemeral_pages);
        Arc::new(Published {
            valid,
            code,
            mappings,
            ephemeral,
            slots,
            stored_slots,
            scratchpad_pages,
            ephemeral_pages,
            demand,
        })
    }

    /// First page and number of pages of each ephemeral mapping, in ascending order.
    pub(crate) fn ephemeral(&self) -> impl Iterator<Item = (u32, u32)> {
        self.ephemeral.iter().copied()
    }

    /// The slots that are mapped, in ascending order.
    pub(crate) fn slots(&self) -> &[u8] {
        &self.slots
    }

    /// Those of them that are in the table and mapped for writing.
    pub(crate) fn stored_slots(&self) -> &[u8] {
        &self.stored_slots
    }

    /// Whether a basic block with a valid opcode starts at a code offset.
    pub(crate) fn is_entry(&self, pc: u32) -> bool {
        self.code.is_block_start(pc)
    }

    /// How many ephemeral pages there are.
    pub(crate) fn ephemeral_pages(&self) -> u32 {
        self.ephemeral_pages
    }

    /// What entering the program takes through the slot that holds its Instance, without what MAP adds.
    #[inline]
    pub(crate) fn demand(&self) -> Demand {
        self.demand
    }

    /// What of the memory map shows Data, in ascending order of the pages.
    pub(crate) fn mappings(&self) -> &[DataMapping] {
        &self.mappings
    }

    /// Those of the Data in one slot.
    pub(crate) fn mappings_of(&self, slot: u8) -> impl Iterator<Item = &DataMapping> {
        self.mappings.iter().filter(move |mapping| mapping.slot == slot)
    }

    /// How many pages of the scratchpad are mapped, counted from its beginning.
    pub(crate) fn scratchpad_pages(&self) -> u32 {
        self.scratchpad_pages
    }

    pub(crate) fn hash(&self) -> CapHash {
        self.valid.hash()
    }

    pub(crate) fn valid(&self) -> &ValidImage {
        &self.valid
    }

    pub(crate) fn image(&self) -> &Image {
        self.valid.image()
    }

    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}
