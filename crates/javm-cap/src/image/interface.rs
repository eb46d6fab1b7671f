//! The interface of an Image, and which of its endpoints implement another one.
//!
//! The normative text is `docs/spec/callable.md`.

use alloc::vec::Vec;

use javm_types::Method;

use super::{Endpoint, Image};
use crate::hash::{CapHash, hash_parts};
use crate::tag::Tag;

impl Image {
    /// The hash of the interface that consists of all its endpoints, in their order. Entries, registers, code and memory
    /// are not in it.
    #[must_use]
    pub fn interface(&self) -> CapHash {
        CapHash(hash_parts(Tag::Interface, &[&self.encode_interface()]))
    }

    /// What that hash is of: without the tag.
    #[must_use]
    pub fn encode_interface(&self) -> Vec<u8> {
        // As many as there are bits of a mask.
        let mut message = Vec::from((self.endpoints.len() as u32).to_le_bytes());
        for Endpoint { name, arity, signature, .. } in &self.endpoints {
            message.push(name.len() as u8);
            message.extend_from_slice(name.as_bytes());
            message.extend_from_slice(&[*arity, u8::from(signature.is_some())]);
            message.extend(signature.iter().flat_map(Method::encode));
        }
        message
    }

    /// The number of the endpoint that is a method: it has its name and arity and, if it has a signature, the same one.
    #[must_use]
    pub fn endpoint_of(&self, method: &Method) -> Option<usize> {
        let is_it = |endpoint: &Endpoint| {
            endpoint.name == *method.name()
                && endpoint.arity == method.arity()
                && endpoint.signature.as_ref().is_none_or(|signature| signature == method)
        };
        self.endpoints.iter().position(is_it)
    }
}
