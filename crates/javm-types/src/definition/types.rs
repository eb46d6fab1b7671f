//! Types. Having one tells you that it keeps every rule, so that following it ends and takes a bounded stack.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::TypeError;
use crate::limits::{MAX_FIELDS, MAX_TUPLE_ELEMENTS, MAX_TYPE_DEPTH, MAX_TYPE_NODES};
use crate::name::{Identifier, is_reserved};
use crate::primitive::Primitive;

/// A type of the language.
///
/// Every type but `()` takes at least one byte for each of its values: what stands in a list is never free.
///
/// ```
/// use javm_types::{Primitive, Type, TypeError};
/// let amounts = Type::list(Primitive::U64.into())?;
/// assert_eq!(amounts.to_string(), "list<u64>");
/// assert_eq!(Type::list(Type::UNIT), Err(TypeError::Unit));
/// # Ok::<(), TypeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Type {
    kind: Kind,
    depth: u8,
    nodes: u16,
    min_bytes: u16,
}

/// What a type is made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A type without parts.
    Primitive(Primitive),
    /// Any number of values of one type.
    List(Box<Type>),
    /// A value or none.
    Option(Box<Type>),
    /// One value of each type, in order. The one without elements is the unit type, `()`.
    Tuple(Vec<Type>),
    /// One value of each type, in order, with names.
    Struct(Struct),
}

/// A struct: its name and what is in it. Two with equal name and fields are the same type, wherever they are declared.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Struct {
    /// What it is called.
    pub name: Identifier,
    /// What is in it, in order.
    pub fields: Vec<Field>,
}

/// A name and a type: a field of a struct or an argument of a method.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// What it is called.
    pub name: Identifier,
    /// Its type.
    pub ty: Type,
}

// The greatest sizes of valid types are within the fields that hold them.
const _: () = assert!(MAX_TYPE_DEPTH <= u8::MAX as usize && MAX_TYPE_NODES * 32 <= u16::MAX as usize);

impl Type {
    /// The type with one value, which takes no bytes: `()`.
    pub const UNIT: Type = Type { kind: Kind::Tuple(Vec::new()), depth: 1, nodes: 1, min_bytes: 0 };

    /// A type without parts.
    #[must_use]
    pub const fn primitive(primitive: Primitive) -> Type {
        Type { kind: Kind::Primitive(primitive), depth: 1, nodes: 1, min_bytes: primitive.min_bytes() as u16 }
    }

    /// The type of lists of `element`.
    ///
    /// # Errors
    /// [`TypeError`] when the element is `()` or `u8`, or the type too deep or large.
    pub fn list(element: Type) -> Result<Type, TypeError> {
        Type::new(Kind::List(Box::new(element)))
    }

    /// The type of `content` or nothing.
    ///
    /// # Errors
    /// [`TypeError`] when the type is too deep or large.
    pub fn option(content: Type) -> Result<Type, TypeError> {
        Type::new(Kind::Option(Box::new(content)))
    }

    /// The type of tuples of these.
    ///
    /// # Errors
    /// [`TypeError`] when there are too many, one is `()`, or the type is too deep or large.
    pub fn tuple(elements: Vec<Type>) -> Result<Type, TypeError> {
        Type::new(Kind::Tuple(elements))
    }

    /// The type of structs with this name and these fields.
    ///
    /// # Errors
    /// [`TypeError`] when the name is a word of the language, there are no fields or too many, two have one name, one is
    /// `()`, or the type is too deep or large.
    pub fn structure(name: Identifier, fields: Vec<Field>) -> Result<Type, TypeError> {
        Type::new(Kind::Struct(Struct { name, fields }))
    }

    /// The type made of this.
    ///
    /// # Errors
    /// [`TypeError`] with the first rule that it breaks.
    pub fn new(kind: Kind) -> Result<Type, TypeError> {
        check(&kind)?;
        let (mut depth, mut nodes, mut min_bytes) = (0, 1, 0);
        for part in kind.parts() {
            depth = depth.max(part.depth);
            nodes += usize::from(part.nodes);
            min_bytes += usize::from(part.min_bytes);
        }
        depth += 1;
        if usize::from(depth) > MAX_TYPE_DEPTH {
            return Err(TypeError::TooDeep);
        }
        if nodes > MAX_TYPE_NODES {
            return Err(TypeError::TooLarge(nodes));
        }
        let min_bytes = match &kind {
            Kind::Primitive(primitive) => primitive.min_bytes(),
            Kind::List(_) => 4,
            Kind::Option(_) => 1,
            Kind::Tuple(_) | Kind::Struct(_) => min_bytes,
        };
        Ok(Type { kind, depth, nodes: nodes as u16, min_bytes: min_bytes as u16 })
    }

    /// What it is made of.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether it is `()`.
    #[must_use]
    pub fn is_unit(&self) -> bool {
        matches!(&self.kind, Kind::Tuple(elements) if elements.is_empty())
    }

    /// Whether a register holds any value of it: integers of up to 64 bits, and bool.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(&self.kind, Kind::Primitive(primitive) if primitive.is_scalar())
    }

    /// The bytes that each of its values takes at least when it is encoded. Only `()` needs none.
    #[must_use]
    pub fn min_bytes(&self) -> usize {
        self.min_bytes.into()
    }

    /// The structs in it, each behind those that it consists of, repetitions included.
    pub(crate) fn structs<'a>(&'a self, found: &mut Vec<&'a Struct>) {
        self.kind.parts().for_each(|part| part.structs(found));
        if let Kind::Struct(structure) = &self.kind {
            found.push(structure);
        }
    }
}

impl Kind {
    /// The types directly inside.
    fn parts(&self) -> impl Iterator<Item = &Type> {
        let (elements, fields): (&[Type], &[Field]) = match self {
            Kind::Primitive(_) => (&[], &[]),
            Kind::List(part) | Kind::Option(part) => (core::slice::from_ref(&**part), &[]),
            Kind::Tuple(elements) => (elements, &[]),
            Kind::Struct(structure) => (&[], &structure.fields),
        };
        elements.iter().chain(fields.iter().map(|field| &field.ty))
    }
}

/// The rules but those of size.
fn check(kind: &Kind) -> Result<(), TypeError> {
    match kind {
        Kind::Primitive(_) | Kind::Option(_) => Ok(()),
        Kind::List(element) if element.kind == Kind::Primitive(Primitive::U8) => Err(TypeError::ListOfU8),
        Kind::List(element) => not_unit([&**element]),
        Kind::Tuple(elements) if elements.len() > MAX_TUPLE_ELEMENTS => Err(TypeError::TupleLength(elements.len())),
        Kind::Tuple(elements) => not_unit(elements),
        Kind::Struct(Struct { name, fields }) => {
            if is_reserved(name.as_bytes()) {
                return Err(TypeError::ReservedName(name.clone()));
            }
            if fields.is_empty() || fields.len() > MAX_FIELDS {
                return Err(TypeError::FieldCount(fields.len()));
            }
            if let Some(name) = twice(fields.iter().map(|field| &field.name)) {
                return Err(TypeError::FieldTwice(name.clone()));
            }
            not_unit(fields.iter().map(|field| &field.ty))
        }
    }
}

fn not_unit<'a>(parts: impl IntoIterator<Item = &'a Type>) -> Result<(), TypeError> {
    if parts.into_iter().any(Type::is_unit) { Err(TypeError::Unit) } else { Ok(()) }
}

/// The first name that was there before.
pub(super) fn twice<'a, N: Ord>(names: impl Iterator<Item = &'a N>) -> Option<&'a N> {
    let mut seen = alloc::collections::BTreeSet::new();
    names.into_iter().find(|&name| !seen.insert(name))
}

impl From<Primitive> for Type {
    fn from(primitive: Primitive) -> Type {
        Type::primitive(primitive)
    }
}

/// As the language says it; a struct by its name.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Primitive(primitive) => f.write_str(primitive.name()),
            Kind::List(element) => write!(f, "list<{element}>"),
            Kind::Option(content) => write!(f, "option<{content}>"),
            Kind::Struct(structure) => f.write_str(&structure.name),
            Kind::Tuple(elements) => {
                f.write_str("(")?;
                for (index, element) in elements.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{element}")?;
                }
                // A type in parentheses would be that type.
                f.write_str(if elements.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.kind, f)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.ty)
    }
}
