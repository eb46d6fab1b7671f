//! MAP, UNMAP: where the pages of a slot are seen.

use super::{Operation, ask, done, one};
use crate::{Place, Status};

/// What may be done to pages that are mapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Access {
    /// Loads.
    ReadOnly = 0,
    /// Loads and stores.
    ReadWrite = 1,
}

/// Maps `pages` pages of what stands in a slot, from its page `offset` on, at page `first` of an address space: the
/// program's own, or, for a slot of a Suspended child's table, that child's. A mapping is of the slot, not of what is in
/// it at the moment, and lasts until the call of the one in whose space it is ends.
///
/// # Safety
/// In the program's own space: nobody has references to these pages while the slot's content is changed or replaced. In a
/// child's space there is nothing to take care of.
///
/// # Errors
/// [`Status::RANGE`] for pages outside of 16 to 2^20 - 2; [`Status::FULL`] where something is mapped, or one of these
/// pages of the slot is; [`Status::BUSY`] for a child that is not Suspended; [`Status::QUOTA`].
#[inline]
pub unsafe fn map(slot: Place, offset: u32, first: u32, pages: u32, access: Access) -> Result<(), Status> {
    let operands = [one(slot), first.into(), offset.into(), pages.into()];
    // SAFETY: the caller's promise; nothing was mapped there before.
    done(unsafe { ask(Operation::Map, 0, operands, access as u64) })
}

/// Takes away what [`map`] has mapped at these pages: in the program's own space, or in that of a Suspended `child`.
///
/// # Safety
/// In the program's own space: nobody has references to these pages.
///
/// # Errors
/// [`Status::RANGE`] for pages outside of 16 to 2^20 - 2, and for those that the Image maps; [`Status::BUSY`] for a child
/// that is not Suspended.
#[inline]
pub unsafe fn unmap(child: Option<Place>, first: u32, pages: u32) -> Result<(), Status> {
    let space = child.map_or(0, |child| one(child.at(0)));
    // SAFETY: the caller's promise.
    done(unsafe { ask(Operation::Unmap, 0, [space, first.into(), pages.into(), 0], 0) })
}
