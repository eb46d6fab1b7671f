//! The proof that an Image is valid.

use core::fmt;

use javm_isa::Program;
use thiserror::Error;
use triomphe::Arc;

use super::{Image, ImageError, validate};
use crate::cnode::CNode;
use crate::data::Data;
use crate::decode::DecodeError;
use crate::hash::CapHash;
use crate::measure::Measure;
use crate::reclaim;

/// An Image that was checked in whole and cannot change any more, with its program parsed. Nothing else enters the state.
///
/// Having one tells that every endpoint, jump table entry and fixed jump target is the start of a block with a valid
/// opcode, that its memory map can be mapped, and that its tables are within the [limits](super::limits). Copies share it.
#[derive(Clone)]
pub struct ValidImage(Arc<Checked>);

struct Checked {
    image: Image,
    program: Program,
    hash: CapHash,
    interface: CapHash,
    measure: Measure,
    /// Of a new Instance, shared by all of them.
    table: CNode,
}

/// Why bytes do not hold an Image that can be published.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LoadError {
    /// They are not the encoding of one.
    #[error("this is not an Image: {0}")]
    Encoding(#[from] DecodeError),
    /// The Image is not valid.
    #[error("the Image is not valid: {0}")]
    Invalid(#[from] ImageError),
}

impl Image {
    /// Checks everything that can be checked before a program runs.
    ///
    /// # Errors
    /// [`ImageError`] with the first thing that is wrong.
    pub fn validate(self) -> Result<ValidImage, ImageError> {
        let program = validate::validate(&self)?;
        let hash = self.hash();
        let interface = self.interface();
        let measure = Measure::of_bytes(self.encoded_length());
        let table = CNode::of_data(self.slots.iter().map(|(&slot, data)| (slot, data.clone())));
        Ok(ValidImage(Arc::new(Checked { image: self, program, hash, interface, measure, table })))
    }
}

impl ValidImage {
    /// Reads and checks an Image.
    ///
    /// # Errors
    /// [`LoadError`] when the bytes are no Image or not a valid one.
    pub fn load(bytes: &[u8]) -> Result<ValidImage, LoadError> {
        Ok(Image::decode(bytes)?.validate()?)
    }

    /// The Image.
    #[must_use]
    #[inline]
    pub fn image(&self) -> &Image {
        &self.0.image
    }

    /// Whether both are the same in memory. Equal ones in different places are not.
    #[must_use]
    #[inline]
    pub fn ptr_eq(&self, other: &ValidImage) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Its program, parsed.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// Its hash as a capability.
    #[must_use]
    #[inline]
    pub fn hash(&self) -> CapHash {
        self.0.hash
    }

    /// The hash of the interface of its endpoints.
    #[must_use]
    pub fn interface(&self) -> CapHash {
        self.0.interface
    }

    /// What it counts for: the pages of its encoding.
    #[must_use]
    #[inline]
    pub fn measure(&self) -> Measure {
        self.0.measure
    }

    /// Whether somebody else holds this Image, too: a capability, or an Instance of it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.0.is_unique()
    }

    /// The table that its Instances start with: the initial slots.
    #[must_use]
    pub fn initial_table(&self) -> &CNode {
        &self.0.table
    }

    /// Hands the Data that it consists of to `take` if nobody shares it.
    pub(crate) fn into_data(self, take: &mut impl FnMut(Data)) {
        if let Some(checked) = reclaim::sole(self.0) {
            drop(checked.table);
            checked.image.slots.into_values().for_each(take);
        }
    }

    /// The number of the endpoint with this name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<usize> {
        self.0.image.endpoints.iter().position(|endpoint| &*endpoint.name == name)
    }
}

/// Equal content.
impl PartialEq for ValidImage {
    fn eq(&self, other: &ValidImage) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for ValidImage {}

impl fmt::Debug for ValidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image {}", self.0.hash)
    }
}
