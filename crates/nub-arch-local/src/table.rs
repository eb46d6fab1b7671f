//! The pages that a program has written, by page number.

use std::ops::Range;

use javm_cap::{PAGE_SIZE, Page, PageRef};

const LEAF_BITS: u32 = 10;
const LEAF_PAGES: usize = 1 << LEAF_BITS;
/// Page numbers of a 32-bit address space are below this.
pub(crate) const PAGE_COUNT: u32 = 1 << 20;

#[derive(Clone)]
struct Slot {
    page: Option<PageRef>,
    /// Where it may have been written to since it read as the mapped one; if anywhere, it is in the list of those that were written.
    /// Otherwise it is here so that the next write finds it.
    written: Range<u16>,
    /// Whether it is in the list of those that may be present.
    listed: bool,
    /// Whether the program is known to be allowed to write to it.
    allowed: bool,
}

const EMPTY: Slot = Slot { page: None, written: 0..0, listed: false, allowed: false };

type Leaf = Box<[Slot; LEAF_PAGES]>;

/// How much may be written to a page before somebody asks for more, in bytes.
const PART: u16 = 512;

/// All of a page.
pub(crate) const WHOLE: Range<u16> = 0..PAGE_SIZE as u16;

/// Has a range be asked for of a page, of which this may be written to so far: then it is a part of the page that holds the range,
/// and if there was one before all of the page, so that it is not asked for often.
#[inline]
fn grow(written: &mut Range<u16>, page: u32, asked: Range<u16>, changed: &mut Vec<u32>) -> Range<u16> {
    *written = if Range::is_empty(written) {
        changed.push(page);
        asked.start / PART * PART..asked.end.next_multiple_of(PART)
    } else {
        WHOLE
    };
    written.clone()
}

/// A page that was written.
pub(crate) struct Written<'a> {
    pub(crate) number: u32,
    /// The page. Whoever takes it out has the range read as the mapped page there.
    pub(crate) page: &'a mut Option<PageRef>,
    /// Where it may have been written to.
    pub(crate) range: Range<u16>,
    /// Whether there are few enough pages for it to stay.
    pub(crate) may_stay: bool,
}

/// What becomes of a page that was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It reads as the mapped one from now on, if it was not taken out.
    Unwritten,
    /// It stays one that was written.
    Written,
}

/// A two-level table. Every table has its leaves for itself, so that a write counts no references.
#[derive(Clone, Default)]
pub(crate) struct PageTable {
    leaves: Vec<Option<Leaf>>,
    /// The numbers of the pages that are present, and of some that were, each once and in no order: what there is to visit
    /// without a walk over all leaves.
    listed: Vec<u32>,
    /// How many are present.
    present: usize,
    /// The numbers of those that were written, each once and in no order.
    changed: Vec<u32>,
}

impl PageTable {
    fn slot(&self, page: u32) -> Option<&Slot> {
        let leaf = self.leaves.get((page >> LEAF_BITS) as usize)?.as_ref()?;
        Some(&leaf[page as usize % LEAF_PAGES])
    }

    #[inline]
    fn slot_mut(leaves: &mut [Option<Leaf>], page: u32) -> Option<&mut Slot> {
        let leaf = leaves.get_mut((page >> LEAF_BITS) as usize)?.as_mut()?;
        Some(&mut leaf[page as usize % LEAF_PAGES])
    }

    /// The page there.
    pub(crate) fn get(&self, page: u32) -> Option<&PageRef> {
        self.slot(page)?.page.as_ref()
    }

    /// The page there, if it was written.
    pub(crate) fn get_changed(&self, page: u32) -> Option<&PageRef> {
        self.slot(page).filter(|slot| !slot.written.is_empty())?.page.as_ref()
    }

    /// Whether any page was written.
    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The page there, to be written to in this range of bytes by a program that may: the one in the table, or `original()` put
    /// there first. Marked as changed. Also gives where it may be written to from now on.
    pub(crate) fn write(
        &mut self,
        page: u32,
        asked: Range<u16>,
        original: impl FnOnce() -> PageRef,
    ) -> (&mut Page, Range<u16>) {
        let PageTable { leaves, listed, present, changed } = self;
        let slot = PageTable::put(leaves, listed, present, page, original);
        slot.allowed = true;
        let range = grow(&mut slot.written, page, asked, changed);
        (slot.page.get_or_insert_with(PageRef::zeroed).make_mut(), range)
    }

    /// The same of a page that is there and was written to before, by a program that still may, if nobody shares it.
    #[inline]
    pub(crate) fn write_again(&mut self, page: u32, asked: Range<u16>) -> Option<(&mut Page, Range<u16>)> {
        let PageTable { leaves, changed, .. } = self;
        let slot = PageTable::slot_mut(leaves, page).filter(|slot| slot.allowed)?;
        let content = slot.page.as_mut()?.get_mut()?;
        Some((content, grow(&mut slot.written, page, asked, changed)))
    }

    /// Puts another page there, which counts as written all over.
    pub(crate) fn set(&mut self, page: u32, content: PageRef) {
        let PageTable { leaves, listed, present, changed } = self;
        let slot = PageTable::put(leaves, listed, present, page, || content.clone());
        grow(&mut slot.written, page, WHOLE, changed);
        slot.page = Some(content);
    }

    /// The slot of a page, in which `original()` is put if there is none.
    fn put<'a>(
        leaves: &'a mut Vec<Option<Leaf>>,
        listed: &mut Vec<u32>,
        present: &mut usize,
        page: u32,
        original: impl FnOnce() -> PageRef,
    ) -> &'a mut Slot {
        let index = (page >> LEAF_BITS) as usize;
        if leaves.len() <= index {
            leaves.resize(index + 1, None);
        }
        let leaf = leaves[index].get_or_insert_with(|| Box::new([EMPTY; LEAF_PAGES]));
        let slot = &mut leaf[page as usize % LEAF_PAGES];
        if slot.page.is_none() {
            slot.page = Some(original());
            // What was known is of another page, mapped in another way perhaps.
            slot.allowed = false;
            *present += 1;
            if !slot.listed {
                slot.listed = true;
                listed.push(page);
            }
        }
        slot
    }

    /// Takes note that the program may not be allowed to write to the pages of a range any more.
    pub(crate) fn protect(&mut self, first: u32, end: u32) {
        for &page in self.listed.iter().filter(|page| (first..end).contains(page)) {
            if let Some(slot) = PageTable::slot_mut(&mut self.leaves, page) {
                slot.allowed = false;
            }
        }
    }

    /// Takes out the pages of a range and hands them to `gone`.
    pub(crate) fn remove(&mut self, first: u32, end: u32, mut gone: impl FnMut(u32, PageRef)) {
        if self.present == 0 {
            return;
        }
        let PageTable { leaves, listed, present, changed } = self;
        listed.retain(|&page| {
            if !(first..end).contains(&page) {
                return true;
            }
            if let Some(slot) = PageTable::slot_mut(leaves, page)
                && let Some(content) = core::mem::replace(slot, EMPTY).page
            {
                *present -= 1;
                gone(page, content);
            }
            false
        });
        changed.retain(|page| !(first..end).contains(page));
    }

    /// Shows the pages of a range that were written to `visit`, which says what becomes of them. At most `most` pages of the table
    /// may stay when nobody writes to them.
    #[inline]
    pub(crate) fn visit_written(
        &mut self,
        first: u32,
        end: u32,
        most: usize,
        mut visit: impl FnMut(Written<'_>) -> Then,
    ) {
        let PageTable { leaves, present, changed, .. } = self;
        // From the last one on, so that another one may take the place of one that goes.
        for index in (0..changed.len()).rev() {
            let number = changed[index];
            if !(first..end).contains(&number) {
                continue;
            }
            let Some(slot) = PageTable::slot_mut(leaves, number) else { continue };
            let Slot { page, written, .. } = slot;
            let then = visit(Written { number, page, range: written.clone(), may_stay: *present <= most });
            *present -= usize::from(page.is_none());
            if then == Then::Unwritten || page.is_none() {
                *written = 0..0;
                changed.swap_remove(index);
            }
        }
    }

    /// Takes out the pages of a range that were written, and hands them to `take`, in ascending order.
    pub(crate) fn withdraw(&mut self, first: u32, end: u32, mut take: impl FnMut(u32, PageRef)) {
        // They are visited from the last one on.
        self.changed.sort_unstable_by(|one, other| other.cmp(one));
        self.visit_written(first, end, 0, |Written { number, page, .. }| {
            page.take().into_iter().for_each(|content| take(number, content));
            Then::Unwritten
        });
    }
}
