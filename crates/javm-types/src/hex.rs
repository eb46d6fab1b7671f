//! Bytes as people write them: `0x` and two hexadecimal digits for each.

use core::fmt;

use thiserror::Error;

/// Why text is not bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HexError {
    /// The prefix is not there.
    #[error("bytes are written as 0x and two hexadecimal digits for each")]
    Prefix,
    /// A digit is not one.
    #[error("{digit:?} at character {at} is not a hexadecimal digit")]
    Digit {
        /// Its place in the text, the prefix counted.
        at: usize,
        /// What stands there.
        digit: char,
    },
    /// Half a byte.
    #[error("two digits make a byte, but there are {0}")]
    Odd(usize),
    /// Another number of bytes than wanted.
    #[error("{expected} bytes are wanted, but there are {found}")]
    Length {
        /// The number that is wanted.
        expected: usize,
        /// The number that there is.
        found: usize,
    },
}

/// The digits of hexadecimal text, in pairs, checked.
fn digits(text: &str) -> Result<impl ExactSizeIterator<Item = u8>, HexError> {
    let digits = text.strip_prefix("0x").ok_or(HexError::Prefix)?;
    if let Some((at, digit)) = digits.chars().enumerate().find(|(_, digit)| !digit.is_ascii_hexdigit()) {
        return Err(HexError::Digit { at: at + 2, digit });
    }
    if !digits.len().is_multiple_of(2) {
        return Err(HexError::Odd(digits.len()));
    }
    let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
    Ok(digits.as_bytes().chunks_exact(2).map(move |pair| value(pair[0]) << 4 | value(pair[1])))
}

/// Fills `bytes` from hexadecimal text of exactly that many.
pub(crate) fn decode_exactly(text: &str, bytes: &mut [u8]) -> Result<(), HexError> {
    let digits = digits(text)?;
    if digits.len() != bytes.len() {
        return Err(HexError::Length { expected: bytes.len(), found: digits.len() });
    }
    bytes.iter_mut().zip(digits).for_each(|(byte, value)| *byte = value);
    Ok(())
}

/// The bytes that hexadecimal text stands for.
#[cfg(feature = "json")]
pub(crate) fn decode(text: &str) -> Result<alloc::vec::Vec<u8>, HexError> {
    Ok(digits(text)?.collect())
}

pub(crate) fn write(f: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
