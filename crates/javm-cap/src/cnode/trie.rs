//! The persistent tree over the slots of a CNode: it stores what is taken and where ways part, and nothing between.
//!
//! The Merkle tree of the spec has a node for each of eight levels. Most of them have one child that is not empty, so
//! only those with two are stored, as [`Branch`]es: a table of `n` capabilities has `n - 1` of them. The levels between
//! a branch and what hangs below it are an edge. A branch remembers of each of its edges the hash at its upper end, so
//! that a change is hashed again along one way, eight messages, and nothing beside it is looked at.

use triomphe::Arc;

use super::empty::EMPTY_SUBTREES;
use crate::capability::{Capability, Service};
use crate::changes::{Tally, TallyCache};
use crate::hash::{Hash, HashCache, hash_pair};
use crate::measure::{Measure, MeasureCache};
use crate::tag::Tag;

/// The height of the tree of the spec.
pub(super) const HEIGHT: u8 = super::CNODE_SLOTS.trailing_zeros() as u8;

/// A subtree in which something stands.
#[derive(Clone)]
pub(crate) enum Node {
    /// One capability alone.
    Leaf { slot: u8, capability: Capability },
    /// More than one.
    Branch(Arc<Branch>),
}

/// A node of the spec's tree with something in both halves.
#[derive(Clone)]
pub(crate) struct Branch {
    /// Of the spec's tree, 1 to 8.
    height: u8,
    /// The first slot in reach.
    first: u8,
    edges: [Edge; 2],
    measure: MeasureCache,
    tally: TallyCache,
}

/// The way from a branch down to the next stored node.
struct Edge {
    node: Node,
    /// Of the spec's node right below the branch.
    hash: HashCache,
}

/// A branch is copied in order to be changed on one side: the other keeps its hash.
impl Clone for Edge {
    fn clone(&self) -> Edge {
        Edge { node: self.node.clone(), hash: self.hash.copied() }
    }
}

impl From<Node> for Edge {
    fn from(node: Node) -> Edge {
        Edge { node, hash: HashCache::empty() }
    }
}

/// Which half of a node of `height` a slot is in.
fn side(height: u8, slot: u8) -> usize {
    usize::from(slot >> (height - 1) & 1)
}

/// The hash of the spec's node of height `to` that has one child that is not empty, and so on down to height `from`.
fn lift(mut hash: Hash, from: u8, to: u8, slot: u8) -> Hash {
    for height in from..to {
        let empty = &EMPTY_SUBTREES[usize::from(height)];
        hash = match side(height + 1, slot) {
            0 => hash_pair(Tag::CNodeNode, &hash, empty),
            _ => hash_pair(Tag::CNodeNode, empty, &hash),
        };
    }
    hash
}

impl Edge {
    /// The hash at its upper end, right below a branch of this height.
    fn hash(&self, branch: u8) -> Hash {
        self.hash.get_or_fill(|| self.node.hash(branch - 1))
    }

    /// What hangs below, to be changed.
    fn open(&mut self) -> &mut Node {
        self.hash.clear();
        &mut self.node
    }
}

impl Branch {
    /// A branch over two nodes that part at this height.
    fn join(height: u8, slot: u8, one: Node, other: Node) -> Node {
        let first = (u16::from(slot) >> height << height) as u8;
        let edges = if side(height, slot) == 0 { [one, other] } else { [other, one] };
        let edges = edges.map(Edge::from);
        Node::Branch(Arc::new(Branch {
            height,
            first,
            edges,
            measure: MeasureCache::empty(),
            tally: TallyCache::empty(),
        }))
    }

    /// It to be changed, on the side of a slot.
    fn open(branch: &mut Arc<Branch>, slot: u8) -> &mut Node {
        let branch = Arc::make_mut(branch);
        branch.measure.clear();
        branch.tally.clear();
        branch.edges[side(branch.height, slot)].open()
    }

    pub(super) fn nodes(&self) -> [&Node; 2] {
        self.edges.each_ref().map(|edge| &edge.node)
    }

    pub(crate) fn into_nodes(self) -> [Node; 2] {
        self.edges.map(|edge| edge.node)
    }
}

impl Node {
    /// The leaf that the bits of a slot lead to, which may be that of another one.
    fn nearest(&self, slot: u8) -> (u8, &Capability) {
        let mut node = self;
        loop {
            match node {
                Node::Leaf { slot, capability } => return (*slot, capability),
                Node::Branch(branch) => node = &branch.edges[side(branch.height, slot)].node,
            }
        }
    }

    pub(super) fn get(&self, slot: u8) -> Option<&Capability> {
        let (found, capability) = self.nearest(slot);
        (found == slot).then_some(capability)
    }

    /// What stands in the slot, to be changed: the nodes above it are this table's own from here on and forget what they
    /// remember of it.
    pub(super) fn get_mut(&mut self, slot: u8) -> Option<&mut Capability> {
        self.get(slot)?;
        let mut node = self;
        loop {
            match node {
                Node::Leaf { capability, .. } => return Some(capability),
                Node::Branch(branch) => node = Branch::open(branch, slot),
            }
        }
    }

    /// Puts a capability into the slot and gives what stood there.
    pub(super) fn insert(&mut self, slot: u8, capability: Capability) -> Option<Capability> {
        let (nearest, _) = self.nearest(slot);
        if nearest == slot {
            return self.get_mut(slot).map(|place| core::mem::replace(place, capability));
        }
        // The highest bit in which they differ says where their ways part.
        let height = HEIGHT - (nearest ^ slot).leading_zeros() as u8;
        let node = self.descend(slot, &|branch| branch.height > height);
        let other = node.take_out();
        *node = Branch::join(height, slot, Node::Leaf { slot, capability }, other);
        None
    }

    /// The node that the way to a slot leads to through all branches that are to be passed, to be changed.
    fn descend(&mut self, slot: u8, passes: &impl Fn(&Branch) -> bool) -> &mut Node {
        match self {
            Node::Branch(branch) if passes(branch) => {}
            other => return other,
        }
        match self {
            Node::Branch(branch) => Branch::open(branch, slot).descend(slot, passes),
            leaf @ Node::Leaf { .. } => leaf,
        }
    }

    /// Moves the node out of its place; what stands there then costs nothing and means nothing.
    fn take_out(&mut self) -> Node {
        let holder = Node::Leaf { slot: 0, capability: Capability::Service(Service { id: 0, parameter: 0 }) };
        core::mem::replace(self, holder)
    }

    /// Takes what stands in the slot: there is such, and something else too.
    pub(super) fn remove(&mut self, slot: u8) -> Option<Capability> {
        let node =
            self.descend(slot, &|branch| matches!(branch.edges[side(branch.height, slot)].node, Node::Branch(_)));
        // The branch above the leaf goes, and its other side takes its place.
        let Node::Branch(branch) = node.take_out() else { return None };
        let side = side(branch.height, slot);
        let [left, right] = Arc::unwrap_or_clone(branch).into_nodes();
        let (gone, stays) = if side == 0 { (left, right) } else { (right, left) };
        *node = stays;
        match gone {
            Node::Leaf { capability, .. } => Some(capability),
            Node::Branch(_) => None,
        }
    }

    /// The hash of the spec's node of height `to` with this below it and nothing else.
    pub(super) fn hash(&self, to: u8) -> Hash {
        match self {
            Node::Leaf { slot, capability } => lift(capability.hash().0, 0, to, *slot),
            Node::Branch(branch) => {
                let [left, right] = branch.edges.each_ref().map(|edge| edge.hash(branch.height));
                lift(hash_pair(Tag::CNodeNode, &left, &right), branch.height, to, branch.first)
            }
        }
    }

    /// The hash of the spec's node of a height that a slot is below.
    pub(super) fn hash_above(&self, slot: u8, height: u8) -> Hash {
        let mut node = self;
        loop {
            let first = match node {
                Node::Branch(branch) if branch.height > height => {
                    node = &branch.edges[side(branch.height, slot)].node;
                    continue;
                }
                Node::Branch(branch) => branch.first,
                Node::Leaf { slot, .. } => *slot,
            };
            return match u16::from(first ^ slot) >> height {
                0 => node.hash(height),
                _ => EMPTY_SUBTREES[usize::from(height)],
            };
        }
    }

    /// The changes of everything in it.
    pub(super) fn tally(&self) -> Tally {
        match self {
            Node::Leaf { capability, .. } => capability.tally(),
            Node::Branch(branch) => branch.tally.get_or_fill(|| {
                let [left, right] = &branch.edges;
                left.node.tally().beside(right.node.tally())
            }),
        }
    }

    /// What everything in it counts for, in the table's slots.
    pub(super) fn measure(&self) -> Measure {
        match self {
            Node::Leaf { capability, .. } => capability.measure().in_slot(),
            Node::Branch(branch) => branch.measure.get_or_fill(|| {
                let [left, right] = &branch.edges;
                left.node.measure().beside(right.node.measure())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::vec::Vec;

    use super::*;
    use crate::cnode::CNode;
    use crate::hash::count;

    fn service(id: u32) -> Capability {
        Capability::Service(Service { id, parameter: 0 })
    }

    fn full() -> CNode {
        CNode::from_slots((0..=255).map(|slot| (slot, service(slot.into())))).expect("small")
    }

    /// The branches by their addresses.
    fn branches(table: &CNode) -> BTreeSet<*const Branch> {
        let mut ahead: Vec<&Node> = table.table.iter().map(|table| &table.root).collect();
        let mut addresses = BTreeSet::new();
        while let Some(node) = ahead.pop() {
            if let Node::Branch(branch) = node {
                addresses.insert(Arc::as_ptr(branch));
                ahead.extend(branch.nodes());
            }
        }
        addresses
    }

    fn hashed(table: &CNode) -> BTreeMap<Tag, usize> {
        count::of(|| _ = table.hash())
    }

    #[test]
    fn a_table_of_few_slots_is_small() {
        assert_eq!(size_of::<Capability>(), 32);
        assert_eq!(size_of::<CNode>(), 24);
        assert!(size_of::<Branch>() <= 192, "{}", size_of::<Branch>());
        let mut table = full();
        for slot in (0..=255).rev() {
            assert_eq!(branches(&table).len(), usize::from(slot));
            assert_eq!(table.take(slot), Some(service(slot.into())));
        }
        assert!(table.is_empty());
    }

    #[test]
    fn an_unshared_table_is_changed_in_place_and_a_shared_one_along_one_way() {
        let mut table = full();
        let before = branches(&table);
        table.set(5, service(1000)).expect("small");
        assert_eq!(branches(&table), before);
        let copy = table.clone();
        table.set(6, service(1000)).expect("small");
        let after = branches(&table);
        assert_eq!((before.difference(&after).count(), branches(&copy)), (8, before));
        // The way is this table's own now.
        table.set(6, service(1001)).expect("small");
        assert_eq!(branches(&table), after);
        table.take(6);
        table.set(6, service(1002)).expect("small");
        assert_eq!(branches(&table).len(), 255);
    }

    #[test]
    fn a_change_hashes_the_way_to_it_and_nothing_beside() {
        let way = BTreeMap::from([(Tag::Service, 1), (Tag::CNodeNode, 8), (Tag::CNode, 1)]);
        let mut table = full();
        assert_eq!(hashed(&table), BTreeMap::from([(Tag::Service, 256), (Tag::CNodeNode, 255), (Tag::CNode, 1)]));
        assert_eq!(hashed(&table), BTreeMap::new());
        table.set(77, service(1000)).expect("small");
        assert_eq!(hashed(&table), way);
        let copy = table.clone();
        table.set(200, service(1000)).expect("small");
        assert_eq!((hashed(&copy), hashed(&table)), (BTreeMap::new(), way.clone()));

        // The same where most of the tree is empty: what moves below a new branch keeps its own hash.
        for slots in [[3, 4], [0, 255], [128, 129]] {
            let [one, other] = slots;
            let mut table = CNode::from_slots([(one, service(1))]).expect("small");
            assert_eq!(hashed(&table), way);
            table.set(other, service(2)).expect("small");
            let parted = 8 - (one ^ other).leading_zeros() as usize;
            // The service that was there is hashed again, and lifted to where the ways part.
            let nodes = 8 + parted - 1;
            let expected = BTreeMap::from([(Tag::Service, 2), (Tag::CNodeNode, nodes), (Tag::CNode, 1)]);
            assert_eq!(hashed(&table), expected);
            table.set(one, service(3)).expect("small");
            assert_eq!(hashed(&table), way);
        }
        assert_eq!(hashed(&CNode::new()), BTreeMap::new());
    }
}
