//! The pages that a program has written, by page number.

use std::sync::Arc;

use javm_cap::PageRef;

const LEAF_BITS: u32 = 10;
const LEAF_PAGES: usize = 1 << LEAF_BITS;
/// Page numbers of a 32-bit address space are below this.
pub(crate) const PAGE_COUNT: u32 = 1 << 20;

/// A written page, and whether it was written since it was last collected.
#[derive(Clone, Default)]
pub(crate) struct Slot {
    pub(crate) page: Option<PageRef>,
    pub(crate) changed: bool,
}

/// A two-level table. Leaves are shared between forks until one of them changes its own.
#[derive(Clone, Default)]
pub(crate) struct PageTable {
    leaves: Vec<Option<Arc<[Slot]>>>,
    /// The numbers of the pages that are present, in no order: what there is to visit without a walk over all leaves.
    present: Vec<u32>,
}

impl PageTable {
    pub(crate) fn get(&self, page: u32) -> Option<&Slot> {
        let leaf = self.leaves.get((page >> LEAF_BITS) as usize)?.as_ref()?;
        let slot = &leaf[page as usize % LEAF_PAGES];
        slot.page.is_some().then_some(slot)
    }

    fn leaf_mut(&mut self, page: u32) -> &mut [Slot] {
        let index = (page >> LEAF_BITS) as usize;
        if self.leaves.len() <= index {
            self.leaves.resize(index + 1, None);
        }
        let leaf = self.leaves[index].get_or_insert_with(|| vec![Slot::default(); LEAF_PAGES].into());
        Arc::make_mut(leaf)
    }

    /// The page there, to be written to: the one in the table, or `original()` put there first. Marked as changed.
    pub(crate) fn write(&mut self, page: u32, original: impl FnOnce() -> PageRef) -> &mut PageRef {
        if self.get(page).is_none() {
            self.present.push(page);
        }
        let slot = &mut self.leaf_mut(page)[page as usize % LEAF_PAGES];
        slot.changed = true;
        slot.page.get_or_insert_with(original)
    }

    /// Takes out the pages of a range.
    pub(crate) fn remove(&mut self, first: u32, end: u32) {
        let (gone, kept) = std::mem::take(&mut self.present).into_iter().partition(|page| (first..end).contains(page));
        self.present = kept;
        let gone: Vec<u32> = gone;
        for page in gone {
            self.leaf_mut(page)[page as usize % LEAF_PAGES] = Slot::default();
        }
    }

    /// The changed pages of a range in ascending order; they count as unchanged afterwards.
    pub(crate) fn take_changed(&mut self, first: u32, end: u32) -> Vec<(u32, PageRef)> {
        let mut pages: Vec<u32> = self.present.iter().copied().filter(|page| (first..end).contains(page)).collect();
        pages.sort_unstable();
        let mut changed = Vec::new();
        for page in pages {
            if self.get(page).is_some_and(|slot| slot.changed) {
                let slot = &mut self.leaf_mut(page)[page as usize % LEAF_PAGES];
                slot.changed = false;
                changed.extend(slot.page.clone().map(|content| (page, content)));
            }
        }
        changed
    }
}
