//! What a program says of interfaces: which it implements, and of which it wants to be given something.

use std::collections::BTreeMap;

use javm_cap::{Import, TypeDef, Wanted};

use crate::elf::Object;
use crate::error::{LinkError, RecordError};
use crate::records::{Endpoint, VERSION, add_import, contents};
use crate::signatures;

const TYPEDEFS: &str = ".nub.typedefs";

/// Bytes of a record before the TypeDef.
const HEAD: usize = 4;

/// The second byte of a record: what the interface is to the program.
mod role {
    pub(super) const IMPLEMENTED: u8 = 1;
    pub(super) const WANTED: u8 = 2;
}

/// Reads the records: gives endpoints the signatures of the interfaces that are implemented, adds what is wanted to the
/// imports, and returns what is implemented, in the order of the file.
pub(crate) fn read(
    object: &Object,
    endpoints: &mut [Endpoint],
    imports: &mut BTreeMap<u8, Import>,
) -> Result<Vec<TypeDef>, LinkError> {
    let mut implemented: Vec<TypeDef> = Vec::new();
    let mut index = 0;
    for data in contents(object, TYPEDEFS) {
        // Zeros between records are alignment: none starts with one.
        let mut rest = data;
        while let Some(start) = rest.iter().position(|&byte| byte != 0) {
            rest = &rest[start..];
            let refuse = |why| LinkError::Record { section: TYPEDEFS, index, why };
            let Some((&[version, what, slot, required], body)) = rest.split_first_chunk::<HEAD>() else {
                return Err(refuse(RecordError::Size { found: rest.len(), size: HEAD }));
            };
            if version != VERSION {
                return Err(refuse(RecordError::Version(version.into())));
            }
            let (typedef, length) = interface(body).map_err(refuse)?;
            match what {
                role::IMPLEMENTED if slot != 0 || required != 0 => return Err(refuse(RecordError::Reserved)),
                role::IMPLEMENTED if implemented.iter().any(|other| other.hash() == typedef.hash()) => {}
                role::IMPLEMENTED => {
                    let methods = typedef.definition().methods().iter();
                    methods.cloned().try_for_each(|method| signatures::add(endpoints, method)).map_err(refuse)?;
                    implemented.push(typedef);
                }
                role::WANTED => {
                    add_import(imports, slot, required, Wanted::TypeDef(typedef.hash())).map_err(refuse)?;
                }
                other => return Err(refuse(RecordError::Role(other))),
            }
            rest = &body[length..];
            index += 1;
        }
    }
    Ok(implemented)
}

/// The TypeDef at the start of some bytes, encoded or as text with a zero behind it, and how many of them it takes.
fn interface(bytes: &[u8]) -> Result<(TypeDef, usize), RecordError> {
    // An encoding begins with its version, which is no character of the language.
    if bytes.first() == Some(&javm_types::VERSION) {
        let (definition, length) =
            javm_types::TypeDef::decode_first(bytes).map_err(|error| RecordError::TypeDef(error.into()))?;
        return Ok((TypeDef::new(definition), length));
    }
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    Ok((TypeDef::new(signatures::parse(&bytes[..length])?), length))
}

/// Orders endpoints as the methods of what is implemented: the first interface's first. So a number means the same
/// method whether an owner calls the Instance or somebody else a Callable of that interface.
pub(crate) fn order(endpoints: &mut [Endpoint], implemented: &[TypeDef]) {
    let methods = implemented.iter().flat_map(|typedef| typedef.definition().methods());
    let mut next = 0;
    for method in methods {
        let rest = &endpoints[next..];
        // One that an interface before has, too, has its place.
        if let Some(found) = rest.iter().position(|endpoint| endpoint.name == *method.name()) {
            endpoints[next..=next + found].rotate_right(1);
            next += 1;
        }
    }
}
