//! One running program: its registers, its table, its memory.

use alloc::vec::Vec;

use javm_cap::{Access, Backing, CNode, Capability, Data, Instance, PAGE_SIZE, PageRef, SCRATCHPAD_SLOT};
use javm_interpreter::State;

use crate::arch::AddressSpace;
use crate::published::{DataMapping, Published};
use crate::service::{Log, Surroundings};
use crate::window::{Shows, Window};

/// A program on the call stack. It works on a table of its own, so that a call that fails leaves nothing behind.
pub(crate) struct Frame<'a, S> {
    pub(crate) published: &'a Published,
    pub(crate) table: CNode,
    /// Slot 0 of a running program, which is empty at rest: kept out of the table, which the Instance shares.
    pub(crate) scratchpad: Option<Data>,
    pub(crate) space: &'a mut S,
    pub(crate) state: State,
    pub(crate) log: Log,
}

/// A page that a run left different from the one in its slot.
struct ChangedPage {
    slot: u8,
    index: u32,
    content: PageRef,
}

/// Puts changed pages into the Data that they belong to, and maps those anew.
fn keep<S: AddressSpace>(
    mut changes: Vec<ChangedPage>,
    published: &Published,
    space: &mut S,
    scratchpad: &mut Option<Data>,
    instance: &mut Instance,
) {
    changes.sort_by_key(|change| change.slot);
    let mut rest = changes.into_iter().peekable();
    while let Some(slot) = rest.peek().map(|change| change.slot) {
        let data = match slot {
            SCRATCHPAD_SLOT => scratchpad.as_mut(),
            _ => instance.table_mut().data_mut(slot),
        };
        // What is still mapped shares the Data's nodes, which would have to be copied.
        let remap = slot != SCRATCHPAD_SLOT;
        if remap {
            published.mappings_of(slot).for_each(|mapping| mapping.unmap(space));
        }
        let of_slot = core::iter::from_fn(|| rest.next_if(|change| change.slot == slot));
        let Some(data) = data else {
            debug_assert!(false, "only a Data is mapped");
            of_slot.for_each(drop);
            continue;
        };
        for ChangedPage { index, content, .. } in of_slot {
            if slot == SCRATCHPAD_SLOT {
                // It leaves with the outcome. A host that drops it before the next call leaves the page to that one.
                space.lend(&content);
            }
            let old = data.page(index).cloned();
            let kept = data.set_page(index, content);
            debug_assert!(kept.is_ok(), "a page can only be written where the Data has one");
            old.into_iter().for_each(|page| space.reuse(page));
        }
        if remap {
            published.mappings_of(slot).for_each(|mapping| mapping.map(space, data));
        }
    }
}

/// The Data in a slot of a table.
fn data_in(table: &CNode, slot: u8) -> Option<&Data> {
    match table.get(slot) {
        Some(Capability::Data(data)) => Some(data),
        _ => None,
    }
}

/// Maps what the memory map of an Image shows of its slots, where that is not what they showed `before`.
fn remap<'a, S: AddressSpace>(
    space: &mut S,
    published: &Published,
    before: impl Fn(u8) -> Option<&'a Data>,
    now: impl Fn(u8) -> Option<&'a Data>,
) {
    for mapping in published.mappings() {
        match (before(mapping.slot), now(mapping.slot)) {
            (None, None) => {}
            (Some(before), Some(now)) if before.ptr_eq(now) => {}
            (_, Some(now)) => mapping.map(space, now),
            (Some(_), None) => mapping.unmap(space),
        }
    }
}

/// Has a window that shows an Instance with this table show what a new Instance of its Image has, and nothing else.
pub(crate) fn rest<S: AddressSpace>(window: &mut Window<S>, published: &Published, table: &CNode) {
    if window.shows == Shows::Instance {
        let initial = &published.image().slots;
        remap(&mut window.space, published, |slot| data_in(table, slot), |slot| initial.get(&slot));
        window.space.settle();
        window.shows = Shows::Initial;
    }
}

/// Makes a window show what the memory map of an Image says of a table and a scratchpad, as far as it does not do so
/// already. Slots that hold no Data stay unmapped. `blank` says that there is nothing in the scratchpad but zeros.
pub(crate) fn mount<S: AddressSpace>(
    window: &mut Window<S>,
    published: &Published,
    table: &CNode,
    scratchpad: Option<&Data>,
    blank: bool,
) {
    let initial = &published.image().slots;
    match window.shows {
        Shows::Instance => {}
        Shows::Initial => {
            remap(&mut window.space, published, |slot| initial.get(&slot), |slot| data_in(table, slot));
        }
        Shows::Nothing => {
            for (&first, mapping) in &published.image().memory {
                if let Backing::Ephemeral = mapping.backing {
                    window.space.map_zero(first, mapping.pages);
                }
            }
            remap(&mut window.space, published, |_| None, |slot| data_in(table, slot));
        }
    }
    window.shows = Shows::Instance;
    let pages = scratchpad.map_or(0, Data::pages);
    if blank && window.blank_scratchpad == pages {
        return;
    }
    for mapping in published.mappings_of(SCRATCHPAD_SLOT) {
        match scratchpad {
            Some(data) => mapping.map(&mut window.space, data),
            None => mapping.unmap(&mut window.space),
        }
    }
    window.blank_scratchpad = if blank { pages } else { 0 };
}

impl<S: AddressSpace> Frame<'_, S> {
    /// Ends the frame: if it is `kept`, what the program has written goes into the Instance's Data, otherwise it is
    /// dropped. What it has written to the scratchpad is kept either way, what it has written to ephemeral memory never.
    /// The window shows the Instance as it is then; a scratchpad that was not `blank` is not mounted any more.
    pub(crate) fn settle(&mut self, kept: bool, blank: bool, instance: &mut Instance) {
        let Frame { published, table, scratchpad, space, .. } = self;
        if kept {
            // The Instance lets go of its old table, so that what nobody else shares is changed in place.
            *instance.table_mut() = core::mem::take(table);
        }
        let mut changes = Vec::new();
        if space.has_changed() {
            // What is mapped read-only stays as it is, but services write to all of the scratchpad.
            let may_change =
                |mapping: &&DataMapping| mapping.access == Access::ReadWrite || mapping.slot == SCRATCHPAD_SLOT;
            for mapping in published.mappings().iter().filter(may_change) {
                if kept || mapping.slot == SCRATCHPAD_SLOT {
                    space.withdraw(mapping.first_page, mapping.pages, |page, content| {
                        let index = page - mapping.first_page + mapping.offset;
                        changes.push(ChangedPage { slot: mapping.slot, index, content });
                    });
                } else {
                    space.discard(mapping.first_page, mapping.pages);
                }
            }
            for (&first, mapping) in &published.image().memory {
                if let Backing::Ephemeral = mapping.backing {
                    space.discard(first, mapping.pages);
                }
            }
        }
        if !blank {
            published.mappings_of(SCRATCHPAD_SLOT).for_each(|mapping| mapping.unmap(*space));
        }
        if !changes.is_empty() {
            keep(changes, published, *space, scratchpad, instance);
        }
    }

    /// The mapped page that shows this page of the scratchpad, if any does.
    fn mapped(&self, index: u32) -> Option<u32> {
        self.published.mappings_of(SCRATCHPAD_SLOT).find_map(|mapping| mapping.page_of(index))
    }

    /// The page of the scratchpad as the program sees it; `None` reads as zeros.
    fn scratchpad_page(&mut self, index: u32) -> Option<PageRef> {
        let changed = self.mapped(index).and_then(|page| self.space.changed_page(page));
        changed.or_else(|| self.scratchpad.as_ref()?.page(index).cloned())
    }

    fn set_scratchpad_page(&mut self, index: u32, content: PageRef) {
        if self.mapped(index).is_some_and(|page| self.space.set_page(page, content.clone())) {
            return;
        }
        if let Some(data) = &mut self.scratchpad {
            let kept = data.set_page(index, content);
            debug_assert!(kept.is_ok(), "the range was checked against the scratchpad's length");
        }
    }

    /// Writes `bytes`, at most a page of them, to the program's own memory. `None` where it must not; nothing is
    /// written then.
    pub(crate) fn write_own_memory(&mut self, address: u32, words: &[u64]) -> Option<()> {
        let address_of = |index: usize| address.checked_add(8 * u32::try_from(index).ok()?);
        // A record of less than a page touches the pages of its first and its last word. Both are written with what
        // they hold first, so that a refusal comes before any change.
        for index in [words.len().saturating_sub(1), 0] {
            let probe = address_of(index)?;
            let present = self.space.load_u64(probe).ok()?;
            self.space.store_u64(probe, present).ok()?;
        }
        for (index, &word) in words.iter().enumerate() {
            self.space.store_u64(address_of(index)?, word).ok()?;
        }
        Some(())
    }
}

/// The pages that a range of bytes touches: index, offset in the page, range of the buffer.
fn pages_of(offset: u64, length: usize) -> impl Iterator<Item = (u32, usize, core::ops::Range<usize>)> {
    let mut done = 0;
    core::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let (index, start) = ((at / PAGE_SIZE as u64) as u32, (at % PAGE_SIZE as u64) as usize);
        let end = length.min(done + PAGE_SIZE - start);
        let part = done..end;
        done = end;
        Some((index, start, part))
    })
}

impl<S: AddressSpace> Surroundings for Frame<'_, S> {
    fn scratchpad_length(&self) -> u64 {
        self.scratchpad.as_ref().map_or(0, Data::size)
    }

    fn read_scratchpad(&mut self, offset: u64, bytes: &mut [u8]) {
        for (index, start, part) in pages_of(offset, bytes.len()) {
            let length = part.len();
            match self.scratchpad_page(index) {
                Some(page) => bytes[part].copy_from_slice(&page[start..start + length]),
                None => bytes[part].fill(0),
            }
        }
    }

    fn write_scratchpad(&mut self, offset: u64, bytes: &[u8]) {
        for (index, start, part) in pages_of(offset, bytes.len()) {
            let length = part.len();
            let mut page = self.scratchpad_page(index).unwrap_or_else(PageRef::zeroed);
            page.make_mut()[start..start + length].copy_from_slice(&bytes[part]);
            self.set_scratchpad_page(index, page);
        }
    }

    fn log(&mut self) -> &mut Log {
        &mut self.log
    }
}

/// The surroundings of a call that the scratchpad did not go with.
pub(crate) struct WithoutScratchpad<'a>(pub(crate) &'a mut Log);

impl Surroundings for WithoutScratchpad<'_> {
    fn scratchpad_length(&self) -> u64 {
        0
    }

    fn read_scratchpad(&mut self, _: u64, bytes: &mut [u8]) {
        debug_assert!(bytes.is_empty(), "the range was checked against a length of 0");
    }

    fn write_scratchpad(&mut self, _: u64, bytes: &[u8]) {
        debug_assert!(bytes.is_empty(), "the range was checked against a length of 0");
    }

    fn log(&mut self) -> &mut Log {
        self.0
    }
}
