//! Types and signatures as constants: what a program's build writes into a section, without running anything.

use thiserror::Error;

use crate::binary::{VERSION, tag};
use crate::definition::{Field, Kind, Type};
use crate::limits::{
    ARGUMENT_REGISTERS, MAX_ARGUMENTS, MAX_FIELDS, MAX_METHODS, MAX_TUPLE_ELEMENTS, MAX_TYPE_DEPTH, MAX_TYPE_NODES,
};
use crate::name::{check_identifier, check_method_name, is_reserved, same};
use crate::primitive::Primitive;

/// A type as a constant. It may break the rules of the language; [`Signature::encode`] says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A type without parts.
    Primitive(Primitive),
    /// Any number of values of one type.
    List(&'static Shape),
    /// A value or none.
    Option(&'static Shape),
    /// One value of each type, in order.
    Tuple(&'static [Shape]),
    /// One value of each type, in order, with names.
    Struct {
        /// What it is called.
        name: &'static str,
        /// What is in it, in order.
        fields: &'static [(&'static str, Shape)],
    },
}

/// A method as a constant.
///
/// ```
/// use javm_types::{Address, Method, Shape, Signature, Typed};
///
/// const TRANSFER: Signature = Signature {
///     name: "transfer",
///     arguments: &[("to", Address::SHAPE), ("amount", u64::SHAPE)],
///     returns: bool::SHAPE,
/// };
/// // Made by the compiler; a program puts it into a section. What breaks a rule does not compile.
/// static BYTES: [u8; TRANSFER.encoded_len()] = match TRANSFER.encode() {
///     Ok(bytes) => bytes,
///     Err(error) => panic!("{}", error.message()),
/// };
///
/// let method = Method::decode(&BYTES)?;
/// assert_eq!(method.to_string(), "transfer(to: address32, amount: u64) -> bool");
/// # Ok::<(), javm_types::DefinitionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// What it is called.
    pub name: &'static str,
    /// What it takes, in order.
    pub arguments: &'static [(&'static str, Shape)],
    /// What it returns.
    pub returns: Shape,
}

macro_rules! shape_errors {
    ($($(#[$doc:meta])+ $name:ident = $text:literal;)*) => {
        /// The rule that a [`Signature`] breaks. It can be shown by the compiler, for which all messages are constant.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
        #[non_exhaustive]
        pub enum ShapeError {
            $($(#[$doc])+ #[error($text)] $name,)*
        }

        impl ShapeError {
            /// The message, at compile time.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(ShapeError::$name => $text,)*
                }
            }
        }
    };
}

shape_errors! {
    /// The method's name has no valid form.
    MethodName = "a method's name has 1 to 48 letters, digits, '_', '.' and '-'";
    /// Another name has no valid form.
    Identifier = "a name has 1 to 48 letters, digits and '_', no digit first";
    /// Too many arguments.
    ArgumentCount = "a method has at most 8 arguments; a struct may have more fields";
    /// Two arguments have one name.
    ArgumentTwice = "two arguments have the same name";
    /// `()` stands where it says nothing.
    Unit = "() says nothing here; it stands only for what a method returns, or in an option";
    /// Two ways to say one thing.
    ListOfU8 = "list<u8> is written bytes";
    /// A tuple is too long.
    TupleLength = "a tuple has at most 8 elements; a struct may have more fields";
    /// A struct has no fields, or too many.
    FieldCount = "a struct has 1 to 64 fields";
    /// Two fields of a struct have one name.
    FieldTwice = "two fields of a struct have the same name";
    /// A struct has the name of something else.
    ReservedName = "a struct cannot have the name of a type of the language, nor list, option, struct or interface";
    /// Too many types one inside of the other.
    TooDeep = "more than 16 types stand one inside of the other";
    /// Too many types in a type.
    TooLarge = "a type consists of more than 256 types, each repetition counted";
    /// Two methods of an interface have one name.
    MethodTwice = "two methods have the same name";
    /// Too many methods.
    MethodCount = "an interface has at most 256 methods";
    /// The array is not as long as the encoding.
    Size = "the array must have encoded_len() bytes";
}

// The limits stand in these messages as numbers, because constants cannot be formatted.
const _: () = assert!(MAX_ARGUMENTS == 8 && MAX_TUPLE_ELEMENTS == 8 && MAX_FIELDS == 64);
const _: () = assert!(MAX_METHODS == 256);
const _: () = assert!(MAX_TYPE_DEPTH == 16 && MAX_TYPE_NODES == 256 && crate::limits::MAX_NAME_BYTES == 48);

impl Shape {
    /// Whether it is this type, the names of structs and their fields included.
    #[must_use]
    pub fn is(&self, ty: &Type) -> bool {
        match (self, ty.kind()) {
            (Shape::Primitive(this), Kind::Primitive(other)) => this == other,
            (Shape::List(this), Kind::List(other)) | (Shape::Option(this), Kind::Option(other)) => this.is(other),
            (Shape::Tuple(these), Kind::Tuple(others)) => {
                these.len() == others.len() && these.iter().zip(others).all(|(this, other)| this.is(other))
            }
            (Shape::Struct { name, fields }, Kind::Struct(other)) => {
                let same = |(this, other): (&(&str, Shape), &Field)| *this.0 == *other.name && this.1.is(&other.ty);
                *name == other.name.as_str()
                    && fields.len() == other.fields.len()
                    && fields.iter().zip(&other.fields).all(same)
            }
            _ => false,
        }
    }

    /// The unit type.
    pub const UNIT: Shape = Shape::Tuple(&[]);

    /// Whether it is `()`.
    #[must_use]
    pub const fn is_unit(&self) -> bool {
        matches!(self, Shape::Tuple([]))
    }

    /// Whether a register holds any value of it.
    #[must_use]
    pub const fn is_scalar(&self) -> bool {
        matches!(self, Shape::Primitive(primitive) if primitive.is_scalar())
    }

    /// The bytes that each value takes at least when it is encoded.
    #[must_use]
    pub const fn min_bytes(&self) -> usize {
        match self {
            Shape::Primitive(primitive) => primitive.min_bytes(),
            Shape::List(_) => 4,
            Shape::Option(_) => 1,
            Shape::Tuple(elements) => {
                let (mut sum, mut at) = (0, 0);
                while at < elements.len() {
                    sum += elements[at].min_bytes();
                    at += 1;
                }
                sum
            }
            Shape::Struct { fields, .. } => {
                let (mut sum, mut at) = (0, 0);
                while at < fields.len() {
                    sum += fields[at].1.min_bytes();
                    at += 1;
                }
                sum
            }
        }
    }

    /// Checks the rules, `depth` types inside of another, and counts the types.
    const fn check(&self, depth: usize) -> Result<usize, ShapeError> {
        if depth >= MAX_TYPE_DEPTH {
            return Err(ShapeError::TooDeep);
        }
        let mut nodes = 1;
        match self {
            Shape::Primitive(_) => {}
            Shape::List(Shape::Primitive(Primitive::U8)) => return Err(ShapeError::ListOfU8),
            Shape::List(element) if element.is_unit() => return Err(ShapeError::Unit),
            Shape::List(part) | Shape::Option(part) => match part.check(depth + 1) {
                Ok(inside) => nodes += inside,
                Err(error) => return Err(error),
            },
            Shape::Tuple(elements) => {
                if elements.len() > MAX_TUPLE_ELEMENTS {
                    return Err(ShapeError::TupleLength);
                }
                let mut at = 0;
                while at < elements.len() {
                    match elements[at].check_part(depth + 1) {
                        Ok(inside) => nodes += inside,
                        Err(error) => return Err(error),
                    }
                    at += 1;
                }
            }
            Shape::Struct { name, fields } => {
                if check_identifier(name.as_bytes()).is_err() {
                    return Err(ShapeError::Identifier);
                }
                if is_reserved(name.as_bytes()) {
                    return Err(ShapeError::ReservedName);
                }
                if fields.is_empty() || fields.len() > MAX_FIELDS {
                    return Err(ShapeError::FieldCount);
                }
                match check_fields(fields, depth + 1, ShapeError::FieldTwice) {
                    Ok(inside) => nodes += inside,
                    Err(error) => return Err(error),
                }
            }
        }
        if nodes > MAX_TYPE_NODES { Err(ShapeError::TooLarge) } else { Ok(nodes) }
    }

    /// As [`Shape::check`], for what cannot be `()`.
    const fn check_part(&self, depth: usize) -> Result<usize, ShapeError> {
        if self.is_unit() { Err(ShapeError::Unit) } else { self.check(depth) }
    }
}

/// Checks fields or arguments, and counts the types in them.
const fn check_fields(fields: &[(&'static str, Shape)], depth: usize, twice: ShapeError) -> Result<usize, ShapeError> {
    let (mut nodes, mut at) = (0, 0);
    while at < fields.len() {
        let (name, shape) = &fields[at];
        if check_identifier(name.as_bytes()).is_err() {
            return Err(ShapeError::Identifier);
        }
        let mut before = 0;
        while before < at {
            if same(fields[before].0.as_bytes(), name.as_bytes()) {
                return Err(twice);
            }
            before += 1;
        }
        match shape.check_part(depth) {
            Ok(inside) => nodes += inside,
            Err(error) => return Err(error),
        }
        at += 1;
    }
    Ok(nodes)
}

/// Writes as much as there is room for, and counts all.
struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Writer<N> {
    const fn byte(&mut self, byte: u8) {
        if self.length < N {
            self.bytes[self.length] = byte;
        }
        self.length += 1;
    }

    const fn name(&mut self, name: &str) {
        self.byte(name.len() as u8);
        let mut at = 0;
        while at < name.len() {
            self.byte(name.as_bytes()[at]);
            at += 1;
        }
    }

    const fn fields(&mut self, fields: &[(&'static str, Shape)]) {
        self.byte(fields.len() as u8);
        let mut at = 0;
        while at < fields.len() {
            self.name(fields[at].0);
            self.shape(&fields[at].1);
            at += 1;
        }
    }

    const fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Primitive(primitive) => self.byte(primitive.number()),
            Shape::List(element) => {
                self.byte(tag::LIST);
                self.shape(element);
            }
            Shape::Option(content) => {
                self.byte(tag::OPTION);
                self.shape(content);
            }
            Shape::Tuple(elements) => {
                self.byte(tag::TUPLE);
                self.byte(elements.len() as u8);
                let mut at = 0;
                while at < elements.len() {
                    self.shape(&elements[at]);
                    at += 1;
                }
            }
            Shape::Struct { name, fields } => {
                self.byte(tag::STRUCT);
                self.name(name);
                self.fields(fields);
            }
        }
    }

    const fn method(&mut self, method: &Signature) {
        self.name(method.name);
        self.fields(method.arguments);
        self.shape(&method.returns);
    }

    const fn signature(signature: &Signature) -> Writer<N> {
        let mut writer = Writer { bytes: [0; N], length: 0 };
        writer.byte(VERSION);
        writer.method(signature);
        writer
    }

    const fn interface(interface: &Interface) -> Writer<N> {
        let mut writer = Writer { bytes: [0; N], length: 0 };
        writer.byte(VERSION);
        writer.name(interface.name);
        let [low, high] = (interface.methods.len() as u16).to_le_bytes();
        writer.byte(low);
        writer.byte(high);
        let mut at = 0;
        while at < interface.methods.len() {
            writer.method(&interface.methods[at]);
            at += 1;
        }
        writer
    }
}

impl Signature {
    /// Checks the rules of the language.
    ///
    /// # Errors
    /// [`ShapeError`] with a rule that is broken.
    pub const fn check(&self) -> Result<(), ShapeError> {
        if check_method_name(self.name.as_bytes()).is_err() {
            return Err(ShapeError::MethodName);
        }
        if self.arguments.len() > MAX_ARGUMENTS {
            return Err(ShapeError::ArgumentCount);
        }
        if let Err(error) = check_fields(self.arguments, 0, ShapeError::ArgumentTwice) {
            return Err(error);
        }
        match self.returns.check(0) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The bytes of its canonical encoding; 0 when it breaks a rule.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self.check() {
            Ok(()) => Writer::<0>::signature(self).length,
            Err(_) => 0,
        }
    }

    /// Its canonical encoding; the same bytes as [`Method::encode`](crate::Method::encode) makes.
    ///
    /// # Errors
    /// [`ShapeError`] when it breaks a rule, or `N` is not [`encoded_len`](Signature::encoded_len).
    pub const fn encode<const N: usize>(&self) -> Result<[u8; N], ShapeError> {
        // Before anything is followed: what keeps the rules has an end.
        if let Err(error) = self.check() {
            return Err(error);
        }
        let writer = Writer::signature(self);
        if writer.length == N { Ok(writer.bytes) } else { Err(ShapeError::Size) }
    }

    /// Whether the arguments travel in registers, one each: at most four scalars.
    #[must_use]
    pub const fn takes_registers(&self) -> bool {
        let mut at = 0;
        while at < self.arguments.len() {
            if at >= ARGUMENT_REGISTERS || !self.arguments[at].1.is_scalar() {
                return false;
            }
            at += 1;
        }
        true
    }

    /// Whether the result travels in φ7 alone: one scalar, or `()`.
    #[must_use]
    pub const fn returns_register(&self) -> bool {
        self.returns.is_scalar() || self.returns.is_unit()
    }

    /// The number of registers, from φ7 on, that carry arguments: the arity of the endpoint.
    #[must_use]
    pub const fn arity(&self) -> u8 {
        if self.takes_registers() { self.arguments.len() as u8 } else { 1 }
    }
}

/// An interface as a constant.
///
/// ```
/// use javm_types::{Interface, Shape, Signature, TypeDef, Typed};
///
/// const COUNTER: Interface = Interface {
///     name: "counter",
///     methods: &[
///         Signature { name: "add", arguments: &[("amount", u64::SHAPE)], returns: u64::SHAPE },
///         Signature { name: "reset", arguments: &[], returns: Shape::UNIT },
///     ],
/// };
/// static BYTES: [u8; COUNTER.encoded_len()] = match COUNTER.encode() {
///     Ok(bytes) => bytes,
///     Err(error) => panic!("{}", error.message()),
/// };
///
/// let counter: TypeDef = "interface counter { add(amount: u64) -> u64; reset(); }".parse()?;
/// assert_eq!(TypeDef::decode(&BYTES)?, counter);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What it is called.
    pub name: &'static str,
    /// Its methods, by number.
    pub methods: &'static [Signature],
}

impl Interface {
    /// Checks the rules of the language, but for two: that the name of a struct says which one it is, and that all of it
    /// is not too long. Whoever [decodes](crate::TypeDef::decode) it finds out.
    ///
    /// # Errors
    /// [`ShapeError`] with a rule that is broken.
    pub const fn check(&self) -> Result<(), ShapeError> {
        if check_identifier(self.name.as_bytes()).is_err() {
            return Err(ShapeError::Identifier);
        }
        if self.methods.len() > MAX_METHODS {
            return Err(ShapeError::MethodCount);
        }
        let mut at = 0;
        while at < self.methods.len() {
            if let Err(error) = self.methods[at].check() {
                return Err(error);
            }
            let mut before = 0;
            while before < at {
                if same(self.methods[before].name.as_bytes(), self.methods[at].name.as_bytes()) {
                    return Err(ShapeError::MethodTwice);
                }
                before += 1;
            }
            at += 1;
        }
        Ok(())
    }

    /// The bytes of its canonical encoding; 0 when it breaks a rule.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self.check() {
            Ok(()) => Writer::<0>::interface(self).length,
            Err(_) => 0,
        }
    }

    /// Its canonical encoding; the same bytes as [`TypeDef::encode`](crate::TypeDef::encode) makes.
    ///
    /// # Errors
    /// [`ShapeError`] when it breaks a rule, or `N` is not [`encoded_len`](Interface::encoded_len).
    pub const fn encode<const N: usize>(&self) -> Result<[u8; N], ShapeError> {
        self.encode_at([0; N], 0)
    }

    /// Writes its canonical encoding into a longer array, from `start` on.
    ///
    /// # Errors
    /// [`ShapeError`] when it breaks a rule, or there are not exactly [`encoded_len`](Interface::encoded_len) bytes from
    /// `start` on.
    pub const fn encode_at<const N: usize>(&self, mut bytes: [u8; N], start: usize) -> Result<[u8; N], ShapeError> {
        if let Err(error) = self.check() {
            return Err(error);
        }
        let writer = Writer::<N>::interface(self);
        if start > N || writer.length != N - start {
            return Err(ShapeError::Size);
        }
        let mut at = start;
        while at < N {
            bytes[at] = writer.bytes[at - start];
            at += 1;
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: Signature = Signature { name: "f", arguments: &[], returns: Shape::UNIT };

    #[test]
    fn what_is_no_interface() {
        let of = |name, methods| Interface { name, methods }.check();
        assert_eq!(of("a", &[METHOD]), Ok(()));
        assert_eq!(of("a b", &[METHOD]), Err(ShapeError::Identifier));
        assert_eq!(of("a", &[METHOD, METHOD]), Err(ShapeError::MethodTwice));
        assert_eq!(of("a", &[METHOD; 257]), Err(ShapeError::MethodCount));
        assert_eq!(of("a", &[Signature { name: "", ..METHOD }]), Err(ShapeError::MethodName));
        let interface = Interface { name: "a", methods: &[METHOD] };
        assert_eq!(interface.encode::<3>(), Err(ShapeError::Size));
        assert_eq!(interface.encode_at([7; 3], 4), Err(ShapeError::Size));
        let encoded: [u8; 10] = interface.encode().unwrap();
        assert_eq!(interface.encode_at([7; 12], 2).unwrap(), [&[7, 7][..], &encoded].concat()[..]);
    }
}
