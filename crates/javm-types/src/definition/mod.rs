//! Types, methods and interfaces as values that keep the rules of the language.

mod interface;
mod method;
mod types;

pub use interface::TypeDef;
pub use method::Method;
pub use types::{Field, Kind, Struct, Type};

use thiserror::Error;

use crate::limits::{
    MAX_ARGUMENTS, MAX_FIELDS, MAX_METHODS, MAX_STRUCTS, MAX_TUPLE_ELEMENTS, MAX_TYPE_DEPTH, MAX_TYPE_NODES,
    MAX_TYPEDEF_BYTES,
};
use crate::name::{Identifier, MethodName};

/// The rule of the language that something breaks.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum TypeError {
    /// The type without content stands where it could only be repeated for nothing.
    #[error("() says nothing here; it stands only for what a method returns, or in an option")]
    Unit,
    /// Two ways to say one thing.
    #[error("list<u8> is written bytes")]
    ListOfU8,
    /// A tuple is too long.
    #[error("a tuple has at most {MAX_TUPLE_ELEMENTS} elements, not {0}; a struct may have more")]
    TupleLength(usize),
    /// A struct has no fields, or too many.
    #[error("a struct has 1 to {MAX_FIELDS} fields, not {0}")]
    FieldCount(usize),
    /// Two fields of a struct have one name.
    #[error("there are two fields named {0}")]
    FieldTwice(Identifier),
    /// A struct has the name of something else.
    #[error("{0} is a word of the language; a struct cannot have that name")]
    ReservedName(Identifier),
    /// Too many types one inside of the other.
    #[error("more than {MAX_TYPE_DEPTH} types stand one inside of the other")]
    TooDeep,
    /// Too many types in a type.
    #[error("the type consists of {0} types, each repetition counted; {MAX_TYPE_NODES} are the limit")]
    TooLarge(usize),
    /// Too many arguments.
    #[error("a method has at most {MAX_ARGUMENTS} arguments, not {0}; a struct may have more fields")]
    ArgumentCount(usize),
    /// Two arguments of a method have one name.
    #[error("there are two arguments named {0}")]
    ArgumentTwice(Identifier),
    /// Too many methods.
    #[error("an interface has at most {MAX_METHODS} methods, not {0}")]
    MethodCount(usize),
    /// Two methods have one name.
    #[error("there are two methods named {0}")]
    MethodTwice(MethodName),
    /// One name means two structs.
    #[error("the struct {name} has other fields in method {second} than in method {first}")]
    StructDiffers {
        /// The name.
        name: Identifier,
        /// The method that mentions it first.
        first: MethodName,
        /// The method where it has other fields.
        second: MethodName,
    },
    /// Too many structs.
    #[error("an interface has at most {MAX_STRUCTS} structs, not {0}")]
    StructCount(usize),
    /// The encoding would be too long.
    #[error("the encoding takes {0} bytes; {MAX_TYPEDEF_BYTES} are the limit")]
    TooLong(usize),
}
