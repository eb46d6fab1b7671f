//! COPY, MOVE, SWAP, DROP, NEW_DATA, NEW_CNODE, RESIZE, READ, WRITE: what stands where.

use super::{Operation, address, ask, both, done, flag, one};
use crate::{Place, Status};

// SAFETY of all `ask` here: a `Place` is of no memory that the program uses, or who made it has promised for it.

/// Puts a copy of what stands in `from` into `to`, for the same price whatever hangs below it.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::BUSY`] where somebody runs in `from`; [`Status::FULL`]; [`Status::QUOTA`].
#[inline]
pub fn copy(from: Place, to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Copy, 0, [both(from, to), 0, 0, 0], 0) })
}

/// As [`copy`], and the Instance remembers where it came from: a Callable below it that names something of the original's
/// names the same thing of the copy's. So a copy that is run changes the copy.
///
/// # Errors
/// As [`copy`]; [`Status::KIND`] for what is no Instance; [`Status::RANGE`] where `from` has no path.
#[inline]
pub fn copy_rebased(from: Place, to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Copy, flag::REBASE, [both(from, to), 0, 0, 0], 0) })
}

/// Moves what stands in `from` to `to`.
///
/// # Errors
/// As [`copy`]; [`Status::RANGE`] when `to` is below `from`.
#[inline]
pub fn move_(from: Place, to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Move, 0, [both(from, to), 0, 0, 0], 0) })
}

/// As [`move_`], and the Instance remembers where it came from: see [`copy_rebased`].
///
/// # Errors
/// As [`move_`] and [`copy_rebased`].
#[inline]
pub fn move_rebased(from: Place, to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Move, flag::REBASE, [both(from, to), 0, 0, 0], 0) })
}

/// Exchanges what stands in two places.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::BUSY`]; [`Status::RANGE`] when one is below the other, or they are the same.
#[inline]
pub fn swap(a: Place, b: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Swap, 0, [both(a, b), 0, 0, 0], 0) })
}

/// Empties a place.
///
/// # Errors
/// [`Status::EMPTY`]; [`Status::BUSY`].
#[inline]
pub fn drop(place: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Drop, 0, [one(place), 0, 0, 0], 0) })
}

/// Puts a Data of `pages` pages (of 4096 bytes, at most 2^20), all zeros, into a place.
///
/// # Errors
/// [`Status::FULL`]; [`Status::RANGE`] for too many pages; [`Status::QUOTA`].
#[inline]
pub fn new_data(pages: u32, to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::NewData, 0, [pages.into(), one(to), 0, 0], 0) })
}

/// Puts an empty table of 256 slots into a place.
///
/// # Errors
/// [`Status::FULL`]; [`Status::QUOTA`].
#[inline]
pub fn new_cnode(to: Place) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::NewCNode, 0, [one(to), 0, 0, 0], 0) })
}

/// Makes the Data in a place `pages` long: by zeros, or by cutting.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`]; [`Status::RANGE`] for more than 2^20 pages; [`Status::QUOTA`].
#[inline]
pub fn resize(place: Place, pages: u32) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { ask(Operation::Resize, 0, [one(place), pages.into(), 0, 0], 0) })
}

/// Copies bytes of the Data in a place, from `offset` on, to memory.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`]; [`Status::RANGE`] where the Data has not so many bytes.
#[inline]
pub fn read(place: Place, offset: u64, bytes: &mut [u8]) -> Result<(), Status> {
    let operands = [one(place), offset, address(&raw const *bytes), bytes.len() as u64];
    // SAFETY: it writes to these bytes alone.
    done(unsafe { ask(Operation::Read, 0, operands, 0) })
}

/// Copies bytes of memory to the Data in a place, from `offset` on.
///
/// # Errors
/// As [`read`]; [`Status::QUOTA`] where more would be changed than a block may.
#[inline]
pub fn write(place: Place, offset: u64, bytes: &[u8]) -> Result<(), Status> {
    let operands = [one(place), offset, address(&raw const *bytes), bytes.len() as u64];
    // SAFETY: see above, and it reads these bytes alone.
    done(unsafe { ask(Operation::Write, 0, operands, 0) })
}
