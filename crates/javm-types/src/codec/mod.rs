//! Rust values to and from the canonical encoding, for programs and whoever calls them.
//!
//! `encode` writes into a [`Sink`], `decode` reads from a [`Decoder`], `rust` implements both for Rust's own types. The
//! normative text of the format is `docs/spec/types.md`.

mod decode;
mod encode;
mod rust;

pub use decode::{Decode, DecodeError, DecodeErrorReason, Decoder, RegisterError, decode};
pub use encode::{Buffer, Encode, EncodeError, Sink, encode, encode_into, encoded_len};

use crate::shape::Shape;

/// A Rust type that stands for a type of the language.
///
/// A struct implements it, with [`Encode`] and [`Decode`], field by field:
///
/// ```
/// use javm_types::{Address, Decode, DecodeError, Decoder, Encode, EncodeError, Shape, Sink, Typed};
///
/// #[derive(PartialEq, Debug)]
/// struct Payment {
///     to: Address,
///     amount: u64,
/// }
///
/// impl Typed for Payment {
///     const SHAPE: Shape =
///         Shape::Struct { name: "Payment", fields: &[("to", Address::SHAPE), ("amount", u64::SHAPE)] };
/// }
///
/// impl Encode for Payment {
///     fn encode<S: Sink + ?Sized>(&self, sink: &mut S) -> Result<(), EncodeError> {
///         self.to.encode(sink)?;
///         self.amount.encode(sink)
///     }
/// }
///
/// impl<'a> Decode<'a> for Payment {
///     fn decode(decoder: &mut Decoder<'a>) -> Result<Payment, DecodeError> {
///         Ok(Payment { to: decoder.read()?, amount: decoder.read()? })
///     }
/// }
///
/// let payments = vec![Payment { to: Address([7; 32]), amount: 5 }];
/// let bytes = javm_types::encode(&payments)?;
/// assert_eq!(bytes.len(), 4 + 32 + 8);
/// assert_eq!(javm_types::decode::<Vec<Payment>>(&bytes)?, payments);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Typed {
    /// The type.
    const SHAPE: Shape;

    /// The type of a list of it. Only `u8` has another one than the list: `bytes`.
    const LIST: Shape = Shape::List(&Self::SHAPE);
}
