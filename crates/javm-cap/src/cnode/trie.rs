//! The persistent tree over the slots of a CNode: it stores what is taken and where ways part, and nothing between.
//!
//! The Merkle tree of the spec has a node for each of eight levels. Most of them have one child that is not empty, so
//! only those with two are stored, as [`Branch`]es: a table of `n` capabilities has `n - 1` of them. The levels between
//! a branch and what hangs below it are an edge. A branch remembers of each of its edges the hash at its upper end, so
//! that a change is hashed again along one way, eight messages, and nothing beside it is looked at.

use triomphe::{Arc, UniqueArc};

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
    /// More than one. Where it is in the spec's tree stands here, so that a walk knows which way to go on before it has
    /// come to the branch.
    Branch(Position, Arc<Branch>),
}

/// A node of the spec's tree.
#[derive(Clone, Copy)]
pub(crate) struct Position {
    /// 1 to 8.
    height: u8,
    /// The first slot in reach.
    first: u8,
}

/// What hangs below a node of the spec's tree with something in both halves.
#[derive(Clone)]
pub(crate) struct Branch {
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

/// Which half of a node of `height` a slot is in.
#[inline]
fn side(height: u8, slot: u8) -> usize {
    usize::from(slot >> (height - 1) & 1)
}

impl Position {
    /// That of the node of this height that a slot is below.
    #[inline]
    fn over(height: u8, slot: u8) -> Position {
        Position { height, first: (u16::from(slot) >> height << height) as u8 }
    }

    /// Which half a slot is in.
    #[inline]
    fn side(self, slot: u8) -> usize {
        side(self.height, slot)
    }

    /// Whether a slot is in reach.
    #[inline]
    fn reaches(self, slot: u8) -> bool {
        u16::from(self.first ^ slot) >> self.height == 0
    }
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
    /// A branch over two nodes. Its caches are constants so that they are written where they stay, and not copied.
    #[inline]
    fn join(left: Node, right: Node) -> Arc<Branch> {
        Arc::new(Branch {
            edges: [
                Edge { node: left, hash: const { HashCache::empty() } },
                Edge { node: right, hash: const { HashCache::empty() } },
            ],
            measure: MeasureCache::empty(),
            tally: TallyCache::empty(),
        })
    }

    /// It to be changed, on one side; `remember` says what becomes of its measure.
    #[inline]
    fn open<'a>(branch: &'a mut Arc<Branch>, side: usize, remember: &impl Fn(&mut MeasureCache)) -> &'a mut Node {
        if !branch.is_unique() {
            Branch::part(branch);
        }
        let Some(branch) = Arc::get_mut(branch) else { unreachable!("nobody else has had it since") };
        remember(&mut branch.measure);
        branch.tally.clear();
        branch.edges[side].open()
    }

    /// A copy in the place of what is shared.
    #[cold]
    fn part(branch: &mut Arc<Branch>) {
        *branch = Arc::new(Branch::clone(branch));
    }

    pub(super) fn nodes(&self) -> [&Node; 2] {
        self.edges.each_ref().map(|edge| &edge.node)
    }

    pub(crate) fn into_nodes(self) -> [Node; 2] {
        self.edges.map(|edge| edge.node)
    }
}

impl Node {
    /// Costs nothing and means nothing.
    const NONE: Node = Node::Leaf { slot: 0, capability: Capability::Service(Service { id: 0, parameter: 0 }) };

    /// The leaf that the bits of a slot lead to, which may be that of another one.
    #[inline]
    fn nearest(&self, slot: u8) -> (u8, &Capability) {
        let mut node = self;
        loop {
            match node {
                Node::Leaf { slot, capability } => return (*slot, capability),
                Node::Branch(position, branch) => node = &branch.edges[position.side(slot)].node,
            }
        }
    }

    #[inline]
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
                Node::Branch(position, branch) => {
                    node = Branch::open(branch, position.side(slot), &MeasureCache::clear);
                }
            }
        }
    }

    /// Puts a capability into the slot and gives what stood there.
    #[inline]
    pub(super) fn insert(&mut self, slot: u8, capability: Capability) -> Option<Capability> {
        let added = capability.measure().in_slot();
        let node = self.descend(slot, &|position, _| position.reaches(slot), &|known| known.add(added));
        let first = match node {
            Node::Branch(position, _) => position.first,
            Node::Leaf { slot, .. } => *slot,
        };
        // The highest bit in which they differ says where their ways part.
        let Some(differing) = (first ^ slot).checked_ilog2() else {
            // The way is walked again: what is remembered on it is wrong where something is replaced.
            return self.get_mut(slot).map(|place| core::mem::replace(place, capability));
        };
        let position = Position::over(differing as u8 + 1, slot);
        let (new, other) = (Node::Leaf { slot, capability }, core::mem::replace(node, Node::NONE));
        // Two cases, so that the compiler knows where each is to stand and copies nothing twice.
        let branch = match position.side(slot) {
            0 => Branch::join(new, other),
            _ => Branch::join(other, new),
        };
        *node = Node::Branch(position, branch);
        None
    }

    /// The node that the way to a slot leads to through all branches that are to be passed, to be changed; `remember` says
    /// what becomes of their measures.
    #[inline]
    fn descend(
        &mut self,
        slot: u8,
        passes: &impl Fn(Position, &Branch) -> bool,
        remember: &impl Fn(&mut MeasureCache),
    ) -> &mut Node {
        let mut node = self;
        loop {
            match node {
                Node::Branch(position, branch) if passes(*position, branch) => {}
                other => return other,
            }
            match node {
                Node::Branch(position, branch) => node = Branch::open(branch, position.side(slot), remember),
                leaf @ Node::Leaf { .. } => return leaf,
            }
        }
    }

    /// Takes what stands in the slot, which counts for so much: there is such, and something else too.
    pub(super) fn remove(&mut self, slot: u8, measure: Measure) -> Option<Capability> {
        let gone = measure.in_slot();
        let is_above =
            |position: Position, branch: &Branch| matches!(branch.edges[position.side(slot)].node, Node::Branch(..));
        let node = self.descend(slot, &is_above, &|known| known.take_away(gone));
        // The branch above the leaf goes, and its other side takes its place.
        let Node::Branch(position, branch) = core::mem::replace(node, Node::NONE) else { return None };
        let side = position.side(slot);
        let gone = match Arc::try_unique(branch) {
            Ok(mut branch) => {
                core::mem::swap(node, &mut branch.edges[1 - side].node);
                let gone = core::mem::replace(&mut branch.edges[side].node, Node::NONE);
                drop(UniqueArc::into_inner(branch));
                gone
            }
            Err(branch) => {
                *node = branch.edges[1 - side].node.clone();
                branch.edges[side].node.clone()
            }
        };
        match gone {
            Node::Leaf { capability, .. } => Some(capability),
            Node::Branch(..) => None,
        }
    }

    /// The hash of the spec's node of height `to` with this below it and nothing else.
    pub(super) fn hash(&self, to: u8) -> Hash {
        match self {
            Node::Leaf { slot, capability } => lift(capability.hash().0, 0, to, *slot),
            Node::Branch(Position { height, first }, branch) => {
                let [left, right] = branch.edges.each_ref().map(|edge| edge.hash(*height));
                lift(hash_pair(Tag::CNodeNode, &left, &right), *height, to, *first)
            }
        }
    }

    /// The hash of the spec's node of a height that a slot is below.
    pub(super) fn hash_above(&self, slot: u8, height: u8) -> Hash {
        let mut node = self;
        loop {
            let first = match node {
                Node::Branch(position, branch) if position.height > height => {
                    node = &branch.edges[position.side(slot)].node;
                    continue;
                }
                Node::Branch(position, _) => position.first,
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
            Node::Branch(_, branch) => branch.tally.get_or_fill(|| {
                let [left, right] = &branch.edges;
                left.node.tally().beside(right.node.tally())
            }),
        }
    }

    /// What everything in it counts for, in the table's slots.
    #[inline]
    pub(super) fn measure(&self) -> Measure {
        match self {
            Node::Leaf { capability, .. } => capability.measure().in_slot(),
            Node::Branch(_, branch) => branch.measure.get_or_fill(|| {
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
            if let Node::Branch(_, branch) = node {
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
