//! One running program: its registers, its table, its memory.

use alloc::sync::Arc;
use alloc::vec::Vec;

use javm_cap::{Backing, CNode, Capability, Data, PAGE_SIZE, PageRef, SCRATCHPAD_SLOT};
use javm_interpreter::State;

use crate::arch::AddressSpace;
use crate::published::Published;
use crate::service::{LogEntry, Surroundings};

/// A program on the call stack. It works on a table of its own, so that a call that fails leaves nothing behind.
pub(crate) struct Frame<S> {
    pub(crate) published: Arc<Published>,
    pub(crate) table: CNode,
    pub(crate) space: S,
    pub(crate) state: State,
    pub(crate) logs: Vec<LogEntry>,
}

/// A page that a run left different from the one in its slot.
pub(crate) struct ChangedPage {
    pub(crate) slot: u8,
    pub(crate) index: u32,
    pub(crate) content: PageRef,
}

impl<S: AddressSpace> Frame<S> {
    /// Maps what the Image's memory map says. Slots that hold no Data stay unmapped.
    pub(crate) fn mount(&mut self) {
        for (&first, mapping) in &self.published.image().memory {
            match mapping.backing {
                Backing::Ephemeral => self.space.map_zero(first, mapping.pages),
                Backing::Persistent { slot, offset_pages } => {
                    if let Some(Capability::Data(data)) = self.table.get(slot) {
                        self.space.map_data(first, mapping.pages, data, offset_pages, mapping.access);
                    }
                }
            }
        }
    }

    /// Collects what the program has written to persistent mappings and to its scratchpad.
    pub(crate) fn take_changes(&mut self) -> Vec<ChangedPage> {
        let mut changes = Vec::new();
        for (&first, mapping) in &self.published.image().memory {
            if let Backing::Persistent { slot, offset_pages } = mapping.backing {
                self.space.take_changed(first, mapping.pages, |page, content| {
                    changes.push(ChangedPage { slot, index: page - first + offset_pages, content });
                });
            }
        }
        changes
    }

    /// The mapped page that shows this page of the Data in `slot`, if any does.
    fn mapped(&self, slot: u8, index: u32) -> Option<u32> {
        self.published.image().memory.iter().find_map(|(first, mapping)| match mapping.backing {
            Backing::Persistent { slot: source, offset_pages } if source == slot => {
                let within = index.checked_sub(offset_pages).filter(|&within| within < mapping.pages)?;
                Some(first + within)
            }
            _ => None,
        })
    }

    fn scratchpad(&self) -> Option<&Data> {
        match self.table.get(SCRATCHPAD_SLOT) {
            Some(Capability::Data(data)) => Some(data),
            _ => None,
        }
    }

    /// The page of the scratchpad as the program sees it; `None` reads as zeros.
    fn scratchpad_page(&mut self, index: u32) -> Option<PageRef> {
        let changed = self.mapped(SCRATCHPAD_SLOT, index).and_then(|page| self.space.changed_page(page));
        changed.or_else(|| self.scratchpad()?.page(index).cloned())
    }

    fn set_scratchpad_page(&mut self, index: u32, content: PageRef) {
        let mapped = self.mapped(SCRATCHPAD_SLOT, index);
        if mapped.is_some_and(|page| self.space.set_page(page, content.clone())) {
            return;
        }
        if let Some(Capability::Data(data)) = self.table.get_mut(SCRATCHPAD_SLOT) {
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

impl<S: AddressSpace> Surroundings for Frame<S> {
    fn scratchpad_length(&self) -> u64 {
        self.scratchpad().map_or(0, Data::size)
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

    fn logs(&mut self) -> &mut Vec<LogEntry> {
        &mut self.logs
    }
}

/// The surroundings of a call that the scratchpad did not go with.
pub(crate) struct WithoutScratchpad<'a>(pub(crate) &'a mut Vec<LogEntry>);

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

    fn logs(&mut self) -> &mut Vec<LogEntry> {
        self.0
    }
}
