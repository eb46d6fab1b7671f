//! HASH: the hash of what stands in a place, at a price that counts changes (`docs/adr/0010`).

use javm_cap::Access;

use super::operands::{HASH_CHANGE, HASH_LEVEL, low};
use super::{DONE, Operands};
use crate::arch::{AddressSpace, Arch};
use crate::engine::{Answer, Refusal};
use crate::frame::Frame;
use crate::process::Process;
use crate::status::Status;

impl<S: AddressSpace> Frame<S> {
    /// Whether its program may store to pages of a slot of its own, were there a Data with such.
    fn is_mapped_writable(&self, slot: u8) -> bool {
        self.mappings_of(slot).any(|mapping| mapping.access == Access::ReadWrite)
    }
}

impl<A: Arch> Process<'_, A> {
    /// HASH.
    pub(crate) fn hash(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        self.unpinned(&place)?;
        if place.own_slot().is_some_and(|slot| self.running().is_mapped_writable(slot)) {
            return Err(Status::Busy.into());
        }
        if !self.top().may_store(operands.b(), javm_cap::HASH_SIZE as u64) {
            return Err(Status::Range.into());
        }
        // What services have stored is collected, but not before all of it is paid.
        let stores = place.own_slot().map(|slot| self.top().withdraw(slot));
        let count = stores.as_ref().map_or(0, |stores| stores.pages.len() as u64);
        let found = self.present(&place)?;
        let changes = found.changes(self.epoch).saturating_add(count);
        let price = changes.saturating_mul(HASH_CHANGE + HASH_LEVEL * u64::from(found.measure().height));
        let refused = if self.changed + count > self.chain.parameters.changed_pages {
            Some(Status::Quota.into())
        } else if price > self.running().state.gas {
            Some(Refusal::TooLittleGas)
        } else {
            None
        };
        let epoch = self.epoch;
        let frame = self.top();
        if let Some(refusal) = refused {
            stores.into_iter().for_each(|stores| frame.restore(stores));
            return Err(refusal);
        }
        stores.into_iter().for_each(|stores| frame.collect(stores, epoch));
        frame.state.gas -= price;
        self.changed += count;
        let hash = self.present(&place)?.hash();
        let stored = self.top().store(operands.b(), hash.as_bytes());
        debug_assert!(stored.is_some(), "it was asked for");
        DONE
    }
}
