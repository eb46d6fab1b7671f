//! What the addresses of the running program mean.

use crate::image::Source;
use crate::state::{Place, State};
use crate::value::{PAGE_SIZE, Value};

/// Why an access did not happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    /// An address below 2^16.
    Panic,
    /// The page at this address forbids it.
    Fault(u64),
}

/// Where a page comes from.
enum Behind {
    Ephemeral(u32),
    Slot(u8, u32),
}

impl State {
    /// What is mapped at a page, and whether it may be stored to.
    fn mapped(&self, page: u32) -> Option<(Behind, bool)> {
        let mut ephemeral = 0;
        for (&first, mapping) in &self.running().image.memory {
            let inside = page.checked_sub(first).filter(|&index| index < mapping.pages);
            match (mapping.source, inside) {
                (Source::Ephemeral, Some(index)) => return Some((Behind::Ephemeral(ephemeral + index), true)),
                (Source::Ephemeral, None) => ephemeral += mapping.pages,
                (Source::Slot(slot, offset), Some(index)) => {
                    return Some((Behind::Slot(slot, offset + index), mapping.writable));
                }
                (Source::Slot(..), None) => {}
            }
        }
        let &(slot, offset, writable) = self.frame().dynamic.get(&page)?;
        Some((Behind::Slot(slot, offset), writable))
    }

    /// The page, if the access is allowed.
    fn access(&self, page: u32, store: bool) -> Option<Behind> {
        let (behind, writable) = self.mapped(page)?;
        if store && !writable {
            return None;
        }
        if let Behind::Slot(slot, index) = behind {
            match self.value(&Place(vec![slot])) {
                Some(Value::Data(data)) if index < data.pages => {}
                _ => return None,
            }
        }
        Some(behind)
    }

    fn check(&self, address: u32, store: bool) -> Result<Behind, Denied> {
        if address < 1 << 16 {
            return Err(Denied::Panic);
        }
        let page = address / PAGE_SIZE as u32;
        self.access(page, store).ok_or(Denied::Fault(u64::from(page) * PAGE_SIZE as u64))
    }

    /// Loads a byte.
    pub(crate) fn load(&self, address: u32) -> Result<u8, Denied> {
        let offset = |page: u32| u64::from(page) * PAGE_SIZE as u64 + u64::from(address) % PAGE_SIZE as u64;
        Ok(match self.check(address, false)? {
            Behind::Ephemeral(page) => self.frame().ephemeral.byte(offset(page)),
            Behind::Slot(slot, page) => match self.value(&Place(vec![slot])) {
                Some(Value::Data(data)) => data.byte(offset(page)),
                _ => 0,
            },
        })
    }

    /// Stores a byte.
    pub(crate) fn store(&mut self, address: u32, byte: u8) -> Result<(), Denied> {
        let offset = |page: u32| u64::from(page) * PAGE_SIZE as u64 + u64::from(address) % PAGE_SIZE as u64;
        match self.check(address, true)? {
            Behind::Ephemeral(page) => self.frame_mut().ephemeral.set_byte(offset(page), byte),
            Behind::Slot(slot, page) => self.set_slot_byte(slot, offset(page), byte),
        }
        Ok(())
    }

    /// Stores a byte of the Data in a slot of the running Instance, as its program or a service does.
    pub(crate) fn set_slot_byte(&mut self, slot: u8, offset: u64, byte: u8) {
        let page = (offset / PAGE_SIZE as u64) as u32;
        let Some(Value::Data(data)) = self.value_mut(&Place(vec![slot])) else { return };
        let before = data.page(page);
        data.set_byte(offset, byte);
        self.frame_mut().before.entry((slot, page)).or_insert(before);
    }

    /// Whether the program may load, or store, all of a range.
    pub(crate) fn allows(&self, address: u64, length: u64, store: bool) -> bool {
        let pages = match length {
            0 => 0..0,
            _ => address / PAGE_SIZE as u64..(address + length).div_ceil(PAGE_SIZE as u64),
        };
        address + length <= 1 << 32 && pages.into_iter().all(|page| self.access(page as u32, store).is_some())
    }

    /// Bytes of a range that may be loaded.
    pub(crate) fn load_range(&self, address: u64, length: u64) -> Vec<u8> {
        (address..address + length).map(|address| self.load(address as u32).unwrap_or(0)).collect()
    }

    /// Stores bytes to a range that may be stored to.
    pub(crate) fn store_range(&mut self, address: u64, bytes: &[u8]) {
        for (address, &byte) in (address..).zip(bytes) {
            let stored = self.store(address as u32, byte);
            debug_assert_eq!(stored, Ok(()), "the range was checked");
        }
    }

    /// Whether a slot is mapped read-write in the running program's space.
    pub(crate) fn is_mapped_writable(&self, slot: u8) -> bool {
        let fixed = self.running().image.memory.values();
        let by_image = |of: Source| matches!(of, Source::Slot(of, _) if of == slot);
        fixed.into_iter().any(|mapping| mapping.writable && by_image(mapping.source))
            || self.frame().dynamic.values().any(|&(of, _, writable)| of == slot && writable)
    }
}
