//! Software-paged memory: which pages a program may touch, and whose they are until it writes.

use std::ops::Range;

use javm_cap::{Access, Data, Page, PageRef};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};
use nub_kernel::AddressSpace;
use nub_kernel::regions::{Regions, Source};

use crate::lookup::Lookup;
use crate::table::{PAGE_COUNT, PageTable, Then, WHOLE, Written};

/// The memory of one program, paged in software.
///
/// A page belongs to the Data that was mapped until the program writes to it; then a copy of it stands in the page
/// table, which a fork shares until either side writes again.
pub struct LocalSpace {
    regions: Regions,
    table: PageTable,
    lookup: Lookup,
    /// Pages for the next writes, with anything in them. Those that somebody else has by then are no use.
    spare: Vec<PageRef>,
    /// Whether the lookup cache may have pages that belong to a Data.
    borrows: bool,
}

/// How many pages a space keeps for later writes, so that programs that write the same few pages at each call need no
/// allocator.
const SPARE_PAGES: usize = 32;

/// How many pages stay in the table when what was written to them is collected or discarded, for the next call to write to.
const KEPT_PAGES: usize = 64;

/// A page with this content, made of a spare one if there is any.
fn copy_of(content: &Page, spare: &mut Vec<PageRef>) -> PageRef {
    while let Some(mut page) = spare.pop() {
        if let Some(bytes) = page.get_mut() {
            bytes.copy_from_slice(&content[..]);
            return page;
        }
    }
    PageRef::from(content)
}

/// A part of a page.
fn bytes<'a>(page: &'a Page, range: &Range<u16>) -> &'a [u8] {
    &page[usize::from(range.start)..usize::from(range.end)]
}

/// Keeps a page that nobody has a use for, unless somebody else has it.
fn recycle(page: PageRef, spare: &mut Vec<PageRef>) {
    if spare.len() < SPARE_PAGES && !page.is_shared() {
        spare.push(page);
    }
}

impl Default for LocalSpace {
    fn default() -> Self {
        LocalSpace::new()
    }
}

impl LocalSpace {
    /// Memory with nothing mapped.
    #[must_use]
    pub fn new() -> LocalSpace {
        LocalSpace::of(Regions::default(), PageTable::default())
    }

    fn of(regions: Regions, table: PageTable) -> LocalSpace {
        LocalSpace { regions, table, lookup: Lookup::new(), spare: Vec::new(), borrows: false }
    }

    fn unmap_range(&mut self, first: u32, end: u32) {
        if self.regions.unmap(first, end) {
            self.lookup.remove_range(first, end);
            self.table.remove(first, end, |_, page| recycle(page, &mut self.spare));
        }
    }

    /// Enters `page` into the lookup cache for reading, if the program may.
    #[cold]
    fn open_for_reading(&mut self, page: u32) -> Result<(), Fault> {
        let region = self.regions.find(page).ok_or(Fault::Page(page * PAGE_SIZE))?;
        let content: &Page = match self.table.get(page) {
            Some(content) => content,
            None => {
                self.borrows = true;
                region.original(page).map_or(Page::zero(), |page| page)
            }
        };
        let bytes = content.as_ptr().cast_mut();
        // SAFETY: the page is alive as long as its holder: the table, the Data of the region, or a static. Each change
        // of table or regions removes the entry first, letting go of the Data included, and a page is written only through
        // `open_for_writing`, which replaces it. It is not entered for writing.
        unsafe { self.lookup.insert(page, bytes, 0..0) };
        Ok(())
    }

    /// Enters `page` into the lookup cache for reading and for writing in this range at least, if the program may write; a page
    /// that is shared with anything is copied first.
    #[cold]
    fn open_for_writing(&mut self, page: u32, range: Range<u16>) -> Result<(), Fault> {
        let fault = Fault::Page(page * PAGE_SIZE);
        let LocalSpace { regions, table, lookup, spare, .. } = self;
        let region = regions.find(page).ok_or(fault)?;
        if region.access() != Access::ReadWrite {
            return Err(fault);
        }
        let original = || copy_of(region.original(page).map_or(Page::zero(), |page| page), spare);
        let (content, written) = table.write(page, range, original);
        // SAFETY: the page stands in the table and is shared with nothing. Each change of the table removes the entry
        // first, and so does handing the page out (`changed_page`, `withdraw`, `fork`).
        unsafe { lookup.insert(page, content.as_mut_ptr(), written) };
        Ok(())
    }

    /// The same for an access of `N` bytes within a page that stands in the table since the program last wrote to it.
    #[inline]
    fn reopen_for_writing<const N: usize>(&mut self, address: u32) -> bool {
        let (page, first) = (address / PAGE_SIZE, (address % PAGE_SIZE) as u16);
        let end = first + N as u16;
        if end > WHOLE.end {
            return false;
        }
        let Some((content, written)) = self.table.write_again(page, first..end) else { return false };
        // SAFETY: as in `open_for_writing`.
        unsafe { self.lookup.insert(page, content.as_mut_ptr(), written) };
        true
    }

    /// Opens every page that an access of `N` bytes touches, lowest first, for its bytes there.
    fn open<const N: usize>(
        &mut self,
        address: u32,
        mut open: impl FnMut(&mut Self, u32, Range<u16>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let last = address.checked_add(N as u32 - 1).ok_or(Fault::Panic)?;
        if address < LOWEST_ADDRESS {
            return Err(Fault::Panic);
        }
        let (first, end) = ((address % PAGE_SIZE) as u16, (last % PAGE_SIZE) as u16 + 1);
        if last / PAGE_SIZE == address / PAGE_SIZE {
            return open(self, address / PAGE_SIZE, first..end);
        }
        open(self, address / PAGE_SIZE, first..WHOLE.end)?;
        open(self, last / PAGE_SIZE, 0..end)
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        self.open::<N>(address, |space, page, _| space.open_for_reading(page))?;
        if let Some(value) = self.lookup.load(address) {
            return Ok(value);
        }
        // It crosses into the next page. Both are open, and neighbours never share a place in the cache.
        let mut value = [0; N];
        for (index, byte) in value.iter_mut().enumerate() {
            [*byte] = self.lookup.load(address + index as u32).ok_or(Fault::Panic)?;
        }
        Ok(value)
    }

    #[cold]
    #[inline(never)]
    fn store_slowly<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        // Whether both pages allow it is known before the first byte is written.
        if !self.reopen_for_writing::<N>(address) {
            self.open::<N>(address, Self::open_for_writing)?;
        }
        if !self.lookup.store(address, value) {
            for (index, &byte) in value.iter().enumerate() {
                let written = self.lookup.store(address + index as u32, [byte]);
                debug_assert!(written, "both pages are open");
            }
        }
        Ok(())
    }
}

impl Memory for LocalSpace {
    #[inline(always)]
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        match self.lookup.load(address) {
            Some(value) => Ok(value),
            None => self.load_slowly(address),
        }
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        if self.lookup.store(address, value) { Ok(()) } else { self.store_slowly(address, value) }
    }

    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        self.lookup.load(address)
    }
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> bool {
        self.lookup.store(address, value)
    }
}

/// The end of a range of pages, cut at the end of the address space.
fn end_of(first: u32, pages: u32) -> u32 {
    first.saturating_add(pages).min(PAGE_COUNT)
}

impl AddressSpace for LocalSpace {
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, access: Access) {
        let end = end_of(first_page, pages);
        let present = data.pages().saturating_sub(offset);
        let mapped_end = end_of(first_page, present).min(end);
        self.unmap_range(first_page, end);
        self.regions.map(first_page, mapped_end, access, Source::Data { data: data.clone(), offset });
    }

    fn mapped(&self, page: u32) -> Option<&Data> {
        self.regions.find(page)?.data()
    }

    fn map_zero(&mut self, first_page: u32, pages: u32) {
        let end = end_of(first_page, pages);
        self.unmap_range(first_page, end);
        self.regions.map(first_page, end, Access::ReadWrite, Source::Zero);
    }

    fn unmap(&mut self, first_page: u32, pages: u32) {
        self.unmap_range(first_page, end_of(first_page, pages));
    }

    fn set_access(&mut self, first_page: u32, pages: u32, access: Access) {
        let end = end_of(first_page, pages);
        if first_page < end {
            self.lookup.clear();
            self.table.protect(first_page, end);
            self.regions.set_access(first_page, end, access);
        }
    }

    fn has_changed(&mut self) -> bool {
        self.table.has_changed()
    }

    fn changed_page(&mut self, page: u32) -> Option<PageRef> {
        let content = self.table.get_changed(page)?;
        self.lookup.remove(page);
        Some(content.clone())
    }

    fn set_page(&mut self, page: u32, content: PageRef) -> bool {
        if self.regions.find(page).is_none() {
            return false;
        }
        self.lookup.remove(page);
        self.table.set(page, content);
        true
    }

    fn withdraw(&mut self, first_page: u32, pages: u32, mut take: impl FnMut(u32, PageRef)) {
        let LocalSpace { table, lookup, .. } = self;
        table.withdraw(first_page, end_of(first_page, pages), |page, content| {
            lookup.remove(page);
            take(page, content);
        });
    }

    fn reuse(&mut self, page: PageRef) {
        recycle(page, &mut self.spare);
    }

    fn lend(&mut self, page: &PageRef) {
        if self.spare.len() < SPARE_PAGES {
            self.spare.push(page.clone());
        }
    }

    fn differing(&mut self, first_page: u32, pages: u32) -> Option<u32> {
        let LocalSpace { regions, table, lookup, spare, .. } = self;
        let mut count = 0;
        table.visit_written(first_page, end_of(first_page, pages), KEPT_PAGES, |written| {
            let Written { number, page, range, may_stay } = written;
            let Some(content) = page else { return Then::Unwritten };
            lookup.protect(number);
            let original = regions.find(number).and_then(|region| region.original(number));
            if bytes(content, &range) != bytes(original.map_or(Page::zero(), |page| page), &range) {
                count += 1;
                return Then::Written;
            }
            if !may_stay {
                lookup.remove(number);
                page.take().into_iter().for_each(|page| recycle(page, spare));
            }
            Then::Unwritten
        });
        Some(count)
    }

    fn detach(&mut self, first_page: u32, pages: u32) {
        let (first, end) = (first_page, end_of(first_page, pages));
        if self.borrows {
            self.lookup.remove_range_but(first, end, |page| self.table.get(page).is_some());
        }
        self.regions.data_mut(first, end).for_each(|data| _ = core::mem::take(data));
    }

    fn collect(&mut self, first_page: u32, pages: u32, data: &mut Data, offset: u32) {
        let LocalSpace { table, lookup, spare, .. } = self;
        table.visit_written(first_page, end_of(first_page, pages), KEPT_PAGES, |written| {
            let Written { number, page, range, may_stay } = written;
            lookup.protect(number);
            let put = data.change_page(number - first_page + offset, |stored| {
                let in_place = stored.as_mut().filter(|_| may_stay).and_then(PageRef::get_mut);
                if let (Some(there), Some(content)) = (in_place, &*page) {
                    there[usize::from(range.start)..usize::from(range.end)].copy_from_slice(bytes(content, &range));
                    if there.is_zero() {
                        *stored = None;
                    }
                    return;
                }
                // Nobody copies a page that somebody else has: this one takes its place.
                lookup.remove(number);
                let content = page.take().filter(|content| !content.is_zero());
                let old = core::mem::replace(stored, content);
                old.into_iter().for_each(|page| recycle(page, spare));
            });
            debug_assert!(put.is_ok(), "a page can only be written where the Data has one");
            Then::Unwritten
        });
    }

    fn attach(&mut self, first_page: u32, pages: u32, data: &Data) {
        self.regions.data_mut(first_page, end_of(first_page, pages)).for_each(|shown| *shown = data.clone());
    }

    fn discard(&mut self, first_page: u32, pages: u32) {
        let LocalSpace { regions, table, lookup, spare, .. } = self;
        table.visit_written(first_page, end_of(first_page, pages), KEPT_PAGES, |written| {
            let Written { number, page, range, may_stay } = written;
            lookup.protect(number);
            let original = regions.find(number).and_then(|region| region.original(number));
            let kept = page.as_mut().filter(|_| may_stay).and_then(PageRef::get_mut);
            if let Some(content) = kept {
                // It stays where it is, so that it may go on being read there.
                let range = usize::from(range.start)..usize::from(range.end);
                match original {
                    Some(original) => content[range.clone()].copy_from_slice(&original[range]),
                    None => content[range].fill(0),
                }
            } else {
                lookup.remove(number);
                page.take().into_iter().for_each(|page| recycle(page, spare));
            }
            Then::Unwritten
        });
    }

    fn fork(&mut self) -> LocalSpace {
        // Pages that are shared from now on must be copied before they are written to.
        self.lookup.clear();
        LocalSpace::of(self.regions.clone(), self.table.clone())
    }

    fn clear(&mut self) {
        self.lookup.clear();
        self.borrows = false;
        self.table.remove(0, PAGE_COUNT, |_, page| recycle(page, &mut self.spare));
        self.regions.clear();
    }
}
