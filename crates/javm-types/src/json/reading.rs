//! JSON to values.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::definition::{Field, Kind, Method, Type};
use crate::hex::{self, HexError};
use crate::primitive::{Integer, Primitive};
use crate::value::{Path, Step, Value, ValueErrorReason};

/// Why text is not a value of a type.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}{reason}", path.prefix())]
pub struct JsonError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there.
    pub reason: JsonErrorReason,
}

/// What can be wrong with text.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum JsonErrorReason {
    /// It is no JSON.
    #[error("this is no JSON: {0}")]
    Syntax(String),
    /// It is something else than the type wants.
    #[error("{expected} is wanted, not {found}")]
    Kind {
        /// How values of the type look.
        expected: String,
        /// What there is.
        found: &'static str,
    },
    /// A number is no integer, or no number.
    #[error(
        "{0:?} is no integer; write decimal digits, 0x and hexadecimal or 0b and binary ones, with _ between them if you like"
    )]
    NotAnInteger(String),
    /// Bytes are not written as they should be.
    #[error(transparent)]
    Hex(HexError),
    /// A field of a struct is missing.
    #[error("the field {0} is missing")]
    Missing(String),
    /// A struct has no such field.
    #[error("there is no field {name:?}; the fields are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A field is there twice.
    #[error("the field {0} is there twice")]
    Twice(String),
    /// There are more or fewer arguments than the method takes.
    #[error("{found} arguments are given, but the method is {method}")]
    ArgumentCount {
        /// The number that there is.
        found: usize,
        /// The method.
        method: String,
    },
    /// A number does not fit, or a tuple has another number of elements.
    #[error(transparent)]
    Value(ValueErrorReason),
}

use JsonErrorReason as Reason;

type Result<T> = core::result::Result<T, JsonError>;

impl JsonError {
    fn within(mut self, step: Step) -> JsonError {
        self.path.enter(step);
        self
    }
}

impl From<Reason> for JsonError {
    fn from(reason: Reason) -> JsonError {
        JsonError { path: Path::default(), reason }
    }
}

impl From<ValueErrorReason> for JsonError {
    fn from(reason: ValueErrorReason) -> JsonError {
        Reason::Value(reason).into()
    }
}

/// The value of a type that a person means by a text.
///
/// The text is JSON, but numbers, bytes, addresses and strings may stand without quotes.
///
/// ```
/// use javm_types::{Type, Value, json};
/// let bytes: Type = "bytes".parse()?;
/// assert_eq!(json::parse(&bytes, "0x0102")?, vec![1, 2].into());
/// let pairs: Type = "list<(string, u8)>".parse()?;
/// assert_eq!(json::parse(&pairs, r#"[["a", 3]]"#)?, Value::List(vec![Value::Tuple(vec!["a".into(), 3_u8.into()])]));
/// let error = json::parse(&pairs, r#"[["a", 3], ["b", 300]]"#).unwrap_err();
/// assert_eq!(error.to_string(), "[1].1: 300 does not fit into u8 (0 to 255)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`JsonError`] when it means none.
pub fn parse(ty: &Type, text: &str) -> Result<Value> {
    let trimmed = text.trim();
    match ty.kind() {
        Kind::Primitive(Primitive::String) if !trimmed.starts_with('"') => Ok(Value::String(text.into())),
        Kind::Primitive(Primitive::Bool) => from_json(ty, trimmed),
        Kind::Primitive(primitive) if !trimmed.starts_with(['"', '[', '{']) => from_text(*primitive, trimmed),
        Kind::Option(content) if trimmed != "null" && matches!(content.kind(), Kind::Primitive(_)) => {
            parse(content, text).map(Value::some)
        }
        _ => from_json(ty, trimmed),
    }
}

/// The values of a method's arguments that a person means by as many texts.
///
/// # Errors
/// [`JsonError`] when there are more or fewer than arguments, or one means no value of its argument's type.
pub fn parse_arguments<T: AsRef<str>>(method: &Method, texts: &[T]) -> Result<Vec<Value>> {
    let arguments = method.arguments();
    if arguments.len() != texts.len() {
        return Err(Reason::ArgumentCount { found: texts.len(), method: method.to_string() }.into());
    }
    let value = |(argument, text): (&Field, &T)| {
        parse(&argument.ty, text.as_ref()).map_err(|error| error.within(Step::Field(argument.name.clone())))
    };
    arguments.iter().zip(texts).map(value).collect()
}

/// The values of a method's arguments from one JSON array of all of them.
///
/// ```
/// use javm_types::{Method, json};
/// let method: Method = "pay(to: string, amount: u64)".parse()?;
/// assert_eq!(json::parse_argument_list(&method, r#"["a", 3]"#)?, ["a".into(), 3_u64.into()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`JsonError`] when it is no array of as many values of the arguments' types.
pub fn parse_argument_list(method: &Method, text: &str) -> Result<Vec<Value>> {
    let kind = || Reason::Kind { expected: format!("an array for {method}"), found: describe(text.trim()) }.into();
    let texts = elements(text.trim(), kind)?;
    let arguments = method.arguments();
    if arguments.len() != texts.len() {
        return Err(Reason::ArgumentCount { found: texts.len(), method: method.to_string() }.into());
    }
    let value = |(argument, json): (&Field, &&RawValue)| {
        from_raw(&argument.ty, json.get()).map_err(|error| error.within(Step::Field(argument.name.clone())))
    };
    arguments.iter().zip(&texts).map(value).collect()
}

fn syntax(error: &serde_json::Error) -> JsonError {
    Reason::Syntax(error.to_string()).into()
}

/// What a text that is JSON starts like.
fn describe(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a bool",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// How values of a type look.
fn look(ty: &Type) -> String {
    match ty.kind() {
        Kind::Primitive(Primitive::Bool) => "true or false".into(),
        Kind::Primitive(Primitive::String) => "a string".into(),
        Kind::Primitive(Primitive::Bytes) => "a string of 0x and hexadecimal digits".into(),
        Kind::Primitive(Primitive::Address) => "a string of 0x and 64 hexadecimal digits".into(),
        Kind::Primitive(integer) => format!("an integer for {integer}"),
        Kind::Struct(structure) => format!("an object for {}", structure.name),
        Kind::List(_) | Kind::Tuple(_) => format!("an array for {ty}"),
        Kind::Option(content) => format!("null or an array of one for {content}"),
    }
}

/// The value that JSON stands for. It is read one level at a time, by the type, so that numbers keep their digits.
fn from_json(ty: &Type, json: &str) -> Result<Value> {
    let raw: &RawValue = serde_json::from_str(json).map_err(|error| syntax(&error))?;
    from_raw(ty, raw.get())
}

/// As [`from_json`], of text that is known to be JSON without blanks around.
fn from_raw(ty: &Type, json: &str) -> Result<Value> {
    let kind = || JsonError::from(Reason::Kind { expected: look(ty), found: describe(json) });
    match ty.kind() {
        Kind::Primitive(Primitive::Bool) => json.parse().map(Value::Bool).map_err(|_| kind()),
        Kind::Primitive(Primitive::String) if !json.starts_with('"') => Err(kind()),
        Kind::Primitive(primitive) => match describe(json) {
            "a string" => {
                let text: Cow<'_, str> = serde_json::from_str::<String>(json).map_err(|error| syntax(&error))?.into();
                from_text(*primitive, &text)
            }
            "a number" if primitive.integer().is_some() => from_text(*primitive, json),
            _ => Err(kind()),
        },
        Kind::Option(_) if json == "null" => Ok(Value::Option(None)),
        Kind::Option(content) if matches!(content.kind(), Kind::Option(_)) => match *elements(json, kind)? {
            [inner] => Ok(Value::some(from_raw(content, inner.get())?)),
            _ => Err(kind()),
        },
        Kind::Option(content) => from_raw(content, json).map(Value::some),
        Kind::List(element) => {
            let values = elements(json, kind)?;
            let value = |(index, json): (usize, &&RawValue)| {
                from_raw(element, json.get()).map_err(|error| error.within(Step::Index(index)))
            };
            values.iter().enumerate().map(value).collect::<Result<_>>().map(Value::List)
        }
        Kind::Tuple(types) => {
            let values = elements(json, kind)?;
            if types.len() != values.len() {
                return Err(ValueErrorReason::Count { expected: types.len(), found: values.len() }.into());
            }
            let value = |(index, (ty, json)): (usize, (&Type, &&RawValue))| {
                from_raw(ty, json.get()).map_err(|error| error.within(Step::Element(index)))
            };
            types.iter().zip(&values).enumerate().map(value).collect::<Result<_>>().map(Value::Tuple)
        }
        Kind::Struct(structure) => {
            let Members(members) = level(json, '{', kind)?;
            fields(&structure.fields, members)
        }
    }
}

/// Reads one level of what starts with this mark; anything else is of the wrong kind.
fn level<'a, T: serde::Deserialize<'a>>(json: &'a str, open: char, kind: impl Fn() -> JsonError) -> Result<T> {
    if json.starts_with(open) { serde_json::from_str(json).map_err(|error| syntax(&error)) } else { Err(kind()) }
}

fn elements(json: &str, kind: impl Fn() -> JsonError) -> Result<Vec<&RawValue>> {
    level(json, '[', kind)
}

fn fields(fields: &[Field], members: Vec<(String, &RawValue)>) -> Result<Value> {
    let mut given: Vec<Option<&RawValue>> = alloc::vec![None; fields.len()];
    for (name, json) in members {
        let Some(place) = fields.iter().position(|field| field.name.as_str() == name) else {
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            return Err(Reason::Unknown { name: excerpt(&name), known: names.join(", ") }.into());
        };
        if given[place].replace(json).is_some() {
            return Err(Reason::Twice(name).into());
        }
    }
    let value = |(field, json): (&Field, Option<&RawValue>)| match json {
        Some(json) => from_raw(&field.ty, json.get()).map_err(|error| error.within(Step::Field(field.name.clone()))),
        None if matches!(field.ty.kind(), Kind::Option(_)) => Ok(Value::Option(None)),
        None => Err(Reason::Missing(field.name.to_string()).into()),
    };
    fields.iter().zip(given).map(value).collect::<Result<_>>().map(Value::Tuple)
}

/// The members of an object in order, doubles included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// The value of a primitive but bool that its text stands for, without quotes.
fn from_text(ty: Primitive, text: &str) -> Result<Value> {
    if let Some(integer) = ty.integer() {
        return self::integer(ty, integer, text);
    }
    match ty {
        Primitive::String => Ok(Value::String(text.into())),
        Primitive::Address => text.parse().map(Value::Address).map_err(|error| Reason::Hex(error).into()),
        Primitive::Bytes => hex::decode(text).map(Value::Bytes).map_err(|error| Reason::Hex(error).into()),
        _ => Err(Reason::Kind { expected: look(&ty.into()), found: "a string" }.into()),
    }
}

fn integer(ty: Primitive, integer: Integer, text: &str) -> Result<Value> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (radix, digits) = match digits.split_at_checked(2) {
        Some(("0x" | "0X", digits)) => (16, digits),
        Some(("0b" | "0B", digits)) => (2, digits),
        _ => (10, digits),
    };
    // Not first: that would be a name anywhere else.
    let digits = match digits.strip_prefix('_') {
        Some(_) => String::new(),
        None => digits.replace('_', ""),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Reason::NotAnInteger(excerpt(text)).into());
    }
    let out_of_range = || JsonError::from(ValueErrorReason::Range { number: excerpt(text), ty });
    let magnitude = u128::from_str_radix(&digits, radix).map_err(|_| out_of_range())?;
    let value = if integer.signed {
        let number = if negative { 0_i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() };
        number.map(Value::Signed)
    } else if negative && magnitude != 0 {
        None
    } else {
        Some(Value::Unsigned(magnitude))
    };
    match value {
        Some(value) if value.check(&ty.into()).is_ok() => Ok(value),
        _ => Err(out_of_range()),
    }
}

/// As much of a text as a message can show.
fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}
