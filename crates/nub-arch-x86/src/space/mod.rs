//! The memory of a running program: regions, and the window that shows them.
//!
//! What a program may touch is known from the regions; the window is filled from them, as the [`policy`] has it when a
//! mapping is mounted or when the program first touches a page. A page that the program only reads is shown as it stands
//! in the Data; one that it may write is shown as a *resident* frame, a copy that stays in the window from call to call.
//! The page that a resident was copied from serves as the image before, in the Data of its region or, where the region has
//! got another one, kept with the resident: whether a resident has changed is told by comparing, and no page-table entry
//! changes while the same program is called again and again. A resident that was shown before anybody asked for it is
//! *watched*: until the processor has noted a write, it costs a look at that note and is not compared.
//!
//! A fork shares pages: what was written so far becomes pages that both sides show for reading, and copy when they write.
//!
//! # When the window may be used
//! Changes of regions and of the Data behind them only mark the space as *stale*; the window is brought up to date
//! before the next access ([`Space::refresh`]). While a space is stale its window is hidden, so that an access fails and
//! comes here.
//!
//! # Who holds what
//! A space holds a reference on every page that its window shows, and on every frame: when one goes, it is *released* to
//! the window, which gives it back when no processor remembers it any more ([`View::settle`]).
//!
//! - `engine`: how a program comes to its memory. `arrange`: how the kernel arranges it.

#![allow(unsafe_code)]

mod arrange;
mod engine;
pub mod policy;
mod resident;
#[cfg(test)]
mod tests;
pub mod view;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ptr::NonNull;

use javm_cap::{Access, Page, PageRef};
use nub_kernel::regions::Regions;

use engine::count_copies;
pub use engine::{copies, faults};
use policy::{Ahead, Extra, Policy, RESIDENT_PAGES};
use resident::{Before, Resident, Residents, fill, is_same};
use view::{Released, Shown, View};

use crate::frame::Frame;

/// How many frames and pages a space keeps for later.
const SPARE: usize = 32;

/// The memory of one program, shown in a window of the lane that runs it.
pub struct Space<V: View> {
    regions: Regions,
    view: V,
    residents: Residents<V::Entry>,
    /// Pages that were written, and are now shared with a fork: they stand for what is mapped.
    written: BTreeMap<u32, PageRef>,
    /// The pages that the window shows for reading, as they stand in a Data or in `written`; `None` for zeros.
    shared: BTreeMap<u32, Option<PageRef>>,
    /// Ranges that the window may show in another way than the regions have it.
    changed: Vec<(u32, u32)>,
    stale: bool,
    policy: Policy,
    ahead: Ahead,
    extra: Extra,
    /// What the window does not show any more, to be settled.
    released: Vec<Released>,
    spare_frames: Vec<Frame>,
    spare_pages: Vec<PageRef>,
}

/// A page with this content, made of a spare one if there is any.
fn page_of(frame: &Frame, spare: &mut Vec<PageRef>) -> PageRef {
    count_copies(1);
    while let Some(mut page) = spare.pop() {
        if let Some(bytes) = page.get_mut() {
            frame.copy_to(bytes);
            return page;
        }
    }
    PageRef::from(frame.duplicate().into_page())
}

impl<V: View> Space<V> {
    /// Memory with nothing mapped, shown in an empty window.
    pub fn new(view: V, policy: Policy) -> Space<V> {
        Space {
            regions: Regions::default(),
            view,
            residents: Residents::default(),
            written: BTreeMap::new(),
            shared: BTreeMap::new(),
            changed: Vec::new(),
            stale: false,
            policy,
            ahead: Ahead::default(),
            extra: Extra::default(),
            released: Vec::new(),
            spare_frames: Vec::new(),
            spare_pages: Vec::new(),
        }
    }

    /// The window.
    pub fn view(&self) -> &V {
        &self.view
    }

    fn become_stale(&mut self) {
        self.stale = true;
        self.view.hide();
    }

    /// The regions of a range are about to be other ones.
    fn keep_before(&mut self, first: u32, end: u32) {
        let Space { residents, regions, .. } = self;
        residents.range_mut(first..end).for_each(|(&page, resident)| resident.keep_before(page, regions));
    }

    /// Takes note that the regions of a range are not what they were.
    fn remapped(&mut self, first: u32, end: u32) {
        if first >= end {
            return;
        }
        for resident in self.residents.range_mut(first..end).map(|(_, resident)| resident) {
            resident.become_void(&self.view);
        }
        self.written.extract_if(first..end, |_, _| true).for_each(drop);
        self.changed.push((first, end));
        self.become_stale();
    }

    /// Has the window forget what it does not show any more.
    fn settle(&mut self) {
        self.view.settle(&mut self.released);
        for released in self.released.drain(..) {
            match released {
                Released::Frame(frame) if self.spare_frames.len() < SPARE => self.spare_frames.push(frame),
                Released::Frame(_) | Released::Page(_) => {}
            }
        }
    }

    /// Brings the window up to date.
    #[inline]
    pub fn refresh(&mut self) {
        if self.stale {
            self.refresh_stale();
        }
    }

    fn refresh_stale(&mut self) {
        let Space { regions, view, residents, released, .. } = self;
        let gone = residents.extract_if(.., |&page, resident| {
            let mapped = resident.refresh(view, page, regions);
            if !mapped {
                view.unmap(page);
            }
            !mapped
        });
        gone.for_each(|(_, resident)| released.push(Released::Frame(resident.frame)));
        let mut changed = core::mem::take(&mut self.changed);
        for &(first, end) in &changed {
            self.withdraw_shared(first, end);
        }
        // Before anything new is shown, so that its frames are there to be used again.
        self.settle();
        for (first, end) in changed.drain(..) {
            self.prepare(first, end);
        }
        self.changed = changed;
        self.settle();
        self.view.reveal();
        self.stale = false;
    }

    /// Stops showing the pages of a range for reading that are other pages by now.
    fn withdraw_shared(&mut self, first: u32, end: u32) {
        let Space { regions, view, written, shared, released, .. } = self;
        let gone = shared.extract_if(first..end, |page, shown| {
            let now = written.get(page).or_else(|| regions.find(*page).and_then(|region| region.original(*page)));
            let stays = regions.find(*page).is_some() && is_same(shown.as_ref(), now);
            if !stays {
                view.unmap(*page);
            }
            !stays
        });
        gone.filter_map(|(_, page)| page).for_each(|page| released.push(Released::Page(page)));
    }

    /// Shows the mappings that begin or end in a range, where that is cheaper than to wait for the program to touch them.
    fn prepare(&mut self, first: u32, end: u32) {
        let mut next = first;
        // The regions are looked up again for each, as showing needs all of the space; there are few.
        while let Some(region) = self.regions.next(next).filter(|region| region.pages().start < end) {
            let (pages, writable) = (region.pages(), region.access() == Access::ReadWrite);
            next = pages.end;
            if !self.policy.is_eager(pages.end - pages.start, writable) {
                continue;
            }
            for page in pages {
                if self.residents.contains_key(&page) {
                    continue;
                }
                if !writable {
                    self.share(page);
                } else if self.residents.len() < RESIDENT_PAGES {
                    self.make_resident(page);
                }
            }
        }
    }

    /// The page as it is without what residents hold; `None` reads as zeros.
    fn source(&self, page: u32) -> Option<&PageRef> {
        self.written.get(&page).or_else(|| self.regions.find(page).and_then(|region| region.original(page)))
    }

    /// Shows a page that is no resident for reading, as it stands; gives where.
    fn share(&mut self, page: u32) -> NonNull<Page> {
        let held = self.source(page).cloned();
        let shown = held.as_ref().map_or_else(Frame::zero, |held| NonNull::from(&**held));
        if !self.shared.contains_key(&page) {
            // SAFETY: the page is only read. The space holds a reference to it until the page is unmapped and that is
            // settled.
            unsafe { self.view.map(page, shown, Shown::Reading) };
            self.shared.insert(page, held);
        }
        shown
    }

    /// Shows a page as a resident that was none. Whoever calls it settles before the window is used: another page may have
    /// been shown there.
    fn make_resident(&mut self, page: u32) -> &mut Resident<V::Entry> {
        let Space { regions, view, written, shared, released, spare_frames, .. } = self;
        let region = regions.find(page);
        let original = region.and_then(|region| region.original(page));
        let writable = region.is_some_and(|region| region.access() == Access::ReadWrite);
        let written = written.remove(&page);
        let mut frame = spare_frames.pop().unwrap_or_else(Frame::zeroed);
        fill(&mut frame, written.as_ref().or(original));
        let resident = Resident::new(view, page, frame, Before::mapped(original), writable, written.is_some());
        let before = shared.remove(&page).flatten();
        before.into_iter().chain(written).for_each(|page| released.push(Released::Page(page)));
        self.residents.entry(page).insert_entry(resident).into_mut()
    }

    /// Shows the space in another window from now on, which has nothing mapped.
    pub fn move_to(&mut self, view: V) {
        let mut old = core::mem::replace(&mut self.view, view);
        for (&page, resident) in self.residents.iter_mut() {
            let touched = resident.is_touched(&old);
            old.unmap(page);
            let new = Resident::new(
                &mut self.view,
                page,
                resident.frame.duplicate(),
                Before::Zeros,
                resident.writable(),
                touched,
            );
            let Resident { frame, before, state, .. } = core::mem::replace(resident, new);
            (resident.before, resident.state) = (before, state);
            self.released.push(Released::Frame(frame));
        }
        for (page, shown) in core::mem::take(&mut self.shared) {
            old.unmap(page);
            self.released.extend(shown.map(Released::Page));
        }
        old.settle(&mut self.released);
        // What is free by now is as good for the new window.
        self.settle();
        if self.stale {
            self.view.hide();
        }
    }
}

impl<V: View> Drop for Space<V> {
    fn drop(&mut self) {
        // Frames and Data go after the window has let go of them.
        nub_kernel::AddressSpace::clear(self);
        self.settle();
    }
}
