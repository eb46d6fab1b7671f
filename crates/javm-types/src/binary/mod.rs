//! The canonical encoding of interfaces, methods and types. The normative text is `docs/spec/types.md`.

mod decoding;
mod encoding;

pub use decoding::{DefinitionError, DefinitionErrorReason, Place};

/// The version of TypeDefs and signatures, their first byte. It fixes the encoding of values, too.
pub const VERSION: u8 = 1;

/// The first byte of a type with parts.
pub(crate) mod tag {
    pub(crate) const LIST: u8 = 0x20;
    pub(crate) const OPTION: u8 = 0x21;
    pub(crate) const TUPLE: u8 = 0x22;
    pub(crate) const STRUCT: u8 = 0x23;
}
