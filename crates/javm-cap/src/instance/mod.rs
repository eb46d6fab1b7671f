//! Instance: an Image, its table and what it is doing.
//!
//! The normative text is `docs/spec/instance.md`.

mod mappings;
mod state;
mod validate;

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;
use triomphe::Arc;

pub use self::mappings::{DynamicMapping, DynamicMappingError, DynamicMappings, MAX_DYNAMIC_MAPPINGS};
use self::state::{Condition, PLAIN};
pub use self::state::{RunState, Suspended, Why};
pub use self::validate::InstanceError;
use crate::capability::Capability;
use crate::changes::{Epoch, Tally};
use crate::cnode::{CNode, PlaceError, Refused};
use crate::data::Data;
use crate::decode::{DecodeError, Reader};
use crate::hash::{CapHash, HASH_SIZE, Hash, HashCache, hash_parts};
use crate::image::ValidImage;
use crate::measure::{BoundsError, MAX_SIZE, Measure};
use crate::path::Path;
use crate::reclaim::{self, Reclaim};
use crate::tag::Tag;

/// A program with its table. A value like every capability: a copy counts one up and shares everything.
#[derive(Clone)]
pub struct Instance(Arc<Parts>);

/// What an Instance consists of.
#[derive(Clone)]
struct Parts {
    image: ValidImage,
    table: CNode,
    /// `None` for the one that nearly all have, which is [plain](Condition::is_plain).
    condition: Option<Arc<Conditioned>>,
    hash: HashCache,
}

/// A condition that remembers its hash.
#[derive(Clone)]
struct Conditioned {
    condition: Condition,
    hash: HashCache,
}

/// Why an Instance cannot be in a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum StateError {
    /// It has not as many ephemeral pages as its Image says.
    #[error("{found} ephemeral pages, where the Image has {expected}")]
    EphemeralPages {
        /// How many there are.
        found: u32,
        /// How many there should be.
        expected: u32,
    },
    /// Only an Idle Instance can have another Image.
    #[error("the Instance is Suspended in its program; only an Idle one can get another Image")]
    NotIdle,
}

/// Why parts make no Instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RestoreError {
    Encoding(DecodeError),
    Bounds(BoundsError),
    State(StateError),
    Invalid(InstanceError),
}

impl From<DecodeError> for RestoreError {
    fn from(error: DecodeError) -> RestoreError {
        RestoreError::Encoding(error)
    }
}

impl From<BoundsError> for RestoreError {
    fn from(error: BoundsError) -> RestoreError {
        RestoreError::Bounds(error)
    }
}

impl From<StateError> for RestoreError {
    fn from(error: StateError) -> RestoreError {
        RestoreError::State(error)
    }
}

impl From<InstanceError> for RestoreError {
    fn from(error: InstanceError) -> RestoreError {
        RestoreError::Invalid(error)
    }
}

impl Instance {
    /// An Idle Instance of the Image whose table holds the Image's initial slots. Imports are for the creator to put in.
    #[must_use]
    pub fn new(image: ValidImage) -> Instance {
        let table = image.initial_table().clone();
        Instance(Arc::new(Parts { image, table, condition: None, hash: HashCache::empty() }))
    }

    /// Its parts to be changed: its own from here on.
    fn open(&mut self) -> &mut Parts {
        let parts = Arc::make_mut(&mut self.0);
        parts.hash.clear();
        parts
    }

    /// Its program.
    #[must_use]
    #[inline]
    pub fn image(&self) -> &ValidImage {
        &self.0.image
    }

    /// Its table.
    #[must_use]
    #[inline]
    pub fn table(&self) -> &CNode {
        &self.0.table
    }

    /// Its table, to be changed. Copies of the Instance do not see it.
    #[must_use]
    pub fn table_mut(&mut self) -> &mut CNode {
        &mut self.open().table
    }

    /// Counts so many changes of it and its table in an epoch. They go with copies, and are no part of its content.
    pub fn count_changes(&mut self, epoch: Epoch, changes: u64) {
        self.table_mut().count_changes(epoch, changes);
    }

    pub(crate) fn tally(&self) -> Tally {
        self.table().tally()
    }

    /// Gives it another program. Its table stays as it is.
    ///
    /// # Errors
    /// [`StateError::NotIdle`] when it is Suspended.
    pub fn set_image(&mut self, image: ValidImage) -> Result<(), StateError> {
        if !matches!(self.state(), RunState::Idle) {
            return Err(StateError::NotIdle);
        }
        self.open().image = image;
        Ok(())
    }

    /// What it is doing.
    #[must_use]
    #[inline]
    pub fn state(&self) -> &RunState {
        const IDLE: &RunState = &RunState::Idle;
        self.0.condition.as_ref().map_or(IDLE, |conditioned| &conditioned.condition.state)
    }

    /// Has it do something else, and gives what it did before.
    ///
    /// # Errors
    /// [`StateError::EphemeralPages`] for a suspended call of another Image.
    pub fn set_state(&mut self, state: RunState) -> Result<RunState, StateError> {
        if let RunState::Suspended(suspended) = &state {
            let (found, expected) = (suspended.ephemeral.pages(), self.image().image().ephemeral_pages());
            if found != expected {
                return Err(StateError::EphemeralPages { found, expected });
            }
        }
        Ok(self.change(|condition| core::mem::replace(&mut condition.state, state)))
    }

    /// The most that it may count for, in pages, if that was said.
    #[must_use]
    #[inline]
    pub fn quota(&self) -> Option<u64> {
        self.0.condition.as_ref()?.condition.quota
    }

    /// Says how much it may count for, in pages. Whoever changes what it has heeds it.
    ///
    /// # Errors
    /// [`BoundsError::Size`] above [`MAX_SIZE`].
    pub fn set_quota(&mut self, quota: Option<u64>) -> Result<(), BoundsError> {
        match quota {
            Some(pages) if pages > MAX_SIZE => Err(BoundsError::Size(pages)),
            _ => {
                self.change(|condition| condition.quota = quota);
                Ok(())
            }
        }
    }

    /// The path that it was built for, if that was said.
    #[must_use]
    #[inline]
    pub fn home(&self) -> Option<&Path> {
        self.0.condition.as_ref()?.condition.home.as_ref()
    }

    /// Says which path it was built for.
    pub fn set_home(&mut self, home: Option<Path>) {
        self.change(|condition| condition.home = home);
    }

    /// Changes its condition.
    fn change<T>(&mut self, change: impl FnOnce(&mut Condition) -> T) -> T {
        let parts = self.open();
        let mut conditioned = parts
            .condition
            .take()
            .unwrap_or_else(|| Arc::new(Conditioned { condition: Condition::default(), hash: HashCache::empty() }));
        let changed = Arc::make_mut(&mut conditioned);
        changed.hash.clear();
        let result = change(&mut changed.condition);
        parts.condition = Some(conditioned).filter(|conditioned| !conditioned.condition.is_plain());
        result
    }

    /// What the hash of its run state, with quota and `home`, is of: without the tag.
    #[must_use]
    pub fn encode_state(&self) -> Vec<u8> {
        self.0
            .condition
            .as_ref()
            .map_or_else(|| Condition::default().encode(), |conditioned| conditioned.condition.encode())
    }

    /// The hash of its run state, with quota and `home`.
    fn condition_hash(&self) -> Hash {
        match &self.0.condition {
            Some(conditioned) => conditioned.hash.get_or_fill(|| conditioned.condition.hash()),
            None => PLAIN,
        }
    }

    /// What it counts for: one page, its Image, everything in its table, in which paths begin, and the ephemeral pages of a
    /// suspended call.
    #[must_use]
    #[inline]
    pub fn measure(&self) -> Measure {
        let condition = self.0.condition.as_ref().map(|conditioned| conditioned.condition.measure());
        self.table().measure().beside(self.image().measure()).beside(condition.unwrap_or_default())
    }

    /// A copy of what stands at the end of a path; for the path of no slot, of the Instance itself.
    ///
    /// # Errors
    /// [`PlaceError`] when there is nothing, or no way to it.
    pub fn copy_at(&self, path: &[u8]) -> Result<Capability, PlaceError> {
        match path {
            [] => Ok(self.clone().into()),
            path => self.table().at(path).cloned(),
        }
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
        let hashes = [self.image().hash().0, self.table().hash().0, self.condition_hash()];
        bytes[0] = Tag::Instance.number();
        for (part, hash) in bytes[1..].chunks_exact_mut(HASH_SIZE).zip(hashes) {
            part.copy_from_slice(&hash);
        }
        bytes
    }

    /// The hash where it is remembered: nothing was changed since it was last asked for.
    #[must_use]
    pub fn remembered_hash(&self) -> Option<CapHash> {
        self.0.hash.get().map(CapHash)
    }

    /// The hash of this capability: that of its encoding.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(self.0.hash.get_or_fill(|| hash_parts(Tag::Instance, &[&self.encode()[1..]])))
    }

    /// The Instance of these parts, whose state is what [`encode_state`](Instance::encode_state) wrote, with the ephemeral
    /// pages that a suspended call has. It is within the bounds, and [valid](Instance::validate).
    pub(crate) fn restore(
        image: ValidImage,
        table: CNode,
        state: &[u8],
        ephemeral: Option<Data>,
    ) -> Result<Instance, RestoreError> {
        let mut from = Reader::new(state);
        let Condition { state, quota, home } = Condition::decode(&mut from, ephemeral)?;
        from.end()?;
        let mut instance = Instance(Arc::new(Parts { image, table, condition: None, hash: HashCache::empty() }));
        instance.set_quota(quota)?;
        instance.set_home(home);
        instance.set_state(state)?;
        instance.measure().within_bounds()?;
        instance.validate()?;
        Ok(instance)
    }

    /// Hands what it consists of to `take` if nobody shares it.
    pub(crate) fn into_parts(self, take: &mut impl FnMut(Capability)) {
        if let Some(parts) = reclaim::sole(self.0) {
            take(Capability::Image(parts.image));
            take(Capability::CNode(parts.table));
            if let Some(Conditioned { condition, .. }) = parts.condition.and_then(reclaim::sole)
                && let RunState::Suspended(suspended) = condition.state
            {
                take(Capability::Data(suspended.ephemeral));
            }
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
        let mut all = f.debug_struct("Instance");
        all.field("image", self.image()).field("table", self.table()).field("state", self.state());
        all.field("quota", &self.quota()).field("home", &self.home()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hash::count;
    use crate::image::Image;

    fn image() -> ValidImage {
        let image = Image {
            slots: BTreeMap::from([(2, Data::from_bytes(&[7; 20_000]).expect("short"))]),
            ..Image::new(javm_isa::CostModel::Flat, Vec::from([0, 0, 1, 0, 1]), Vec::new())
        };
        image.validate().expect("it is valid")
    }

    fn hashed(root: &Instance) -> BTreeMap<Tag, usize> {
        count::of(|| _ = root.hash())
    }

    #[test]
    fn plain_is_the_hash_of_its_message() {
        assert_eq!(CapHash(PLAIN), CapHash(hash_parts(Tag::RunState, &[&[0, 0, 0]])));
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
