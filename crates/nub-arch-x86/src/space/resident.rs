//! Residents: frames that stay in a window from call to call, with their images before.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use javm_cap::{Access, Page, PageRef};
use nub_kernel::regions::Regions;

use super::engine::count_copies;
use super::view::{Shown, View};
use crate::frame::Frame;

/// What a resident holds besides what its program wrote.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It stands for its page: what differs from before was written by the program.
    Live,
    /// It is to show its page as it is mapped, at the next refresh. It holds what `before` says.
    Clean,
    /// The same, and it may hold anything.
    Dirty,
}

/// What a page was when it was last mapped or collected.
pub(super) enum Before {
    Zeros,
    /// The page that its region shows there. Nobody changes that as long as the region has its Data, so that no reference is
    /// counted; before the region gets another one [`Resident::keep_before`] takes one.
    Mapped,
    Page(PageRef),
}

impl Before {
    /// What it is where this is mapped.
    pub(super) fn mapped(original: Option<&PageRef>) -> Before {
        if original.is_some() { Before::Mapped } else { Before::Zeros }
    }

    /// The page, of which this is what is mapped there; `None` for zeros.
    fn page<'a>(&'a self, mapped: impl FnOnce() -> Option<&'a PageRef>) -> Option<&'a PageRef> {
        match self {
            Before::Zeros => None,
            Before::Mapped => mapped(),
            Before::Page(page) => Some(page),
        }
    }
}

/// The page as it is mapped; `None` for zeros.
fn original(regions: &Regions, page: u32) -> Option<&PageRef> {
    regions.find(page)?.original(page)
}

/// A frame that only its space has, shown at a page.
pub(super) struct Resident<E> {
    pub(super) frame: Frame,
    pub(super) before: Before,
    pub(super) state: State,
    /// Whether the window shows it as writable.
    writable: bool,
    /// Where the window has it.
    entry: E,
    /// Whether it may have been written to since it was first shown, as far as is known without asking the window.
    pub(super) touched: bool,
    /// The first line in which it differs from before, if it was found to and is to be collected.
    pub(super) differs: Option<usize>,
    /// In how many calls in a row it was compared in vain.
    pub(super) vain: u8,
}

/// The residents of a space, by page. Whether any was written to is asked at the end of every call, and after most of them
/// it is the same residents that are asked: which ones is remembered until anything about them changes.
pub(super) struct Residents<E> {
    by_page: BTreeMap<u32, Resident<E>>,
    /// Where the window has those that stand for their pages, if none is known to be touched.
    watched: Option<Vec<E>>,
}

impl<E> Default for Residents<E> {
    fn default() -> Residents<E> {
        Residents { by_page: BTreeMap::new(), watched: None }
    }
}

impl<E> Deref for Residents<E> {
    type Target = BTreeMap<u32, Resident<E>>;

    fn deref(&self) -> &BTreeMap<u32, Resident<E>> {
        &self.by_page
    }
}

impl<E> DerefMut for Residents<E> {
    fn deref_mut(&mut self) -> &mut BTreeMap<u32, Resident<E>> {
        self.watched = None;
        &mut self.by_page
    }
}

impl<E: Copy> Residents<E> {
    /// Whether any that stands for its page may hold something else than what it held before.
    pub(super) fn any_touched(&mut self, view: &impl View<Entry = E>) -> bool {
        if let Some(watched) = &self.watched {
            return watched.iter().any(|&entry| view.was_written(entry));
        }
        let live = || self.by_page.values().filter(|resident| resident.state == State::Live);
        if live().any(|resident| resident.is_touched(view)) {
            return true;
        }
        self.watched = Some(live().map(|resident| resident.entry).collect());
        false
    }
}

pub(super) fn content(page: Option<&PageRef>) -> &Page {
    page.map_or(Page::zero(), |page| page)
}

/// Has a frame hold what a page holds; `None` for zeros.
pub(super) fn fill(frame: &mut Frame, page: Option<&PageRef>) {
    count_copies(page.is_some().into());
    frame.fill(content(page));
}

pub(super) fn is_same(left: Option<&PageRef>, right: Option<&PageRef>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.ptr_eq(right),
        _ => false,
    }
}

fn shown(writable: bool, touched: bool) -> Shown {
    match (writable, touched) {
        (false, _) => Shown::Reading,
        (true, false) => Shown::Watched,
        (true, true) => Shown::Writing,
    }
}

impl<E: Copy> Resident<E> {
    /// Shows a frame that nobody else has at a page. `touched` if it does not hold what `before` says, or will not soon.
    pub(super) fn new<V: View<Entry = E>>(
        view: &mut V,
        page: u32,
        frame: Frame,
        before: Before,
        writable: bool,
        touched: bool,
    ) -> Resident<E> {
        // SAFETY: the frame is the resident's, which nothing but raw pointers reaches. Whoever takes the resident apart
        // unmaps the page and settles that before the frame goes.
        let entry = unsafe { view.map(page, frame.pointer(), shown(writable, touched)) };
        Resident { frame, before, state: State::Live, writable, entry, touched, differs: None, vain: 0 }
    }

    pub(super) fn writable(&self) -> bool {
        self.writable
    }

    /// Whether it may hold something else than what `before` says.
    pub(super) fn is_touched(&self, view: &impl View<Entry = E>) -> bool {
        self.touched || view.was_written(self.entry)
    }

    /// Holds on to what its page was, as the region there is about to show something else.
    pub(super) fn keep_before(&mut self, page: u32, regions: &Regions) {
        if let Before::Mapped = self.before {
            self.before = original(regions, page).cloned().map_or(Before::Zeros, Before::Page);
        }
    }

    pub(super) fn has_changed(&self, view: &impl View<Entry = E>, page: u32, regions: &Regions) -> bool {
        let before = || content(self.before.page(|| original(regions, page)));
        self.state == State::Live && self.is_touched(view) && !self.frame.is(before())
    }

    /// Compares it, to be collected where it differs; gives whether it does.
    pub(super) fn compare(&mut self, view: &impl View<Entry = E>, page: u32, regions: &Regions) -> bool {
        self.differs = None;
        if self.state == State::Live && self.is_touched(view) {
            self.differs = self.frame.difference(content(self.before.page(|| original(regions, page))), 0);
            self.vain = if self.differs.is_some() { 0 } else { self.vain.saturating_add(1) };
        }
        self.differs.is_some()
    }

    /// Has it hold again what it held before.
    pub(super) fn undo(&mut self, view: &impl View<Entry = E>, page: u32, regions: &Regions) {
        if self.state == State::Live && self.is_touched(view) {
            fill(&mut self.frame, self.before.page(|| original(regions, page)));
        }
    }

    /// Takes note that its page is not mapped as it was, or that what was written is void.
    pub(super) fn become_void(&mut self, view: &impl View<Entry = E>) {
        if self.state == State::Live {
            self.state = if self.is_touched(view) { State::Dirty } else { State::Clean };
        }
    }

    /// Shows it as writable or not.
    pub(super) fn set_writable<V: View<Entry = E>>(&mut self, view: &mut V, page: u32, writable: bool) {
        if writable != self.writable {
            self.touched = self.is_touched(view);
            self.writable = writable;
            // SAFETY: as in `new`.
            self.entry = unsafe { view.map(page, self.frame.pointer(), shown(writable, self.touched)) };
        }
    }

    /// Makes it show its page as it is mapped now; `false` where it is not.
    pub(super) fn refresh<V: View<Entry = E>>(&mut self, view: &mut V, page: u32, regions: &Regions) -> bool {
        if self.state == State::Live {
            return true;
        }
        let Some(region) = regions.find(page) else { return false };
        let original = region.original(page);
        let same = is_same(self.before.page(|| original), original);
        if self.state == State::Dirty || !same {
            fill(&mut self.frame, original);
        }
        self.before = Before::mapped(original);
        self.state = State::Live;
        self.set_writable(view, page, region.access() == Access::ReadWrite);
        true
    }
}
