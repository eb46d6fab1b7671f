//! Bytes and registers to values.

use alloc::boxed::Box;
use alloc::vec::Vec;

use thiserror::Error;

use super::{Path, Step, Value};
use crate::codec::{DecodeError, DecodeErrorReason, Decoder, RegisterError};
use crate::definition::{Field, Kind, Type};
use crate::limits::{MAX_DECODED_VALUES, MAX_VALUE_BYTES};
use crate::primitive::{Integer, Primitive};

/// Why bytes are not the encoding of a value of a type.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}{error}", path.prefix())]
pub struct ValueDecodeError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there, and at which byte.
    pub error: DecodeError,
}

impl From<DecodeError> for ValueDecodeError {
    fn from(error: DecodeError) -> ValueDecodeError {
        ValueDecodeError { path: Path::default(), error }
    }
}

impl ValueDecodeError {
    fn within(mut self, step: Step) -> ValueDecodeError {
        self.path.enter(step);
        self
    }
}

type Result<T> = core::result::Result<T, ValueDecodeError>;

/// Makes values, up to a number.
pub(crate) struct ValueReader<'a> {
    decoder: Decoder<'a>,
    most: usize,
    left: usize,
}

impl<'a> ValueReader<'a> {
    /// Starts reading a whole encoding.
    pub(crate) fn new(bytes: &'a [u8], most: usize) -> Result<ValueReader<'a>> {
        if bytes.len() > MAX_VALUE_BYTES {
            let reason = DecodeErrorReason::TooLong(bytes.len());
            return Err(DecodeError { offset: MAX_VALUE_BYTES, reason }.into());
        }
        Ok(ValueReader { decoder: Decoder::new(bytes), most, left: most })
    }

    pub(crate) fn end(self) -> Result<()> {
        Ok(self.decoder.end()?)
    }

    pub(crate) fn value(&mut self, ty: &Type) -> Result<Value> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(self.decoder.error(DecodeErrorReason::TooManyValues(self.most)).into()),
        }
        match ty.kind() {
            Kind::Primitive(primitive) => self.primitive(*primitive),
            Kind::List(element) => self.list(element).map(Value::List),
            Kind::Option(content) => {
                let something = self.decoder.flag(DecodeErrorReason::OptionTag)?;
                let content = if something { Some(Box::new(self.value(content)?)) } else { None };
                Ok(Value::Option(content))
            }
            Kind::Tuple(elements) => {
                let elements = elements.iter().enumerate();
                let values = elements.map(|(index, ty)| self.value(ty).map_err(|e| e.within(Step::Element(index))));
                values.collect::<Result<_>>().map(Value::Tuple)
            }
            Kind::Struct(structure) => self.fields(&structure.fields).map(Value::Tuple),
        }
    }

    fn list(&mut self, element: &Type) -> Result<Vec<Value>> {
        let count = self.decoder.count(element.min_bytes())?;
        // As much as the bytes that follow take; each element that is really there justifies its own memory.
        let mut values = Vec::with_capacity(count.min(self.decoder.left() / size_of::<Value>()));
        for index in 0..count {
            values.push(self.value(element).map_err(|error| error.within(Step::Index(index)))?);
        }
        Ok(values)
    }

    /// The values of fields or arguments.
    pub(crate) fn fields(&mut self, fields: &[Field]) -> Result<Vec<Value>> {
        let value =
            |field: &Field| self.value(&field.ty).map_err(|error| error.within(Step::Field(field.name.clone())));
        fields.iter().map(value).collect()
    }

    fn primitive(&mut self, ty: Primitive) -> Result<Value> {
        if let Some(integer) = ty.integer() {
            return self.integer(integer);
        }
        let decoder = &mut self.decoder;
        Ok(match ty {
            Primitive::Bool => Value::Bool(decoder.read()?),
            Primitive::Address => Value::Address(decoder.read()?),
            Primitive::Bytes => Value::Bytes(decoder.read()?),
            // What is neither of these nor an integer.
            _ => Value::String(decoder.read()?),
        })
    }

    fn integer(&mut self, integer: Integer) -> Result<Value> {
        let bytes = self.decoder.bytes(integer.bytes())?;
        let mut wide = [0; 16];
        wide[..bytes.len()].copy_from_slice(bytes);
        let number = u128::from_le_bytes(wide);
        Ok(if integer.signed {
            // Moved to the top and back, the sign comes along.
            let above = 128 - integer.bits;
            Value::Signed((number << above) as i128 >> above)
        } else {
            Value::Unsigned(number)
        })
    }
}

impl Value {
    /// The value of this type that exactly these bytes are the encoding of.
    ///
    /// # Errors
    /// [`ValueDecodeError`] when they are not, or when it is made of more than
    /// [`MAX_DECODED_VALUES`](crate::limits::MAX_DECODED_VALUES) values.
    pub fn decode(ty: &Type, bytes: &[u8]) -> Result<Value> {
        Value::decode_limited(ty, bytes, MAX_DECODED_VALUES)
    }

    /// As [`decode`](Value::decode), but makes no more than `most` values, those inside counted. One takes some 32
    /// bytes of memory, besides text and bytes.
    ///
    /// # Errors
    /// [`ValueDecodeError`] when the bytes are not a value of the type, or of one that is made of more.
    pub fn decode_limited(ty: &Type, bytes: &[u8], most: usize) -> Result<Value> {
        let mut reader = ValueReader::new(bytes, most)?;
        let value = reader.value(ty)?;
        reader.end()?;
        Ok(value)
    }

    /// The value of the type that a register holds.
    pub(crate) fn from_register(ty: &Type, register: u64) -> core::result::Result<Value, RegisterError> {
        let primitive = match *ty.kind() {
            Kind::Primitive(primitive) if primitive.is_scalar() => primitive,
            _ => return Err(RegisterError::NotScalar),
        };
        let value = match primitive.integer() {
            Some(integer) if integer.signed => Value::Signed((register as i64).into()),
            Some(_) => Value::Unsigned(register.into()),
            None if register <= 1 => Value::Bool(register == 1),
            None => return Err(RegisterError::Range { register, ty: primitive }),
        };
        match value.check(ty) {
            Ok(()) => Ok(value),
            Err(_) => Err(RegisterError::Range { register, ty: primitive }),
        }
    }
}
