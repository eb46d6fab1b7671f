//! The persistent sparse binary Merkle tree over the pages of a Data.
//!
//! Nodes are reference-counted: a copy of a tree counts one up. A change walks from the root to one leaf; nodes that
//! nobody shares are changed in place, shared ones are copied first, so a change costs the height and a copy never
//! sees it. Each inner node remembers the hashes of its children and forgets that of the one that the walk goes on to, so
//! that a new root costs one hash a forgotten node. A subtree without leaves is not stored: its hash depends on its height alone.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use triomphe::Arc;

use super::rehash;
use super::zeros::ZERO_SUBTREES;
use crate::hash::{Hash, HashCache};
use crate::page::PageRef;
use crate::proof;

/// A tree of 2^height places. The height is the owner's to remember.
#[derive(Clone)]
pub(crate) enum Tree {
    /// No place is taken.
    Empty,
    /// The place of a tree of height 0.
    Leaf(PageRef),
    /// Two trees of a height less; at least one is not empty.
    Inner(Arc<Inner>),
}

/// Two subtrees and what their hashes were: a change is hashed again along its way, without a look at what is beside it.
pub(crate) struct Inner {
    pub(crate) children: [Tree; 2],
    pub(super) hashes: [HashCache; 2],
}

/// A node is copied in order to be changed on one side: the other keeps its hash.
impl Clone for Inner {
    /// Apart, so that a walk through nodes that nobody shares is short.
    #[cold]
    #[inline(never)]
    fn clone(&self) -> Inner {
        Inner { children: self.children.clone(), hashes: self.hashes.each_ref().map(HashCache::copied) }
    }
}

/// Which child of a node of `height` leads to `index`.
fn side(height: u32, index: u32) -> usize {
    (index >> (height - 1) & 1) as usize
}

impl Inner {
    fn of(children: [Tree; 2]) -> Tree {
        Tree::Inner(Arc::new(Inner { children, hashes: [const { HashCache::empty() }; 2] }))
    }

    /// A child that may be changed, whose hash is forgotten.
    fn child_mut(&mut self, side: usize) -> &mut Tree {
        self.hashes[side].clear();
        &mut self.children[side]
    }

    /// The hash of a child, which has this height.
    pub(crate) fn hash_of(&self, side: usize, height: u32) -> Hash {
        self.hashes[side].get_or_fill(|| self.children[side].hash(height))
    }

    fn is_empty(&self) -> bool {
        matches!(self.children, [Tree::Empty, Tree::Empty])
    }
}

impl Tree {
    /// The leaf at `index`.
    pub(super) fn get(&self, height: u32, index: u32) -> Option<&PageRef> {
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

    /// Whether both have the same nodes: then they have the same pages, but not the other way round.
    pub(super) fn ptr_eq(&self, other: &Tree) -> bool {
        match (self, other) {
            (Tree::Empty, Tree::Empty) => true,
            (Tree::Leaf(left), Tree::Leaf(right)) => left.ptr_eq(right),
            (Tree::Inner(left), Tree::Inner(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// The leaf at `index` to be changed, after putting there what `new` makes if there is none. The nodes above it are
    /// this tree's own from here on and forget their hashes.
    pub(super) fn get_or_insert_with(
        &mut self,
        height: u32,
        index: u32,
        new: impl FnOnce() -> PageRef,
    ) -> &mut PageRef {
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
    pub(super) fn insert(&mut self, height: u32, index: u32, leaf: PageRef) -> Option<PageRef> {
        match core::mem::replace(self.place(height, index), Tree::Leaf(leaf)) {
            Tree::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    /// Has `change` change the leaf at `index`, or what is not there.
    pub(super) fn change<R>(&mut self, height: u32, index: u32, change: impl FnOnce(&mut Option<PageRef>) -> R) -> R {
        let place = self.place(height, index);
        let mut leaf = match core::mem::replace(place, Tree::Empty) {
            Tree::Leaf(leaf) => Some(leaf),
            _ => None,
        };
        let result = change(&mut leaf);
        match leaf {
            Some(leaf) => *place = Tree::Leaf(leaf),
            // The nodes above it that are empty now go.
            None => _ = self.take(height, index),
        }
        result
    }

    /// The node of height 0 at `index`, for a leaf to be put there or changed.
    fn place(&mut self, height: u32, index: u32) -> &mut Tree {
        let (mut node, mut height) = (self, height);
        while height > 0 {
            node = node.open().child_mut(side(height, index));
            height -= 1;
        }
        node
    }

    /// The node as one with children that may be changed.
    #[inline(always)]
    fn open(&mut self) -> &mut Inner {
        if let Tree::Empty = self {
            self.begin();
        }
        match self {
            Tree::Inner(inner) => Arc::make_mut(inner),
            Tree::Empty | Tree::Leaf(_) => unreachable!("walks go as deep as the tree's height and leaves end them"),
        }
    }

    /// Makes it one with children, which are empty.
    #[cold]
    fn begin(&mut self) {
        *self = Inner::of([Tree::Empty, Tree::Empty]);
    }

    /// Takes out the leaf at `index`.
    pub(super) fn remove(&mut self, height: u32, index: u32) -> Option<PageRef> {
        self.get(height, index)?;
        self.take(height, index)
    }

    /// [`remove`](Tree::remove) of a leaf that is there.
    fn take(&mut self, height: u32, index: u32) -> Option<PageRef> {
        if height == 0 {
            return match core::mem::replace(self, Tree::Empty) {
                Tree::Leaf(leaf) => Some(leaf),
                _ => None,
            };
        }
        let inner = self.open();
        let leaf = inner.child_mut(side(height, index)).take(height - 1, index);
        if inner.is_empty() {
            *self = Tree::Empty;
        }
        leaf
    }

    /// Removes every page at `length` and behind, and hands what that takes off to `cut`: at most one subtree a level.
    pub(super) fn truncate(&mut self, height: u32, length: u32, cut: &mut impl FnMut(Tree)) {
        if length == 0 {
            cut(core::mem::replace(self, Tree::Empty));
        } else if length < 1 << height && !matches!(self, Tree::Empty) {
            let half = 1 << (height - 1);
            let inner = self.open();
            if length < half {
                inner.child_mut(0).truncate(height - 1, length, cut);
            }
            inner.child_mut(1).truncate(height - 1, length.saturating_sub(half), cut);
            if inner.is_empty() {
                *self = Tree::Empty;
            }
        }
    }

    /// The tree in the first half of one of twice as many places, `levels` times.
    pub(super) fn raise(&mut self, levels: u32) {
        for _ in 0..levels {
            if !matches!(self, Tree::Empty) {
                *self = Inner::of([core::mem::replace(self, Tree::Empty), Tree::Empty]);
            }
        }
    }

    /// The first half alone, `levels` times.
    pub(super) fn lower(&mut self, levels: u32) {
        for _ in 0..levels {
            if !matches!(self, Tree::Empty) {
                let first = core::mem::replace(self.open().child_mut(0), Tree::Empty);
                *self = first;
            }
        }
    }

    /// The root hash. Costs one hash for each page and node that is not remembered, and one for the root.
    pub(super) fn hash(&self, height: u32) -> Hash {
        match self {
            Tree::Empty => ZERO_SUBTREES[height as usize],
            Tree::Leaf(page) => page.hash(),
            Tree::Inner(inner) => rehash::root(inner, height),
        }
    }

    /// Whether the hash of a subtree of this height says that all of it is zero.
    pub(crate) fn is_zero(height: u32, hash: &Hash) -> bool {
        ZERO_SUBTREES[height as usize] == *hash
    }

    /// The tree of two trees of a height less, of which at least one is not empty.
    pub(crate) fn join(halves: [Tree; 2]) -> Tree {
        Inner::of(halves)
    }

    /// Whether it has no leaf at `length` or behind.
    pub(super) fn ends_before(&self, height: u32, length: u32) -> bool {
        match self {
            Tree::Empty => true,
            _ if length >= 1 << height => true,
            Tree::Leaf(_) => false,
            Tree::Inner(inner) => {
                let half = 1 << (height - 1);
                let [left, right] = &inner.children;
                left.ends_before(height - 1, length.min(half))
                    && right.ends_before(height - 1, length.saturating_sub(half))
            }
        }
    }

    /// Appends the hashes of the largest subtrees beside a range of leaves, from left to right. `index` is the number of
    /// this subtree among those of its height.
    pub(super) fn prove(&self, height: u32, index: u32, range: &RangeInclusive<u32>, out: &mut Vec<u8>) {
        let (first, last) = (index << height, (index << height) + ((1 << height) - 1));
        if last < *range.start() || first > *range.end() {
            return proof::sibling(out, &self.hash(height), &ZERO_SUBTREES[height as usize]);
        }
        if height > 0 {
            let empty = [Tree::Empty, Tree::Empty];
            let [left, right] = match self {
                Tree::Inner(inner) => &inner.children,
                Tree::Empty | Tree::Leaf(_) => &empty,
            };
            left.prove(height - 1, 2 * index, range, out);
            right.prove(height - 1, 2 * index + 1, range, out);
        }
    }

    /// Every leaf with its place, in order.
    pub(super) fn leaves(&self, height: u32) -> Leaves<'_> {
        Leaves { next: Some((self, height, 0)), ahead: Vec::new() }
    }
}

/// A subtree with its height and its first place.
type Subtree<'a> = (&'a Tree, u32, u32);

/// See [`Tree::leaves`].
pub(super) struct Leaves<'a> {
    /// The subtree to visit next; what is ahead goes on where there is none. So a tree of one leaf or none takes no memory.
    next: Option<Subtree<'a>>,
    /// Those behind it, the next one last.
    ahead: Vec<Subtree<'a>>,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = (u32, &'a PageRef);

    #[inline]
    fn next(&mut self) -> Option<(u32, &'a PageRef)> {
        loop {
            let (node, height, first) = self.next.take().or_else(|| self.ahead.pop())?;
            match node {
                Tree::Empty => {}
                Tree::Leaf(leaf) => return Some((first, leaf)),
                Tree::Inner(inner) => {
                    let [left, right] = &inner.children;
                    self.ahead.push((right, height - 1, first + (1 << (height - 1))));
                    self.next = Some((left, height - 1, first));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::vec;

    use super::*;
    use crate::page::PageRef;

    const HEIGHT: u32 = 10;

    fn full() -> Tree {
        let mut tree = Tree::Empty;
        for index in 0..1 << HEIGHT {
            tree.insert(HEIGHT, index, PageRef::from_prefix(&(index + 1).to_le_bytes()));
        }
        tree
    }

    /// The inner nodes by their addresses, and how many of their children's hashes they do not know.
    fn nodes(tree: &Tree) -> (BTreeSet<*const Inner>, usize) {
        let mut ahead = vec![tree];
        let mut addresses = BTreeSet::new();
        let mut unknown = 0;
        while let Some(node) = ahead.pop() {
            if let Tree::Inner(inner) = node {
                addresses.insert(Arc::as_ptr(inner));
                unknown += inner.hashes.iter().filter(|hash| !hash.is_known()).count();
                ahead.extend(&inner.children);
            }
        }
        (addresses, unknown)
    }

    #[test]
    fn a_change_forgets_the_hashes_above_it_and_no_others() {
        let mut tree = full();
        assert_eq!(nodes(&tree).1, 2 * ((1 << HEIGHT) - 1));
        tree.hash(HEIGHT);
        assert_eq!(nodes(&tree).1, 0);
        assert!(tree.leaves(HEIGHT).all(|(_, page)| page.known_hash().is_some()));

        tree.insert(HEIGHT, 700, PageRef::from_prefix(b"new"));
        let unhashed: Vec<u32> =
            tree.leaves(HEIGHT).filter(|(_, page)| page.known_hash().is_none()).map(|leaf| leaf.0).collect();
        assert_eq!((nodes(&tree).1, unhashed), (HEIGHT as usize, vec![700]));
        tree.hash(HEIGHT);
        assert_eq!(nodes(&tree).1, 0);

        tree.remove(HEIGHT, 0);
        assert_eq!(nodes(&tree).1, HEIGHT as usize);
        tree.hash(HEIGHT);
        tree.remove(HEIGHT, 0);
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
        tree.truncate(HEIGHT, 3, &mut drop);
        assert_eq!((tree.leaves(HEIGHT).count(), nodes(&tree).0.len()), (3, 11));
        tree.lower(HEIGHT - 2);
        assert_eq!((tree.leaves(2).count(), nodes(&tree).0.len()), (3, 3));
    }
}
