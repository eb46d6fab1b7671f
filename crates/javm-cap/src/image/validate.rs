//! What must hold of an Image before it may be published.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use javm_isa::{Program, Reg};
use javm_types::Method;
use thiserror::Error;

use super::code::{Code, CodeError, NotABlock};
use super::limits::{
    END_PAGE, FIRST_FREE_SLOT, FIRST_PAGE, GUARD_PAGES, MAX_ARITY, MAX_ENDPOINTS, MAX_EPHEMERAL_PAGES, MAX_MAPPINGS,
    MAX_SIGNATURE_BYTES, MAX_STORED_PAGES, MAX_TYPEDEFS,
};
use super::{Access, Backing, EndpointName, Image, Mapping, SCRATCHPAD_SLOT};
use crate::data::MAX_DATA_PAGES;

/// What is wrong with an Image, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A table has too many entries.
    #[error("{count} {table} are more than the limit of {limit}")]
    TooMany {
        /// What the table holds.
        table: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The program is not sound.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// An endpoint does not start at a block.
    #[error("endpoint {index} ({name}) starts at code offset {entry:#x}, where no basic block starts: {why}")]
    Entry {
        /// The endpoint's number.
        index: usize,
        /// Its name.
        name: EndpointName,
        /// The offset.
        entry: u32,
        /// What is wrong with that.
        why: NotABlock,
    },
    /// An endpoint takes more arguments than there are registers for them.
    #[error("endpoint {index} ({name}) takes {arity} arguments; at most {MAX_ARITY} are possible")]
    Arity {
        /// The endpoint's number.
        index: usize,
        /// Its name.
        name: EndpointName,
        /// How many it takes.
        arity: u8,
    },
    /// An endpoint's signature is that of something else.
    #[error("endpoint {index} ({name}) takes {arity} arguments in registers, but its signature is {signature}")]
    Signature {
        /// The endpoint's number.
        index: usize,
        /// Its name.
        name: EndpointName,
        /// How many arguments it takes in registers.
        arity: u8,
        /// The signature.
        signature: Box<Method>,
    },
    /// An endpoint sets a register that the call sets.
    #[error(
        "endpoint {index} ({name}) sets {register} to {value:#x}; the call sets that register (return address and arguments)"
    )]
    Register {
        /// The endpoint's number.
        index: usize,
        /// Its name.
        name: EndpointName,
        /// The register.
        register: Reg,
        /// What it is set to.
        value: u64,
    },
    /// Two endpoints have one name.
    #[error("endpoints {first} and {second} are both called {name}")]
    SameName {
        /// The number of the first of them.
        first: usize,
        /// The number of the other.
        second: usize,
        /// Their name.
        name: EndpointName,
    },
    /// A slot is filled that every call empties.
    #[error("{table}: slot {slot} is {use_of_it} of a running Instance; the first slot that can be filled is {FIRST_FREE_SLOT}", use_of_it = if *slot == SCRATCHPAD_SLOT { "the scratchpad" } else { "the gift slot" })]
    ReservedSlot {
        /// The table that fills it.
        table: &'static str,
        /// The slot.
        slot: u8,
    },
    /// A slot is filled twice.
    #[error("slot {slot} is both an initial slot and an import")]
    SlotTwice {
        /// The slot.
        slot: u8,
    },
    /// There is too much initial Data.
    #[error("the initial slots hold {pages} pages that are not zero; the limit is {MAX_STORED_PAGES}")]
    StoredPages {
        /// How many pages there are in all slots together.
        pages: u64,
    },
    /// A mapping is wrong in itself.
    #[error("mapping at page {first_page:#x}: {why}")]
    Mapping {
        /// Its first page.
        first_page: u32,
        /// What is wrong with it.
        why: MappingError,
    },
    /// All mappings together have too many ephemeral pages.
    #[error("{pages} ephemeral pages are more than the limit of {MAX_EPHEMERAL_PAGES}")]
    EphemeralPages {
        /// How many there are.
        pages: u64,
    },
}

/// What is wrong with a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MappingError {
    /// It has no pages.
    #[error("it has no pages")]
    Empty,
    /// It reaches where nothing can be mapped.
    #[error(
        "its pages {first:#x}..{end:#x} are not inside of {FIRST_PAGE:#x}..{END_PAGE:#x}, which is what can be mapped"
    )]
    OutOfRange {
        /// Its first page.
        first: u32,
        /// The page behind its last one.
        end: u64,
    },
    /// It overlaps the mapping before, or follows it without a gap.
    #[error("the mapping at page {before:#x} ends at page {end:#x}; at least {GUARD_PAGES} unmapped page must follow")]
    NoGuardPage {
        /// The first page of the mapping before.
        before: u32,
        /// The page behind the last one of that.
        end: u64,
    },
    /// Ephemeral memory that cannot be written would always read as zeros.
    #[error("it is ephemeral and read-only; ephemeral memory must be read-write")]
    EphemeralReadOnly,
    /// Nothing is ever put into the slot that it maps.
    #[error("its slot {slot} is neither the scratchpad (slot {SCRATCHPAD_SLOT}) nor an initial slot nor an import")]
    NoSource {
        /// The slot.
        slot: u8,
    },
    /// It maps pages that its Data does not have.
    #[error("it maps pages {offset}..{end} of slot {slot}, which has {available}")]
    PastSource {
        /// The slot.
        slot: u8,
        /// The first page that it maps.
        offset: u32,
        /// The page behind the last one.
        end: u64,
        /// How many pages there are, or can be.
        available: u32,
    },
    /// It maps pages that another mapping maps too.
    #[error("it maps pages of slot {slot} that the mapping at page {other:#x} maps too")]
    SharedSource {
        /// The slot.
        slot: u8,
        /// The first page of the other mapping.
        other: u32,
    },
}

/// Checks everything but the hash.
pub(super) fn validate(image: &Image) -> Result<Program, ImageError> {
    check_counts(image)?;
    check_slots(image)?;
    check_memory(image)?;
    check_names(image)?;
    let code = Code::check(&image.code)?;
    check_endpoints(image, &code)?;
    Ok(code.program)
}

fn check_counts(image: &Image) -> Result<(), ImageError> {
    let tables = [
        ("endpoints", image.endpoints.len(), MAX_ENDPOINTS),
        ("bytes of signatures", image.signature_bytes(), MAX_SIGNATURE_BYTES),
        ("mappings", image.memory.len(), MAX_MAPPINGS),
        ("implemented TypeDefs", image.typedefs.len(), MAX_TYPEDEFS),
    ];
    match tables.into_iter().find(|&(_, count, limit)| count > limit) {
        Some((table, count, limit)) => Err(ImageError::TooMany { table, count, limit }),
        None => Ok(()),
    }
}

fn check_slots(image: &Image) -> Result<(), ImageError> {
    let reserved = |slot: Option<&u8>| slot.copied().filter(|&slot| slot < FIRST_FREE_SLOT);
    if let Some(slot) = reserved(image.slots.keys().next()) {
        return Err(ImageError::ReservedSlot { table: "initial slots", slot });
    }
    if let Some(slot) = reserved(image.imports.keys().next()) {
        return Err(ImageError::ReservedSlot { table: "imports", slot });
    }
    if let Some(&slot) = image.imports.keys().find(|slot| image.slots.contains_key(slot)) {
        return Err(ImageError::SlotTwice { slot });
    }
    let pages = image.slots.values().map(|data| u64::from(data.used_pages())).sum();
    if pages > u64::from(MAX_STORED_PAGES) {
        return Err(ImageError::StoredPages { pages });
    }
    Ok(())
}

fn check_memory(image: &Image) -> Result<(), ImageError> {
    let mut before: Option<(u32, u64)> = None;
    let mut ephemeral = 0;
    for (&first_page, mapping) in &image.memory {
        let end = u64::from(first_page) + u64::from(mapping.pages);
        check_mapping(image, first_page, mapping).map_err(|why| ImageError::Mapping { first_page, why })?;
        match before {
            Some((before, end)) if u64::from(first_page) < end + u64::from(GUARD_PAGES) => {
                return Err(ImageError::Mapping { first_page, why: MappingError::NoGuardPage { before, end } });
            }
            _ => before = Some((first_page, end)),
        }
        if mapping.backing == Backing::Ephemeral {
            ephemeral += u64::from(mapping.pages);
        }
    }
    if ephemeral > u64::from(MAX_EPHEMERAL_PAGES) {
        return Err(ImageError::EphemeralPages { pages: ephemeral });
    }
    check_sources(image)
}

fn check_mapping(image: &Image, first: u32, mapping: &Mapping) -> Result<(), MappingError> {
    let pages = u64::from(mapping.pages);
    let end = u64::from(first) + pages;
    if pages == 0 {
        return Err(MappingError::Empty);
    }
    if first < FIRST_PAGE || end > u64::from(END_PAGE) {
        return Err(MappingError::OutOfRange { first, end });
    }
    match mapping.backing {
        Backing::Ephemeral if mapping.access == Access::ReadOnly => Err(MappingError::EphemeralReadOnly),
        Backing::Ephemeral => Ok(()),
        Backing::Persistent { slot, offset_pages: offset } => {
            // How long a scratchpad or an import will be is not known: no Data is longer than this.
            let available = match image.slots.get(&slot) {
                Some(data) => data.pages(),
                None if slot == SCRATCHPAD_SLOT || image.imports.contains_key(&slot) => MAX_DATA_PAGES,
                None => return Err(MappingError::NoSource { slot }),
            };
            let end = u64::from(offset) + pages;
            if end > u64::from(available) {
                return Err(MappingError::PastSource { slot, offset, end, available });
            }
            Ok(())
        }
    }
}

/// Checks that no page of a slot is mapped twice.
fn check_sources(image: &Image) -> Result<(), ImageError> {
    let mut sources: Vec<(u8, u32, u64, u32)> = Vec::new();
    for (&first_page, mapping) in &image.memory {
        if let Backing::Persistent { slot, offset_pages } = mapping.backing {
            let end = u64::from(offset_pages) + u64::from(mapping.pages);
            sources.push((slot, offset_pages, end, first_page));
        }
    }
    sources.sort_unstable();
    for pair in sources.windows(2) {
        let [(slot, _, end, other), (next_slot, offset, _, first_page)] = *pair else { continue };
        if slot == next_slot && u64::from(offset) < end {
            return Err(ImageError::Mapping { first_page, why: MappingError::SharedSource { slot, other } });
        }
    }
    Ok(())
}

fn check_names(image: &Image) -> Result<(), ImageError> {
    let mut numbers = BTreeMap::new();
    for (second, endpoint) in image.endpoints.iter().enumerate() {
        if let Some(first) = numbers.insert(&endpoint.name, second) {
            return Err(ImageError::SameName { first, second, name: endpoint.name.clone() });
        }
    }
    Ok(())
}

fn check_endpoints(image: &Image, code: &Code) -> Result<(), ImageError> {
    for (index, endpoint) in image.endpoints.iter().enumerate() {
        let name = || endpoint.name.clone();
        if endpoint.arity > MAX_ARITY {
            return Err(ImageError::Arity { index, name: name(), arity: endpoint.arity });
        }
        if let Some(signature) = &endpoint.signature
            && (*signature.name() != endpoint.name || signature.arity() != endpoint.arity)
        {
            let (arity, signature) = (endpoint.arity, Box::new(signature.clone()));
            return Err(ImageError::Signature { index, name: name(), arity, signature });
        }
        for register in [Reg::RA, Reg::A0, Reg::A1, Reg::A2, Reg::A3] {
            let value = endpoint.registers[register.index()];
            if value != 0 {
                return Err(ImageError::Register { index, name: name(), register, value });
            }
        }
        code.check_block(endpoint.entry).map_err(|why| ImageError::Entry {
            index,
            name: name(),
            entry: endpoint.entry,
            why,
        })?;
    }
    Ok(())
}
