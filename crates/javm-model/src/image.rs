//! Programs: what the kernel looks at, and the script that stands for the code.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use javm_types::Method;

use crate::hash;
use crate::script::Script;
use crate::value::{Data, Hash, TypeDef};

/// A program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// Its capability hash: a real Image's, or one made of everything below ([`Image::identified`]).
    pub hash: Hash,
    /// Bytes of its encoding.
    pub bytes: u64,
    /// Where it can be called.
    pub endpoints: Vec<Endpoint>,
    /// The memory map, by first page.
    pub memory: BTreeMap<u32, Mapping>,
    /// What stands in its table at first.
    pub slots: BTreeMap<u8, Data>,
    /// What it asks its creator for.
    pub imports: BTreeMap<u8, Import>,
    /// The hashes of the TypeDefs that it implements.
    pub typedefs: BTreeSet<Hash>,
    /// What it does.
    pub script: Script,
}

/// Where a program can be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// The code offset of the block where it begins.
    pub entry: u32,
    /// How many arguments it takes.
    pub arity: u8,
    /// What the registers hold at first.
    pub registers: [u64; 13],
    /// The method that it is, if that was said.
    pub signature: Option<Method>,
}

/// A range of pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// How many.
    pub pages: u32,
    /// Whether stores are allowed.
    pub writable: bool,
    /// What they hold.
    pub source: Source,
}

/// Where pages come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A slot, from this page of its Data on.
    Slot(u8, u32),
    /// Zeros at each call.
    Ephemeral,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Import {
    /// Whether it cannot do without.
    pub required: bool,
    /// What.
    pub wanted: Wanted,
}

/// What an import asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A service.
    Service(u32),
    /// Something that implements the TypeDef of this hash.
    TypeDef(Hash),
}

impl Image {
    /// A program without anything but a script, whose endpoints are `e0`, `e1`, … of four arguments each, one at each
    /// block that is first or behind the end of an endpoint ([`Script::endpoints`]).
    #[must_use]
    pub fn of(script: Script) -> Image {
        let endpoints = script.endpoints().into_iter().enumerate().map(|(number, entry)| Endpoint {
            name: format!("e{number}"),
            entry,
            arity: 4,
            registers: [0; 13],
            signature: None,
        });
        Image {
            hash: [0; 32],
            bytes: 4096,
            endpoints: endpoints.collect(),
            memory: BTreeMap::new(),
            slots: BTreeMap::new(),
            imports: BTreeMap::new(),
            typedefs: BTreeSet::new(),
            script,
        }
    }

    /// With the hash that everything in it gives: equal programs have equal hashes, others others. For programs that
    /// have no real Image.
    #[must_use]
    pub fn identified(mut self) -> Rc<Image> {
        self.hash = [0; 32];
        self.hash = hash::hash(0x12, &[format!("{self:?}").as_bytes()]);
        Rc::new(self)
    }

    /// The interface of its endpoints.
    #[must_use]
    pub fn interface(&self) -> Hash {
        let mut message = (self.endpoints.len() as u32).to_le_bytes().to_vec();
        for endpoint in &self.endpoints {
            message.push(endpoint.name.len() as u8);
            message.extend(endpoint.name.as_bytes());
            message.push(endpoint.arity);
            message.push(u8::from(endpoint.signature.is_some()));
            message.extend(endpoint.signature.iter().flat_map(Method::encode));
        }
        hash::hash(0x22, &[&message])
    }

    /// Whether it implements an interface.
    #[must_use]
    pub fn implements(&self, interface: &Hash) -> bool {
        self.typedefs.contains(interface) || self.interface() == *interface
    }

    /// The endpoint that is a method of an interface which it implements.
    pub(crate) fn method(&self, typedef: Option<&TypeDef>, method: u16) -> Option<&Endpoint> {
        let Some(typedef) = typedef else { return self.endpoints.get(usize::from(method)) };
        let method = typedef.methods.get(usize::from(method))?;
        self.endpoints.iter().find(|endpoint| {
            endpoint.name == method.name().as_str()
                && endpoint.arity == method.arity()
                && endpoint.signature.as_ref().is_none_or(|signature| signature == method)
        })
    }

    /// How many pages its ephemeral mappings have.
    #[must_use]
    pub fn ephemeral_pages(&self) -> u32 {
        self.memory.values().filter(|mapping| mapping.source == Source::Ephemeral).map(|mapping| mapping.pages).sum()
    }

    /// How many persistent pages are mapped read-write.
    #[must_use]
    pub fn persistent_writable_pages(&self) -> u32 {
        let writable = self.memory.values().filter(|mapping| mapping.writable && mapping.source != Source::Ephemeral);
        writable.map(|mapping| mapping.pages).sum()
    }
}
