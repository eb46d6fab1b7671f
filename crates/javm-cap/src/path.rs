//! Paths: sequences of slots.

use core::fmt;
use core::ops::Deref;

use thiserror::Error;

use crate::measure::MAX_HEIGHT;

/// The slots from a root down to a place: the address of what stands there. The path of no slot is the root's.
///
/// ```
/// use javm_cap::Path;
/// let path = Path::new(&[3, 200])?;
/// assert_eq!((path.to_string(), path.len()), ("/3/200".into(), 2));
/// assert!(path.starts_with(&Path::ROOT));
/// # Ok::<(), javm_cap::PathError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path {
    /// Zeros behind the last one.
    slots: [u8; MAX_HEIGHT as usize],
    length: u8,
}

/// A path of more than [`MAX_HEIGHT`] slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a path has at most {MAX_HEIGHT} slots, not {0}")]
pub struct PathError(pub usize);

impl Path {
    /// The path of the root.
    pub const ROOT: Path = Path { slots: [0; MAX_HEIGHT as usize], length: 0 };

    /// The path of these slots, the one next to the root first.
    ///
    /// # Errors
    /// [`PathError`] for more than [`MAX_HEIGHT`].
    pub fn new(slots: &[u8]) -> Result<Path, PathError> {
        let mut path = Path::ROOT;
        path.slots.get_mut(..slots.len()).ok_or(PathError(slots.len()))?.copy_from_slice(slots);
        // As short as the array.
        path.length = slots.len() as u8;
        Ok(path)
    }

    /// The path that goes on with these slots.
    ///
    /// # Errors
    /// [`PathError`] when there are too many.
    #[inline]
    pub fn join(&self, slots: &[u8]) -> Result<Path, PathError> {
        let mut path = *self;
        let (start, end) = (self.len(), self.len() + slots.len());
        path.slots.get_mut(start..end).ok_or(PathError(end))?.copy_from_slice(slots);
        path.length = end as u8;
        Ok(path)
    }

    /// The slots, and zeros behind them.
    #[must_use]
    pub fn padded(&self) -> &[u8; MAX_HEIGHT as usize] {
        &self.slots
    }
}

impl Deref for Path {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.slots[..self.length.into()]
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("/");
        }
        self.iter().try_for_each(|slot| write!(f, "/{slot}"))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
