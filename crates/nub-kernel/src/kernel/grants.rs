//! What a new Instance is given.

use alloc::collections::BTreeMap;
use alloc::string::String;

use javm_cap::{CapHash, Capability, Image, Import, Wanted};
use thiserror::Error;

use crate::operation::satisfies;
use crate::service::Service;

/// Why no Instance was made.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InstantiateError {
    /// No such Image was published.
    #[error("no Image {0} is published: publish it first")]
    UnknownImage(CapHash),
    /// A required import was not granted.
    #[error("the Image requires {wanted} in slot {slot}, which was not granted")]
    Denied {
        /// The slot that it should be in.
        slot: u8,
        /// What should be there.
        wanted: String,
    },
    /// A grant for a slot that is no import.
    #[error("slot {0} was granted a capability, but the Image imports nothing there")]
    NoImport(u8),
}

/// What a new Instance is given for the imports of its Image.
#[derive(Clone, Default, Debug)]
pub struct Grants {
    slots: BTreeMap<u8, Capability>,
    all_services: bool,
}

impl Grants {
    /// Nothing.
    #[must_use]
    pub fn none() -> Grants {
        Grants::default()
    }

    /// Every service that the Image imports.
    #[must_use]
    pub fn services() -> Grants {
        Grants { all_services: true, ..Grants::default() }
    }

    /// Additionally this capability in this slot.
    #[must_use]
    pub fn with(mut self, slot: u8, capability: Capability) -> Grants {
        self.slots.insert(slot, capability);
        self
    }

    /// What each import of an Image gets.
    ///
    /// # Errors
    /// [`InstantiateError`] when a required import is not granted, or a grant has no import.
    pub fn resolve(&self, image: &Image) -> Result<BTreeMap<u8, Capability>, InstantiateError> {
        let mut resolved = BTreeMap::new();
        for (&slot, import) in &image.imports {
            match self.for_import(slot, import) {
                Some(capability) => {
                    resolved.insert(slot, capability);
                }
                None if import.required => {
                    return Err(InstantiateError::Denied { slot, wanted: describe(&import.wanted) });
                }
                None => {}
            }
        }
        match self.slots.keys().find(|slot| !image.imports.contains_key(slot)) {
            Some(slot) => Err(InstantiateError::NoImport(*slot)),
            None => Ok(resolved),
        }
    }

    fn for_import(&self, slot: u8, import: &Import) -> Option<Capability> {
        let granted = self.slots.get(&slot).filter(|capability| satisfies(capability, &import.wanted));
        granted.cloned().or_else(|| match import.wanted {
            Wanted::Service(id) if self.all_services && Service::from_number(id).is_some() => {
                Some(Capability::Service(javm_cap::Service { id, parameter: 0 }))
            }
            _ => None,
        })
    }
}

fn describe(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Service(id) => match Service::from_number(*id) {
            Some(service) => alloc::format!("the service {}", service.name()),
            None => alloc::format!("service {id}, which this kernel does not have,"),
        },
        Wanted::TypeDef(hash) => alloc::format!("something that implements the interface {hash}"),
        _ => String::from("a capability of a kind that this kernel does not have,"),
    }
}
