//! Archives: a capability, with everything below it, as bytes that another kernel reads.
//!
//! An archive is a sequence of nodes, what is below before what is above. A node names others by how many came before
//! them, so that what is shared is in it once, and is shared again where it is read; the last node is the capability. It
//! comes in parts of whole nodes, so that neither side ever needs all of it in one piece.
//!
//! The normative text is `docs/spec/archive.md`.

mod reader;
mod weight;
mod writer;

use alloc::boxed::Box;

use javm_types::DefinitionError;
use thiserror::Error;

pub use self::reader::Reader;
pub use self::weight::Weight;
pub use self::writer::Writer;
use crate::callable::CALLABLE_BYTES;
use crate::decode::{self, DecodeError, DecodeErrorReason};
use crate::hash::{CapHash, HASH_SIZE};
use crate::image::LoadError;
use crate::instance::{InstanceError, RestoreError, StateError};
use crate::measure::BoundsError;
use crate::page::PAGE_SIZE;
use crate::tag::Tag;

/// Why bytes are no archive, or cannot be read here. Nothing of the part is kept.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("node {node} of the archive: {reason}")]
pub struct ArchiveError {
    /// The number of the node that is wrong, from 1 on.
    pub node: u32,
    /// What is wrong with it.
    pub reason: ArchiveErrorReason,
}

/// What can be wrong with a node.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ArchiveErrorReason {
    /// The bytes are no node.
    #[error(transparent)]
    Encoding(#[from] Box<DecodeError>),
    /// It names a node that does not come before it.
    #[error("it names node {0}, which does not come before it")]
    Reference(u32),
    /// It names a node of another kind than belongs there.
    #[error("it names node {node} as {wanted}, which that is not")]
    Kind {
        /// The node that is named.
        node: u32,
        /// What it should be.
        wanted: &'static str,
    },
    /// An Image that breaks a rule.
    #[error(transparent)]
    Image(#[from] Box<LoadError>),
    /// An Image by its hash, which is not there.
    #[error("the Image {0}, which it names, is not published here")]
    UnknownImage(CapHash),
    /// A TypeDef that is none.
    #[error(transparent)]
    TypeDef(#[from] Box<DefinitionError>),
    /// Something would be too large or too high.
    #[error(transparent)]
    Bounds(#[from] BoundsError),
    /// An Instance in a state that its Image cannot be in.
    #[error(transparent)]
    State(#[from] StateError),
    /// An Instance that may not enter the state.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// It is one of more nodes than can be named.
    #[error("an archive has at most {max} nodes", max = u32::MAX)]
    TooMany,
    /// It would take more memory than is allowed.
    #[error("reading it would take {bytes} bytes; {limit} are allowed")]
    TooMuch {
        /// How much it takes with all before it, about.
        bytes: u64,
        /// How much it may take.
        limit: u64,
    },
    /// The archive ends without a capability.
    #[error("it is the last one, and no capability")]
    Unfinished,
}

impl From<RestoreError> for ArchiveErrorReason {
    fn from(error: RestoreError) -> ArchiveErrorReason {
        match error {
            RestoreError::Encoding(error) => error.into(),
            RestoreError::Bounds(error) => error.into(),
            RestoreError::State(error) => error.into(),
            RestoreError::Invalid(error) => error.into(),
        }
    }
}

impl From<DecodeError> for ArchiveErrorReason {
    fn from(error: DecodeError) -> ArchiveErrorReason {
        Box::new(error).into()
    }
}

/// An Image by its hash, which both sides have; the other kinds of nodes go by their tags.
const NAMED_IMAGE: u8 = 0x1f;

/// A node as it stands in the bytes. Names of others are numbers; 0 is nothing.
enum Raw<'a> {
    /// The bytes of a page up to the last that is not zero.
    Page(&'a [u8]),
    /// The two halves of a subtree of a Data.
    Halves([u32; 2]),
    Data {
        pages: u32,
        tree: u32,
    },
    /// Its slots with what stands there, five bytes each.
    CNode(&'a [[u8; 5]]),
    Image(&'a [u8]),
    NamedImage(CapHash),
    TypeDef(&'a [u8]),
    Instance {
        image: u32,
        table: u32,
        ephemeral: u32,
        /// What its run state is the hash of.
        state: &'a [u8],
    },
    Callable {
        typedef: u32,
        bytes: &'a [u8; CALLABLE_BYTES],
    },
    Service {
        id: u32,
        parameter: u64,
    },
}

/// The next node, as far as it can be told without the others.
fn next<'a>(from: &mut decode::Reader<'a>) -> Result<Raw<'a>, DecodeError> {
    let at = from.offset();
    let kind = from.u8("kind")?;
    Ok(match Tag::from_number(kind) {
        Some(Tag::Page) => {
            let at = from.offset();
            let length = from.u16("page length")?;
            let bytes = from.bytes("page", usize::from(length))?;
            if bytes.len() > PAGE_SIZE {
                let reason = DecodeErrorReason::TooLarge { found: length.into(), limit: PAGE_SIZE as u64 };
                return Err(DecodeError::new(at, "page length", reason));
            }
            match bytes.last() {
                None => return Err(DecodeError::new(at, "page length", DecodeErrorReason::ListedZero)),
                Some(0) => return Err(DecodeError::new(at, "page", DecodeErrorReason::SpareZero)),
                Some(_) => Raw::Page(bytes),
            }
        }
        Some(Tag::DataNode) => Raw::Halves([from.u32("left half")?, from.u32("right half")?]),
        Some(Tag::Data) => Raw::Data { pages: from.u32("pages")?, tree: from.u32("tree")? },
        Some(Tag::CNode) => {
            let count = from.u16("number of slots")?;
            Raw::CNode(from.bytes("slots", 5 * usize::from(count))?.as_chunks().0)
        }
        Some(Tag::Image) => {
            let length = from.u32("Image length")?;
            Raw::Image(from.bytes("Image", length as usize)?)
        }
        Some(Tag::TypeDef) => {
            let length = from.u32("TypeDef length")?;
            Raw::TypeDef(from.bytes("TypeDef", length as usize)?)
        }
        Some(Tag::Instance) => {
            let (image, table, ephemeral) = (from.u32("Image")?, from.u32("table")?, from.u32("ephemeral pages")?);
            let length = from.u32("state length")?;
            Raw::Instance { image, table, ephemeral, state: from.bytes("state", length as usize)? }
        }
        Some(Tag::Callable) => {
            let typedef = from.u32("TypeDef")?;
            let (at, bytes) = (from.offset(), from.bytes("Callable", CALLABLE_BYTES)?);
            let too_short = DecodeErrorReason::Truncated { needed: CALLABLE_BYTES, left: bytes.len() };
            let bytes = bytes.first_chunk().ok_or(DecodeError::new(at, "Callable", too_short))?;
            Raw::Callable { typedef, bytes }
        }
        Some(Tag::Service) => Raw::Service { id: from.u32("service")?, parameter: from.u64("parameter")? },
        _ if kind == NAMED_IMAGE => Raw::NamedImage(CapHash(from.array::<HASH_SIZE>("Image")?)),
        _ => {
            let reason = DecodeErrorReason::Unknown { found: kind.into(), known: "see docs/spec/archive.md" };
            return Err(DecodeError::new(at, "kind", reason));
        }
    })
}
