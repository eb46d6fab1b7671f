//! How the kernel arranges a program's memory.

use alloc::vec::Vec;

use javm_cap::{Access, Data, PageRef};
use javm_interpreter::{LOWEST_ADDRESS, PAGE_SIZE};
use nub_kernel::AddressSpace;
use nub_kernel::regions::Source;

use super::policy::{MOST_IN_VAIN, RESIDENT_PAGES};
use super::resident::{Before, State, fill};
use super::view::{Released, View};
use super::{SPARE, Space, count_copies, page_of};

/// Page numbers are below this.
const PAGE_COUNT: u32 = 1 << 20;
/// The first page that programs may touch.
const FIRST_PAGE: u32 = LOWEST_ADDRESS / PAGE_SIZE;

/// The end of a range of pages, cut at the end of the address space; never before its beginning.
fn end_of(first: u32, pages: u32) -> u32 {
    first.saturating_add(pages).min(PAGE_COUNT).max(first)
}

impl<V: View> Space<V> {
    /// Takes what forks share of a range, or what was written before one.
    fn take_written(&mut self, first: u32, end: u32) -> Vec<(u32, PageRef)> {
        let taken: Vec<(u32, PageRef)> = self.written.extract_if(first..end, |_, _| true).collect();
        self.changed.extend(taken.iter().map(|&(page, _)| (page, page + 1)));
        taken
    }
}

impl<V: View> AddressSpace for Space<V> {
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, access: Access) {
        let first = first_page.max(FIRST_PAGE);
        let end = end_of(first_page, pages);
        let mapped_end = end_of(first_page, data.pages().saturating_sub(offset)).min(end);
        self.keep_before(first_page, end);
        self.regions.unmap(first_page, end);
        let source = Source::Data { data: data.clone(), offset: offset.saturating_add(first - first_page) };
        self.regions.map(first, mapped_end, access, source);
        self.remapped(first_page, end);
    }

    fn mapped(&self, page: u32) -> Option<&Data> {
        self.regions.find(page)?.data()
    }

    fn map_zero(&mut self, first_page: u32, pages: u32) {
        let end = end_of(first_page, pages);
        self.keep_before(first_page, end);
        self.regions.map(first_page.max(FIRST_PAGE), end, Access::ReadWrite, Source::Zero);
        self.remapped(first_page, end);
    }

    fn unmap(&mut self, first_page: u32, pages: u32) {
        let end = end_of(first_page, pages);
        self.keep_before(first_page, end);
        if self.regions.unmap(first_page, end) {
            self.remapped(first_page, end);
        }
    }

    fn set_access(&mut self, first_page: u32, pages: u32, access: Access) {
        let end = end_of(first_page, pages);
        self.regions.set_access(first_page, end, access);
        for (&page, resident) in self.residents.range_mut(first_page..end) {
            resident.set_writable(&mut self.view, page, access == Access::ReadWrite);
        }
        // What has to be forgotten is, when the window is next refreshed.
        self.become_stale();
    }

    fn has_changed(&mut self) -> bool {
        !self.written.is_empty() || self.residents.any_touched(&self.view)
    }

    fn changed_page(&mut self, page: u32) -> Option<PageRef> {
        match self.residents.get(&page) {
            Some(resident) if resident.has_changed(&self.view, page, &self.regions) => {
                Some(page_of(&resident.frame, &mut self.spare_pages))
            }
            Some(_) => None,
            None => self.written.get(&page).cloned(),
        }
    }

    fn set_page(&mut self, page: u32, content: PageRef) -> bool {
        self.refresh();
        if self.regions.find(page).is_none() {
            return false;
        }
        if !self.residents.contains_key(&page) {
            // Another page may have been shown there.
            self.become_stale();
            self.make_resident(page);
        }
        if let Some(resident) = self.residents.get_mut(&page) {
            fill(&mut resident.frame, Some(&content));
            resident.touched = true;
        }
        true
    }

    fn withdraw(&mut self, first_page: u32, pages: u32, mut take: impl FnMut(u32, PageRef)) {
        let (first, end) = (first_page, end_of(first_page, pages));
        let written = self.take_written(first, end);
        if written.is_empty() && self.residents.range(first..end).next().is_none() {
            return;
        }
        self.become_stale();
        // What is more than a window keeps goes: first all of it from the window, then what changed to whom it is for.
        let count = self.residents.len();
        let mut surplus = count.saturating_sub(self.policy.kept(count));
        let mut beyond = count.saturating_sub(RESIDENT_PAGES);
        let Space { residents, regions, view, spare_pages, released, .. } = &mut *self;
        let mut leaving = Vec::new();
        if beyond > 0 {
            let gone = residents.extract_if(first..end, |&page, resident| {
                let goes = surplus > 0 || beyond > 0 && resident.vain >= MOST_IN_VAIN;
                if goes {
                    surplus = surplus.saturating_sub(1);
                    beyond = beyond.saturating_sub(1);
                    resident.touched = resident.has_changed(view, page, regions);
                    view.unmap(page);
                }
                goes
            });
            for (page, resident) in gone {
                match resident.touched {
                    true => leaving.push((page, resident.frame)),
                    false => released.push(Released::Frame(resident.frame)),
                }
            }
        }
        // A frame that this processor has forgotten is handed over as it is; another's may still be remembered.
        let is_here = view.is_here();
        if !leaving.is_empty() {
            view.settle(released);
        }
        let mut changed = written;
        for (page, frame) in leaving {
            if is_here {
                changed.push((page, PageRef::from(frame.into_page())));
            } else {
                changed.push((page, page_of(&frame, spare_pages)));
                released.push(Released::Frame(frame));
            }
        }
        let in_place = changed.is_empty();
        for (&page, resident) in residents.range_mut(first..end) {
            if resident.state != State::Live || !resident.is_touched(view) {
                continue;
            }
            resident.touched = true;
            resident.vain = resident.vain.saturating_add(1);
            if resident.has_changed(view, page, regions) {
                resident.vain = 0;
                let content = page_of(&resident.frame, spare_pages);
                resident.before = Before::Page(content.clone());
                if in_place { take(page, content) } else { changed.push((page, content)) }
            }
            resident.state = State::Clean;
        }
        changed.sort_unstable_by_key(|&(page, _)| page);
        changed.into_iter().for_each(|(page, content)| take(page, content));
        self.extra.count(self.residents.len());
    }

    fn reuse(&mut self, page: PageRef) {
        if self.spare_pages.len() < SPARE {
            self.spare_pages.push(page);
        }
    }

    fn lend(&mut self, page: &PageRef) {
        if self.spare_pages.len() < SPARE {
            self.spare_pages.push(page.clone());
        }
    }

    fn differing(&mut self, first_page: u32, pages: u32) -> Option<u32> {
        let (first, end) = (first_page, end_of(first_page, pages));
        // What forks share, and what is more than a window keeps, has to go.
        if !self.written.is_empty() || self.residents.len() > RESIDENT_PAGES {
            return None;
        }
        let Space { residents, regions, view, .. } = self;
        let residents = residents.range_mut(first..end);
        let compared = residents.map(|(&page, resident)| u32::from(resident.compare(view, page, regions)));
        Some(compared.sum())
    }

    fn detach(&mut self, first_page: u32, pages: u32) {
        self.regions.data_mut(first_page, end_of(first_page, pages)).for_each(|data| _ = core::mem::take(data));
    }

    fn collect(&mut self, first_page: u32, pages: u32, data: &mut Data, offset: u32) {
        let Space { residents, spare_pages, .. } = self;
        // Counted together, as counting one takes a fifth of copying it.
        let mut copied = 0;
        for (&page, resident) in residents.range_mut(first_page..end_of(first_page, pages)) {
            let Some(line) = resident.differs.take() else { continue };
            // The Data alone has it then, unless somebody shares it.
            resident.before = Before::Zeros;
            let put = data.change_page(page - first_page + offset, |stored| {
                if resident.frame.is_zero(line) {
                    *stored = None;
                } else if let Some(there) = stored.as_mut().and_then(PageRef::get_mut) {
                    resident.frame.copy_rest_to(line, there);
                    copied += 1;
                } else {
                    let old = stored.replace(page_of(&resident.frame, spare_pages));
                    // Who shares it may give it up.
                    spare_pages.extend(old.filter(|_| spare_pages.len() < SPARE));
                }
                resident.before = Before::mapped(stored.as_ref());
            });
            debug_assert!(put.is_ok(), "a page can only be written where the Data has one");
        }
        count_copies(copied);
    }

    fn attach(&mut self, first_page: u32, pages: u32, data: &Data) {
        self.regions.data_mut(first_page, end_of(first_page, pages)).for_each(|shown| *shown = data.clone());
    }

    fn discard(&mut self, first_page: u32, pages: u32) {
        let (first, end) = (first_page, end_of(first_page, pages));
        if !self.take_written(first, end).is_empty() {
            self.become_stale();
        }
        let Space { residents, regions, view, .. } = self;
        residents.range_mut(first..end).for_each(|(&page, resident)| resident.undo(view, page, regions));
    }

    fn settle(&mut self) {
        self.refresh();
    }

    fn fork(&mut self) -> Space<V> {
        self.refresh();
        let Some(sibling) = self.view.sibling() else { panic!("a lane has no window left for a fork") };
        // What was written becomes pages that both have.
        self.become_stale();
        let is_here = self.view.is_here();
        let Space { view, regions, residents, written, released, spare_pages, changed, .. } = &mut *self;
        let mut leaving = Vec::new();
        for (page, resident) in core::mem::take(&mut **residents) {
            changed.push((page, page + 1));
            let has_changed = resident.has_changed(view, page, regions);
            view.unmap(page);
            if has_changed {
                leaving.push((page, resident.frame))
            } else {
                released.push(Released::Frame(resident.frame))
            }
        }
        view.settle(released);
        for (page, frame) in leaving {
            let content = if is_here {
                PageRef::from(frame.into_page())
            } else {
                let copy = page_of(&frame, spare_pages);
                released.push(Released::Frame(frame));
                copy
            };
            written.insert(page, content);
        }
        self.extra.count(0);
        let mut fork = Space::new(sibling, self.policy);
        fork.regions = self.regions.clone();
        fork.written = self.written.clone();
        fork.changed.push((0, PAGE_COUNT));
        fork.become_stale();
        fork
    }

    fn clear(&mut self) {
        self.regions.clear();
        let Space { view, residents, shared, released, .. } = self;
        for (page, resident) in core::mem::take(&mut **residents) {
            view.unmap(page);
            released.push(Released::Frame(resident.frame));
        }
        for (page, shown) in core::mem::take(shared) {
            view.unmap(page);
            released.extend(shown.map(Released::Page));
        }
        self.extra.count(0);
        self.written.clear();
        self.changed.clear();
        self.become_stale();
    }
}
