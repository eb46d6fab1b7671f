//! Places: what a path of slots leads to, and changes there.
//!
//! A path goes through CNodes and through the tables of Instances. A change walks it once, in place where nobody shares
//! what stands on the way; it is checked before anything is touched, so that a refused one changes nothing.

use thiserror::Error;

use super::CNode;
use crate::capability::Capability;
use crate::data::{Data, DataError};
use crate::instance::Instance;
use crate::measure::{BoundsError, MAX_HEIGHT, Measure};
use crate::reclaim::Reclaim;
use crate::tag::Tag;

/// Why there is nothing to be had at the end of a path, or nothing to be put there. Nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A path of no slot, or of more than [`MAX_HEIGHT`].
    #[error("a path has 1 to {MAX_HEIGHT} slots, not {0}")]
    Length(usize),
    /// Nothing stands in a slot of the path.
    #[error("nothing stands in the slot that is number {0} of the path")]
    Empty(usize),
    /// Something stands there already.
    #[error("something stands in the slot at the end of the path")]
    Full,
    /// What stands in a slot of the path has no slots, or is not of the kind that is asked for.
    #[error("in the slot that is number {at} of the path stands {found}, which is of another kind than is asked for")]
    Kind {
        /// The number of the slot in the path, from 0 on.
        at: usize,
        /// What stands there.
        found: Tag,
    },
    /// One of two paths leads through the other's place.
    #[error("one path leads through the place of the other")]
    Prefix,
    /// Something would be too large or too high.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// A length that no Data can have.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// A capability that was not put where it should go, and why.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{why}")]
pub struct Refused<E: core::error::Error> {
    /// Why.
    pub why: E,
    /// What was not put there.
    pub capability: Capability,
}

/// The slots before the last one, and that one.
#[inline]
fn split(path: &[u8]) -> Result<(&[u8], u8), PlaceError> {
    match path.split_last() {
        Some((&last, way)) if path.len() <= MAX_HEIGHT.into() => Ok((way, last)),
        _ => Err(PlaceError::Length(path.len())),
    }
}

impl CNode {
    /// The table at the end of a path; the path of no slot leads to this one.
    fn table_at(&self, way: &[u8]) -> Result<&CNode, PlaceError> {
        let mut table = self;
        for (at, &slot) in way.iter().enumerate() {
            let found = table.get(slot).ok_or(PlaceError::Empty(at))?;
            table = found.table().ok_or(PlaceError::Kind { at, found: found.tag() })?;
        }
        Ok(table)
    }

    /// The same, to be changed. It is for the caller to stay within the bounds of this one and of what it is in. The nodes on the
    /// way are this table's own from here on.
    ///
    /// # Errors
    /// [`PlaceError`] when there is no way to it.
    #[inline]
    pub fn table_at_mut(&mut self, way: &[u8]) -> Result<&mut CNode, PlaceError> {
        self.table_at(way)?;
        let mut table = self;
        for (at, &slot) in way.iter().enumerate() {
            table = table.get_mut(slot).and_then(Capability::table_mut).ok_or(PlaceError::Empty(at))?;
        }
        Ok(table)
    }

    /// What stands at the end of a path of 1 to [`MAX_HEIGHT`] slots.
    ///
    /// ```
    /// use javm_cap::{CNode, Data, PlaceError};
    /// let mut root = CNode::new();
    /// root.put_at(&[3], CNode::new())?;
    /// root.put_at(&[3, 9], Data::new(2)?)?;
    /// assert_eq!(root.at(&[3, 9])?.measure().size, 2);
    /// assert_eq!(root.at(&[3, 8]), Err(PlaceError::Empty(1)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PlaceError`] when there is nothing, or no way to it.
    #[inline]
    pub fn at(&self, path: &[u8]) -> Result<&Capability, PlaceError> {
        let (way, last) = split(path)?;
        self.table_at(way)?.get(last).ok_or(PlaceError::Empty(way.len()))
    }

    /// The Instance at the end of a path, to be changed in place; `None` when there is none. It is for the caller to stay
    /// within the bounds of what this table is in.
    #[must_use]
    pub fn instance_mut_at(&mut self, path: &[u8]) -> Option<&mut Instance> {
        if !matches!(self.at(path), Ok(Capability::Instance(_))) {
            return None;
        }
        let (table, last) = self.place_mut(path).ok()?;
        match table.get_mut(last) {
            Some(Capability::Instance(instance)) => Some(instance),
            _ => None,
        }
    }

    /// Gives what stands at the end of a path, and checks that something of this measure may stand there instead. The
    /// bounds are those of the whole that this table is in.
    fn check_at(&self, whole: Measure, path: &[u8], measure: Measure) -> Result<Option<&Capability>, PlaceError> {
        let (way, last) = split(path)?;
        let present = self.table_at(way)?.get(last);
        measure.check(whole, present.map(Capability::measure).unwrap_or_default(), path.len())?;
        Ok(present)
    }

    /// Puts a capability into the empty slot at the end of a path.
    ///
    /// # Errors
    /// [`Refused`], with the capability, when something stands there, there is no way to it, or this table would become
    /// too large or too high.
    pub fn put_at(&mut self, path: &[u8], capability: impl Into<Capability>) -> Result<(), Refused<PlaceError>> {
        self.put_within(self.measure(), path, capability.into())
    }

    /// [`put_at`](CNode::put_at) within the bounds of the whole that this table is in.
    pub(crate) fn put_within(
        &mut self,
        whole: Measure,
        path: &[u8],
        capability: Capability,
    ) -> Result<(), Refused<PlaceError>> {
        let checked = match self.check_at(whole, path, capability.measure()) {
            Ok(None) => self.place_mut(path),
            Ok(Some(_)) => Err(PlaceError::Full),
            Err(why) => Err(why),
        };
        match checked {
            Ok((table, last)) => {
                table.set_unchecked(last, capability);
                Ok(())
            }
            Err(why) => Err(Refused { why, capability }),
        }
    }

    /// Puts a capability in the place of what stands at the end of a path, and gives that.
    ///
    /// # Errors
    /// [`Refused`], with the capability, when nothing stands there, there is no way to it, or this table would become
    /// too large or too high.
    pub fn replace_at(
        &mut self,
        path: &[u8],
        capability: impl Into<Capability>,
    ) -> Result<Capability, Refused<PlaceError>> {
        self.replace_within(self.measure(), path, capability.into())
    }

    /// [`replace_at`](CNode::replace_at) within the bounds of the whole that this table is in.
    pub(crate) fn replace_within(
        &mut self,
        whole: Measure,
        path: &[u8],
        capability: Capability,
    ) -> Result<Capability, Refused<PlaceError>> {
        let checked = match self.check_at(whole, path, capability.measure()) {
            Ok(Some(_)) => self.place_mut(path),
            Ok(None) => Err(PlaceError::Empty(path.len() - 1)),
            Err(why) => Err(why),
        };
        match checked.map(|(table, last)| table.get_mut(last)) {
            Ok(Some(place)) => Ok(core::mem::replace(place, capability)),
            Ok(None) => Err(Refused { why: PlaceError::Empty(path.len() - 1), capability }),
            Err(why) => Err(Refused { why, capability }),
        }
    }

    /// The table that the last slot of a path is in, to be changed, and that slot.
    fn place_mut(&mut self, path: &[u8]) -> Result<(&mut CNode, u8), PlaceError> {
        let (way, last) = split(path)?;
        Ok((self.table_at_mut(way)?, last))
    }

    /// Empties the slot at the end of a path and gives what stood there.
    ///
    /// # Errors
    /// [`PlaceError`] when there is nothing, or no way to it.
    pub fn take_at(&mut self, path: &[u8]) -> Result<Capability, PlaceError> {
        self.at(path)?;
        let (table, last) = self.place_mut(path)?;
        table.take(last).ok_or(PlaceError::Empty(path.len() - 1))
    }

    /// Exchanges what stands at the ends of two paths.
    ///
    /// # Errors
    /// [`PlaceError`] when either has nothing, there is no way to it, one leads through the other's place, or something
    /// would stand too deep.
    pub fn swap_at(&mut self, one: &[u8], other: &[u8]) -> Result<(), PlaceError> {
        let [first, second] = [self.at(one)?.clone(), self.at(other)?.clone()];
        if one.starts_with(other) || other.starts_with(one) {
            return if one == other { Ok(()) } else { Err(PlaceError::Prefix) };
        }
        // The size stays as it is, and neither place is in the other.
        for (path, capability) in [(one, &second), (other, &first)] {
            capability.measure().check(Measure::default(), Measure::default(), path.len()).or_else(
                |error| match error {
                    BoundsError::Height(_) => Err(error),
                    BoundsError::Size(_) => Ok(()),
                },
            )?;
        }
        for (path, capability) in [(one, second), (other, first)] {
            let (table, last) = self.place_mut(path)?;
            table.set_unchecked(last, capability);
        }
        Ok(())
    }

    /// The Data at the end of a path, to be written to in place.
    ///
    /// # Errors
    /// [`PlaceError`] when there is no Data, or no way to it.
    pub fn data_at(&mut self, path: &[u8]) -> Result<&mut Data, PlaceError> {
        let at = path.len().saturating_sub(1);
        match self.at(path)? {
            Capability::Data(_) => {}
            other => return Err(PlaceError::Kind { at, found: other.tag() }),
        }
        let (table, last) = self.place_mut(path)?;
        table.data_mut(last).ok_or(PlaceError::Empty(at))
    }

    /// Changes the length of the Data at the end of a path; pages that are cut off go to `reclaim`.
    ///
    /// # Errors
    /// [`PlaceError`] when there is no Data, or no way to it, or it or this table would become too large.
    pub fn resize_at(&mut self, path: &[u8], pages: u32, reclaim: &mut Reclaim) -> Result<(), PlaceError> {
        self.resize_within(self.measure(), path, pages, reclaim)
    }

    /// [`resize_at`](CNode::resize_at) within the bounds of the whole that this table is in.
    pub(crate) fn resize_within(
        &mut self,
        whole: Measure,
        path: &[u8],
        pages: u32,
        reclaim: &mut Reclaim,
    ) -> Result<(), PlaceError> {
        match self.check_at(whole, path, Measure::pages(pages.into()))? {
            Some(Capability::Data(_)) => Ok(self.data_at(path)?.resize_into(pages, reclaim)?),
            Some(other) => Err(PlaceError::Kind { at: path.len() - 1, found: other.tag() }),
            None => Err(PlaceError::Empty(path.len() - 1)),
        }
    }
}
