//! The memory of a running program: regions, and the window that shows them.
//!
//! What a program may touch is known from the regions; the window's page tables are filled from them when the program
//! first touches a page. A page that it only reads is shown as it stands in the Data; one that it may write is shown as a
//! *resident* frame, a copy that stays in the window from call to call. The page that a resident was copied from is kept
//! with it, and serves as the image before: whether a resident has changed is told by comparing, and no page-table
//! entry changes while the same program is called again and again.
//!
//! # When the window may be used
//! Changes of regions and of the Data behind them only mark the space as *stale*; the window is brought up to date
//! before the next access ([`X86Space::refresh`]). A stale space has the engine look where nothing is mapped, so that its
//! access fails and comes here.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use javm_cap::{Access, Data, Page, PageRef};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory, PAGE_SIZE};
use nub_kernel::AddressSpace;
use nub_kernel::regions::{Regions, Source};

use crate::access;
use crate::frame::Frame;
use crate::window::Window;

/// Page numbers are below this.
const PAGE_COUNT: u32 = 1 << 20;
/// The first page that programs may touch.
const FIRST_PAGE: u32 = LOWEST_ADDRESS / PAGE_SIZE;
/// How many frames stay in a window from call to call. Comparing one costs some 30 ns at each call, mapping one anew
/// a trap.
const RESIDENT_PAGES: usize = 64;
/// How many frames and pages a space keeps for later.
const SPARE: usize = 32;

/// How often a program touched a page that its window did not show.
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// How often programs touched a page that their window did not show.
pub fn faults() -> u64 {
    FAULTS.load(Ordering::Relaxed)
}

/// What a resident holds besides what its program wrote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It stands for its page: what differs from before was written by the program.
    Live,
    /// It is to show its page as it is mapped, at the next refresh. It holds what `before` says.
    Clean,
    /// The same, and it may hold anything.
    Dirty,
}

/// A frame that only this space has, shown at a page.
struct Resident {
    page: u32,
    frame: Frame,
    /// What it was when it was last copied or collected; `None` for zeros.
    before: Option<PageRef>,
    state: State,
    /// Whether the window shows it as writable.
    writable: bool,
}

impl Resident {
    fn has_changed(&self) -> bool {
        self.state == State::Live && !self.frame.is(content(self.before.as_ref()))
    }
}

fn content(page: Option<&PageRef>) -> &Page {
    page.map_or(Page::zero(), |page| page)
}

fn is_same(left: Option<&PageRef>, right: Option<&PageRef>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.ptr_eq(right),
        _ => false,
    }
}

/// The memory of one program, shown in a window of the lane that runs it.
pub struct X86Space {
    /// Where the engine looks: the window, or nowhere while the space is stale.
    base: u64,
    regions: Regions,
    window: Window,
    /// By page, ascending.
    residents: Vec<Resident>,
    /// The pages that the window shows as they stand in a Data, ascending.
    shared: Vec<u32>,
    /// Ranges whose regions have changed since the window was up to date.
    changed: Vec<(u32, u32)>,
    stale: bool,
    spare_frames: Vec<Frame>,
    spare_pages: Vec<PageRef>,
}

/// A page with this content, made of a spare one if there is any.
fn page_of(frame: &Frame, spare: &mut Vec<PageRef>) -> PageRef {
    while let Some(mut page) = spare.pop() {
        if let Some(bytes) = page.get_mut() {
            frame.copy_to(bytes);
            return page;
        }
    }
    PageRef::from(frame.duplicate().into_page())
}

fn recycle(frame: Frame, spare: &mut Vec<Frame>) {
    if spare.len() < SPARE {
        spare.push(frame);
    }
}

impl X86Space {
    /// Memory with nothing mapped.
    pub fn new(window: Window) -> X86Space {
        X86Space {
            base: window.base(),
            regions: Regions::default(),
            window,
            residents: Vec::new(),
            shared: Vec::new(),
            changed: Vec::new(),
            stale: false,
            spare_frames: Vec::new(),
            spare_pages: Vec::new(),
        }
    }

    fn become_stale(&mut self) {
        self.stale = true;
        self.base = self.window.nowhere();
    }

    /// The residents of a range, by their places.
    fn residents_of(&self, first: u32, end: u32) -> core::ops::Range<usize> {
        let start = self.residents.partition_point(|resident| resident.page < first);
        start..start + self.residents[start..].partition_point(|resident| resident.page < end)
    }

    fn resident(&self, page: u32) -> Result<usize, usize> {
        self.residents.binary_search_by_key(&page, |resident| resident.page)
    }

    /// Takes note that the regions of a range are not what they were.
    fn remapped(&mut self, first: u32, end: u32) {
        for index in self.residents_of(first, end) {
            let resident = &mut self.residents[index];
            if resident.state == State::Live {
                resident.state = State::Dirty;
            }
        }
        self.changed.push((first, end));
        self.become_stale();
    }

    /// Brings the window up to date.
    #[inline]
    pub fn refresh(&mut self) {
        if self.stale {
            self.refresh_stale();
        }
    }

    fn refresh_stale(&mut self) {
        let X86Space { regions, window, residents, shared, changed, spare_frames, .. } = self;
        residents.retain_mut(|resident| {
            if resident.state == State::Live {
                return true;
            }
            let Some(region) = regions.find(resident.page) else {
                window.unmap(resident.page);
                recycle(core::mem::replace(&mut resident.frame, Frame::none()), spare_frames);
                return false;
            };
            let original = region.original(resident.page);
            let same = is_same(resident.before.as_ref(), original);
            if resident.state == State::Dirty || !same {
                resident.frame.fill(content(original));
            }
            if !same {
                resident.before = original.cloned();
            }
            resident.state = State::Live;
            let writable = region.access() == Access::ReadWrite;
            if writable != resident.writable {
                resident.writable = writable;
                // SAFETY: the frame is the resident's, which nothing but raw pointers reaches, and stays until the page
                // is unmapped.
                unsafe { window.map(resident.page, resident.frame.pointer(), writable) };
            }
            true
        });
        for (first, end) in changed.drain(..) {
            let start = shared.partition_point(|&page| page < first);
            let length = shared[start..].partition_point(|&page| page < end);
            for page in shared.drain(start..start + length) {
                window.unmap(page);
            }
        }
        window.settle();
        self.base = window.base();
        self.stale = false;
    }

    /// Shows a page as a resident; gives its place.
    fn make_resident(&mut self, page: u32, place: usize) -> usize {
        let X86Space { regions, window, residents, shared, spare_frames, .. } = self;
        let region = regions.find(page);
        let original = region.and_then(|region| region.original(page));
        let writable = region.is_some_and(|region| region.access() == Access::ReadWrite);
        let mut frame = spare_frames.pop().unwrap_or_else(Frame::zeroed);
        frame.fill(content(original));
        if let Ok(index) = shared.binary_search(&page) {
            shared.remove(index);
        }
        // SAFETY: the frame is this space's alone, reached by raw pointers only, and stays until the page is unmapped.
        unsafe { window.map(page, frame.pointer(), writable) };
        residents.insert(place, Resident { page, frame, before: original.cloned(), state: State::Live, writable });
        window.settle();
        place
    }

    /// The page's bytes now, shown in the window from now on; for reading.
    fn open_for_reading(&mut self, page: u32) -> Result<NonNull<Page>, Fault> {
        let fault = Fault::Page(page * PAGE_SIZE);
        let place = match self.resident(page) {
            Ok(index) => return Ok(self.residents[index].frame.pointer()),
            Err(place) => place,
        };
        let region = self.regions.find(page).ok_or(fault)?;
        if region.access() == Access::ReadWrite && self.residents.len() < RESIDENT_PAGES {
            let index = self.make_resident(page, place);
            return Ok(self.residents[index].frame.pointer());
        }
        let shown = match region.original(page) {
            Some(original) => NonNull::from(&**original),
            None => Frame::zero(),
        };
        if let Err(place) = self.shared.binary_search(&page) {
            self.shared.insert(place, page);
            // SAFETY: the page is read only, and its holder is the region's Data: before that changes, the space is
            // stale, and the next refresh unmaps it.
            unsafe { self.window.map(page, shown, false) };
            self.window.settle();
        }
        Ok(shown)
    }

    /// The page's bytes, to be written to; shown in the window from now on.
    fn open_for_writing(&mut self, page: u32) -> Result<NonNull<Page>, Fault> {
        let fault = Fault::Page(page * PAGE_SIZE);
        let region = self.regions.find(page).ok_or(fault)?;
        if region.access() != Access::ReadWrite {
            return Err(fault);
        }
        let index = self.resident(page).unwrap_or_else(|place| self.make_resident(page, place));
        Ok(self.residents[index].frame.pointer())
    }

    /// Opens every page that an access of `N` bytes touches, lowest first; gives the first and the last.
    fn open<const N: usize>(
        &mut self,
        address: u32,
        mut open: impl FnMut(&mut X86Space, u32) -> Result<NonNull<Page>, Fault>,
    ) -> Result<[NonNull<Page>; 2], Fault> {
        let last = address.checked_add(N as u32 - 1).ok_or(Fault::Panic)?;
        if address < LOWEST_ADDRESS {
            return Err(Fault::Panic);
        }
        FAULTS.fetch_add(1, Ordering::Relaxed);
        self.refresh();
        let first_page = open(self, address / PAGE_SIZE)?;
        let last_page =
            if last / PAGE_SIZE == address / PAGE_SIZE { first_page } else { open(self, last / PAGE_SIZE)? };
        Ok([first_page, last_page])
    }

    #[cold]
    #[inline(never)]
    fn load_slowly<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        let pages = self.open::<N>(address, X86Space::open_for_reading)?;
        let mut value = [0; N];
        for (place, byte) in places::<N>(address, pages).zip(&mut value) {
            // SAFETY: the place lies in a page that this space holds.
            *byte = unsafe { place.read_volatile() };
        }
        Ok(value)
    }

    #[cold]
    #[inline(never)]
    fn store_slowly<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        // Whether both pages allow it is known before the first byte is written.
        let pages = self.open::<N>(address, X86Space::open_for_writing)?;
        for (place, byte) in places::<N>(address, pages).zip(value) {
            // SAFETY: the place lies in a frame of this space's residents, to which no reference exists.
            unsafe { place.write_volatile(byte) };
        }
        Ok(())
    }
}

/// Where the bytes of an access are, in the pages that its first and its last byte lie in.
fn places<const N: usize>(address: u32, [first, last]: [NonNull<Page>; 2]) -> impl Iterator<Item = *mut u8> {
    (0..N as u32).map(move |index| {
        let at = address.wrapping_add(index);
        let page = if at / PAGE_SIZE == address / PAGE_SIZE { first } else { last };
        page.as_ptr().cast::<u8>().wrapping_add((at % PAGE_SIZE) as usize)
    })
}

impl Memory for X86Space {
    #[inline(always)]
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        match self.quick_load(address) {
            Some(value) => Ok(value),
            None => self.load_slowly(address),
        }
    }
    #[inline(always)]
    fn store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> Result<(), Fault> {
        if self.quick_store(address, value) { Ok(()) } else { self.store_slowly(address, value) }
    }
    #[inline(always)]
    fn quick_load<const N: usize>(&mut self, address: u32) -> Option<[u8; N]> {
        // SAFETY: the base is a window that is up to date, or nowhere.
        unsafe { access::load(self.base, address) }
    }
    #[inline(always)]
    fn quick_store<const N: usize>(&mut self, address: u32, value: [u8; N]) -> bool {
        // SAFETY: as above; what the window shows as writable are frames of residents, to which no reference exists.
        unsafe { access::store(self.base, address, value) }
    }
}

/// The end of a range of pages, cut at the end of the address space.
fn end_of(first: u32, pages: u32) -> u32 {
    first.saturating_add(pages).min(PAGE_COUNT)
}

impl AddressSpace for X86Space {
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, access: Access) {
        let first = first_page.max(FIRST_PAGE);
        let end = end_of(first_page, pages);
        let mapped_end = end_of(first_page, data.pages().saturating_sub(offset)).min(end);
        self.regions.unmap(first_page, end);
        let source = Source::Data { data: data.clone(), offset: offset + (first - first_page) };
        self.regions.map(first, mapped_end, access, source);
        self.remapped(first_page, end);
    }

    fn map_zero(&mut self, first_page: u32, pages: u32) {
        let end = end_of(first_page, pages);
        self.regions.map(first_page.max(FIRST_PAGE), end, Access::ReadWrite, Source::Zero);
        self.remapped(first_page, end);
    }

    fn unmap(&mut self, first_page: u32, pages: u32) {
        let end = end_of(first_page, pages);
        if self.regions.unmap(first_page, end) {
            self.remapped(first_page, end);
        }
    }

    fn set_access(&mut self, first_page: u32, pages: u32, access: Access) {
        let end = end_of(first_page, pages);
        self.regions.set_access(first_page, end, access);
        for index in self.residents_of(first_page, end) {
            let Resident { page, frame, writable, .. } = &mut self.residents[index];
            *writable = access == Access::ReadWrite;
            // SAFETY: the frame is the resident's and stays until the page is unmapped.
            unsafe { self.window.map(*page, frame.pointer(), *writable) };
        }
        // What has to be forgotten is, when the window is next refreshed.
        self.become_stale();
    }

    fn has_changed(&self) -> bool {
        self.residents.iter().any(|resident| resident.state == State::Live)
    }

    fn changed_page(&mut self, page: u32) -> Option<PageRef> {
        let resident = &self.residents[self.resident(page).ok()?];
        resident.has_changed().then(|| page_of(&resident.frame, &mut self.spare_pages))
    }

    fn set_page(&mut self, page: u32, content: PageRef) -> bool {
        self.refresh();
        if self.regions.find(page).is_none() {
            return false;
        }
        let index = self.resident(page).unwrap_or_else(|place| self.make_resident(page, place));
        self.residents[index].frame.fill(&content);
        true
    }

    fn withdraw(&mut self, first_page: u32, pages: u32, mut take: impl FnMut(u32, PageRef)) {
        let range = self.residents_of(first_page, end_of(first_page, pages));
        if range.is_empty() {
            return;
        }
        self.become_stale();
        let X86Space { residents, window, spare_pages, .. } = self;
        // What is more than a window keeps is handed over as it is, and not copied.
        let mut surplus = residents.len().saturating_sub(RESIDENT_PAGES);
        let mut index = 0;
        residents.retain_mut(|resident| {
            let within = range.contains(&index);
            index += 1;
            if !within {
                return true;
            }
            let changed = resident.has_changed();
            if surplus > 0 {
                surplus -= 1;
                window.unmap(resident.page);
                let frame = core::mem::replace(&mut resident.frame, Frame::none());
                if changed {
                    take(resident.page, PageRef::from(frame.into_page()));
                }
                return false;
            }
            if changed {
                let content = page_of(&resident.frame, spare_pages);
                resident.before = Some(content.clone());
                take(resident.page, content);
            }
            if resident.state == State::Live {
                resident.state = State::Clean;
            }
            true
        });
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

    fn discard(&mut self, first_page: u32, pages: u32) {
        let range = self.residents_of(first_page, end_of(first_page, pages));
        if range.is_empty() {
            return;
        }
        self.become_stale();
        for resident in &mut self.residents[range] {
            if resident.state == State::Live {
                resident.state = State::Dirty;
            }
        }
    }

    fn fork(&mut self) -> X86Space {
        self.refresh();
        let Some(window) = self.window.sibling() else { panic!("a lane has no window left for a fork") };
        let mut fork = X86Space::new(window);
        fork.regions = self.regions.clone();
        for (place, resident) in self.residents.iter().enumerate() {
            let index = fork.make_resident(resident.page, place);
            fork.residents[index].frame.copy_from(&resident.frame);
            fork.residents[index].before = resident.before.clone();
        }
        fork
    }

    fn clear(&mut self) {
        self.regions.clear();
        let X86Space { window, residents, shared, spare_frames, .. } = self;
        for resident in residents.drain(..) {
            window.unmap(resident.page);
            recycle(resident.frame, spare_frames);
        }
        for page in shared.drain(..) {
            window.unmap(page);
        }
        self.changed.clear();
        self.become_stale();
    }
}

impl Drop for X86Space {
    fn drop(&mut self) {
        // Frames and Data go after the window has let go of them.
        self.clear();
        self.window.settle();
    }
}
