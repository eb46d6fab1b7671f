//! The pages that a program has written, by page number.

use javm_cap::PageRef;

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

    /// The page there, to be written to: the one in the table, or `original()` put there first. Marked as changed.
    pub(crate) fn write(&mut self, page: u32, original: impl FnOnce() -> PageRef) -> &mut PageRef {
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
        slot.page.get_or_insert_with(original)
    }

    /// Takes out the pages of a range and hands them to `gone`.
    pub(crate) fn remove(&mut self, first: u32, end: u32, mut gone: impl FnMut(u32, PageRef)) {
        self.visit(first, end, |page, slot| {
            slot.changed = false;
            if let Some(content) = slot.page.take() {
                gone(page, content);
            }
        });
    }

    /// Takes out the pages of a range that were written, and hands them to `undo`, which may put back one that reads as
    /// the mapped one does.
    pub(crate) fn discard(&mut self, first: u32, end: u32, mut undo: impl FnMut(u32, PageRef) -> Option<PageRef>) {
        self.visit(first, end, |page, slot| {
            if core::mem::take(&mut slot.changed) {
                slot.page = slot.page.take().and_then(|content| undo(page, content));
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
            if core::mem::take(&mut slot.changed)
                && let Some(content) = slot.page.take()
            {
                take(page, content);
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
