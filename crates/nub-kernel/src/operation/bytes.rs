//! READ and WRITE: bytes between a Data and the program's own memory.

use alloc::vec::Vec;

use javm_cap::PageRef;

use super::operands::low;
use super::{DONE, Operands};
use crate::arch::Arch;
use crate::engine::Answer;
use crate::pages::pages_of;
use crate::process::Process;
use crate::reference::Reference;
use crate::status::Status;

impl<A: Arch> Process<'_, A> {
    /// The Data that bytes are copied from or to, if it has the range.
    fn range(&self, operands: &Operands) -> Result<Reference, Status> {
        let place = self.walk(low(operands.a()))?;
        let size = self.data(&place)?.size();
        match operands.b().checked_add(operands.d()) {
            Some(end) if end <= size => Ok(place),
            _ => Err(Status::Range),
        }
    }

    /// READ.
    pub(crate) fn read(&mut self, operands: &Operands) -> Answer {
        let place = self.range(operands)?;
        let (offset, mut address, length) = (operands.b(), operands.c(), operands.d() as usize);
        if !self.top().may_store(address, operands.d()) {
            return Err(Status::Range.into());
        }
        // All of it as it is before: the memory may show the same Data.
        let content: Vec<Option<PageRef>> = match place.own_slot() {
            Some(slot) => pages_of(offset, length).map(|(index, ..)| self.top().page(slot, index)).collect(),
            None => {
                let data = self.data(&place)?;
                pages_of(offset, length).map(|(index, ..)| data.page(index).cloned()).collect()
            }
        };
        let frame = self.top();
        let zeros = PageRef::zeroed();
        for ((_, start, part), page) in pages_of(offset, length).zip(&content) {
            let page = page.as_ref().unwrap_or(&zeros);
            let stored = frame.store(address, &page[start..start + part.len()]);
            debug_assert!(stored.is_some(), "the range was checked");
            address += part.len() as u64;
        }
        DONE
    }

    /// WRITE.
    pub(crate) fn write(&mut self, operands: &Operands) -> Answer {
        let place = self.range(operands)?;
        let (offset, mut address, length) = (operands.b(), operands.c(), operands.d() as usize);
        if !self.top().may_load(address, operands.d()) {
            return Err(Status::Range.into());
        }
        let count = pages_of(offset, length).count() as u64;
        self.collect_places(&[&place], count)?;
        let mut written = Vec::new();
        for (index, start, part) in pages_of(offset, length) {
            let mut page = self.data(&place)?.page(index).cloned().unwrap_or_else(PageRef::zeroed);
            let loaded = self.top().load(address, &mut page.make_mut()[start..start + part.len()]);
            debug_assert!(loaded.is_some(), "the range was checked");
            written.push((index, page));
            address += part.len() as u64;
        }
        let epoch = self.epoch;
        self.change_shown_data(&place, |data| crate::frame::put_pages(data, written, drop, epoch));
        DONE
    }
}
