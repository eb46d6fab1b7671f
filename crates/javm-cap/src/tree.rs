//! The persistent sparse binary Merkle tree that Data and CNode are made of.
//!
//! Nodes are reference-counted: a copy of a tree counts one up. A change walks from the root to one leaf; nodes that
//! nobody shares are changed in place, shared ones are copied first, so a change costs the height and a copy never
//! sees it. Each inner node remembers its hash and forgets it when the walk comes through, so that a new root costs
//! one hash a forgotten node. A subtree without leaves is not stored: its hash depends on its height alone.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::hash::{BATCH, Hash, HashCache, hash_pair};
use crate::tag::Tag;

/// What stands at the leaves of a tree.
pub(crate) trait Leaf: Clone + 'static {
    /// The domain of the tree's inner nodes.
    const NODE: Tag;

    /// The hash of a subtree without leaves, by its height. One entry more than the greatest height there is.
    const EMPTY: &'static [Hash];

    /// The hash of the leaf.
    fn hash(&self) -> Hash;

    /// Whether [`hash`](Leaf::hash) has to do work.
    fn is_hashed(&self) -> bool;

    /// Prepares the hashes of several leaves at once.
    fn hash_all(leaves: &[&Self]);
}

/// A tree of 2^height places. The height is the owner's to remember.
#[derive(Clone)]
pub(crate) enum Tree<L> {
    /// No place is taken.
    Empty,
    /// The place of a tree of height 0.
    Leaf(L),
    /// Two trees of a height less; at least one is not empty.
    Inner(Arc<Inner<L>>),
}

/// Two subtrees and what their hash was.
#[derive(Clone)]
pub(crate) struct Inner<L> {
    children: [Tree<L>; 2],
    hash: HashCache,
}

/// The height at which leaves are hashed together: as many below it as are worked on side by side.
const BATCH_HEIGHT: u32 = BATCH.trailing_zeros();

/// Which child of a node of `height` leads to `index`.
fn side(height: u32, index: u32) -> usize {
    (index >> (height - 1) & 1) as usize
}

impl<L> Inner<L> {
    fn is_empty(&self) -> bool {
        matches!(self.children, [Tree::Empty, Tree::Empty])
    }
}

impl<L: Leaf> Tree<L> {
    /// The leaf at `index`.
    pub(crate) fn get(&self, height: u32, index: u32) -> Option<&L> {
        let mut node = self;
        let mut height = height;
        loop {
            match node {
                Tree::Empty => return None,
                Tree::Leaf(leaf) => return Some(leaf),
                Tree::Inner(inner) => node = &inner.children[side(height, index)],
            }
            height -= 1;
        }
    }

    /// Whether both have the same nodes: then they have the same leaves, but not the other way round.
    pub(crate) fn ptr_eq(&self, other: &Tree<L>, same: impl FnOnce(&L, &L) -> bool) -> bool {
        match (self, other) {
            (Tree::Empty, Tree::Empty) => true,
            (Tree::Leaf(left), Tree::Leaf(right)) => same(left, right),
            (Tree::Inner(left), Tree::Inner(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// The leaf at `index` to be changed: the nodes above it are this tree's own from here on and forget their hashes.
    pub(crate) fn get_mut(&mut self, height: u32, index: u32) -> Option<&mut L> {
        self.get(height, index)?;
        match self.place(height, index) {
            Tree::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// The leaf at `index` to be changed, after putting there what `new` makes if there is none.
    pub(crate) fn get_or_insert_with(&mut self, height: u32, index: u32, new: impl FnOnce() -> L) -> &mut L {
        let place = self.place(height, index);
        if let Tree::Empty = place {
            *place = Tree::Leaf(new());
        }
        match place {
            Tree::Leaf(leaf) => leaf,
            _ => unreachable!("at height 0 there is a leaf or nothing"),
        }
    }

    /// Puts a leaf at `index` and gives what stood there.
    pub(crate) fn insert(&mut self, height: u32, index: u32, leaf: L) -> Option<L> {
        match core::mem::replace(self.place(height, index), Tree::Leaf(leaf)) {
            Tree::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// The node of height 0 at `index`, for a leaf to be put there or changed.
    fn place(&mut self, height: u32, index: u32) -> &mut Tree<L> {
        let mut node = self;
        for height in (1..=height).rev() {
            node = &mut node.open().children[side(height, index)];
        }
        node
    }

    /// The node as one with children that may be changed.
    fn open(&mut self) -> &mut Inner<L> {
        if let Tree::Empty = self {
            let children = [Tree::Empty, Tree::Empty];
            *self = Tree::Inner(Arc::new(Inner { children, hash: HashCache::empty() }));
        }
        match self {
            Tree::Inner(inner) => {
                let inner = Arc::make_mut(inner);
                inner.hash.clear();
                inner
            }
            Tree::Empty | Tree::Leaf(_) => unreachable!("walks go as deep as the tree's height and leaves end them"),
        }
    }

    /// Takes out the leaf at `index`.
    pub(crate) fn remove(&mut self, height: u32, index: u32) -> Option<L> {
        self.get(height, index)?;
        self.take(height, index)
    }

    /// [`remove`](Tree::remove) of a leaf that is there.
    fn take(&mut self, height: u32, index: u32) -> Option<L> {
        if height == 0 {
            return match core::mem::replace(self, Tree::Empty) {
                Tree::Leaf(leaf) => Some(leaf),
                _ => None,
            };
        }
        let inner = self.open();
        let leaf = inner.children[side(height, index)].take(height - 1, index);
        if inner.is_empty() {
            *self = Tree::Empty;
        }
        leaf
    }

    /// Removes every leaf at `length` and behind.
    pub(crate) fn truncate(&mut self, height: u32, length: u32) {
        if length == 0 {
            *self = Tree::Empty;
        } else if length < 1 << height && !matches!(self, Tree::Empty) {
            let half = 1 << (height - 1);
            let inner = self.open();
            let [left, right] = &mut inner.children;
            left.truncate(height - 1, length.min(half));
            right.truncate(height - 1, length.saturating_sub(half));
            if inner.is_empty() {
                *self = Tree::Empty;
            }
        }
    }

    /// The tree in the first half of one of twice as many places, `levels` times.
    pub(crate) fn raise(&mut self, levels: u32) {
        for _ in 0..levels {
            if !matches!(self, Tree::Empty) {
                let children = [core::mem::replace(self, Tree::Empty), Tree::Empty];
                *self = Tree::Inner(Arc::new(Inner { children, hash: HashCache::empty() }));
            }
        }
    }

    /// The first half alone, `levels` times.
    pub(crate) fn lower(&mut self, levels: u32) {
        for _ in 0..levels {
            if !matches!(self, Tree::Empty) {
                let first = core::mem::replace(&mut self.open().children[0], Tree::Empty);
                *self = first;
            }
        }
    }

    /// The root hash.
    pub(crate) fn hash(&self, height: u32) -> Hash {
        if height < BATCH_HEIGHT {
            self.prepare_leaves(height);
        }
        self.hash_node(height)
    }

    fn hash_node(&self, height: u32) -> Hash {
        match self {
            Tree::Empty => L::EMPTY[height as usize],
            Tree::Leaf(leaf) => leaf.hash(),
            Tree::Inner(inner) => inner.hash.get_or_fill(|| {
                if height == BATCH_HEIGHT {
                    self.prepare_leaves(height);
                }
                let [left, right] = &inner.children;
                hash_pair(L::NODE, &left.hash_node(height - 1), &right.hash_node(height - 1))
            }),
        }
    }

    /// Hashes the leaves that need it together. For trees of at most [`BATCH`] places.
    fn prepare_leaves(&self, height: u32) {
        let mut waiting = [const { None }; BATCH];
        let mut count = 0;
        for (_, leaf) in self.leaves(height).filter(|(_, leaf)| !leaf.is_hashed()) {
            if let Some(slot) = waiting.get_mut(count) {
                *slot = Some(leaf);
                count += 1;
            }
        }
        if let [Some(first), rest @ ..] = waiting {
            let mut leaves = [first; BATCH];
            for (slot, leaf) in leaves[1..].iter_mut().zip(rest.into_iter().flatten()) {
                *slot = leaf;
            }
            L::hash_all(&leaves[..count]);
        }
    }

    /// Every leaf with its place, in order.
    pub(crate) fn leaves(&self, height: u32) -> Leaves<'_, L> {
        Leaves { ahead: vec![(self, height, 0)] }
    }
}

/// See [`Tree::leaves`].
pub(crate) struct Leaves<'a, L> {
    /// Subtrees still to visit with their heights and first places, the next one last.
    ahead: Vec<(&'a Tree<L>, u32, u32)>,
}

impl<'a, L> Iterator for Leaves<'a, L> {
    type Item = (u32, &'a L);

    fn next(&mut self) -> Option<(u32, &'a L)> {
        loop {
            let (node, height, first) = self.ahead.pop()?;
            match node {
                Tree::Empty => {}
                Tree::Leaf(leaf) => return Some((first, leaf)),
                Tree::Inner(inner) => {
                    let [left, right] = &inner.children;
                    self.ahead.push((right, height - 1, first + (1 << (height - 1))));
                    self.ahead.push((left, height - 1, first));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::page::PageRef;

    const HEIGHT: u32 = 10;

    fn full() -> Tree<PageRef> {
        let mut tree = Tree::Empty;
        for index in 0..1 << HEIGHT {
            tree.insert(HEIGHT, index, PageRef::from_prefix(&(index + 1).to_le_bytes()));
        }
        tree
    }

    /// The inner nodes by their addresses, and how many of them do not know their hash.
    fn nodes(tree: &Tree<PageRef>) -> (BTreeSet<*const Inner<PageRef>>, usize) {
        let mut ahead = vec![tree];
        let mut addresses = BTreeSet::new();
        let mut unknown = 0;
        while let Some(node) = ahead.pop() {
            if let Tree::Inner(inner) = node {
                addresses.insert(Arc::as_ptr(inner));
                unknown += usize::from(inner.hash.get().is_none());
                ahead.extend(&inner.children);
            }
        }
        (addresses, unknown)
    }

    #[test]
    fn a_change_forgets_the_hashes_above_it_and_no_others() {
        let mut tree = full();
        assert_eq!(nodes(&tree).1, (1 << HEIGHT) - 1);
        tree.hash(HEIGHT);
        assert_eq!(nodes(&tree).1, 0);
        assert!(tree.leaves(HEIGHT).all(|(_, page)| page.is_hashed()));

        tree.insert(HEIGHT, 700, PageRef::from_prefix(b"new"));
        let unhashed: Vec<u32> = tree.leaves(HEIGHT).filter(|(_, page)| !page.is_hashed()).map(|leaf| leaf.0).collect();
        assert_eq!((nodes(&tree).1, unhashed), (HEIGHT as usize, vec![700]));
        tree.hash(HEIGHT);
        assert_eq!(nodes(&tree).1, 0);

        tree.remove(HEIGHT, 0);
        assert_eq!(nodes(&tree).1, HEIGHT as usize);
        tree.hash(HEIGHT);
        tree.remove(HEIGHT, 0);
        assert!(tree.get_mut(HEIGHT, 0).is_none());
        assert_eq!(nodes(&tree).1, 0, "nothing was there to remove");
    }

    #[test]
    fn an_unshared_tree_is_changed_in_place_and_a_shared_one_along_one_way() {
        let mut tree = full();
        let before = nodes(&tree).0;
        tree.insert(HEIGHT, 5, PageRef::from_prefix(b"new"));
        assert_eq!(nodes(&tree).0, before);

        let copy = tree.clone();
        assert_eq!(nodes(&copy).0, before);
        tree.insert(HEIGHT, 6, PageRef::from_prefix(b"newer"));
        let after = nodes(&tree).0;
        assert_eq!(before.difference(&after).count(), HEIGHT as usize);
        assert_eq!(nodes(&copy).0, before);
        // The way is this tree's own now.
        tree.insert(HEIGHT, 6, PageRef::from_prefix(b"newest"));
        assert_eq!(nodes(&tree).0, after);
    }

    #[test]
    fn trees_without_leaves_are_not_stored() {
        let mut tree = full();
        for index in (0..1 << HEIGHT).rev() {
            tree.remove(HEIGHT, index);
            let nodes = nodes(&tree).0.len();
            // What holds the leaves that are left, in a row from the first on, and the way down to them.
            let needed: u32 = (1..=HEIGHT).map(|height| index.div_ceil(1 << height)).sum();
            assert_eq!(nodes, needed as usize, "{index} leaves");
        }
        assert!(matches!(tree, Tree::Empty));
        let mut tree = full();
        tree.truncate(HEIGHT, 3);
        assert_eq!((tree.leaves(HEIGHT).count(), nodes(&tree).0.len()), (3, 11));
        tree.lower(HEIGHT - 2);
        assert_eq!((tree.leaves(2).count(), nodes(&tree).0.len()), (3, 3));
    }
}
