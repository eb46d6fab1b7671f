//! What endpoints take and return, as far as the program says it: signatures that a compiler has written, and interfaces
//! that a person has.

use javm_types::{Method, TypeDef};

use crate::elf::Object;
use crate::error::{LinkError, RecordError};
use crate::records::{Endpoint, contents};

const SIGNATURES: &str = ".nub.signatures";
const INTERFACE: &str = ".nub.interface";

/// Gives each endpoint the signature that is there for its name.
pub(crate) fn attach(object: &Object, endpoints: &mut [Endpoint]) -> Result<(), LinkError> {
    let mut index = 0;
    for data in contents(object, SIGNATURES) {
        // Zeros between signatures are alignment: none starts with one.
        let mut rest = data;
        while let Some(start) = rest.iter().position(|&byte| byte != 0) {
            let refuse = |why| LinkError::Record { section: SIGNATURES, index, why };
            let read = Method::decode_first(&rest[start..]);
            let (method, length) = read.map_err(|error| refuse(RecordError::Signature(error)))?;
            add(endpoints, method).map_err(refuse)?;
            rest = &rest[start + length..];
            index += 1;
        }
    }
    let texts = contents(object, INTERFACE).flat_map(|data| data.split(|&byte| byte == 0));
    for (index, bytes) in texts.filter(|bytes| !bytes.is_empty()).enumerate() {
        let refuse = |why| LinkError::Record { section: INTERFACE, index, why };
        let interface = parse(bytes).map_err(refuse)?;
        interface.methods().iter().try_for_each(|method| add(endpoints, method.clone()).map_err(refuse))?;
    }
    Ok(())
}

/// Reads the text of an interface.
pub(crate) fn parse(bytes: &[u8]) -> Result<TypeDef, RecordError> {
    let text = str::from_utf8(bytes).map_err(|error| RecordError::NotText(error.valid_up_to()))?;
    text.parse().map_err(RecordError::Interface)
}

/// Takes a signature for the endpoint of its name.
pub(crate) fn add(endpoints: &mut [Endpoint], method: Method) -> Result<(), RecordError> {
    let Some(endpoint) = endpoints.iter_mut().find(|endpoint| endpoint.name == *method.name()) else {
        return Err(RecordError::NoEndpoint(method.to_string()));
    };
    if endpoint.arity != method.arity() {
        return Err(RecordError::SignatureArity { method: method.to_string(), arity: endpoint.arity });
    }
    match &endpoint.signature {
        Some(other) if *other != method => Err(RecordError::OtherSignature(other.to_string(), method.to_string())),
        _ => {
            endpoint.signature = Some(method);
            Ok(())
        }
    }
}
