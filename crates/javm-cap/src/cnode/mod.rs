//! CNode: the table of capabilities.

mod empty;
mod place;
mod trie;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;

use self::empty::{EMPTY_SUBTREES, EMPTY_TABLE};
pub use self::place::{PlaceError, Refused};
pub(crate) use self::trie::Node;
use crate::capability::Capability;
use crate::changes::{Changes, Epoch, Tally};
use crate::data::{Data, MAX_DATA_PAGES};
use crate::hash::{CapHash, Hash, HashCache, hash_parts};
use crate::measure::{BoundsError, MAX_HEIGHT, MAX_SIZE, Measure};
use crate::proof;
use crate::tag::Tag;

/// Slots are numbered by a byte.
pub const CNODE_SLOTS: usize = 256;

/// A table of 256 slots, each empty or with a capability.
///
/// A copy costs one count and shares everything below, however much that is; a change is never seen in a copy. An empty
/// table takes no memory, and one of a few slots some hundred bytes.
///
/// Nothing can be put into a table that would make it larger than [`MAX_SIZE`](crate::MAX_SIZE) or higher than
/// [`MAX_HEIGHT`](crate::MAX_HEIGHT); so every walk through what hangs below one takes bounded stack.
///
/// ```
/// use javm_cap::{CNode, Data};
/// let mut first = CNode::new();
/// first.set(7, Data::new(1)?)?;
/// let second = first.clone();
/// assert!(first.take(7).is_some());
/// assert!(first.is_empty() && second.get(7).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct CNode {
    /// `None` where nothing stands in any slot.
    table: Option<Arc<Table>>,
    changes: Changes,
}

/// Which table it was, without holding it. A table that was changed is another one, and so is one with equal content that
/// was made otherwise; empty tables are all the same.
///
/// ```
/// use javm_cap::{CNode, Data};
/// let mut table = CNode::from_slots([(7, Data::new(1)?)])?;
/// let identity = table.identity();
/// assert!(identity.is(&table) && identity.is(&table.clone()) && !identity.is_gone());
/// table.set(8, Data::new(1)?)?;
/// assert!(!identity.is(&table) && identity.is_gone());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableIdentity(Option<Weak<Table>>);

impl TableIdentity {
    /// Whether it is of this table.
    #[must_use]
    #[inline]
    pub fn is(&self, table: &CNode) -> bool {
        match (&self.0, &table.table) {
            // What a weak reference leads to is not used for anything else, and is moved when it changes.
            (Some(weak), Some(table)) => core::ptr::eq(weak.as_ptr(), Arc::as_ptr(table)),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether nobody has that table any more.
    #[must_use]
    #[inline]
    pub fn is_gone(&self) -> bool {
        self.0.as_ref().is_some_and(|weak| weak.strong_count() == 0)
    }
}

/// A table in which something stands.
#[derive(Clone)]
pub(crate) struct Table {
    root: Node,
    /// Of the capability, not of the root.
    hash: HashCache,
}

impl Table {
    pub(crate) fn into_root(self) -> Node {
        self.root
    }
}

impl CNode {
    /// A table with nothing in it.
    #[must_use]
    pub fn new() -> CNode {
        CNode { table: None, changes: Changes::NONE }
    }

    /// The table with these capabilities in these slots; of several for one slot the last one.
    ///
    /// # Errors
    /// [`BoundsError`] when it would be too large or too high.
    pub fn from_slots<C: Into<Capability>>(slots: impl IntoIterator<Item = (u8, C)>) -> Result<CNode, BoundsError> {
        let mut table = CNode::new();
        for (slot, capability) in slots {
            table.set(slot, capability).map_err(|refused| refused.why)?;
        }
        Ok(table)
    }

    /// The table with these Data, which cannot be too large.
    pub(crate) fn of_data(slots: impl Iterator<Item = (u8, Data)>) -> CNode {
        const { assert!((CNODE_SLOTS as u64) * (MAX_DATA_PAGES as u64) < MAX_SIZE && MAX_HEIGHT >= 1) };
        let mut table = CNode::new();
        for (slot, data) in slots {
            table.set_unchecked(slot, Capability::Data(data));
        }
        table
    }

    /// What stands in the slot.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: u8) -> Option<&Capability> {
        self.table.as_ref()?.root.get(slot)
    }

    /// The Data in the slot, to be written to in place. Copies of the table do not see it. `None` when there is no Data.
    ///
    /// Its length is changed by [`resize_at`](CNode::resize_at), which heeds the bounds.
    #[must_use]
    pub fn data_mut(&mut self, slot: u8) -> Option<&mut Data> {
        match self.get(slot) {
            Some(Capability::Data(_)) => match self.open()?.get_mut(slot) {
                Some(Capability::Data(data)) => Some(data),
                _ => None,
            },
            _ => None,
        }
    }

    /// What stands in the slot, to be changed in place. It is for the caller to stay within the bounds.
    fn get_mut(&mut self, slot: u8) -> Option<&mut Capability> {
        self.get(slot)?;
        self.open()?.get_mut(slot)
    }

    /// The nodes of this table alone, which forgets its hash.
    #[inline]
    fn open(&mut self) -> Option<&mut Node> {
        let table = Arc::make_mut(self.table.as_mut()?);
        table.hash.clear();
        Some(&mut table.root)
    }

    /// Puts a capability into the slot and gives what stood there.
    ///
    /// # Errors
    /// [`Refused`], with the capability, when the table would be too large or too high. It is as before then.
    pub fn set(
        &mut self,
        slot: u8,
        capability: impl Into<Capability>,
    ) -> Result<Option<Capability>, Refused<BoundsError>> {
        let capability = capability.into();
        let old = self.get(slot).map(Capability::measure).unwrap_or_default();
        match capability.measure().check(self.measure(), old, 1) {
            Ok(()) => Ok(self.set_unchecked(slot, capability)),
            Err(why) => Err(Refused { why, capability }),
        }
    }

    /// [`set`](CNode::set) of what was checked to be within the bounds: that is for the caller to do, of this table and of what
    /// it is in.
    #[inline]
    pub fn set_unchecked(&mut self, slot: u8, capability: Capability) -> Option<Capability> {
        match self.open() {
            Some(root) => root.insert(slot, capability),
            None => {
                let root = Node::Leaf { slot, capability };
                self.table = Some(Arc::new(Table { root, hash: HashCache::empty() }));
                None
            }
        }
    }

    /// Empties the slot and gives what stood there.
    #[inline]
    pub fn take(&mut self, slot: u8) -> Option<Capability> {
        let measure = self.get(slot)?.measure();
        if let Some(Node::Leaf { .. }) = self.table.as_ref().map(|table| &table.root) {
            let table = Arc::unwrap_or_clone(self.table.take()?);
            return match table.root {
                Node::Leaf { capability, .. } => Some(capability),
                Node::Branch(..) => None,
            };
        }
        self.open()?.remove(slot, measure)
    }

    /// Counts so many changes of the table itself in an epoch. They go with copies, and are no part of its content.
    pub fn count_changes(&mut self, epoch: Epoch, changes: u64) {
        self.changes.add(epoch, changes);
    }

    pub(crate) fn tally(&self) -> Tally {
        let content = self.table.as_ref().map(|table| table.root.tally()).unwrap_or_default();
        self.changes.tally().beside(content)
    }

    /// Whether nothing stands in any slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_none()
    }

    /// Whether both share all that they consist of: equal without a look at the content. They may have been changed, and
    /// back, another number of times.
    #[must_use]
    #[inline]
    pub fn ptr_eq(&self, other: &CNode) -> bool {
        match (&self.table, &other.table) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// What tells this table, as it is now, from all others and from what it is after a change.
    #[must_use]
    pub fn identity(&self) -> TableIdentity {
        TableIdentity(self.table.as_ref().map(Arc::downgrade))
    }

    /// The slots that are not empty, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &Capability)> + '_ {
        let mut ahead: Vec<&Node> = self.table.iter().map(|table| &table.root).collect();
        core::iter::from_fn(move || {
            loop {
                match ahead.pop()? {
                    Node::Leaf { slot, capability } => return Some((*slot, capability)),
                    Node::Branch(_, branch) => ahead.extend(branch.nodes().into_iter().rev()),
                }
            }
        })
    }

    /// What it counts for, with everything in it.
    #[must_use]
    #[inline]
    pub fn measure(&self) -> Measure {
        let content = self.table.as_ref().map(|table| table.root.measure()).unwrap_or_default();
        Measure::pages(1).beside(content)
    }

    /// The root of the tree over the slots.
    #[must_use]
    pub fn root(&self) -> Hash {
        match &self.table {
            Some(table) => table.root.hash(trie::HEIGHT),
            None => EMPTY_SUBTREES[usize::from(trie::HEIGHT)],
        }
    }

    /// The hash of this capability. Costs one hash for each node that changed since it was last asked for.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(match &self.table {
            Some(table) => table.hash.get_or_fill(|| hash_parts(Tag::CNode, &[&self.root()])),
            None => EMPTY_TABLE,
        })
    }

    /// The hash where it is remembered: nothing was changed since it was last asked for.
    #[must_use]
    pub fn remembered_hash(&self) -> Option<CapHash> {
        match &self.table {
            Some(table) => table.hash.get().map(CapHash),
            None => Some(CapHash(EMPTY_TABLE)),
        }
    }

    /// Where it is in memory: the same for two only if they are the same. Empty ones are nowhere.
    pub(crate) fn address(&self) -> Option<*const ()> {
        self.table.as_ref().map(|table| Arc::as_ptr(table).cast())
    }

    /// Appends the hashes that lead from a slot up to the root.
    pub(crate) fn prove_slot(&self, slot: u8, out: &mut Vec<u8>) {
        for (height, empty) in (0..trie::HEIGHT).zip(&EMPTY_SUBTREES) {
            let beside = slot ^ 1 << height;
            let hash = self.table.as_ref().map_or(*empty, |table| table.root.hash_above(beside, height));
            proof::sibling(out, &hash, empty);
        }
    }

    pub(crate) fn into_table(self) -> Option<Arc<Table>> {
        self.table
    }
}

/// Equal content in every slot.
impl PartialEq for CNode {
    fn eq(&self, other: &CNode) -> bool {
        self.ptr_eq(other) || self.hash() == other.hash()
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
        for expected in EMPTY_SUBTREES {
            assert_eq!(CapHash(hash), CapHash(expected));
            hash = hash_pair(Tag::CNodeNode, &hash, &hash);
        }
        assert_eq!(EMPTY_SUBTREES.len(), usize::from(trie::HEIGHT) + 1);
        let root = EMPTY_SUBTREES[usize::from(trie::HEIGHT)];
        assert_eq!(CapHash(hash_parts(Tag::CNode, &[&root])), CapHash(EMPTY_TABLE));
    }
}
