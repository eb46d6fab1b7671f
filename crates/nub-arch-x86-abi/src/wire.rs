//! Reading and writing the bytes of messages: little-endian numbers, and byte strings behind their 32-bit length.

use alloc::vec::Vec;
use core::fmt;

/// Bytes that are no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WireError {
    /// The message ends before it is whole.
    Short {
        /// Where the missing bytes should begin.
        at: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// The message goes on behind its end.
    Long {
        /// Where it should end.
        at: usize,
    },
    /// A number that means nothing there.
    Unexpected {
        /// Where it stands, or what follows it.
        at: usize,
        /// What it should say.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// A text that is not UTF-8.
    Text {
        /// Where it begins.
        at: usize,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Short { at, wanted } => {
                write!(f, "the message ends at byte {at}, {wanted} more are needed there")
            }
            WireError::Long { at } => write!(f, "the message goes on behind its end at byte {at}"),
            WireError::Unexpected { at, what, value } => write!(f, "{value} is no {what}, before byte {at}"),
            WireError::Text { at } => write!(f, "the text at byte {at} is not UTF-8"),
        }
    }
}

impl core::error::Error for WireError {}

/// How many numbers are packed together.
pub const PACKED: usize = 16;

/// Collects the bytes of a message.
#[derive(Clone, Default, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Nothing yet, but with memory that was used before.
    #[must_use]
    pub fn reusing(mut bytes: Vec<u8>) -> Writer {
        bytes.clear();
        Writer { bytes }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Sixteen numbers, small ones in few bytes: 64 bits that say of each, from the lowest four on, how many bytes it has, then
    /// those bytes.
    pub fn packed(&mut self, numbers: impl Iterator<Item = u64>) {
        const MOST: usize = 8 + PACKED * 8;
        let start = self.bytes.len();
        self.bytes.resize(start + MOST, 0);
        let Some(bytes) = self.bytes.last_chunk_mut::<MOST>() else { return };
        let (mut lengths, mut at) = (0, 8);
        for (index, number) in numbers.take(PACKED).enumerate() {
            // Most are.
            if number == 0 {
                continue;
            }
            // It is written whole, and the next one over what of it is zero.
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
            let length = 8 - number.leading_zeros() / 8;
            lengths |= u64::from(length) << (4 * index);
            at += length as usize;
        }
        bytes[..8].copy_from_slice(&lengths.to_le_bytes());
        self.bytes.truncate(start + at);
    }

    /// Bytes without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes behind their length, which is below 2^32.
    pub fn bytes(&mut self, bytes: &[u8]) {
        debug_assert!(u32::try_from(bytes.len()).is_ok(), "messages are bounded");
        self.u32(bytes.len() as u32);
        self.raw(bytes);
    }

    /// A text behind its length.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Either a 0, or a 1 and what `write` writes.
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Reads the bytes of a message, from a copy that nobody else can change.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// That many bytes.
    ///
    /// # Errors
    /// [`WireError::Short`].
    #[inline]
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or(WireError::Short { at: self.at, wanted: length })?;
        self.at += length;
        Ok(taken)
    }

    /// As many bytes as the array has.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let at = self.at;
        self.raw(N)?.try_into().map_err(|_| WireError::Short { at, wanted: N })
    }

    /// One byte.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(u8::from_le_bytes)
    }

    /// Two bytes.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_le_bytes)
    }

    /// That many times eight bytes.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn numbers<const N: usize>(&mut self) -> Result<[u64; N], WireError> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.u64()?;
        }
        Ok(numbers)
    }

    /// Sixteen numbers as [`Writer::packed`] writes them, none in more bytes than it needs: `take` gets the number of each that
    /// is not 0, and what it is.
    ///
    /// # Errors
    /// [`WireError`].
    #[inline]
    pub fn packed(&mut self, mut take: impl FnMut(usize, u64)) -> Result<(), WireError> {
        let mut lengths = self.u64()?;
        while lengths != 0 {
            let index = lengths.trailing_zeros() / 4;
            let length = (lengths >> (4 * index)) & 0xf;
            lengths &= !(0xf << (4 * index));
            if length > 8 {
                return Err(self.unexpected("length of a number", length));
            }
            let at = self.at;
            let bytes = self.raw(length as usize)?;
            // Eight bytes are read where there are so many, of which those count that it has.
            let number = match self.bytes[at..].first_chunk() {
                Some(&eight) => u64::from_le_bytes(eight) & (u64::MAX >> (64 - 8 * length)),
                None => bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)),
            };
            if number >> (8 * (length - 1)) == 0 {
                return Err(self.unexpected("number of so many bytes", number));
            }
            take(index as usize, number);
        }
        Ok(())
    }

    /// A 0 or a 1.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn flag(&mut self, what: &'static str) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.unexpected(what, u64::from(other))),
        }
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    /// [`WireError::Short`].
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u32()? as usize;
        self.raw(length)
    }

    /// A text behind its length.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        let length = self.u32()? as usize;
        self.text_of(length)
    }

    /// A text of that many bytes.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn text_of(&mut self, length: usize) -> Result<&'a str, WireError> {
        let at = self.at;
        core::str::from_utf8(self.raw(length)?).map_err(|_| WireError::Text { at })
    }

    /// Either a 0, or a 1 and what `read` reads.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        if self.flag("presence")? { read(self).map(Some) } else { Ok(None) }
    }

    /// The error that `value`, just read, is no `what`.
    #[must_use]
    pub fn unexpected(&self, what: &'static str, value: u64) -> WireError {
        WireError::Unexpected { at: self.at, what, value }
    }

    /// There must be nothing more.
    ///
    /// # Errors
    /// [`WireError::Long`].
    pub fn end(&self) -> Result<(), WireError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(WireError::Long { at: self.at }) }
    }
}
