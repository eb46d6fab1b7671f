//! Values whose type is known when the program runs: what hosts, commands and explorers handle.

mod decoding;
mod encoding;
mod path;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

pub use decoding::ValueDecodeError;
pub(crate) use decoding::ValueReader;
pub(crate) use encoding::encode_fields;
pub use path::{Path, Step};

use crate::address::Address;
use crate::codec::EncodeError;
use crate::primitive::Primitive;

/// A value of some type of the language. What it says about its type is only how it looks: each function that takes one
/// is given the type, too, and says where the two do not fit.
///
/// ```
/// use javm_types::{Type, Value};
/// let ty: Type = "list<(string, u8)>".parse()?;
/// let value = Value::List(vec![Value::Tuple(vec!["a".into(), 3_u8.into()])]);
/// let bytes = value.encode(&ty)?;
/// assert_eq!(bytes, [1, 0, 0, 0, 1, 0, 0, 0, b'a', 3]);
/// assert_eq!(Value::decode(&ty, &bytes)?, value);
///
/// let value = Value::List(vec![Value::Tuple(vec!["a".into(), 300_u64.into()])]);
/// assert_eq!(value.encode(&ty).unwrap_err().to_string(), "[0].1: 300 does not fit into u8 (0 to 255)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Of one of the types `u8` to `u128`.
    Unsigned(u128),
    /// Of one of the types `i8` to `i128`.
    Signed(i128),
    /// Of `bool`.
    Bool(bool),
    /// Of `address32`.
    Address(Address),
    /// Of `bytes`.
    Bytes(Vec<u8>),
    /// Of `string`.
    String(String),
    /// Of a list.
    List(Vec<Value>),
    /// Of an option.
    Option(Option<Box<Value>>),
    /// Of a tuple or a struct, whose fields stand in order.
    Tuple(Vec<Value>),
}

/// Why a value is not of a type, or cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}{reason}", path.prefix())]
pub struct ValueError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there.
    pub reason: ValueErrorReason,
}

/// What can be wrong with a value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ValueErrorReason {
    /// It looks like the value of another type.
    #[error("a value of type {expected} is wanted, not {found}")]
    Kind {
        /// The type.
        expected: String,
        /// What there is.
        found: &'static str,
    },
    /// A number is not within the range of its type. The number is given as text.
    #[error("{number} does not fit into {ty} ({range})", range = range(*ty))]
    Range {
        /// The number.
        number: String,
        /// The type.
        ty: Primitive,
    },
    /// A tuple or struct has another number of elements than its type.
    #[error("{expected} elements are wanted, not {found}")]
    Count {
        /// The number that is wanted.
        expected: usize,
        /// The number that there is.
        found: usize,
    },
    /// There are more or fewer values than arguments.
    #[error("the method takes {expected} arguments, not {found}")]
    ArgumentCount {
        /// The number that the method takes.
        expected: usize,
        /// The number that there is.
        found: usize,
    },
    /// It cannot be written.
    #[error(transparent)]
    Encode(EncodeError),
}

/// What an integer type can hold, for messages.
fn range(ty: Primitive) -> String {
    match ty.integer() {
        Some(integer) => alloc::format!("{} to {}", integer.min(), integer.max()),
        None => String::new(),
    }
}

impl Value {
    /// The value of the type `()`.
    pub const UNIT: Value = Value::Tuple(Vec::new());

    /// Something, for an option.
    #[must_use]
    pub fn some(content: impl Into<Value>) -> Value {
        Value::Option(Some(Box::new(content.into())))
    }

    /// What it looks like, for messages.
    fn describe(&self) -> &'static str {
        match self {
            Value::Unsigned(_) => "an unsigned integer",
            Value::Signed(_) => "a signed integer",
            Value::Bool(_) => "a bool",
            Value::Address(_) => "an address",
            Value::Bytes(_) => "bytes",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Option(_) => "an option",
            Value::Tuple(_) => "a tuple",
        }
    }
}

macro_rules! from {
    ($($ty:ty = $variant:ident;)*) => {
        $(impl From<$ty> for Value {
            fn from(value: $ty) -> Value {
                Value::$variant(value.into())
            }
        })*
    };
}

from! {
    u8 = Unsigned;
    u16 = Unsigned;
    u32 = Unsigned;
    u64 = Unsigned;
    u128 = Unsigned;
    i8 = Signed;
    i16 = Signed;
    i32 = Signed;
    i64 = Signed;
    i128 = Signed;
    bool = Bool;
    Address = Address;
    [u8; 32] = Address;
    Vec<u8> = Bytes;
    &[u8] = Bytes;
    String = String;
    &str = String;
    Vec<Value> = List;
}
