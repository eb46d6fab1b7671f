//! Everything that can go wrong in the library.

use javm_cap::LoadError;
use javm_types::{EncodeError, Method, ValueError};
use nub_kernel::{InstantiateError, InvokeError};
use thiserror::Error;

/// What failed, where, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The Image was not published.
    #[error(transparent)]
    Publish(#[from] LoadError),
    /// The Instance was not made.
    #[error(transparent)]
    Instantiate(#[from] InstantiateError),
    /// The call was not made.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// A call with values of an endpoint without a signature.
    #[error(
        "endpoint {0} has no signature, so that values cannot be checked: call it with registers, or link the program with signatures"
    )]
    NoSignature(String),
    /// Values are not what the endpoint's signature says.
    #[error(transparent)]
    Values(#[from] ValueError),
    /// Rust values cannot be encoded.
    #[error("the arguments cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// Rust types are not those of the endpoint's signature.
    #[error(transparent)]
    Mismatch(#[from] TypeMismatch),
    /// Two things for one scratchpad.
    #[error("the arguments travel in the scratchpad; a call cannot bring another one")]
    ScratchpadTaken,
    /// The program does not keep to its signature.
    #[error("the program returned something else than its signature says: {0}")]
    Result(String),
}

/// A Rust type is not that of an endpoint's signature.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{what} does not have the type of the signature, {method}")]
pub struct TypeMismatch {
    /// Which one.
    what: String,
    /// The signature.
    method: String,
}

impl TypeMismatch {
    pub(crate) fn new(what: &str, method: &Method) -> TypeMismatch {
        TypeMismatch { what: what.into(), method: method.to_string() }
    }
}

/// The number that stands for a kind of [error](enum@Error), for machines. Numbers are never used again for something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The bytes are no Image.
    MalformedImage = 100,
    /// The Image breaks a rule.
    InvalidImage = 101,
    /// The Image was not published.
    UnknownImage = 110,
    /// A required import was not granted.
    Denied = 111,
    /// A grant that the Image does not import.
    NoImport = 112,
    /// There is no such Instance.
    UnknownInstance = 120,
    /// There is no such endpoint.
    UnknownEndpoint = 121,
    /// More or fewer arguments than the endpoint takes.
    Arguments = 122,
    /// The scratchpad is too large.
    Scratchpad = 123,
    /// The endpoint has no signature.
    NoSignature = 130,
    /// Values, or their types, are not what the signature says.
    Values = 131,
    /// Two things for one scratchpad.
    ScratchpadTaken = 132,
    /// The program returned something else than its signature says.
    Result = 133,
    /// Something that this version has no number for.
    Other = 999,
}

impl Error {
    /// The number of its kind.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Publish(LoadError::Encoding(_)) => ErrorCode::MalformedImage,
            Error::Publish(LoadError::Invalid(_)) => ErrorCode::InvalidImage,
            Error::Instantiate(InstantiateError::UnknownImage(_)) => ErrorCode::UnknownImage,
            Error::Instantiate(InstantiateError::Denied { .. }) => ErrorCode::Denied,
            Error::Instantiate(InstantiateError::NoImport(_)) => ErrorCode::NoImport,
            Error::Invoke(InvokeError::UnknownInstance(_)) => ErrorCode::UnknownInstance,
            Error::Invoke(InvokeError::UnknownEndpoint { .. }) => ErrorCode::UnknownEndpoint,
            Error::Invoke(InvokeError::Arguments { .. }) => ErrorCode::Arguments,
            Error::Invoke(InvokeError::Scratchpad(_)) => ErrorCode::Scratchpad,
            Error::NoSignature(_) => ErrorCode::NoSignature,
            Error::Values(_) | Error::Encode(_) | Error::Mismatch(_) => ErrorCode::Values,
            Error::ScratchpadTaken => ErrorCode::ScratchpadTaken,
            Error::Result(_) => ErrorCode::Result,
            // The enums of the kernel may grow; a number is given here when they do.
            _ => ErrorCode::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_numbers() {
        let unknown: Error = InstantiateError::UnknownImage(javm_cap::CapHash([0; 32])).into();
        assert_eq!(unknown.code() as u16, 110);
        let scratchpad: Error = InvokeError::Scratchpad(1 << 30).into();
        assert_eq!(scratchpad.code() as u16, 123);
        assert_eq!(scratchpad.to_string(), "a scratchpad of 1073741824 bytes: at most 67108864 are possible");
    }
}
