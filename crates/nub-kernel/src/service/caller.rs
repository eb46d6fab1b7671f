//! What a service works on: the slots of the program that called it.

use javm_cap::{Capability, PAGE_SIZE, PageRef, SCRATCHPAD_SLOT};

use super::{Log, Surroundings};
use crate::arch::AddressSpace;
use crate::frame::Frame;

/// The program that called a service.
pub(crate) struct Caller<'a, S> {
    pub(crate) frame: &'a mut Frame<S>,
    pub(crate) log: &'a mut Log,
    /// Whether its scratchpad went with the call.
    pub(crate) with_scratchpad: bool,
}

/// The pages that a range of bytes touches: index, offset in the page, range of the buffer.
pub(crate) fn pages_of(offset: u64, length: usize) -> impl Iterator<Item = (u32, usize, core::ops::Range<usize>)> {
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

impl<S: AddressSpace> Surroundings for Caller<'_, S> {
    fn scratchpad_length(&self) -> u64 {
        match self.frame.own(SCRATCHPAD_SLOT) {
            Some(Capability::Data(data)) if self.with_scratchpad => data.size(),
            _ => 0,
        }
    }

    fn read_scratchpad(&mut self, offset: u64, bytes: &mut [u8]) {
        for (index, start, part) in pages_of(offset, bytes.len()) {
            let length = part.len();
            match self.frame.page(SCRATCHPAD_SLOT, index) {
                Some(page) => bytes[part].copy_from_slice(&page[start..start + length]),
                None => bytes[part].fill(0),
            }
        }
    }

    fn write_scratchpad(&mut self, offset: u64, bytes: &[u8]) {
        for (index, start, part) in pages_of(offset, bytes.len()) {
            let length = part.len();
            let mut page = self.frame.page(SCRATCHPAD_SLOT, index).unwrap_or_else(PageRef::zeroed);
            page.make_mut()[start..start + length].copy_from_slice(&bytes[part]);
            self.frame.set_page(SCRATCHPAD_SLOT, index, page);
        }
    }

    fn log(&mut self) -> &mut Log {
        self.log
    }
}
