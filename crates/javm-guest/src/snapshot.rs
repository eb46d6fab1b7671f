//! Snapshots: a subtree as it was, for the price of a copy, whatever its size.

use crate::operation::{copy, copy_rebased, drop, swap};
use crate::{Place, Status};

/// What stood in a place when it was taken, kept in another one.
///
/// ```no_run
/// use javm_guest::Place;
/// use javm_guest::snapshot::Snapshot;
///
/// const CHILD: Place = Place::slot(20);
/// const KEPT: Place = Place::slot(21);
///
/// let before = Snapshot::take(CHILD, KEPT)?;
/// // … calls of the child …
/// # let all_is_well = true;
/// if all_is_well { before.forget()? } else { before.roll_back()? }
/// # Ok::<(), javm_guest::Status>(())
/// ```
#[derive(Debug)]
#[must_use = "it is kept until it is forgotten or gone back to"]
pub struct Snapshot {
    of: Place,
    kept: Place,
}

impl Snapshot {
    /// Keeps a copy of what stands in `of` in the empty place `kept`.
    ///
    /// # Errors
    /// [`Status::EMPTY`]; [`Status::BUSY`] where somebody runs in it; [`Status::FULL`]; [`Status::QUOTA`].
    pub fn take(of: Place, kept: Place) -> Result<Snapshot, Status> {
        copy(of, kept)?;
        Ok(Snapshot { of, kept })
    }

    /// Puts back what was there, and drops what is there now.
    ///
    /// # Errors
    /// [`Status::BUSY`] where somebody runs in it; [`Status::EMPTY`] where one of the two is gone.
    pub fn roll_back(self) -> Result<(), Status> {
        swap(self.of, self.kept)?;
        drop(self.kept)
    }

    /// Drops it, and leaves what is there.
    ///
    /// # Errors
    /// [`Status::EMPTY`] where it is gone.
    pub fn forget(self) -> Result<(), Status> {
        drop(self.kept)
    }
}

/// Puts a copy of the Instance in `of` into the empty place `to`, to be run there: rights that it holds on places of its
/// own are on the copy's, so that running the copy changes nothing of the original.
///
/// # Errors
/// As those of [`Snapshot::take`]; [`Status::KIND`] for what is no Instance.
pub fn fork(of: Place, to: Place) -> Result<(), Status> {
    copy_rebased(of, to)
}

/// Does something to what stands in `of`, all of it or, if it fails, nothing. `kept` is an empty place.
///
/// # Errors
/// Those of `steps`; those of [`Snapshot`].
pub fn attempt<T, E: From<Status>>(of: Place, kept: Place, steps: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let before = Snapshot::take(of, kept)?;
    match steps() {
        Ok(value) => {
            before.forget()?;
            Ok(value)
        }
        Err(error) => {
            before.roll_back()?;
            Err(error)
        }
    }
}
