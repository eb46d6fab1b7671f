//! Values to bytes and registers.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Path, Step, Value, ValueError, ValueErrorReason};
use crate::codec::{Encode, EncodeError, Sink};
use crate::definition::{Field, Kind, Type};
use crate::primitive::Primitive;

impl ValueError {
    pub(crate) fn new(reason: ValueErrorReason) -> ValueError {
        ValueError { path: Path::default(), reason }
    }

    /// The same error, seen from the value around.
    pub(crate) fn within(mut self, step: Step) -> ValueError {
        self.path.enter(step);
        self
    }
}

impl From<EncodeError> for ValueError {
    fn from(error: EncodeError) -> ValueError {
        ValueError::new(ValueErrorReason::Encode(error))
    }
}

/// Takes everything.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _bytes: &[u8]) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Value {
    /// The canonical encoding.
    ///
    /// # Errors
    /// [`ValueError`] when the value is not of the type, or its encoding too long.
    pub fn encode(&self, ty: &Type) -> Result<Vec<u8>, ValueError> {
        let mut bytes = Vec::new();
        self.encode_to(ty, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the canonical encoding.
    ///
    /// # Errors
    /// [`ValueError`] when the value is not of the type, or the sink does not take it. What was written before stays.
    pub fn encode_to<S: Sink + ?Sized>(&self, ty: &Type, sink: &mut S) -> Result<(), ValueError> {
        match (ty.kind(), self) {
            (Kind::Primitive(primitive), _) => self.encode_primitive(*primitive, sink),
            (Kind::List(element), Value::List(values)) => {
                sink.count(values.len())?;
                for (index, value) in values.iter().enumerate() {
                    value.encode_to(element, sink).map_err(|error| error.within(Step::Index(index)))?;
                }
                Ok(())
            }
            (Kind::Option(content), Value::Option(value)) => {
                sink.write(&[value.is_some().into()])?;
                value.as_ref().map_or(Ok(()), |value| value.encode_to(content, sink))
            }
            (Kind::Tuple(elements), Value::Tuple(values)) => {
                same_count(elements.len(), values.len())?;
                for (index, (element, value)) in elements.iter().zip(values).enumerate() {
                    value.encode_to(element, sink).map_err(|error| error.within(Step::Element(index)))?;
                }
                Ok(())
            }
            (Kind::Struct(structure), Value::Tuple(values)) => {
                same_count(structure.fields.len(), values.len())?;
                encode_fields(&structure.fields, values, sink)
            }
            _ => Err(self.wrong_kind(ty)),
        }
    }

    /// Checks that the value is of the type.
    ///
    /// # Errors
    /// [`ValueError`] when it is not.
    pub fn check(&self, ty: &Type) -> Result<(), ValueError> {
        self.encode_to(ty, &mut Nowhere)
    }

    /// The register that holds the value: zero-extended when its type is unsigned or bool, sign-extended otherwise.
    ///
    /// # Errors
    /// [`ValueError`] when the type is no scalar, or the value is not of the type.
    pub(crate) fn to_register(&self, ty: &Type) -> Result<u64, ValueError> {
        self.check(ty)?;
        match *self {
            // The value fits into 64 bits because its type does.
            Value::Unsigned(number) if ty.is_scalar() => Ok(number as u64),
            Value::Signed(number) if ty.is_scalar() => Ok(number as u64),
            Value::Bool(value) => Ok(value.into()),
            _ => Err(self.wrong_kind(ty)),
        }
    }

    fn encode_primitive<S: Sink + ?Sized>(&self, ty: Primitive, sink: &mut S) -> Result<(), ValueError> {
        match (ty, ty.integer(), self) {
            (_, Some(integer), &Value::Unsigned(number)) if !integer.signed => {
                if number > integer.max() {
                    return Err(out_of_range(number.to_string(), ty));
                }
                sink.write(&number.to_le_bytes()[..integer.bytes()])?;
            }
            (_, Some(integer), &Value::Signed(number)) if integer.signed => {
                if number < integer.min() || number > integer.max() as i128 {
                    return Err(out_of_range(number.to_string(), ty));
                }
                sink.write(&number.to_le_bytes()[..integer.bytes()])?;
            }
            (Primitive::Bool, _, Value::Bool(value)) => value.encode(sink)?,
            (Primitive::Address, _, Value::Address(address)) => address.encode(sink)?,
            (Primitive::Bytes, _, Value::Bytes(bytes)) => bytes.encode(sink)?,
            (Primitive::String, _, Value::String(text)) => text.encode(sink)?,
            _ => return Err(self.wrong_kind(&ty.into())),
        }
        Ok(())
    }

    pub(crate) fn wrong_kind(&self, ty: &Type) -> ValueError {
        ValueError::new(ValueErrorReason::Kind { expected: format!("{ty}"), found: self.describe() })
    }
}

fn out_of_range(number: String, ty: Primitive) -> ValueError {
    ValueError::new(ValueErrorReason::Range { number, ty })
}

fn same_count(expected: usize, found: usize) -> Result<(), ValueError> {
    if expected == found { Ok(()) } else { Err(ValueError::new(ValueErrorReason::Count { expected, found })) }
}

/// Writes the values of as many fields or arguments one behind the other.
pub(crate) fn encode_fields<S: Sink + ?Sized>(
    fields: &[Field],
    values: &[Value],
    sink: &mut S,
) -> Result<(), ValueError> {
    for (field, value) in fields.iter().zip(values) {
        value.encode_to(&field.ty, sink).map_err(|error| error.within(Step::Field(field.name.clone())))?;
    }
    Ok(())
}
