//! Names of endpoints.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use thiserror::Error;

use super::limits::MAX_NAME_BYTES;

/// A name of 1 to 48 letters, digits, `_`, `.` and `-` of ASCII: it needs no quoting anywhere and cannot be mistaken for
/// another that looks alike.
///
/// ```
/// use javm_cap::EndpointName;
/// let name: EndpointName = "balance_of".parse()?;
/// assert_eq!(&*name, "balance_of");
/// assert!("balance of".parse::<EndpointName>().is_err());
/// # Ok::<(), javm_cap::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName(Box<str>);

/// Why something is not a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NameError {
    /// It is empty or too long.
    #[error("a name has 1 to {MAX_NAME_BYTES} bytes, not {0}")]
    Length(usize),
    /// A byte is not allowed.
    #[error("byte {at} of the name is {byte:#04x}; letters, digits, '_', '.' and '-' are allowed")]
    Byte {
        /// Its place.
        at: usize,
        /// The byte.
        byte: u8,
    },
}

impl EndpointName {
    /// Checks that the bytes are a name.
    ///
    /// # Errors
    /// [`NameError`] when they are not.
    pub fn from_bytes(bytes: &[u8]) -> Result<EndpointName, NameError> {
        if bytes.is_empty() || bytes.len() > MAX_NAME_BYTES {
            return Err(NameError::Length(bytes.len()));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        match (0..).zip(bytes).find(|&(_, &byte)| !allowed(byte)) {
            Some((at, &byte)) => Err(NameError::Byte { at, byte }),
            None => Ok(EndpointName(bytes.iter().map(|&byte| char::from(byte)).collect())),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EndpointName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<EndpointName, NameError> {
        EndpointName::from_bytes(text.as_bytes())
    }
}

impl Deref for EndpointName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<EndpointName> for alloc::string::String {
    fn from(name: EndpointName) -> Self {
        name.0.as_ref().to_owned()
    }
}
