//! Instance: an Image, its table and what it is doing.

use crate::capability::Capability;
use crate::cnode::CNode;
use crate::hash::{CapHash, HASH_SIZE, Hash, hash_parts};
use crate::image::ValidImage;
use crate::tag::Tag;

/// What an Instance at rest is doing. Those on the call stack are the kernel's, and are never hashed or stored.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum RunState {
    /// Nothing: it can be called.
    #[default]
    Idle,
}

impl RunState {
    /// The hash of it, with page budget and `home`, neither of which an Instance has yet.
    fn hash(&self) -> Hash {
        const NO_QUOTA: u8 = 0;
        const NO_HOME: u8 = 0;
        let state = match self {
            RunState::Idle => 0,
        };
        hash_parts(Tag::RunState, &[&[state, NO_QUOTA, NO_HOME]])
    }
}

/// A program with its table. A value like every capability: a copy shares everything and costs the same whatever that is.
#[derive(Clone, Debug)]
pub struct Instance {
    image: ValidImage,
    table: CNode,
    state: RunState,
}

impl Instance {
    /// An Idle Instance of the Image whose table holds the Image's initial slots. Imports are for the creator to put in.
    #[must_use]
    pub fn new(image: ValidImage) -> Instance {
        let table = image.image().slots.iter().map(|(&slot, data)| (slot, Capability::Data(data.clone()))).collect();
        Instance { image, table, state: RunState::Idle }
    }

    /// Its program.
    #[must_use]
    pub fn image(&self) -> &ValidImage {
        &self.image
    }

    /// Its table.
    #[must_use]
    pub fn table(&self) -> &CNode {
        &self.table
    }

    /// Its table, to be changed. Copies of the Instance do not see it.
    #[must_use]
    pub fn table_mut(&mut self) -> &mut CNode {
        &mut self.table
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Its canonical encoding: tag and the hashes of Image, CNode and run state.
    #[must_use]
    pub fn encode(&self) -> [u8; 1 + 3 * HASH_SIZE] {
        let mut bytes = [0; 1 + 3 * HASH_SIZE];
        let hashes = [self.image.hash().0, self.table.hash().0, self.state.hash()];
        bytes[0] = Tag::Instance.number();
        for (part, hash) in bytes[1..].chunks_exact_mut(HASH_SIZE).zip(hashes) {
            part.copy_from_slice(&hash);
        }
        bytes
    }

    /// The hash of this capability: that of its encoding.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(hash_parts(Tag::Instance, &[&self.encode()[1..]]))
    }
}

/// Equal Image, table and state.
impl PartialEq for Instance {
    fn eq(&self, other: &Instance) -> bool {
        self.encode() == other.encode()
    }
}

impl Eq for Instance {}
