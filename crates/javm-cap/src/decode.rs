//! Reading canonical encodings: a cursor that never runs past the end, and the error that says where and why.

use alloc::boxed::Box;
use core::fmt;

use javm_types::{DefinitionErrorReason, NameError, Place};
use thiserror::Error;

use crate::hash::{CapHash, Hash};
use crate::image::Access;

/// Why bytes are not the encoding of anything.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{field}, at byte {offset}: {reason}")]
pub struct DecodeError {
    /// The part of the format that is wrong.
    pub field: Field,
    /// The first byte of it, counted from the start of the encoding.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: DecodeErrorReason,
}

impl DecodeError {
    pub(crate) fn new(offset: usize, field: impl Into<Field>, reason: DecodeErrorReason) -> DecodeError {
        DecodeError { field: field.into(), offset, reason }
    }
}

/// A part of a format: `name` of the `index`-th `of`, or `name` alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The table that it is in and the number of its entry there, from 0 on.
    pub of: Option<(&'static str, u32)>,
    /// Its name, as the format's page says it.
    pub name: &'static str,
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Field {
        Field { of: None, name }
    }
}

impl From<(&'static str, u32, &'static str)> for Field {
    fn from((table, index, name): (&'static str, u32, &'static str)) -> Field {
        Field { of: Some((table, index)), name }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some((table, index)) => write!(f, "{table} {index}: {}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// What can be wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DecodeErrorReason {
    /// The bytes end inside of it.
    #[error("{needed} bytes are needed and {left} are left")]
    Truncated {
        /// The bytes that it takes.
        needed: usize,
        /// The bytes that there are.
        left: usize,
    },
    /// Bytes follow behind the end.
    #[error("{0} bytes follow behind the end")]
    TrailingBytes(usize),
    /// It is not an Image at all.
    #[error("these are not the eight bytes that every Image starts with")]
    Magic,
    /// Written by something newer, or damaged.
    #[error("version {0} is not known (only version {known} is)", known = crate::image::VERSION)]
    Version(u16),
    /// Bytes without a meaning are not zero.
    #[error("it must be zero, not {0:#x}")]
    NotZero(u64),
    /// A number stands for nothing.
    #[error("{found} stands for nothing here ({known})")]
    Unknown {
        /// The number.
        found: u64,
        /// What there is to choose from.
        known: &'static str,
    },
    /// It must be greater than in the entry before.
    #[error("{found} follows {previous}; entries must be in ascending order, none twice")]
    Order {
        /// The value in the entry before.
        previous: u64,
        /// The value here.
        found: u64,
    },
    /// A hash must be greater than the one before.
    #[error("{found} follows {previous}; entries must be in ascending order, none twice")]
    HashOrder {
        /// The hash before.
        previous: CapHash,
        /// The hash here.
        found: CapHash,
    },
    /// It is greater than it may be.
    #[error("{found} is more than the limit of {limit}")]
    TooLarge {
        /// The value.
        found: u64,
        /// The greatest value that is allowed.
        limit: u64,
    },
    /// Zeros are written that have a shorter form.
    #[error("the zero at its end must be left out")]
    SpareZero,
    /// Something is listed with the value that it has when it is not listed.
    #[error("what is zero must not be listed")]
    ListedZero,
    /// The name has no valid form.
    #[error(transparent)]
    Name(NameError),
    /// It is no signature.
    #[error("{place}: {reason}")]
    Signature {
        /// The part of the signature that is wrong.
        place: Place,
        /// What is wrong with it.
        reason: Box<DefinitionErrorReason>,
    },
    /// The hash that is stated is not that of the content.
    #[error("the content here has the hash {actual}, but {stated} is stated for it")]
    Hash {
        /// What the encoding says.
        stated: CapHash,
        /// What was computed.
        actual: CapHash,
    },
}

/// Bytes and how far they have been read.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, offset: 0 }
    }

    /// How many bytes have been read.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next `length` bytes, or as many as there are, without reading them.
    pub(crate) fn peek(&self, length: usize) -> &'a [u8] {
        let rest = &self.bytes[self.offset..];
        &rest[..length.min(rest.len())]
    }

    pub(crate) fn bytes(&mut self, field: impl Into<Field>, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.offset..];
        let Some(bytes) = rest.get(..length) else {
            let reason = DecodeErrorReason::Truncated { needed: length, left: rest.len() };
            return Err(DecodeError::new(self.offset, field, reason));
        };
        self.offset += length;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: impl Into<Field>) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(field, N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, field: impl Into<Field>) -> Result<u8, DecodeError> {
        Ok(self.array::<1>(field)?[0])
    }

    pub(crate) fn u16(&mut self, field: impl Into<Field>) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: impl Into<Field>) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: impl Into<Field>) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_le_bytes)
    }

    pub(crate) fn hash(&mut self, field: impl Into<Field>) -> Result<Hash, DecodeError> {
        self.array(field)
    }

    /// Reads a number that stands for one of a few things.
    pub(crate) fn choice<T>(
        &mut self,
        field: impl Into<Field>,
        known: &'static str,
        choose: impl FnOnce(u8) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let field = field.into();
        let offset = self.offset;
        let found = self.u8(field)?;
        choose(found).ok_or(DecodeError::new(offset, field, DecodeErrorReason::Unknown { found: found.into(), known }))
    }

    /// Reads a number that says which of two things it is: `known` has both, that of 0 first.
    pub(crate) fn either<T>(
        &mut self,
        field: impl Into<Field>,
        known: &'static str,
        [zero, one]: [T; 2],
    ) -> Result<T, DecodeError> {
        self.choice(field, known, |number| match number {
            0 => Some(zero),
            1 => Some(one),
            _ => None,
        })
    }

    /// Reads whether something is so.
    pub(crate) fn flag(&mut self, field: impl Into<Field>) -> Result<bool, DecodeError> {
        self.either(field, "0 = no, 1 = yes", [false, true])
    }

    /// Reads what is allowed on mapped pages.
    pub(crate) fn access(&mut self, field: impl Into<Field>) -> Result<Access, DecodeError> {
        self.either(field, "0 = read-only, 1 = read-write", [Access::ReadOnly, Access::ReadWrite])
    }

    /// Checks a field of at most eight bytes that must be zero.
    pub(crate) fn zeros<const N: usize>(&mut self, field: impl Into<Field>) -> Result<(), DecodeError> {
        let field = field.into();
        let offset = self.offset;
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(self.bytes(field, N)?);
        match u64::from_le_bytes(wide) {
            0 => Ok(()),
            found => Err(DecodeError::new(offset, field, DecodeErrorReason::NotZero(found))),
        }
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        match self.bytes.len() - self.offset {
            0 => Ok(()),
            rest => Err(DecodeError::new(self.offset, "end", DecodeErrorReason::TrailingBytes(rest))),
        }
    }
}
