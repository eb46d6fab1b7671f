//! What methods take and return: a small language for interfaces, one encoding for values, and how a call passes them.
//!
//! The crate depends on nothing, so that programs link it as well as hosts. Everything that reads — text, TypeDefs,
//! values — is total: any input gives a value or an error that says where and why, and takes no more stack and memory
//! than bounds say.
//!
//! # How to read this crate
//! - [`limits`]: every bound with its reason.
//! - [`primitive`](Primitive), [`name`](Identifier), [`address`](Address): the smallest parts.
//! - `definition`: [`Type`], [`Method`] and [`TypeDef`], which keep the rules of the language. Start here.
//! - `text`: the language as people write it, [`TypeDef::from_str`](core::str::FromStr) and its errors.
//! - `binary`: the canonical encoding of TypeDefs and signatures.
//! - `shape`: types, [`Signature`]s and [`Interface`]s as constants, encoded by the compiler.
//! - `value`: [`Value`], whose type is known at run time, and its encoding.
//! - `codec`: the same encoding of Rust's own types, [`Encode`] and [`Decode`].
//! - `convention`: registers or scratchpad: [`lower_arguments`], [`lift_result`] and their Rust-typed forms in [`typed`].
//! - `json`: values as people write and read them; with the feature of that name.
//!
//! The normative text is `docs/spec/types.md`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "json")]
extern crate std;

mod address;
mod binary;
mod codec;
mod convention;
mod definition;
mod hex;
#[cfg(feature = "json")]
pub mod json;
pub mod limits;
mod name;
mod primitive;
mod shape;
mod text;
mod value;

pub use address::Address;
pub use binary::{DefinitionError, DefinitionErrorReason, Place, VERSION};
pub use codec::{
    Buffer, Decode, DecodeError, DecodeErrorReason, Decoder, Encode, EncodeError, RegisterError, Sink, Typed, decode,
    encode, encode_into, encoded_len,
};
pub use convention::{
    LiftError, Lowered, LoweredResult, lift_arguments, lift_result, lower_arguments, lower_result, typed,
};
pub use definition::{Field, Kind, Method, Struct, Type, TypeDef, TypeError};
pub use hex::HexError;
pub use name::{Identifier, MethodName, NameError};
pub use primitive::{Integer, Primitive};
pub use shape::{Interface, Shape, ShapeError, Signature};
pub use text::{ParseError, ParseErrorReason};
pub use value::{Path, Step, Value, ValueDecodeError, ValueError, ValueErrorReason};
