//! Writing.

use alloc::vec::Vec;

use super::{VERSION, tag};
use crate::definition::{Field, Kind, Method, Type, TypeDef};

// The limits keep every count and length within its field.

fn name(name: &str, out: &mut Vec<u8>) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
}

fn fields(fields: &[Field], out: &mut Vec<u8>) {
    out.push(fields.len() as u8);
    for field in fields {
        name(&field.name, out);
        ty(&field.ty, out);
    }
}

fn ty(written: &Type, out: &mut Vec<u8>) {
    match written.kind() {
        Kind::Primitive(primitive) => out.push(primitive.number()),
        Kind::List(element) => {
            out.push(tag::LIST);
            ty(element, out);
        }
        Kind::Option(content) => {
            out.push(tag::OPTION);
            ty(content, out);
        }
        Kind::Tuple(elements) => {
            out.extend([tag::TUPLE, elements.len() as u8]);
            elements.iter().for_each(|element| ty(element, out));
        }
        Kind::Struct(structure) => {
            out.push(tag::STRUCT);
            name(&structure.name, out);
            fields(&structure.fields, out);
        }
    }
}

fn method(method: &Method, out: &mut Vec<u8>) {
    name(method.name(), out);
    fields(method.arguments(), out);
    ty(method.returns(), out);
}

impl Method {
    /// Its canonical encoding by itself: a *signature*.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from([VERSION]);
        method(self, &mut out);
        out
    }
}

impl TypeDef {
    /// Its canonical encoding, the message that its hash is made of.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::from([VERSION]);
        name(self.name(), &mut out);
        out.extend((self.methods().len() as u16).to_le_bytes());
        self.methods().iter().for_each(|written| method(written, &mut out));
        out
    }
}
