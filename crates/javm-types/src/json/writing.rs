//! Values to JSON.

use core::fmt;
use std::string::ToString;

use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::definition::{Kind, Type};
use crate::hex;
use crate::primitive::Primitive;
use crate::value::{Value, ValueError};

/// A value that is known to be of a type, to be written as JSON: by [`Display`](fmt::Display), by serde, or as a
/// [`serde_json::Value`].
///
/// ```
/// use javm_types::{Type, Value};
/// let ty: Type = "(u64, bytes, option<bool>)".parse()?;
/// let value = Value::Tuple(vec![5_u64.into(), vec![0xab_u8].into(), Value::Option(None)]);
/// assert_eq!(value.json(&ty)?.to_string(), r#"[5,"0xab",null]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    ty: &'a Type,
    value: &'a Value,
}

impl Value {
    /// The value as JSON.
    ///
    /// # Errors
    /// [`ValueError`] when it is not of the type.
    pub fn json<'a>(&'a self, ty: &'a Type) -> Result<Json<'a>, ValueError> {
        self.check(ty)?;
        Ok(Json { ty, value: self })
    }
}

impl<'a> Json<'a> {
    /// A part, which is of its type because the whole is.
    fn part(ty: &'a Type, value: &'a Value) -> Json<'a> {
        Json { ty, value }
    }

    /// The same as a tree.
    #[must_use]
    pub fn to_value(self) -> serde_json::Value {
        // Writing into memory fails for nothing that a value can be.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Bytes, for serde.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.0)
    }
}

/// A number as most readers of JSON keep it exactly; wider ones are text.
fn number<S: Serializer>(
    serializer: S,
    wide: bool,
    text: &impl fmt::Display,
    narrow: Option<i128>,
) -> Result<S::Ok, S::Error> {
    match narrow {
        Some(number) if !wide => match u64::try_from(number) {
            Ok(number) => serializer.serialize_u64(number),
            Err(_) => serializer.serialize_i64(number as i64),
        },
        _ => serializer.collect_str(text),
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wide = matches!(self.ty.kind(), Kind::Primitive(Primitive::U128 | Primitive::I128));
        match (self.ty.kind(), self.value) {
            (_, Value::Unsigned(value)) => number(serializer, wide, value, i128::try_from(*value).ok()),
            (_, Value::Signed(value)) => number(serializer, wide, value, Some(*value)),
            (_, Value::Bool(value)) => serializer.serialize_bool(*value),
            (_, Value::Address(address)) => serializer.collect_str(address),
            (_, Value::Bytes(bytes)) => serializer.collect_str(&Hex(bytes)),
            (_, Value::String(text)) => serializer.serialize_str(text),
            (_, Value::Option(None)) => serializer.serialize_none(),
            (Kind::Option(ty), Value::Option(Some(value))) => {
                let content = Json::part(ty, value);
                // Nothing in something would look like nothing.
                if matches!(ty.kind(), Kind::Option(_)) {
                    [content].serialize(serializer)
                } else {
                    content.serialize(serializer)
                }
            }
            (Kind::List(ty), Value::List(values)) => {
                serializer.collect_seq(values.iter().map(|value| Json::part(ty, value)))
            }
            (Kind::Tuple(types), Value::Tuple(values)) => {
                let mut elements = serializer.serialize_seq(Some(values.len()))?;
                types
                    .iter()
                    .zip(values)
                    .try_for_each(|(ty, value)| elements.serialize_element(&Json::part(ty, value)))?;
                elements.end()
            }
            (Kind::Struct(structure), Value::Tuple(values)) => {
                let mut fields = serializer.serialize_map(Some(values.len()))?;
                for (field, value) in structure.fields.iter().zip(values) {
                    fields.serialize_entry(field.name.as_str(), &Json::part(&field.ty, value))?;
                }
                fields.end()
            }
            (_, value) => Err(S::Error::custom(value.wrong_kind(self.ty).to_string())),
        }
    }
}

/// In one line.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
