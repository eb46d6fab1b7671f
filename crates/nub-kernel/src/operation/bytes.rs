//! READ and WRITE: bytes between a Data and the program's own memory.

use alloc::vec::Vec;

use javm_cap::{PAGE_SIZE, PageRef};

use super::operands::low;
use super::{DONE, Operands};
use crate::arch::Arch;
use crate::engine::Answer;
use crate::process::Process;
use crate::reference::Reference;
use crate::status::Status;

/// The pages that a range of bytes touches: index, offset in the page, and length there.
fn pages(offset: u64, length: u64) -> impl Iterator<Item = (u32, usize, usize)> {
    let page = PAGE_SIZE as u64;
    let mut at = offset;
    core::iter::from_fn(move || {
        let rest = (offset + length).checked_sub(at).filter(|&rest| rest > 0)?;
        let start = at % page;
        let part = rest.min(page - start);
        let index = u32::try_from(at / page).ok()?;
        at += part;
        Some((index, start as usize, part as usize))
    })
}

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
        let (offset, mut address, length) = (operands.b(), operands.c(), operands.d());
        if !self.top().may_store(address, length) {
            return Err(Status::Range.into());
        }
        // All of it as it is before: the memory may show the same Data.
        let content: Vec<Option<PageRef>> = match place.own_slot() {
            Some(slot) => pages(offset, length).map(|(index, ..)| self.top().page(slot, index)).collect(),
            None => {
                let data = self.data(&place)?;
                pages(offset, length).map(|(index, ..)| data.page(index).cloned()).collect()
            }
        };
        let frame = self.top();
        let zeros = PageRef::zeroed();
        for ((_, start, part), page) in pages(offset, length).zip(&content) {
            let page = page.as_ref().unwrap_or(&zeros);
            let stored = frame.store(address, &page[start..start + part]);
            debug_assert!(stored.is_some(), "the range was checked");
            address += part as u64;
        }
        DONE
    }

    /// WRITE.
    pub(crate) fn write(&mut self, operands: &Operands) -> Answer {
        let place = self.range(operands)?;
        let (offset, mut address, length) = (operands.b(), operands.c(), operands.d());
        if !self.top().may_load(address, length) {
            return Err(Status::Range.into());
        }
        let count = pages(offset, length).count() as u64;
        self.collect_places(&[&place], count)?;
        let mut written = Vec::new();
        for (index, start, part) in pages(offset, length) {
            let mut page = self.data(&place)?.page(index).cloned().unwrap_or_else(PageRef::zeroed);
            let loaded = self.top().load(address, &mut page.make_mut()[start..start + part]);
            debug_assert!(loaded.is_some(), "the range was checked");
            written.push((index, page));
            address += part as u64;
        }
        self.change_shown_data(&place, |data| crate::frame::put_pages(data, written, &mut Vec::new()));
        DONE
    }
}
