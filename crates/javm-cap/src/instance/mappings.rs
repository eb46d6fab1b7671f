//! What MAP added to the memory of a Suspended Instance.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use thiserror::Error;

use crate::data::MAX_DATA_PAGES;
use crate::image::limits::{END_PAGE, FIRST_PAGE};
use crate::image::{Access, Backing, Image};

/// The most entries that there are: as many as an Image may have mappings. Every resumption walks them all.
pub const MAX_DYNAMIC_MAPPINGS: usize = 256;

/// A range of pages that shows a part of the Data in a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DynamicMapping {
    /// The first page: address / 4096.
    pub first_page: u32,
    /// How many, at least 1.
    pub pages: u32,
    /// The page of the slot's Data that stands at the first page.
    pub offset: u32,
    /// What the program may do there.
    pub access: Access,
    /// The slot.
    pub slot: u8,
}

impl DynamicMapping {
    /// The page behind its last one.
    fn end(&self) -> u32 {
        self.first_page + self.pages
    }

    /// Its part before a page, and the one from there on.
    fn split(self, page: u32) -> [Option<DynamicMapping>; 2] {
        let before = page.clamp(self.first_page, self.end()) - self.first_page;
        let part = |skipped: u32, pages: u32| {
            let (first_page, offset) = (self.first_page + skipped, self.offset + skipped);
            (pages > 0).then_some(DynamicMapping { first_page, pages, offset, ..self })
        };
        [part(0, before), part(before, self.pages - before)]
    }

    /// Whether `next` goes on where this one ends, in memory and in the Data.
    fn goes_on_as(&self, next: &DynamicMapping) -> bool {
        self.end() == next.first_page
            && self.offset + self.pages == next.offset
            && (self.access, self.slot) == (next.access, next.slot)
    }
}

/// A range of pages, and the page of a slot's Data from which on it shows that.
#[derive(Clone, Copy)]
struct Shown {
    first_page: u32,
    pages: u32,
    source: Option<(u8, u32)>,
}

impl Shown {
    fn of(mapping: &DynamicMapping) -> Shown {
        let &DynamicMapping { first_page, pages, offset, slot, .. } = mapping;
        Shown { first_page, pages, source: Some((slot, offset)) }
    }

    /// What an Image maps.
    fn by_image(image: &Image) -> impl Iterator<Item = Shown> {
        image.memory.iter().map(|(&first_page, mapping)| {
            let source = match mapping.backing {
                Backing::Persistent { slot, offset_pages } => Some((slot, offset_pages)),
                Backing::Ephemeral => None,
            };
            Shown { first_page, pages: mapping.pages, source }
        })
    }

    /// Whether a page of memory, or of a slot's Data, is in both.
    fn meets(&self, other: &Shown) -> bool {
        let overlap = |one: u32, another: u32| one < another + other.pages && another < one + self.pages;
        let same_source = match (self.source, other.source) {
            (Some((slot, offset)), Some((other_slot, other_offset))) => {
                slot == other_slot && overlap(offset, other_offset)
            }
            _ => false,
        };
        same_source || overlap(self.first_page, other.first_page)
    }
}

/// Why something cannot be mapped. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DynamicMappingError {
    /// No pages, or pages at 2^20 and behind, of memory or of the Data.
    #[error(
        "{pages} pages from page {first_page} on, showing a Data from its page {offset} on: 1 and more are mapped, below page {END_PAGE} of both"
    )]
    Range {
        /// The first page.
        first_page: u32,
        /// How many.
        pages: u32,
        /// The first page of the Data.
        offset: u32,
    },
    /// More than [`MAX_DYNAMIC_MAPPINGS`] entries would be needed.
    #[error("{0} mappings would be needed; {MAX_DYNAMIC_MAPPINGS} are the limit")]
    TooMany(usize),
}

/// Which pages show what: a function of the pages, in as few entries as can say it, so that it does not matter how it
/// came about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DynamicMappings {
    /// By the first page.
    entries: BTreeMap<u32, DynamicMapping>,
}

impl DynamicMappings {
    /// Nothing.
    #[must_use]
    pub fn new() -> DynamicMappings {
        DynamicMappings::default()
    }

    /// The entries in ascending order of their pages. None touches the next one and goes on as it.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DynamicMapping> + '_ {
        self.entries.values()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Has a range of pages show what is said, whatever it showed before.
    ///
    /// # Errors
    /// [`DynamicMappingError`] for a range that cannot be, or when there would be too many entries.
    pub fn map(&mut self, mapping: DynamicMapping) -> Result<(), DynamicMappingError> {
        let DynamicMapping { first_page, pages, offset, .. } = mapping;
        let inside = |start: u32, end| start.checked_add(pages).is_some_and(|last| last <= end);
        if pages == 0 || first_page < FIRST_PAGE || !inside(first_page, END_PAGE) || !inside(offset, MAX_DATA_PAGES) {
            return Err(DynamicMappingError::Range { first_page, pages, offset });
        }
        self.change(|changed| {
            changed.cut(first_page, mapping.end());
            changed.entries.insert(first_page, mapping);
            changed.join(first_page);
            changed.join(mapping.end());
        })
    }

    /// The first page of what an Image or one of these maps already of what a mapping would: a page of memory, or of the slot's
    /// Data. No page of either is in two mappings that MAP has let pass.
    #[must_use]
    pub fn in_the_way(&self, image: &Image, added: &DynamicMapping) -> Option<u32> {
        let added = Shown::of(added);
        let mut all = Shown::by_image(image).chain(self.iter().map(Shown::of));
        all.find(|shown| shown.meets(&added)).map(|shown| shown.first_page)
    }

    /// The first page of an entry that MAP would not have let pass beside the others of a program of this Image, if one is so.
    pub(super) fn first_refused(&self, image: &Image) -> Option<u32> {
        let meets_one = |entry: &&DynamicMapping| {
            let shown = Shown::of(entry);
            let before = self.entries.range(..entry.first_page).map(|(_, before)| Shown::of(before));
            Shown::by_image(image).chain(before).any(|other| other.meets(&shown))
        };
        self.iter().find(meets_one).map(|entry| entry.first_page)
    }

    /// Has a range of pages show nothing.
    ///
    /// # Errors
    /// [`DynamicMappingError::TooMany`] when a hole would make too many entries.
    pub fn unmap(&mut self, first_page: u32, pages: u32) -> Result<(), DynamicMappingError> {
        self.change(|changed| changed.cut(first_page, first_page.saturating_add(pages)))
    }

    /// Makes a change of one range, unless there would be too many entries.
    fn change(&mut self, change: impl FnOnce(&mut DynamicMappings)) -> Result<(), DynamicMappingError> {
        // One for the range, and one where an entry is cut in two.
        if self.len() + 2 <= MAX_DYNAMIC_MAPPINGS {
            change(self);
            return Ok(());
        }
        let mut changed = self.clone();
        change(&mut changed);
        changed.check()?;
        *self = changed;
        Ok(())
    }

    fn check(&self) -> Result<(), DynamicMappingError> {
        match self.len() {
            count if count > MAX_DYNAMIC_MAPPINGS => Err(DynamicMappingError::TooMany(count)),
            _ => Ok(()),
        }
    }

    /// Takes a range of pages out of all entries.
    fn cut(&mut self, first: u32, end: u32) {
        if first >= end {
            return;
        }
        let before = self.entries.range(..first).next_back().map(|(&page, _)| page);
        let touched = self.entries.range(first..end).map(|(&page, _)| page);
        let touched: Vec<u32> = before.into_iter().chain(touched).collect();
        for page in touched {
            let Some(entry) = self.entries.remove(&page) else { continue };
            let [head, rest] = entry.split(first);
            let [_, tail] = rest.map(|rest| rest.split(end)).unwrap_or_default();
            self.entries.extend(head.into_iter().chain(tail).map(|part| (part.first_page, part)));
        }
    }

    /// Makes one entry of those that touch at a page, if they go on as each other.
    fn join(&mut self, page: u32) {
        let Some(before) = self.entries.range(..page).next_back().map(|(_, &entry)| entry) else { return };
        if let Some(next) = self.entries.get(&page).copied().filter(|next| before.goes_on_as(next)) {
            self.entries.remove(&page);
            self.entries.insert(before.first_page, DynamicMapping { pages: before.pages + next.pages, ..before });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGES: usize = 24;

    type Shown = [Option<(u32, Access, u8)>; PAGES];

    fn shown(mappings: &DynamicMappings) -> Shown {
        let mut shown = [None; PAGES];
        for entry in mappings.iter() {
            for page in 0..entry.pages {
                let place = &mut shown[(entry.first_page - FIRST_PAGE + page) as usize];
                assert_eq!(*place, None, "no page is in two entries");
                *place = Some((entry.offset + page, entry.access, entry.slot));
            }
        }
        shown
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn mappings_are_a_function_of_the_pages(
            steps in prop::collection::vec((0..PAGES as u32, 0..PAGES as u32, 0..3u32, 0..2u8, any::<bool>()), 0..40)
        ) {
            let mut mappings = DynamicMappings::new();
            let mut model: Shown = [None; PAGES];
            for (first_page, end, offset, slot, map) in steps {
                let pages = end.saturating_sub(first_page);
                // Neighbours often go on as each other.
                let offset = first_page + offset / 2;
                let first_mapped = FIRST_PAGE + first_page;
                let access = Access::ReadWrite;
                let mapping = DynamicMapping { first_page: first_mapped, pages, offset, access, slot };
                let done = if map { mappings.map(mapping) } else { mappings.unmap(first_mapped, pages) };
                prop_assert_eq!(done.is_ok(), pages > 0 || !map);
                for page in 0..pages {
                    model[(first_page + page) as usize] = map.then_some((offset + page, Access::ReadWrite, slot));
                }
                prop_assert_eq!(shown(&mappings), model);
                let entries: Vec<_> = mappings.iter().collect();
                prop_assert!(entries.windows(2).all(|pair| !pair[0].goes_on_as(pair[1])));
            }
        }
    }

    #[test]
    fn there_are_only_so_many_and_a_refusal_changes_nothing() {
        let mut mappings = DynamicMappings::new();
        let at = |page| DynamicMapping {
            first_page: FIRST_PAGE + page,
            pages: 3,
            offset: 0,
            access: Access::ReadOnly,
            slot: 9,
        };
        (0..256).for_each(|index| mappings.map(at(4 * index)).expect("there is room"));
        let before = mappings.clone();
        assert_eq!(mappings.map(at(4 * 256)), Err(DynamicMappingError::TooMany(257)));
        assert_eq!(mappings.unmap(FIRST_PAGE + 1, 1), Err(DynamicMappingError::TooMany(257)));
        assert_eq!(mappings, before);
        mappings.unmap(0, FIRST_PAGE + 5).expect("fewer");
        assert_eq!(mappings.iter().next(), Some(&DynamicMapping { pages: 2, offset: 1, ..at(5) }));
        for wrong in [
            DynamicMapping { first_page: FIRST_PAGE - 1, ..at(0) },
            DynamicMapping { first_page: END_PAGE - 2, ..at(0) },
            DynamicMapping { pages: 0, ..at(0) },
            DynamicMapping { pages: u32::MAX, ..at(8) },
            DynamicMapping { offset: u32::MAX, ..at(8) },
            DynamicMapping { offset: MAX_DATA_PAGES - 2, ..at(8) },
        ] {
            assert!(matches!(mappings.map(wrong), Err(DynamicMappingError::Range { .. })));
        }
        assert!(mappings.unmap(u32::MAX, u32::MAX).is_ok());
        assert_eq!(mappings.len(), 255);
    }
}
