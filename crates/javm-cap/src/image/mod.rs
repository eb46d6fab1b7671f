//! Image: a program as it is published.
//!
//! The normative text is `docs/spec/image.md`.

mod code;
mod decoding;
mod encoding;
mod interface;
pub mod limits;
mod valid;
mod validate;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use javm_isa::{CostModel, REG_COUNT};
use javm_types::Method;
/// The name of an endpoint: that of the method which it is.
pub use javm_types::MethodName as EndpointName;
pub use javm_types::NameError;

pub use self::code::{CodeError, NotABlock};
pub use self::decoding::Weight;
pub use self::encoding::{MAGIC, VERSION};
pub use self::valid::{LoadError, ValidImage};
pub use self::validate::{ImageError, MappingError};
use crate::data::Data;
use crate::hash::CapHash;

/// The slot of a running Instance that is its scratchpad.
pub const SCRATCHPAD_SLOT: u8 = 0;

/// The slot of a running Instance that capabilities are passed in.
pub const GIFT_SLOT: u8 = 1;

/// A program and what it needs to run, as a linker makes it or a file holds it. It may be wrong in any way: what the
/// kernel takes is a [`ValidImage`].
///
/// The tables are sorted and free of doubles by their types, so that equal Images have equal encodings.
///
/// ```
/// use javm_cap::{Endpoint, Image, ValidImage};
/// use javm_isa::CostModel;
///
/// // a0 = a0 + a1; jump_ind ra
/// let code = vec![0, 0, 5, 200, 0x87, 7, 50, 0, 0b01001];
/// let image = Image::new(CostModel::Pipeline, code, vec![Endpoint::new("add".parse()?, 2)]);
/// let bytes = image.encode();
/// let valid: ValidImage = image.validate()?;
/// assert_eq!(ValidImage::load(&bytes)?.hash(), valid.hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// How its gas is computed.
    pub cost_model: CostModel,
    /// The program blob.
    pub code: Vec<u8>,
    /// Where it can be called, by endpoint number.
    pub endpoints: Vec<Endpoint>,
    /// What its memory holds, by the number of the first page (address / 4096).
    pub memory: BTreeMap<u32, Mapping>,
    /// What stands in its table at first, by slot.
    pub slots: BTreeMap<u8, Data>,
    /// What its creator is asked to put into its table, by slot.
    pub imports: BTreeMap<u8, Import>,
    /// The hashes of the TypeDefs that it implements.
    pub typedefs: BTreeSet<CapHash>,
}

impl Image {
    /// An Image without memory, capabilities and imports.
    #[must_use]
    pub fn new(cost_model: CostModel, code: Vec<u8>, endpoints: Vec<Endpoint>) -> Image {
        let (memory, slots, imports) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Image { cost_model, code, endpoints, memory, slots, imports, typedefs: BTreeSet::new() }
    }

    /// The pages of all its ephemeral mappings.
    #[must_use]
    pub fn ephemeral_pages(&self) -> u32 {
        let ephemeral = self.memory.values().filter(|mapping| mapping.backing == Backing::Ephemeral);
        ephemeral.fold(0, |pages, mapping| pages.saturating_add(mapping.pages))
    }
}

/// A place where a program can be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// What people call it.
    pub name: EndpointName,
    /// The code offset where it starts.
    pub entry: u32,
    /// How many scalar arguments it takes, at most [`MAX_ARITY`](limits::MAX_ARITY).
    pub arity: u8,
    /// What the registers hold at the start. φ0 and φ7..φ10 are set by the call and must be zero here.
    pub registers: [u64; REG_COUNT],
    /// What it takes and returns, if it was said: a method of this name and arity.
    pub signature: Option<Method>,
}

impl Endpoint {
    /// The endpoint at the beginning of the code, whose registers are zero.
    #[must_use]
    pub fn new(name: EndpointName, arity: u8) -> Endpoint {
        Endpoint { name, entry: 0, arity, registers: [0; REG_COUNT], signature: None }
    }
}

/// A range of pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// How many, at least 1.
    pub pages: u32,
    /// What the program may do with them.
    pub access: Access,
    /// What they hold.
    pub backing: Backing,
}

/// What a program may do with a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Access {
    /// Read it.
    ReadOnly = 0,
    /// Read it and write to it.
    ReadWrite = 1,
}

/// Where the pages of a mapping come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// The Data in a slot of the Instance's table. What is written to it stays.
    Persistent {
        /// The slot.
        slot: u8,
        /// The page of the Data that the first page of the mapping is.
        offset_pages: u32,
    },
    /// Nothing: zeros at each call, gone at its end.
    Ephemeral,
}

/// A capability that a program wants to be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Import {
    /// Whether it cannot do without.
    pub required: bool,
    /// What it wants.
    pub wanted: Wanted,
}

/// What an import asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wanted {
    /// A Service by its id, or whatever stands in for it.
    Service(u32),
    /// Something that implements the TypeDef with this hash.
    TypeDef(CapHash),
}
