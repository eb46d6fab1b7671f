//! One running program: its registers, its table, its memory.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::OnceCell;

use javm_cap::{
    Access, CNode, Capability, Data, DynamicMapping, DynamicMappings, Epoch, GIFT_SLOT, PAGE_SIZE, PageRef, Path,
    SCRATCHPAD_SLOT,
};
use javm_interpreter::{Fault, State};
use javm_isa::Reg;

use crate::arch::AddressSpace;
use crate::engine::Reply;
use crate::published::{DataMapping, Published};
use crate::window::{Window, as_data, data_in, is_live};
use crate::working::Working;

/// How a program came to be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Via {
    /// Through the slot that holds it.
    Owner,
    /// Through a Callable.
    Callable {
        /// What the one who made it wanted to know it by.
        badge: u64,
        /// Instances from that one down to the place.
        distance: u8,
    },
    /// By an event of a block.
    Event {
        /// Who sent it.
        origin: [u8; 32],
    },
    /// By the host.
    Host,
}

/// A program on the call stack. It works on a table of its own, so that a call that is undone leaves nothing behind.
///
/// Frames are some hundred bytes that are never moved: each has its place in memory together with its window, which waits for
/// the next call when this one is over ([`Windows`](crate::window::Windows)).
pub(crate) struct Frame<S> {
    pub(crate) program: Arc<Published>,
    /// Where its Instance stands.
    pub(crate) path: Path,
    /// Its slots from 2 on.
    pub(crate) table: Working,
    /// Slots 0 and 1.
    pub(crate) live: [Option<Capability>; 2],
    /// What MAP added to the memory map of the Image.
    pub(crate) dynamic: DynamicMappings,
    pub(crate) window: Window<S>,
    /// Pages that were stored to, by slot and index, which the memory does not show (any more), and which are not in their
    /// Data yet.
    pub(crate) unseen: BTreeMap<(u8, u32), PageRef>,
    /// Whether the program may have stored anything that is not in a Data yet. Asking the memory is a look at each page
    /// that it may have stored to, so at the end it is asked once.
    pub(crate) may_have_stored: bool,
    /// How many pages of slots of the table were left different, where the memory can put them into the Data itself.
    pub(crate) counted: Vec<(u8, u32)>,
    /// Whether that was done: all that is left to drop is in slots 0 and 1 and in ephemeral memory.
    pub(crate) is_collected: bool,
    /// Whether its table is where its Instance stands, and no more here.
    pub(crate) is_written_back: bool,
    pub(crate) state: State,
    pub(crate) call: CallRecord,
}

/// What is remembered of the call that a frame is about.
pub(crate) struct CallRecord {
    pub(crate) via: Via,
    /// Its flags.
    pub(crate) flags: u8,
    /// What the Instance counts for in the table that holds it, as long as it runs, once somebody has asked.
    pub(crate) size: OnceCell<u64>,
    /// How many pages it may write to.
    pub(crate) writable: u32,
    /// Where what may have to be undone begins.
    pub(crate) mark: Mark,
    /// What stood in the caller's slots 0 and 1, as far as it went with the call.
    pub(crate) passed: [Option<Capability>; 2],
}

/// A point to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) undo: usize,
    pub(crate) log: usize,
    pub(crate) changed: u64,
}

/// Pages of a slot that a program left different from those in the Data, by their index there.
pub(crate) struct Stores {
    pub(crate) slot: u8,
    pub(crate) pages: Vec<(u32, PageRef)>,
}

impl From<&DynamicMapping> for DataMapping {
    fn from(mapping: &DynamicMapping) -> DataMapping {
        let DynamicMapping { first_page, pages, offset, access, slot } = *mapping;
        DataMapping { first_page, pages, slot, offset, access }
    }
}

impl<S: AddressSpace> Frame<S> {
    /// A place for calls of a program, with nothing in it.
    pub(crate) fn new(program: Arc<Published>, space: S) -> Frame<S> {
        Frame {
            program,
            path: Path::ROOT,
            table: Working::default(),
            live: [None, None],
            dynamic: DynamicMappings::new(),
            window: Window::new(space),
            unseen: BTreeMap::new(),
            may_have_stored: false,
            counted: Vec::new(),
            is_collected: false,
            is_written_back: false,
            state: State::new(0, 0),
            call: CallRecord {
                via: Via::Host,
                flags: 0,
                size: OnceCell::new(),
                writable: 0,
                mark: Mark { undo: 0, log: 0, changed: 0 },
                passed: [None, None],
            },
        }
    }

    pub(crate) fn register(&self, register: Reg) -> u64 {
        self.state.registers[register.index()]
    }

    #[inline]
    pub(crate) fn arguments(&self) -> [u64; 4] {
        [Reg::A0, Reg::A1, Reg::A2, Reg::A3].map(|register| self.register(register))
    }

    /// What stands in a slot of its own.
    #[inline]
    pub(crate) fn own(&self, slot: u8) -> Option<&Capability> {
        match self.live.get(usize::from(slot)) {
            Some(live) => live.as_ref(),
            None => self.table.get(slot),
        }
    }

    pub(crate) fn own_data_mut(&mut self, slot: u8) -> Option<&mut Data> {
        match self.live.get_mut(usize::from(slot)) {
            Some(Some(Capability::Data(data))) => Some(data),
            Some(_) => None,
            None => self.table.data_mut(slot),
        }
    }

    /// Where pages of a slot can be seen in its memory.
    pub(crate) fn mappings_of(&self, slot: u8) -> impl Iterator<Item = DataMapping> {
        mappings_of(&self.program, &self.dynamic, slot)
    }

    /// Shows all of its memory. `shows_table` says that the window shows the slots of the table already.
    #[inline]
    pub(crate) fn mount(&mut self, shows_table: bool) {
        let Frame { program, table, live, window, dynamic, .. } = self;
        if shows_table {
            window.show_live(live);
        } else {
            window.mount(program, |slot| shown_data(live, table, slot));
        }
        if !dynamic.is_empty() {
            let slots: Vec<u8> = dynamic.iter().map(|mapping| mapping.slot).collect();
            slots.into_iter().for_each(|slot| self.show_dynamic(slot));
        }
    }

    /// Has its memory show what stands in a slot of its own now.
    #[inline]
    pub(crate) fn show(&mut self, slot: u8) {
        if self.maps(slot) {
            self.show_mapped(slot);
        }
    }

    #[inline(never)]
    fn show_mapped(&mut self, slot: u8) {
        let Frame { table, live, window, .. } = self;
        let data = shown_data(live, table, slot);
        window.show(slot, data);
        self.show_dynamic(slot);
    }

    fn show_dynamic(&mut self, slot: u8) {
        if self.dynamic.is_empty() {
            return;
        }
        let mappings: Vec<DataMapping> =
            self.dynamic.iter().filter(|mapping| mapping.slot == slot).map(DataMapping::from).collect();
        let Frame { table, live, window, .. } = self;
        let data = shown_data(live, table, slot);
        for mapping in mappings {
            match data {
                Some(data) => mapping.map(&mut window.space, data),
                None => mapping.unmap(&mut window.space),
            }
        }
    }

    /// Whether a slot may be mapped.
    #[inline]
    fn maps(&self, slot: u8) -> bool {
        self.program.slots().contains(&slot) || !self.dynamic.is_empty()
    }

    /// Whether there may be anything that was stored to a slot and is not in its Data yet.
    #[inline]
    pub(crate) fn may_have_stores(&self, slot: u8) -> bool {
        self.may_have_stored && (self.maps(slot) || !self.unseen.is_empty())
    }

    /// Has its memory show nothing of a slot, so that nothing but the table holds what stands there.
    #[inline]
    pub(crate) fn hide(&mut self, slot: u8) {
        if self.maps(slot) {
            self.hide_mapped(slot);
        }
    }

    #[inline(never)]
    fn hide_mapped(&mut self, slot: u8) {
        self.window.show(slot, None);
        let Frame { dynamic, window, .. } = self;
        for mapping in dynamic.iter().filter(|mapping| mapping.slot == slot) {
            window.space.unmap(mapping.first_page, mapping.pages);
        }
    }

    /// Drops what was stored to a slot and not collected.
    #[inline]
    pub(crate) fn forget_stores(&mut self, slot: u8) {
        if !self.unseen.is_empty() {
            self.unseen.retain(|&(of, _), _| of != slot);
        }
        self.hide(slot);
    }

    /// Maps more: `mappings` is what there is with what is `added`.
    pub(crate) fn map(&mut self, mappings: DynamicMappings, added: DynamicMapping) {
        self.dynamic = mappings;
        let mapping = DataMapping::from(&added);
        let Frame { table, live, window, unseen, .. } = self;
        let data = shown_data(live, table, added.slot);
        if let Some(data) = data {
            mapping.map(&mut window.space, data);
        }
        let range = (added.slot, added.offset)..(added.slot, added.offset + added.pages);
        for ((_, index), page) in unseen.extract_if(range, |_, _| true) {
            if let Some(at) = mapping.page_of(index) {
                let put = window.space.set_page(at, page);
                debug_assert!(put, "stores are to pages that there are");
            }
        }
    }

    /// Takes away what MAP has mapped in a range; `mappings` is what is left. Gives how many pages could be written to.
    pub(crate) fn unmap(&mut self, mappings: DynamicMappings, first: u32, pages: u32) -> u32 {
        let old = core::mem::replace(&mut self.dynamic, mappings);
        let mut writable = 0;
        for mapping in old.iter() {
            let start = mapping.first_page.max(first);
            let end = (mapping.first_page + mapping.pages).min(first + pages);
            if start >= end {
                continue;
            }
            if mapping.access == Access::ReadWrite || mapping.slot == SCRATCHPAD_SLOT {
                writable += if mapping.access == Access::ReadWrite { end - start } else { 0 };
                // What was stored there is in the Data, seen or not.
                self.window.space.withdraw(start, end - start, |page, content| {
                    self.unseen.insert((mapping.slot, page - mapping.first_page + mapping.offset), content);
                });
            }
            self.window.space.unmap(start, end - start);
        }
        writable
    }

    /// Takes out of the memory what was stored to a slot and is not in its Data yet. Only pages that differ count: what
    /// was stored that stood there before is nothing that happened.
    pub(crate) fn withdraw(&mut self, slot: u8) -> Stores {
        let mut pages = Vec::new();
        if !self.may_have_stores(slot) {
            return Stores { slot, pages };
        }
        let Frame { program, dynamic, window, .. } = self;
        if window.space.has_changed() {
            for mapping in mappings_of(program, dynamic, slot) {
                // Services write to all of the scratchpad.
                if mapping.access == Access::ReadWrite || slot == SCRATCHPAD_SLOT {
                    window.space.withdraw(mapping.first_page, mapping.pages, |page, content| {
                        pages.push((page - mapping.first_page + mapping.offset, content));
                    });
                }
            }
        }
        if !self.unseen.is_empty() {
            pages.extend(
                self.unseen
                    .extract_if((slot, 0)..=(slot, u32::MAX), |_, _| true)
                    .map(|((_, index), page)| (index, page)),
            );
        }
        if let Some(data) = as_data(self.own(slot)) {
            pages.retain(|(index, content)| !is_same(data.page(*index), content));
        }
        Stores { slot, pages }
    }

    /// Its program does not run any more: finds out whether it has stored anything.
    #[inline]
    pub(crate) fn stop(&mut self) {
        self.may_have_stored = self.window.space.has_changed() || !self.unseen.is_empty();
    }

    /// Whether its Instance may be other than it was, once its program has [stopped](Frame::stop).
    #[inline]
    pub(crate) fn has_changed(&self) -> bool {
        // A table that was changed when the frame began is that of an Instance that was not Idle, or had something in slot 0
        // or 1.
        self.may_have_stored || self.table.is_changed()
    }

    /// Counts the pages that were stored to each slot of the table, to be [put into their
    /// Data](Window::collect) without being taken out of the memory. `None` where they have to be
    /// [taken out](Frame::withdraw_table).
    pub(crate) fn count_table(&mut self) -> Option<u64> {
        let Frame { program, window, counted, .. } = self;
        if !self.dynamic.is_empty() || !self.unseen.is_empty() {
            return None;
        }
        let mut sum = 0;
        for &slot in program.stored_slots() {
            let mut count = 0;
            for mapping in program.mappings_of(slot).filter(|mapping| mapping.access == Access::ReadWrite) {
                let Some(differing) = window.space.differing(mapping.first_page, mapping.pages) else {
                    counted.clear();
                    return None;
                };
                count += differing;
            }
            if count > 0 {
                counted.push((slot, count));
                sum += u64::from(count);
            }
        }
        Some(sum)
    }

    /// [`Frame::withdraw`] of every slot of the table that the memory shows for writing, as far as anything was stored.
    pub(crate) fn withdraw_table(&mut self) -> Vec<Stores> {
        let mut all = Vec::new();
        if !self.may_have_stored {
            return all;
        }
        let mut withdraw = |frame: &mut Frame<S>, slot| {
            let stores = frame.withdraw(slot);
            if !stores.pages.is_empty() {
                all.push(stores);
            }
        };
        if self.dynamic.is_empty() && self.unseen.is_empty() {
            for index in 0..self.program.stored_slots().len() {
                let slot = self.program.stored_slots()[index];
                withdraw(self, slot);
            }
            return all;
        }
        let mapped = self.program.stored_slots().iter().copied();
        let unseen = self.unseen.keys().map(|&(slot, _)| slot);
        let dynamic = self.dynamic.iter().map(|mapping| mapping.slot);
        let mut slots: Vec<u8> = mapped.chain(dynamic).chain(unseen).filter(|&slot| !is_live(slot)).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.into_iter().for_each(|slot| withdraw(self, slot));
        all
    }

    /// The ephemeral pages as one Data, with what the program has stored.
    pub(crate) fn take_ephemeral(&mut self) -> Data {
        let Ok(mut data) = Data::new(self.program.ephemeral_pages()) else {
            unreachable!("an Image has fewer than a Data may have")
        };
        let mut start = 0;
        for (first, pages) in self.program.ephemeral() {
            self.window.space.withdraw(first, pages, |page, content| {
                let kept = data.set_page(start + page - first, content);
                debug_assert!(kept.is_ok(), "there is one for each");
            });
            start += pages;
        }
        data
    }

    /// Stores to ephemeral memory what [`Frame::take_ephemeral`] gave.
    pub(crate) fn fill_ephemeral(&mut self, data: &Data) {
        let mut start = 0;
        for (first, pages) in self.program.ephemeral() {
            for (index, content) in data.stored_pages().filter(|(index, _)| (start..start + pages).contains(index)) {
                let put = self.window.space.set_page(first + index - start, content.clone());
                debug_assert!(put, "ephemeral memory is mapped");
            }
            start += pages;
        }
    }

    /// Puts stores into the Data in slot 0 or 1 that is about to leave. The memory does not show it any more, unless it
    /// shows zeros.
    pub(crate) fn collect_leaving(&mut self, stores: Stores, epoch: Epoch) {
        let Stores { slot, pages } = stores;
        if pages.is_empty() {
            return;
        }
        let Frame { window, live, .. } = self;
        window.hide_content(slot);
        if let Some(Some(Capability::Data(data))) = live.get_mut(usize::from(slot)) {
            for (_, content) in &pages {
                // Who gets it may drop it before the next call, to which the page is left then.
                window.space.lend(content);
            }
            put_pages(data, pages, drop, epoch);
        }
    }

    /// Puts stores back where they were withdrawn from.
    pub(crate) fn restore(&mut self, stores: Stores) {
        let Stores { slot, pages } = stores;
        for (index, content) in pages {
            self.set_page(slot, index, content);
        }
    }

    /// Puts stores into the Data that they are for, which the memory then shows.
    pub(crate) fn collect(&mut self, stores: Stores, epoch: Epoch) {
        let Stores { slot, pages } = stores;
        if pages.is_empty() {
            return;
        }
        // What is mapped shares the Data's nodes, which would have to be copied.
        self.hide(slot);
        let mut old = Vec::new();
        if let Some(data) = self.own_data_mut(slot) {
            put_pages(data, pages, |page| old.push(page), epoch);
        }
        old.into_iter().for_each(|page| self.window.space.reuse(page));
        self.show(slot);
    }

    /// A page of a slot of its own as the program sees it; `None` reads as zeros.
    pub(crate) fn page(&mut self, slot: u8, index: u32) -> Option<PageRef> {
        let mapped = self.mappings_of(slot).find_map(|mapping| mapping.page_of(index));
        let changed = mapped.and_then(|page| self.window.space.changed_page(page));
        let stored = changed.or_else(|| self.unseen.get(&(slot, index)).cloned());
        stored.or_else(|| as_data(self.own(slot))?.page(index).cloned())
    }

    /// Puts a page into the Data in a slot of its own, as a store would.
    pub(crate) fn set_page(&mut self, slot: u8, index: u32, content: PageRef) {
        let mapped = self.mappings_of(slot).find_map(|mapping| mapping.page_of(index));
        if !mapped.is_some_and(|page| self.window.space.set_page(page, content.clone())) {
            self.unseen.insert((slot, index), content);
        }
    }

    /// Reads its own memory. `None` where it must not.
    pub(crate) fn load(&mut self, address: u64, bytes: &mut [u8]) -> Option<()> {
        let space = &mut self.window.space;
        let (words, rest) = bytes.as_chunks_mut::<8>();
        let mut at = address;
        for word in words {
            *word = space.load(u32::try_from(at).ok()?).ok()?;
            at += 8;
        }
        for byte in rest {
            [*byte] = space.load(u32::try_from(at).ok()?).ok()?;
            at += 1;
        }
        Some(())
    }

    /// Whether an access is allowed at each page of a range of its own memory.
    fn may(&mut self, address: u64, length: u64, access: impl Fn(&mut S, u32) -> Result<(), Fault>) -> bool {
        let space = &mut self.window.space;
        let Some(last) = length.checked_sub(1) else { return true };
        let (Some(end), page) = (address.checked_add(last), PAGE_SIZE as u64) else { return false };
        (address / page..=end / page)
            .all(|index| u32::try_from(address.max(index * page)).is_ok_and(|at| access(space, at).is_ok()))
    }

    /// Whether it may store to all of a range of its own memory. Nothing in it changes.
    pub(crate) fn may_store(&mut self, address: u64, length: u64) -> bool {
        self.may(address, length, |space, at| space.load::<1>(at).and_then(|present| space.store(at, present)))
    }

    /// Whether it may load from all of a range of its own memory.
    pub(crate) fn may_load(&mut self, address: u64, length: u64) -> bool {
        self.may(address, length, |space, at| space.load::<1>(at).map(drop))
    }

    /// Writes to its own memory, all of it or nothing. `None` where it must not.
    pub(crate) fn store(&mut self, address: u64, bytes: &[u8]) -> Option<()> {
        if !self.may_store(address, bytes.len() as u64) {
            return None;
        }
        let space = &mut self.window.space;
        let (words, rest) = bytes.as_chunks::<8>();
        let mut at = address;
        for word in words {
            space.store(u32::try_from(at).ok()?, *word).ok()?;
            at += 8;
        }
        for &byte in rest {
            space.store(u32::try_from(at).ok()?, [byte]).ok()?;
            at += 1;
        }
        Some(())
    }

    /// What its program finds after an operation or a call.
    pub(crate) fn take_reply(&mut self, reply: &Reply) {
        let Reply { result, status, detail } = *reply;
        for (register, value) in [(Reg::A0, result), (Reg::A1, status.number()), (Reg::A2, detail)] {
            self.state.registers[register.index()] = value;
        }
        self.program.code().step_over(&mut self.state);
    }

    /// Drops everything that was stored and not collected, and what MAP added; the window then shows what it showed, with
    /// nothing in slots 0 and 1 but zeros.
    pub(crate) fn leave(&mut self) {
        let Frame { window, dynamic, counted, is_collected, .. } = self;
        let is_collected = core::mem::take(is_collected);
        counted.clear();
        if self.may_have_stored {
            for mapping in self.program.mappings().iter().filter(|mapping| !is_collected || is_live(mapping.slot)) {
                window.space.discard(mapping.first_page, mapping.pages);
            }
            window.discard_ephemeral();
        }
        if !dynamic.is_empty() {
            for mapping in core::mem::take(dynamic).iter() {
                window.space.unmap(mapping.first_page, mapping.pages);
            }
        }
        if !self.unseen.is_empty() {
            self.unseen.clear();
        }
        window.hide_live();
    }
}

/// Where pages of a slot can be seen in the memory of a program with these additions.
fn mappings_of(program: &Published, dynamic: &DynamicMappings, slot: u8) -> impl Iterator<Item = DataMapping> {
    let dynamic = dynamic.iter().filter(move |mapping| mapping.slot == slot).map(DataMapping::from);
    program.mappings_of(slot).copied().chain(dynamic)
}

/// What mappings of a slot show.
fn shown_data<'a>(live: &'a [Option<Capability>; 2], table: &'a CNode, slot: u8) -> Option<&'a Data> {
    match live.get(usize::from(slot)) {
        Some(live) => as_data(live.as_ref()),
        None => data_in(table, slot),
    }
}

/// Puts pages that differ from those in a Data into it, which counts them as changes; those that stood there go to `old`.
pub(crate) fn put_pages(data: &mut Data, pages: Vec<(u32, PageRef)>, mut old: impl FnMut(PageRef), epoch: Epoch) {
    data.count_changes(epoch, pages.len() as u64);
    for (index, content) in pages {
        match data.replace_page(index, content) {
            Ok(replaced) => replaced.into_iter().for_each(&mut old),
            Err(_) => debug_assert!(false, "a page can only be written where the Data has one"),
        }
    }
}

fn is_same(page: Option<&PageRef>, content: &PageRef) -> bool {
    match page {
        Some(page) => page[..] == content[..],
        None => content.is_zero(),
    }
}

const _: () = assert!(is_live(SCRATCHPAD_SLOT) && is_live(GIFT_SLOT));
