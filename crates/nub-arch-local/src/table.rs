//! The pages that a program has written, by page number.

use std::ops::Range;

use javm_cap::{PAGE_SIZE, PageRef};

const LEAF_BITS: u32 = 10;
const LEAF_PAGES: usize = 1 << LEAF_BITS;
/// Page numbers of a 32-bit address space are below this.
pub(crate) const PAGE_COUNT: u32 = 1 << 20;

#[derive(Clone, Default)]
struct Slot {
    page: Option<PageRef>,
    /// Whether it was written. Otherwise it reads as the one that was mapped, and is here so that the next write finds
    /// it.
    changed: bool,
    /// Where it may have been written to since it read as the mapped one.
    written: Range<u16>,
}

/// How much may be written to a page before somebody asks for more, in bytes.
const PART: u16 = 512;

/// All of a page.
pub(crate) const WHOLE: Range<u16> = 0..PAGE_SIZE as u16;

/// What may be written to once this was asked for, beside what could be before: a part of the page that holds it, then all of
/// it, so that it is not asked for often.
fn grow(before: &Range<u16>, asked: Range<u16>) -> Range<u16> {
    match before.is_empty() {
        true => asked.start / PART * PART..asked.end.div_ceil(PART) * PART,
        false => WHOLE,
    }
}

impl Slot {
    /// From now on it was not written to. Gives where it may have been.
    fn forget(&mut self) -> Range<u16> {
        self.changed = false;
        core::mem::take(&mut self.written)
    }
}

/// A two-level table. Every table has its leaves for itself, so that a write counts no references.
#[derive(Clone, Default)]
pub(crate) struct PageTable {
    leaves: Vec<Option<Box<[Slot]>>>,
    /// The numbers of the pages that are present, in no order: what there is to visit without a walk over all leaves.
    present: Vec<u32>,
    /// How many of them have changed.
    changed: usize,
}

impl PageTable {
    fn slot(&self, page: u32) -> Option<&Slot> {
        let leaf = self.leaves.get((page >> LEAF_BITS) as usize)?.as_ref()?;
        Some(&leaf[page as usize % LEAF_PAGES])
    }

    /// The page there.
    pub(crate) fn get(&self, page: u32) -> Option<&PageRef> {
        self.slot(page)?.page.as_ref()
    }

    /// The page there, if it was written.
    pub(crate) fn get_changed(&self, page: u32) -> Option<&PageRef> {
        self.slot(page).filter(|slot| slot.changed)?.page.as_ref()
    }

    /// Whether any page was written.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed > 0
    }

    /// The page there, to be written to in this range of bytes: the one in the table, or `original()` put there first. Marked as
    /// changed. Also gives where it may be written to from now on.
    pub(crate) fn write(
        &mut self,
        page: u32,
        asked: Range<u16>,
        original: impl FnOnce() -> PageRef,
    ) -> (&mut PageRef, Range<u16>) {
        let index = (page >> LEAF_BITS) as usize;
        if self.leaves.len() <= index {
            self.leaves.resize(index + 1, None);
        }
        let leaf = self.leaves[index].get_or_insert_with(|| vec![Slot::default(); LEAF_PAGES].into());
        let slot = &mut leaf[page as usize % LEAF_PAGES];
        if slot.page.is_none() {
            self.present.push(page);
        }
        self.changed += usize::from(!slot.changed);
        slot.changed = true;
        slot.written = grow(&slot.written, asked);
        (slot.page.get_or_insert_with(original), slot.written.clone())
    }

    /// Takes out the pages of a range and hands them to `gone`.
    pub(crate) fn remove(&mut self, first: u32, end: u32, mut gone: impl FnMut(u32, PageRef)) {
        self.visit(first, end, |page, slot| {
            slot.forget();
            if let Some(content) = slot.page.take() {
                gone(page, content);
            }
        });
    }

    /// Takes out the pages of a range that were written, and hands them to `undo` with where they may have been, which may put
    /// back one that reads as the mapped one does.
    pub(crate) fn discard(
        &mut self,
        first: u32,
        end: u32,
        mut undo: impl FnMut(u32, PageRef, Range<u16>) -> Option<PageRef>,
    ) {
        if self.changed == 0 {
            return;
        }
        self.visit(first, end, |page, slot| {
            if slot.changed {
                let written = slot.forget();
                slot.page = slot.page.take().and_then(|content| undo(page, content, written));
            }
        });
    }

    /// Takes out the pages of a range that were written, and hands them to `take`, in ascending order.
    pub(crate) fn withdraw(&mut self, first: u32, end: u32, mut take: impl FnMut(u32, PageRef)) {
        if self.changed == 0 {
            return;
        }
        self.present.sort_unstable();
        self.visit(first, end, |page, slot| {
            if slot.changed {
                slot.forget();
                slot.page.take().into_iter().for_each(|content| take(page, content));
            }
        });
    }

    /// Shows every present page of a range to `visit`, in the order of `present`; those that it takes out are not
    /// present any more.
    fn visit(&mut self, first: u32, end: u32, mut visit: impl FnMut(u32, &mut Slot)) {
        let PageTable { leaves, present, changed } = self;
        present.retain(|&page| {
            if !(first..end).contains(&page) {
                return true;
            }
            let Some(Some(leaf)) = leaves.get_mut((page >> LEAF_BITS) as usize) else { return false };
            let slot = &mut leaf[page as usize % LEAF_PAGES];
            let was_changed = slot.changed;
            visit(page, slot);
            *changed -= usize::from(was_changed && !slot.changed);
            slot.page.is_some()
        });
    }
}
