//! References: how a program names a slot.

use crate::status::Status;

/// The way from the running Instance's table to a slot: the hops, then the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reference {
    slots: [u8; 4],
    length: u8,
}

/// The hops of a reference: bytes 1 to 3, the first 0 among them ends them.
fn hops(reference: u32) -> impl Iterator<Item = u8> {
    reference.to_le_bytes().into_iter().skip(1).take_while(|&hop| hop != 0)
}

impl Reference {
    /// How many hops are to be paid for.
    pub(crate) fn hops(reference: u32) -> u64 {
        if reference <= u8::MAX.into() { 0 } else { hops(reference).count() as u64 }
    }

    /// The slot of the running Instance's own table.
    #[inline]
    pub(crate) const fn own(slot: u8) -> Reference {
        Reference { slots: [slot, 0, 0, 0], length: 1 }
    }

    /// Takes a reference apart.
    ///
    /// # Errors
    /// [`Status::Range`] when something stands behind its end.
    #[inline]
    pub(crate) fn new(reference: u32) -> Result<Reference, Status> {
        if let Ok(slot) = u8::try_from(reference) {
            return Ok(Reference::own(slot));
        }
        let count = hops(reference).count();
        if reference.to_le_bytes()[1 + count..].iter().any(|&byte| byte != 0) {
            return Err(Status::Range);
        }
        let mut slots = [0; 4];
        slots.iter_mut().zip(hops(reference)).for_each(|(slot, hop)| *slot = hop);
        slots[count] = reference as u8;
        Ok(Reference { slots, length: count as u8 + 1 })
    }

    /// The slots in order, at least one.
    #[inline]
    pub(crate) fn slots(&self) -> &[u8] {
        &self.slots[..usize::from(self.length)]
    }

    /// The slot, where it is one of the running Instance's own table.
    #[inline]
    pub(crate) fn own_slot(&self) -> Option<u8> {
        (self.length == 1).then_some(self.slots[0])
    }

    /// The slot, of whichever table it is.
    #[inline]
    pub(crate) fn slot(&self) -> u8 {
        self.slots[usize::from(self.length) - 1]
    }

    /// The way to a slot of what stands at the end of this one, if that is not too far.
    pub(crate) fn join(&self, slot: u8) -> Option<Reference> {
        let mut joined = *self;
        *joined.slots.get_mut(usize::from(self.length))? = slot;
        joined.length += 1;
        Some(joined)
    }

    /// The way to what holds the slot, unless that is the running Instance.
    pub(crate) fn owner(&self) -> Option<Reference> {
        (self.length > 1).then(|| Reference { length: self.length - 1, ..*self })
    }

    /// The slots of the table that the slot is in; none for the running Instance's own.
    #[inline]
    pub(crate) fn way(&self) -> &[u8] {
        &self.slots[..usize::from(self.length) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_come_before_the_slot() {
        let slots = |reference| Reference::new(reference).map(|reference| reference.slots().to_vec());
        assert_eq!(slots(0x07), Ok(alloc::vec![7]));
        assert_eq!(slots(0x00), Ok(alloc::vec![0]));
        assert_eq!(slots(0x02_07), Ok(alloc::vec![2, 7]));
        assert_eq!(slots(0x04_03_02_07), Ok(alloc::vec![2, 3, 4, 7]));
        assert_eq!(slots(0x01_02_00), Ok(alloc::vec![2, 1, 0]));
        for wrong in [0x02_00_07, 0x03_00_02_07, 0x03_00_00_07] {
            assert_eq!(slots(wrong), Err(Status::Range), "{wrong:#x}");
        }
        assert_eq!((Reference::hops(0x04_00_02_07), Reference::hops(7)), (1, 0));
    }
}
