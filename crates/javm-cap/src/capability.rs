//! A capability: one of the kinds that there are.

use core::fmt;

use crate::callable::Callable;
use crate::changes::{Epoch, Tally};
use crate::cnode::CNode;
use crate::data::Data;
use crate::hash::{CapHash, hash_parts};
use crate::image::ValidImage;
use crate::instance::Instance;
use crate::measure::Measure;
use crate::tag::Tag;
use crate::typedef::TypeDef;

/// What may stand in a slot. A value: a copy costs a count or two, whatever hangs below, and never sees changes.
#[derive(Clone, PartialEq, Eq)]
pub enum Capability {
    /// Bytes.
    Data(Data),
    /// A table of capabilities.
    CNode(CNode),
    /// A program that has passed validation.
    Image(ValidImage),
    /// An interface.
    TypeDef(TypeDef),
    /// A program with its table.
    Instance(Instance),
    /// The right to call what stands at a place.
    Callable(Callable),
    /// The right to call a kernel service.
    Service(Service),
}

impl Capability {
    /// Its kind, as the tag of its hash.
    #[must_use]
    pub fn tag(&self) -> Tag {
        match self {
            Capability::Data(_) => Tag::Data,
            Capability::CNode(_) => Tag::CNode,
            Capability::Image(_) => Tag::Image,
            Capability::TypeDef(_) => Tag::TypeDef,
            Capability::Callable(_) => Tag::Callable,
            Capability::Instance(_) => Tag::Instance,
            Capability::Service(_) => Tag::Service,
        }
    }

    /// The table of what has slots.
    #[must_use]
    pub fn table(&self) -> Option<&CNode> {
        match self {
            Capability::CNode(table) => Some(table),
            Capability::Instance(instance) => Some(instance.table()),
            _ => None,
        }
    }

    /// The same, to be changed. It is for the caller to stay within the bounds of what it is in.
    #[must_use]
    pub fn table_mut(&mut self) -> Option<&mut CNode> {
        match self {
            Capability::CNode(table) => Some(table),
            Capability::Instance(instance) => Some(instance.table_mut()),
            _ => None,
        }
    }

    /// What it counts for in bounds and quotas, with everything below it. Remembered where it takes work.
    #[must_use]
    #[inline]
    pub fn measure(&self) -> Measure {
        match self {
            Capability::Data(data) => data.measure(),
            Capability::CNode(table) => table.measure(),
            Capability::Image(image) => image.measure(),
            Capability::TypeDef(typedef) => typedef.measure(),
            Capability::Callable(callable) => callable.measure(),
            Capability::Instance(instance) => instance.measure(),
            Capability::Service(_) => Measure::default(),
        }
    }

    /// How often it, and everything below it, was changed in an epoch, of which there may be no later one. Adds up what was
    /// changed since it was last asked for, in whichever epoch. At most 2^64 - 1.
    #[must_use]
    pub fn changes(&self, epoch: Epoch) -> u64 {
        self.tally().of(epoch)
    }

    pub(crate) fn tally(&self) -> Tally {
        match self {
            Capability::Data(data) => data.tally(),
            Capability::CNode(table) => table.tally(),
            Capability::Instance(instance) => instance.tally(),
            Capability::Image(_) | Capability::TypeDef(_) | Capability::Callable(_) | Capability::Service(_) => {
                Tally::default()
            }
        }
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        match self {
            Capability::Data(data) => data.hash(),
            Capability::CNode(table) => table.hash(),
            Capability::Image(image) => image.hash(),
            Capability::TypeDef(typedef) => typedef.hash(),
            Capability::Callable(callable) => callable.hash(),
            Capability::Instance(instance) => instance.hash(),
            Capability::Service(service) => service.hash(),
        }
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag(), self.hash())
    }
}

macro_rules! from_kind {
    ($($kind:ident)*) => {
        $(impl From<$kind> for Capability {
            fn from(value: $kind) -> Capability {
                Capability::$kind(value)
            }
        })*
    };
}

from_kind! { Data CNode TypeDef Instance Callable Service }

impl From<ValidImage> for Capability {
    fn from(image: ValidImage) -> Capability {
        Capability::Image(image)
    }
}

/// The right to call a kernel service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Service {
    /// Which service. The kernel has the list.
    pub id: u32,
    /// What the service makes of it; zero where it has no use for one.
    pub parameter: u64,
}

impl Service {
    /// The hash of this capability.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(hash_parts(Tag::Service, &[&self.id.to_le_bytes(), &self.parameter.to_le_bytes()]))
    }
}
