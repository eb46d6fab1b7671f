//! The pages that a program has written, by page number.

use std::sync::Arc;

use javm_cap::PageRef;

const LEAF_BITS: u32 = 10;
const LEAF_PAGES: usize = 1 << LEAF_BITS;
/// Page numbers of a 32-bit address space are below this.
pub(crate) const PAGE_COUNT: u32 = 1 << 20;

/// What is known of a page in the table.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Written {
    /// It reads as the one that was mapped, and is here so that the next write finds it.
    #[default]
    Not,
    /// It was written, and has been collected since.
    Collected,
    /// It was written since it was last collected.
    Changed,
}

#[derive(Clone, Default)]
struct Slot {
    page: Option<PageRef>,
    written: Written,
}

/// A two-level table. Leaves are shared between forks until one of them changes its own.
#[derive(Clone, Default)]
pub(crate) struct PageTable {
    leaves: Vec<Option<Arc<[Slot]>>>,
    /// The numbers of the pages that are present, in no order: what there is to visit without a walk over all leaves.
    present: Vec<u32>,
    /// How many of them are [`Written::Changed`].
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

    /// The page there, if it was written since it was last collected.
    pub(crate) fn get_changed(&self, page: u32) -> Option<&PageRef> {
        self.slot(page).filter(|slot| slot.written == Written::Changed)?.page.as_ref()
    }

    /// Whether any page was written since it was last collected.
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
        let slot = &mut Arc::make_mut(leaf)[page as usize % LEAF_PAGES];
        if slot.page.is_none() {
            self.present.push(page);
        }
        self.changed += usize::from(slot.written != Written::Changed);
        slot.written = Written::Changed;
        slot.page.get_or_insert_with(original)
    }

    /// Takes out the pages of a range and hands them to `gone`.
    pub(crate) fn remove(&mut self, first: u32, end: u32, mut gone: impl FnMut(u32, PageRef)) {
        self.visit(first, end, |page, slot| {
            slot.written = Written::Not;
            if let Some(content) = slot.page.take() {
                gone(page, content);
            }
        });
    }

    /// Takes out the pages of a range that were written, and hands them to `undo`, which may put back one that reads as
    /// the mapped one does.
    pub(crate) fn discard(&mut self, first: u32, end: u32, mut undo: impl FnMut(u32, PageRef) -> Option<PageRef>) {
        self.visit(first, end, |page, slot| {
            if slot.written != Written::Not {
                slot.written = Written::Not;
                slot.page = slot.page.take().and_then(|content| undo(page, content));
            }
        });
    }

    /// Hands the changed pages of a range to `take`, in ascending order; they count as collected afterwards.
    pub(crate) fn take_changed(&mut self, first: u32, end: u32, mut take: impl FnMut(u32, PageRef)) {
        if self.changed == 0 {
            return;
        }
        self.present.sort_unstable();
        self.visit(first, end, |page, slot| {
            if slot.written == Written::Changed {
                slot.written = Written::Collected;
                if let Some(content) = &slot.page {
                    take(page, content.clone());
                }
            }
        });
    }

    /// Takes out the pages of a range that were written, and hands them to `take`, in ascending order, with whether they
    /// were so since they were last collected.
    pub(crate) fn withdraw(&mut self, first: u32, end: u32, mut take: impl FnMut(u32, PageRef, bool)) {
        self.present.sort_unstable();
        self.visit(first, end, |page, slot| {
            let written = core::mem::take(&mut slot.written);
            if written != Written::Not
                && let Some(content) = slot.page.take()
            {
                take(page, content, written == Written::Changed);
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
            let slot = &mut Arc::make_mut(leaf)[page as usize % LEAF_PAGES];
            let was_changed = slot.written == Written::Changed;
            visit(page, slot);
            *changed -= usize::from(was_changed && slot.written != Written::Changed);
            slot.page.is_some()
        });
    }
}
