//! Names: of methods, as endpoints have them, and of everything else, as programming languages have them.

use alloc::boxed::Box;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use thiserror::Error;

use crate::limits::MAX_NAME_BYTES;
use crate::primitive::Primitive;

/// Why something is not a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NameError {
    /// It is empty or too long.
    #[error("a name has 1 to {MAX_NAME_BYTES} bytes, not {0}")]
    Length(usize),
    /// A byte is not allowed in the name of a method.
    #[error("byte {at} of the name is {byte:#04x}; letters, digits, '_', '.' and '-' are allowed")]
    Byte {
        /// Its place.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// A byte is not allowed in an identifier.
    #[error("byte {at} of the name is {byte:#04x}; letters, '_' and, behind the first, digits are allowed")]
    IdentifierByte {
        /// Its place.
        at: usize,
        /// The byte.
        byte: u8,
    },
}

/// Checks the name of a method. Usable at compile time.
pub(crate) const fn check_method_name(name: &[u8]) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(NameError::Length(name.len()));
    }
    let mut at = 0;
    while at < name.len() {
        let byte = name[at];
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')) {
            return Err(NameError::Byte { at, byte });
        }
        at += 1;
    }
    Ok(())
}

/// Checks an identifier. Usable at compile time.
pub(crate) const fn check_identifier(name: &[u8]) -> Result<(), NameError> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(NameError::Length(name.len()));
    }
    let mut at = 0;
    while at < name.len() {
        let byte = name[at];
        if !(byte.is_ascii_alphabetic() || byte == b'_' || (at > 0 && byte.is_ascii_digit())) {
            return Err(NameError::IdentifierByte { at, byte });
        }
        at += 1;
    }
    Ok(())
}

/// Whether two names are the same. Usable at compile time.
pub(crate) const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The words of the language that are not the name of a [`Primitive`].
pub(crate) const KEYWORDS: &[&str] = &["list", "option", "struct", "interface"];

/// Whether a struct may not have this name, because it means something else where a type stands. Usable at compile time.
pub(crate) const fn is_reserved(name: &[u8]) -> bool {
    let mut at = 0;
    while at < Primitive::ALL.len() {
        if same(Primitive::ALL[at].name().as_bytes(), name) {
            return true;
        }
        at += 1;
    }
    let mut at = 0;
    while at < KEYWORDS.len() {
        if same(KEYWORDS[at].as_bytes(), name) {
            return true;
        }
        at += 1;
    }
    false
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks that the bytes are such a name.
            ///
            /// # Errors
            /// [`NameError`] when they are not.
            pub fn from_bytes(bytes: &[u8]) -> Result<$name, NameError> {
                $check(bytes)?;
                Ok($name(bytes.iter().map(|&byte| char::from(byte)).collect()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<$name, NameError> {
                $name::from_bytes(text.as_bytes())
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The name of a method: 1 to 48 letters, digits, `_`, `.` and `-` of ASCII, exactly what an Image's endpoint may be
    /// called.
    ///
    /// ```
    /// use javm_types::MethodName;
    /// let name: MethodName = "balance.of".parse()?;
    /// assert_eq!(name.as_str(), "balance.of");
    /// assert!("balance of".parse::<MethodName>().is_err());
    /// # Ok::<(), javm_types::NameError>(())
    /// ```
    MethodName, check_method_name
}

name! {
    /// The name of an interface, a struct, a field or an argument: 1 to 48 letters, digits and `_` of ASCII, no digit at
    /// the start, so that every programming language can use it as it is.
    ///
    /// ```
    /// use javm_types::Identifier;
    /// let name: Identifier = "amount_2".parse()?;
    /// assert_eq!(name.as_str(), "amount_2");
    /// assert!("2nd".parse::<Identifier>().is_err());
    /// # Ok::<(), javm_types::NameError>(())
    /// ```
    Identifier, check_identifier
}
