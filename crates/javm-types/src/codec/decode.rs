//! Reading: total, without a copy where Rust can borrow, and without memory that the bytes do not justify.

use alloc::vec::Vec;

use thiserror::Error;

use super::Typed;
use crate::limits::{MAX_DECODED_VALUES, MAX_VALUE_BYTES};
use crate::primitive::Primitive;

/// Why bytes are not the encoding of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("at byte {offset}: {reason}")]
pub struct DecodeError {
    /// The first byte of what is wrong, counted from the start of the encoding.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: DecodeErrorReason,
}

/// What can be wrong with an encoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
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
    /// A list says that it has more elements than there can be.
    #[error("it says that it has {count} elements, but no more than {most} fit into the bytes that follow")]
    Count {
        /// What it says.
        count: usize,
        /// How many there can be.
        most: usize,
    },
    /// A bool is another byte than 0 and 1.
    #[error("a bool is 0 or 1, not {0:#04x}")]
    Bool(u8),
    /// An option starts with another byte than 0 and 1.
    #[error("an option starts with 0 (nothing) or 1 (something), not {0:#04x}")]
    OptionTag(u8),
    /// A string is not UTF-8.
    #[error("the string is not UTF-8 from its byte {0} on")]
    Utf8(usize),
    /// It is longer than any value may be.
    #[error("{0} bytes are more than a value may take, {MAX_VALUE_BYTES}")]
    TooLong(usize),
    /// It is made of more values than the reader wants to keep.
    #[error(
        "it is made of more than {0} values, and no more are read (the limit is {MAX_DECODED_VALUES} unless said otherwise)"
    )]
    TooManyValues(usize),
}

/// Why what a register holds is not a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// It is none of the values that the type has.
    #[error("{register:#x} is no {ty}; {must}", must = extension(*ty))]
    Range {
        /// What it holds.
        register: u64,
        /// The type.
        ty: Primitive,
    },
    /// Values of the type are not passed in registers.
    #[error("the type is not passed in a register")]
    NotScalar,
}

fn extension(ty: Primitive) -> &'static str {
    match ty.integer() {
        Some(integer) if integer.signed => "the bits above its width must repeat its sign",
        Some(_) => "the bits above its width must be zero",
        None => "it must be 0 or 1",
    }
}

/// Bytes and how far they have been read.
pub struct Decoder<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Decoder<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { bytes, offset: 0 }
    }

    /// How many bytes have been read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// Reads a value.
    ///
    /// # Errors
    /// [`DecodeError`] when none stands here.
    pub fn read<T: Decode<'a>>(&mut self) -> Result<T, DecodeError> {
        T::decode(self)
    }

    /// Reads this many bytes.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`].
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.offset..];
        let Some(bytes) = rest.get(..length) else {
            return Err(self.error(DecodeErrorReason::Truncated { needed: length, left: rest.len() }));
        };
        self.offset += length;
        Ok(bytes)
    }

    /// Reads an array of bytes.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.offset..].first_chunk() {
            Some(array) => {
                self.offset += N;
                Ok(*array)
            }
            None => Err(self.error(DecodeErrorReason::Truncated { needed: N, left: self.left() })),
        }
    }

    /// Reads the number of elements of a list, each of which takes at least `min_bytes`: as many can follow.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`] and [`DecodeErrorReason::Count`].
    pub fn count(&mut self, min_bytes: usize) -> Result<usize, DecodeError> {
        let offset = self.offset;
        let count = self.u32()?;
        let most = self.left() / min_bytes.max(1);
        if count > most {
            return Err(DecodeError { offset, reason: DecodeErrorReason::Count { count, most } });
        }
        Ok(count)
    }

    /// Reads bytes with their number in front.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`].
    pub fn counted_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()?;
        self.bytes(length)
    }

    /// Reads text with the number of its bytes in front.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`] and [`DecodeErrorReason::Utf8`].
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.counted_bytes()?;
        let offset = self.offset - bytes.len();
        core::str::from_utf8(bytes)
            .map_err(|error| DecodeError { offset, reason: DecodeErrorReason::Utf8(error.valid_up_to()) })
    }

    /// Reads a byte that is 0 or 1.
    ///
    /// # Errors
    /// [`DecodeErrorReason::Truncated`], and `wrong` of any other byte.
    pub(crate) fn flag(&mut self, wrong: fn(u8) -> DecodeErrorReason) -> Result<bool, DecodeError> {
        let offset = self.offset;
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(DecodeError { offset, reason: wrong(other) }),
        }
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    /// [`DecodeErrorReason::TrailingBytes`].
    pub fn end(&self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            more => Err(self.error(DecodeErrorReason::TrailingBytes(more))),
        }
    }

    fn u32(&mut self) -> Result<usize, DecodeError> {
        // A number that no address reaches is more than what is left, too.
        Ok(usize::try_from(u32::from_le_bytes(self.array()?)).unwrap_or(usize::MAX))
    }

    pub(crate) fn error(&self, reason: DecodeErrorReason) -> DecodeError {
        DecodeError { offset: self.offset, reason }
    }
}

/// A Rust type whose values can be read, perhaps borrowing from the encoding.
pub trait Decode<'a>: Typed + Sized {
    /// Reads a value.
    ///
    /// # Errors
    /// [`DecodeError`] when none stands here.
    fn decode(decoder: &mut Decoder<'a>) -> Result<Self, DecodeError>;

    /// Reads a list of values.
    ///
    /// # Errors
    /// [`DecodeError`] when none stands here.
    fn decode_list(decoder: &mut Decoder<'a>) -> Result<Vec<Self>, DecodeError> {
        const { assert!(!Self::SHAPE.is_unit(), "() cannot be an element of a list") };
        let count = decoder.count(const { Self::SHAPE.min_bytes() })?;
        // The elements may be much larger in memory than in the encoding. Each that is really there justifies its own
        // memory, the number that is stated only as much as the bytes behind it take.
        let mut list = Vec::with_capacity(count.min(decoder.left() / size_of::<Self>().max(1)));
        for _ in 0..count {
            list.push(Self::decode(decoder)?);
        }
        Ok(list)
    }

    /// The value that a register holds.
    ///
    /// # Errors
    /// [`RegisterError`] when it holds none, or values of the type are not passed in registers.
    fn from_register(register: u64) -> Result<Self, RegisterError> {
        let _ = register;
        Err(RegisterError::NotScalar)
    }
}

/// The value that exactly these bytes are the encoding of.
///
/// # Errors
/// [`DecodeError`] when they are not.
pub fn decode<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    if bytes.len() > MAX_VALUE_BYTES {
        return Err(DecodeError { offset: MAX_VALUE_BYTES, reason: DecodeErrorReason::TooLong(bytes.len()) });
    }
    let mut decoder = Decoder::new(bytes);
    let value = decoder.read()?;
    decoder.end()?;
    Ok(value)
}
