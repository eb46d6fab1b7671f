//! From what is written to what it means.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::parser::{Spot, Written, WrittenField, WrittenInterface, WrittenMethod, WrittenStruct};
use super::{ParseError, ParseErrorReason as Reason};
use crate::definition::{Field, Method, Type, TypeDef, TypeError};
use crate::limits::{MAX_STRUCTS, MAX_TYPE_DEPTH};
use crate::name::Identifier;

type Result<T> = core::result::Result<T, ParseError>;

/// The structs of a text.
pub(super) struct Declarations<'a> {
    text: &'a str,
    structs: Vec<Spot<WrittenStruct>>,
    numbers: BTreeMap<Identifier, usize>,
    /// What is known of each: each is resolved once, however often it is mentioned.
    known: Vec<Known>,
}

#[derive(Clone)]
enum Known {
    Nothing,
    /// It is being resolved.
    Underway,
    Type(Type),
}

impl<'a> Declarations<'a> {
    pub(super) fn new(text: &'a str) -> Declarations<'a> {
        Declarations { text, structs: Vec::new(), numbers: BTreeMap::new(), known: Vec::new() }
    }

    fn error(&self, at: usize, reason: Reason) -> ParseError {
        ParseError::new(self.text, at, reason)
    }

    fn rule<T>(&self, at: usize, made: core::result::Result<T, TypeError>) -> Result<T> {
        made.map_err(|error| self.error(at, Reason::Rule(error)))
    }

    pub(super) fn add(&mut self, declared: Spot<WrittenStruct>) -> Result<()> {
        let name = declared.what.name.clone();
        if self.numbers.contains_key(&name) {
            return Err(self.error(declared.at, Reason::StructTwice(name)));
        }
        if self.structs.len() == MAX_STRUCTS {
            return Err(self.error(declared.at, Reason::Rule(TypeError::StructCount(MAX_STRUCTS + 1))));
        }
        self.numbers.insert(name, self.structs.len());
        self.structs.push(declared);
        self.known.push(Known::Nothing);
        Ok(())
    }

    /// The type that is written, `depth` types inside of another.
    pub(super) fn ty(&mut self, written: &Spot<Written>, depth: usize) -> Result<Type> {
        let at = written.at;
        // A type's parts and the fields of structs both count, so that this bounds the recursion.
        if depth >= MAX_TYPE_DEPTH {
            return Err(self.error(at, Reason::Rule(TypeError::TooDeep)));
        }
        let made = match &written.what {
            Written::Primitive(primitive) => Ok((*primitive).into()),
            Written::List(element) => Type::list(self.ty(element, depth + 1)?),
            Written::Option(content) => Type::option(self.ty(content, depth + 1)?),
            Written::Tuple(elements) => {
                let elements = elements.iter().map(|element| self.ty(element, depth + 1));
                Type::tuple(elements.collect::<Result<_>>()?)
            }
            Written::Named(name) => return self.named(name, at, depth),
        };
        self.rule(at, made)
    }

    fn named(&mut self, name: &Identifier, at: usize, depth: usize) -> Result<Type> {
        let Some(&number) = self.numbers.get(name) else {
            return Err(self.error(at, Reason::UnknownType(name.to_string())));
        };
        match &self.known[number] {
            Known::Type(ty) => Ok(ty.clone()),
            Known::Underway => Err(self.error(at, Reason::Recursive(name.clone()))),
            Known::Nothing => self.structure(number, depth),
        }
    }

    /// Resolves the struct with this number.
    fn structure(&mut self, number: usize, depth: usize) -> Result<Type> {
        self.known[number] = Known::Underway;
        let fields = core::mem::take(&mut self.structs[number].what.fields);
        let resolved = self.fields(&fields, depth + 1)?;
        let Spot { at, what: WrittenStruct { name, .. } } = &self.structs[number];
        let ty = self.rule(*at, Type::structure(name.clone(), resolved))?;
        self.known[number] = Known::Type(ty.clone());
        Ok(ty)
    }

    fn fields(&mut self, fields: &[WrittenField], depth: usize) -> Result<Vec<Field>> {
        let resolved = |field: &WrittenField| Ok(Field { name: field.name.clone(), ty: self.ty(&field.ty, depth)? });
        fields.iter().map(resolved).collect()
    }

    pub(super) fn method(&mut self, written: Spot<WrittenMethod>) -> Result<Method> {
        let Spot { at, what: WrittenMethod { name, arguments, returns } } = written;
        let arguments = self.fields(&arguments, 0)?;
        let returns = returns.map_or(Ok(Type::UNIT), |returns| self.ty(&returns, 0))?;
        self.rule(at, Method::new(name, arguments, returns))
    }

    pub(super) fn typedef(mut self, written: Spot<WrittenInterface>) -> Result<TypeDef> {
        for number in 0..self.structs.len() {
            if matches!(self.known[number], Known::Nothing) {
                self.structure(number, 0)?;
            }
        }
        let Spot { at, what: WrittenInterface { name, methods } } = written;
        let methods = methods.into_iter().map(|method| self.method(method)).collect::<Result<_>>()?;
        let typedef = self.rule(at, TypeDef::new(name, methods))?;
        let used: alloc::collections::BTreeSet<&Identifier> =
            typedef.structs().into_iter().map(|structure| &structure.name).collect();
        match self.structs.iter().find(|declared| !used.contains(&declared.what.name)) {
            Some(Spot { at, what }) => Err(self.error(*at, Reason::Unused(what.name.clone()))),
            None => Ok(typedef),
        }
    }
}
