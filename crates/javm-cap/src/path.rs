//! Paths: sequences of slots.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

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

/// Why a text is no path.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ParsePathError {
    /// It does not begin with a `/`.
    #[error("a path begins with /, as in /3/200; / alone is the root")]
    Start,
    /// What stands between two `/` is no slot.
    #[error("'{0}' is no slot: those are numbered from 0 to 255")]
    Slot(String),
    /// It has too many slots.
    #[error(transparent)]
    Length(#[from] PathError),
}

impl FromStr for Path {
    type Err = ParsePathError;

    /// Reads what `Display` writes: `/3/200`, and `/` for the root.
    fn from_str(text: &str) -> Result<Path, ParsePathError> {
        let rest = text.strip_prefix('/').ok_or(ParsePathError::Start)?;
        if rest.is_empty() {
            return Ok(Path::ROOT);
        }
        let slot = |slot: &str| {
            let is_plain = slot == "0" || !slot.starts_with(['0', '+']);
            slot.parse().ok().filter(|_| is_plain).ok_or_else(|| ParsePathError::Slot(slot.into()))
        };
        let slots = rest.split('/').map(slot).collect::<Result<Vec<u8>, _>>()?;
        Ok(Path::new(&slots)?)
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

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        for slots in [&[][..], &[0], &[3, 200], &[255; 16]] {
            let path = Path::new(slots).expect("short");
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        for text in ["", "3", "//", "/3/", "/256", "/-1", "/+1", "/03", "/x", "/1 ", "/1//2"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
        assert_eq!("/1".repeat(17).parse::<Path>(), Err(ParsePathError::Length(PathError(17))));
    }
}
