//! What a service works on: the slots of the program that called it.

use javm_cap::{Capability, PageRef, SCRATCHPAD_SLOT};

use super::{Block, Log, Surroundings};
use crate::arch::AddressSpace;
use crate::frame::Frame;
use crate::pages::pages_of;

/// The program that called a service.
pub(crate) struct Caller<'a, S> {
    pub(crate) frame: &'a mut Frame<S>,
    pub(crate) log: &'a mut Log,
    pub(crate) block: Block,
    /// Whether its scratchpad went with the call.
    pub(crate) with_scratchpad: bool,
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

    fn block(&self) -> Block {
        self.block
    }
}
