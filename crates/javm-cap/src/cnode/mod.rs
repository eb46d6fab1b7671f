//! CNode: the table of capabilities.

mod empty;

use alloc::sync::Arc;
use core::fmt;

use crate::capability::Capability;
use crate::hash::{CapHash, Hash, hash_parts};
use crate::tag::Tag;
use crate::tree::{Leaf, Tree};

/// Slots are numbered by a byte.
pub const CNODE_SLOTS: usize = 256;

/// The height of the tree over the slots.
const HEIGHT: u32 = CNODE_SLOTS.trailing_zeros();

/// A shared capability: leaves are small, so that an inner node with two of them is.
#[derive(Clone)]
struct Slot(Arc<Capability>);

impl Leaf for Slot {
    const NODE: Tag = Tag::CNodeNode;
    const EMPTY: &'static [Hash] = &empty::EMPTY_SUBTREES;

    fn hash(&self) -> Hash {
        self.0.hash().0
    }

    // What is expensive about the hash of a capability is remembered below it.
    fn is_hashed(&self) -> bool {
        true
    }

    fn hash_all(_leaves: &[&Slot]) {}
}

/// A table of 256 slots, each empty or with a capability.
///
/// A copy costs one count and shares everything below, however much that is; a change is never seen in a copy.
///
/// Hashing and dropping go down through tables in tables by recursion: who builds such trees bounds their height, as
/// the kernel does.
///
/// ```
/// use javm_cap::{Capability, CNode, Data};
/// let mut first = CNode::new();
/// first.set(7, Capability::Data(Data::new(1)?));
/// let second = first.clone();
/// assert!(first.take(7).is_some());
/// assert!(first.is_empty() && second.get(7).is_some());
/// # Ok::<(), javm_cap::DataError>(())
/// ```
#[derive(Clone)]
pub struct CNode {
    tree: Tree<Slot>,
}

impl CNode {
    /// A table with nothing in it.
    #[must_use]
    pub fn new() -> CNode {
        CNode { tree: Tree::Empty }
    }

    /// What stands in the slot.
    #[must_use]
    pub fn get(&self, slot: u8) -> Option<&Capability> {
        self.tree.get(HEIGHT, slot.into()).map(|leaf| &*leaf.0)
    }

    /// What stands in the slot, to be changed in place. Copies of the table do not see it.
    #[must_use]
    pub fn get_mut(&mut self, slot: u8) -> Option<&mut Capability> {
        self.tree.get_mut(HEIGHT, slot.into()).map(|leaf| Arc::make_mut(&mut leaf.0))
    }

    /// Puts a capability into the slot and gives what stood there.
    pub fn set(&mut self, slot: u8, capability: Capability) -> Option<Capability> {
        let leaf = Slot(Arc::new(capability));
        self.tree.insert(HEIGHT, slot.into(), leaf).map(|old| Arc::unwrap_or_clone(old.0))
    }

    /// Empties the slot and gives what stood there.
    pub fn take(&mut self, slot: u8) -> Option<Capability> {
        self.tree.remove(HEIGHT, slot.into()).map(|old| Arc::unwrap_or_clone(old.0))
    }

    /// Whether nothing stands in any slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.tree, Tree::Empty)
    }

    /// The slots that are not empty, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &Capability)> + '_ {
        self.tree.leaves(HEIGHT).map(|(slot, leaf)| (slot as u8, &*leaf.0))
    }

    /// The root of the tree over the slots.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.hash(HEIGHT)
    }

    /// The hash of this capability. Costs one hash for each node that changed since it was last asked for.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(hash_parts(Tag::CNode, &[&self.root()]))
    }
}

impl Default for CNode {
    fn default() -> CNode {
        CNode::new()
    }
}

impl FromIterator<(u8, Capability)> for CNode {
    fn from_iter<I: IntoIterator<Item = (u8, Capability)>>(slots: I) -> CNode {
        let mut table = CNode::new();
        for (slot, capability) in slots {
            table.set(slot, capability);
        }
        table
    }
}

/// Equal content in every slot.
impl PartialEq for CNode {
    fn eq(&self, other: &CNode) -> bool {
        self.root() == other.root()
    }
}

impl Eq for CNode {}

impl fmt::Debug for CNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash_pair;

    #[test]
    fn the_table_of_empty_subtrees_is_what_the_rule_gives() {
        let mut hash = [0; 32];
        for expected in empty::EMPTY_SUBTREES {
            assert_eq!(CapHash(hash), CapHash(expected));
            hash = hash_pair(Tag::CNodeNode, &hash, &hash);
        }
        assert_eq!(empty::EMPTY_SUBTREES.len(), HEIGHT as usize + 1);
    }
}
