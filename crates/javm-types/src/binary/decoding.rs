//! Reading: total, and what is accepted encodes to the same bytes.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::{VERSION, tag};
use crate::definition::{Field, Method, Type, TypeDef, TypeError};
use crate::limits::{MAX_ARGUMENTS, MAX_FIELDS, MAX_METHODS, MAX_TUPLE_ELEMENTS, MAX_TYPE_DEPTH, MAX_TYPEDEF_BYTES};
use crate::name::{Identifier, MethodName, NameError};
use crate::primitive::Primitive;

/// Why bytes are no TypeDef or signature.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{place}, at byte {offset}: {reason}")]
pub struct DefinitionError {
    /// The part of the format that is wrong.
    pub place: Place,
    /// The first byte of it, counted from the start of the encoding.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: DefinitionErrorReason,
}

/// A part of a TypeDef or signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The number of the method in its TypeDef.
    pub method: Option<u32>,
    /// The number of the argument in its method.
    pub argument: Option<u32>,
    /// Its name, as the format's page says it.
    pub name: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = self.method {
            write!(f, "method {method}: ")?;
        }
        if let Some(argument) = self.argument {
            write!(f, "argument {argument}: ")?;
        }
        f.write_str(self.name)
    }
}

/// What can be wrong with a part.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DefinitionErrorReason {
    /// The bytes end inside of it.
    #[error("{needed} bytes are needed and {left} are left")]
    Truncated {
        /// The bytes that it takes.
        needed: usize,
        /// The bytes that there are.
        left: usize,
    },
    /// Bytes follow behind the end.
    #[error("{0} bytes follow behind the end")]
    TrailingBytes(usize),
    /// It is longer than any TypeDef.
    #[error("{0} bytes are more than a TypeDef may have, {MAX_TYPEDEF_BYTES}")]
    TooLong(usize),
    /// Written by something newer, or damaged.
    #[error("version {0} is not known (only version {VERSION} is)")]
    Version(u8),
    /// A number stands for no type.
    #[error("{0:#04x} stands for no type")]
    UnknownType(u8),
    /// It is greater than it may be.
    #[error("{found} is more than the limit of {limit}")]
    TooLarge {
        /// The value.
        found: usize,
        /// The greatest value that is allowed.
        limit: usize,
    },
    /// The name has no valid form.
    #[error(transparent)]
    Name(NameError),
    /// It breaks a rule of the language.
    #[error(transparent)]
    Rule(TypeError),
}

use DefinitionErrorReason as Reason;

type Result<T> = core::result::Result<T, DefinitionError>;

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
    method: Option<u32>,
    argument: Option<u32>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, offset: 0, method: None, argument: None }
    }

    fn error(&self, name: &'static str, offset: usize, reason: Reason) -> DefinitionError {
        let place = Place { method: self.method, argument: self.argument, name };
        DefinitionError { place, offset, reason }
    }

    fn bytes(&mut self, name: &'static str, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.offset..];
        let Some(bytes) = rest.get(..length) else {
            return Err(self.error(name, self.offset, Reason::Truncated { needed: length, left: rest.len() }));
        };
        self.offset += length;
        Ok(bytes)
    }

    fn u8(&mut self, name: &'static str) -> Result<u8> {
        Ok(self.bytes(name, 1)?[0])
    }

    fn version(&mut self) -> Result<()> {
        match self.u8("version")? {
            VERSION => Ok(()),
            other => Err(self.error("version", 0, Reason::Version(other))),
        }
    }

    /// A count of one byte.
    fn count(&mut self, name: &'static str, limit: usize) -> Result<usize> {
        let offset = self.offset;
        match usize::from(self.u8(name)?) {
            found if found > limit => Err(self.error(name, offset, Reason::TooLarge { found, limit })),
            found => Ok(found),
        }
    }

    fn name<N>(&mut self, what: &'static str, check: fn(&[u8]) -> core::result::Result<N, NameError>) -> Result<N> {
        let offset = self.offset;
        let length = self.u8(what)?;
        let bytes = self.bytes(what, length.into())?;
        check(bytes).map_err(|error| self.error(what, offset, Reason::Name(error)))
    }

    fn ty(&mut self, depth: usize) -> Result<Type> {
        let offset = self.offset;
        let rule = |reader: &Self, error| reader.error("type", offset, Reason::Rule(error));
        if depth >= MAX_TYPE_DEPTH {
            return Err(rule(self, TypeError::TooDeep));
        }
        let made = match self.u8("type")? {
            tag::LIST => Type::list(self.ty(depth + 1)?),
            tag::OPTION => Type::option(self.ty(depth + 1)?),
            tag::TUPLE => {
                let count = self.count("number of elements", MAX_TUPLE_ELEMENTS)?;
                Type::tuple((0..count).map(|_| self.ty(depth + 1)).collect::<Result<_>>()?)
            }
            tag::STRUCT => {
                let name = self.name("name of a struct", Identifier::from_bytes)?;
                let count = self.count("number of fields", MAX_FIELDS)?;
                let fields = (0..count).map(|_| self.field("name of a field", depth + 1));
                Type::structure(name, fields.collect::<Result<_>>()?)
            }
            number => match Primitive::from_number(number) {
                Some(primitive) => Ok(primitive.into()),
                None => return Err(self.error("type", offset, Reason::UnknownType(number))),
            },
        };
        made.map_err(|error| rule(self, error))
    }

    fn field(&mut self, what: &'static str, depth: usize) -> Result<Field> {
        let name = self.name(what, Identifier::from_bytes)?;
        Ok(Field { name, ty: self.ty(depth)? })
    }

    fn method(&mut self) -> Result<Method> {
        let offset = self.offset;
        let name = self.name("name", MethodName::from_bytes)?;
        let count = self.count("number of arguments", MAX_ARGUMENTS)?;
        let mut arguments = Vec::with_capacity(count);
        for index in 0..count {
            self.argument = Some(index as u32);
            arguments.push(self.field("name", 0)?);
        }
        self.argument = None;
        let returns = self.ty(0)?;
        Method::new(name, arguments, returns).map_err(|error| self.error("method", offset, Reason::Rule(error)))
    }

    /// A TypeDef, with its version.
    fn typedef(&mut self) -> Result<TypeDef> {
        self.version()?;
        let name = self.name("name", Identifier::from_bytes)?;
        let offset = self.offset;
        let count = self.bytes("number of methods", 2)?;
        let count = usize::from(u16::from_le_bytes([count[0], count[1]]));
        if count > MAX_METHODS {
            let reason = Reason::TooLarge { found: count, limit: MAX_METHODS };
            return Err(self.error("number of methods", offset, reason));
        }
        let mut methods = Vec::new();
        for index in 0..count {
            self.method = Some(index as u32);
            methods.push(self.method()?);
        }
        self.method = None;
        TypeDef::new(name, methods).map_err(|error| self.error("interface", 0, Reason::Rule(error)))
    }

    fn end(&self) -> Result<()> {
        match self.bytes.len() - self.offset {
            0 => Ok(()),
            more => Err(self.error("end", self.offset, Reason::TrailingBytes(more))),
        }
    }
}

impl Method {
    /// Reads a signature.
    ///
    /// # Errors
    /// [`DefinitionError`] when the bytes are not exactly the canonical encoding of one.
    pub fn decode(bytes: &[u8]) -> core::result::Result<Method, DefinitionError> {
        let mut reader = Reader::new(bytes);
        reader.version()?;
        let method = reader.method()?;
        reader.end()?;
        Ok(method)
    }

    /// Reads the signature at the start of the bytes, and says how many of them it takes: signatures that stand one
    /// behind the other, as a linker leaves them in a section, are read one by one.
    ///
    /// # Errors
    /// [`DefinitionError`] when the bytes do not start with the canonical encoding of one.
    pub fn decode_first(bytes: &[u8]) -> core::result::Result<(Method, usize), DefinitionError> {
        let mut reader = Reader::new(bytes);
        reader.version()?;
        let method = reader.method()?;
        Ok((method, reader.offset))
    }
}

impl TypeDef {
    /// Reads a TypeDef.
    ///
    /// # Errors
    /// [`DefinitionError`] when the bytes are not exactly the canonical encoding of one.
    pub fn decode(bytes: &[u8]) -> core::result::Result<TypeDef, DefinitionError> {
        if bytes.len() > MAX_TYPEDEF_BYTES {
            let mut reader = Reader::new(bytes);
            reader.version()?;
            return Err(reader.error("end", MAX_TYPEDEF_BYTES, Reason::TooLong(bytes.len())));
        }
        let mut reader = Reader::new(bytes);
        let typedef = reader.typedef()?;
        reader.end()?;
        Ok(typedef)
    }

    /// Reads the TypeDef at the start of the bytes, and says how many of them it takes.
    ///
    /// # Errors
    /// [`DefinitionError`] when the bytes do not start with the canonical encoding of one.
    pub fn decode_first(bytes: &[u8]) -> core::result::Result<(TypeDef, usize), DefinitionError> {
        let mut reader = Reader::new(bytes);
        let typedef = reader.typedef()?;
        Ok((typedef, reader.offset))
    }
}
