//! Writing.

use alloc::vec::Vec;

use thiserror::Error;

use super::Typed;
use crate::limits::MAX_VALUE_BYTES;

/// Why a value cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// There is no room for it.
    #[error("the encoding takes more than the {room} bytes that there are for it")]
    Full {
        /// The bytes that there are.
        room: usize,
    },
    /// It is longer than any value may be.
    #[error("the encoding takes more than {MAX_VALUE_BYTES} bytes")]
    TooLong,
}

/// What encodings are written to.
pub trait Sink {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`EncodeError`] when there is no room for all of them, or the encoding becomes too long.
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;

    /// Takes the number of elements or bytes that follow.
    ///
    /// # Errors
    /// [`EncodeError`] as [`write`](Sink::write), and when there are more than any value has.
    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        // Each takes a byte at least, so that more do not fit anyway.
        match u32::try_from(count) {
            Ok(count) => self.write(&count.to_le_bytes()),
            Err(_) => Err(EncodeError::TooLong),
        }
    }
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.len() > MAX_VALUE_BYTES.saturating_sub(self.len()) {
            return Err(EncodeError::TooLong);
        }
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Memory that is there already, filled from its start: a program's scratchpad.
pub struct Buffer<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl<'a> Buffer<'a> {
    /// All of the memory is room.
    pub fn new(bytes: &'a mut [u8]) -> Buffer<'a> {
        Buffer { bytes, length: 0 }
    }

    /// The bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Sink for Buffer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let room = self.bytes.len();
        let place = self.bytes[self.length..].get_mut(..bytes.len()).ok_or(EncodeError::Full { room })?;
        place.copy_from_slice(bytes);
        self.length += bytes.len();
        Ok(())
    }
}

/// Counts.
struct Counter(usize);

impl Sink for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.saturating_add(bytes.len());
        if self.0 > MAX_VALUE_BYTES { Err(EncodeError::TooLong) } else { Ok(()) }
    }
}

/// A Rust type whose values can be written.
pub trait Encode: Typed {
    /// Writes the value.
    ///
    /// # Errors
    /// [`EncodeError`] when the sink does not take it. What was written before stays.
    fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError>;

    /// Writes a list of values.
    ///
    /// # Errors
    /// [`EncodeError`] when the sink does not take it. What was written before stays.
    fn encode_list<S: Sink + ?Sized>(list: &[Self], sink: &mut S) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        const { assert!(!Self::SHAPE.is_unit(), "() cannot be an element of a list") };
        sink.count(list.len())?;
        list.iter().try_for_each(|element| element.encode(sink))
    }

    /// The register that holds the value, when it is a scalar.
    fn to_register(&self) -> Option<u64> {
        None
    }
}

/// The encoding of a value, in memory of its own.
///
/// # Errors
/// [`EncodeError::TooLong`].
pub fn encode<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes)?;
    Ok(bytes)
}

/// Writes the encoding of a value to the start of `bytes`, and says how long it is.
///
/// # Errors
/// [`EncodeError::Full`] when it does not fit. Part of it may have been written.
pub fn encode_into<T: Encode + ?Sized>(value: &T, bytes: &mut [u8]) -> Result<usize, EncodeError> {
    let mut buffer = Buffer::new(bytes);
    value.encode(&mut buffer)?;
    Ok(buffer.len())
}

/// How long the encoding of a value is.
///
/// # Errors
/// [`EncodeError::TooLong`].
pub fn encoded_len<T: Encode + ?Sized>(value: &T) -> Result<usize, EncodeError> {
    let mut counter = Counter(0);
    value.encode(&mut counter)?;
    Ok(counter.0)
}
