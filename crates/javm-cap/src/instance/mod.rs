//! Instance: an Image, its table and what it is doing.

use alloc::sync::Arc;
use core::fmt;

use crate::capability::Capability;
use crate::cnode::{CNode, PlaceError, Refused};
use crate::hash::{CapHash, HASH_SIZE, Hash, HashCache, hash_from_hex, hash_parts};
use crate::image::ValidImage;
use crate::measure::Measure;
use crate::reclaim::Reclaim;
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
        match self {
            RunState::Idle => IDLE,
        }
    }
}

/// The hash of the message of an Idle Instance: the tag and three zeros.
static IDLE: Hash = hash_from_hex("8fa1b4b3094dde8d8ed022a0b4e5931d756fb4055cad2768e077f5ed718de083");

/// A program with its table. A value like every capability: a copy counts one up and shares everything.
#[derive(Clone)]
pub struct Instance(Arc<Parts>);

/// What an Instance consists of.
#[derive(Clone)]
struct Parts {
    image: ValidImage,
    table: CNode,
    state: RunState,
    hash: HashCache,
}

impl Instance {
    /// An Idle Instance of the Image whose table holds the Image's initial slots. Imports are for the creator to put in.
    #[must_use]
    pub fn new(image: ValidImage) -> Instance {
        let table = image.initial_table().clone();
        Instance(Arc::new(Parts { image, table, state: RunState::Idle, hash: HashCache::empty() }))
    }

    /// Its parts to be changed: its own from here on.
    fn open(&mut self) -> &mut Parts {
        let parts = Arc::make_mut(&mut self.0);
        parts.hash.clear();
        parts
    }

    /// Its program.
    #[must_use]
    pub fn image(&self) -> &ValidImage {
        &self.0.image
    }

    /// Its table.
    #[must_use]
    pub fn table(&self) -> &CNode {
        &self.0.table
    }

    /// Its table, to be changed. Copies of the Instance do not see it.
    #[must_use]
    pub fn table_mut(&mut self) -> &mut CNode {
        &mut self.open().table
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.0.state
    }

    /// What it counts for: one page, its Image, and everything in its table, in which paths begin.
    #[must_use]
    pub fn measure(&self) -> Measure {
        self.table().measure().beside(self.image().measure())
    }

    /// [`CNode::put_at`] in its table, within its own bounds.
    ///
    /// # Errors
    /// As there.
    pub fn put_at(&mut self, path: &[u8], capability: impl Into<Capability>) -> Result<(), Refused<PlaceError>> {
        let whole = self.measure();
        self.table_mut().put_within(whole, path, capability.into())
    }

    /// [`CNode::replace_at`] in its table, within its own bounds.
    ///
    /// # Errors
    /// As there.
    pub fn replace_at(
        &mut self,
        path: &[u8],
        capability: impl Into<Capability>,
    ) -> Result<Capability, Refused<PlaceError>> {
        let whole = self.measure();
        self.table_mut().replace_within(whole, path, capability.into())
    }

    /// [`CNode::resize_at`] in its table, within its own bounds.
    ///
    /// # Errors
    /// As there.
    pub fn resize_at(&mut self, path: &[u8], pages: u32, reclaim: &mut Reclaim) -> Result<(), PlaceError> {
        let whole = self.measure();
        self.table_mut().resize_within(whole, path, pages, reclaim)
    }

    /// Its canonical encoding: tag and the hashes of Image, CNode and run state.
    #[must_use]
    pub fn encode(&self) -> [u8; 1 + 3 * HASH_SIZE] {
        let mut bytes = [0; 1 + 3 * HASH_SIZE];
        let hashes = [self.image().hash().0, self.table().hash().0, self.state().hash()];
        bytes[0] = Tag::Instance.number();
        for (part, hash) in bytes[1..].chunks_exact_mut(HASH_SIZE).zip(hashes) {
            part.copy_from_slice(&hash);
        }
        bytes
    }

    /// The hash of this capability: that of its encoding.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(self.0.hash.get_or_fill(|| hash_parts(Tag::Instance, &[&self.encode()[1..]])))
    }

    /// Hands what it consists of to `take` if nobody shares it.
    pub(crate) fn into_parts(self, take: &mut impl FnMut(Capability)) {
        if let Some(parts) = Arc::into_inner(self.0) {
            take(Capability::Image(parts.image));
            take(Capability::CNode(parts.table));
        }
    }
}

/// Equal Image, table and state.
impl PartialEq for Instance {
    fn eq(&self, other: &Instance) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.hash() == other.hash()
    }
}

impl Eq for Instance {}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { image, table, state, .. } = &*self.0;
        f.debug_struct("Instance").field("image", image).field("table", table).field("state", state).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use std::collections::BTreeMap;

    use super::*;
    use crate::data::Data;
    use crate::hash::count;
    use crate::image::Image;

    fn image() -> ValidImage {
        let image = Image {
            cost_model: javm_isa::CostModel::Flat,
            code: Vec::from([0, 0, 1, 0, 1]),
            endpoints: Vec::new(),
            memory: BTreeMap::new(),
            slots: BTreeMap::from([(2, Data::from_bytes(&[7; 20_000]).expect("short"))]),
            imports: BTreeMap::new(),
            typedefs: Default::default(),
        };
        image.validate().expect("it is valid")
    }

    fn hashed(root: &Instance) -> BTreeMap<Tag, usize> {
        count::of(|| _ = root.hash())
    }

    #[test]
    fn idle_is_the_hash_of_its_message() {
        assert_eq!(CapHash(IDLE), CapHash(hash_parts(Tag::RunState, &[&[0, 0, 0]])));
    }

    #[test]
    fn a_new_state_root_hashes_what_changed_and_the_path_to_it() {
        let mut root = Instance::new(image());
        for slot in 3..20 {
            let child = Instance::new(root.image().clone());
            root.put_at(&[slot], child).expect("small");
            root.put_at(&[slot, 9], CNode::new()).expect("small");
            root.put_at(&[slot, 9, 200], Data::from_bytes(&[slot; 9000]).expect("short")).expect("small");
        }
        hashed(&root);
        assert_eq!(hashed(&root), BTreeMap::new());
        let copy = root.clone();
        root.table_mut().data_at(&[7, 9, 200]).expect("it is there").write(5000, b"new").expect("inside");
        // A page of three, in a tree of height 2; then three tables and two Instances.
        let path = [
            (Tag::Page, 1),
            (Tag::DataNode, 2),
            (Tag::Data, 1),
            (Tag::CNodeNode, 3 * 8),
            (Tag::CNode, 3),
            (Tag::Instance, 2),
        ];
        assert_eq!(hashed(&root), BTreeMap::from(path));
        assert_eq!((hashed(&root), hashed(&copy)), (BTreeMap::new(), BTreeMap::new()));
        assert_ne!(root, copy);
    }
}
