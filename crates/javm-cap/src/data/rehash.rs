//! New roots: what does not remember its hash is collected, then hashed level by level, several messages side by side.
//!
//! Nodes of one level do not depend on each other, wherever in the tree they stand, so scattered changes fill the
//! machine's lanes as well as neighbouring ones do.

use alloc::vec::Vec;

use super::tree::{Inner, Tree};
use super::zeros::ZERO_SUBTREES;
use crate::hash::{BATCH, Hash, HashCache, hash_pair, hash_pairs};
use crate::page::PageRef;
use crate::tag::Tag;

/// The levels of inner nodes above the pages of the longest Data.
const LEVELS: usize = super::MAX_DATA_PAGES.trailing_zeros() as usize;

/// Pages that are collected before any are hashed: with the nodes above them about half a megabyte of books at most.
const MOST_PAGES: usize = 1024;

/// Ends a list.
const END: u32 = u32::MAX;

/// What waits to be hashed, each with the place where the hash is remembered. Whatever is in it, so is everything below
/// it that has to be hashed first.
struct Waiting<'a> {
    pages: Vec<&'a PageRef>,
    of_pages: Vec<&'a HashCache>,
    nodes: Vec<Node<'a>>,
    /// The first node of each level, from the one above the pages on.
    first: [u32; LEVELS],
}

/// A node that waits.
struct Node<'a> {
    inner: &'a Inner,
    hash: &'a HashCache,
    /// The place of another one of its level.
    next: u32,
}

/// The root hash of a tree with a root of this height.
pub(super) fn root(root: &Inner, height: u32) -> Hash {
    if !root.hashes.iter().all(HashCache::is_known) {
        let (pages, of_pages, nodes) = (Vec::new(), Vec::new(), Vec::new());
        let mut waiting = Waiting { pages, of_pages, nodes, first: [END; LEVELS] };
        waiting.collect(root, height);
        waiting.hash();
    }
    let [left, right] = below(root);
    hash_pair(Tag::DataNode, &left, &right)
}

/// The hashes of both children, which are remembered by now.
fn below(inner: &Inner) -> [Hash; 2] {
    debug_assert!(inner.hashes.iter().all(HashCache::is_known), "what is collected is hashed");
    inner.hashes.each_ref().map(|hash| hash.get().unwrap_or_default())
}

impl<'a> Waiting<'a> {
    /// Collects what is not remembered below a node of this height.
    fn collect(&mut self, inner: &'a Inner, height: u32) {
        let below = height - 1;
        for (child, hash) in inner.children.iter().zip(&inner.hashes).filter(|(_, hash)| !hash.is_known()) {
            match child {
                Tree::Empty => hash.fill(&ZERO_SUBTREES[below as usize]),
                Tree::Leaf(page) => self.collect_page(page, hash),
                Tree::Inner(inner) => {
                    self.collect(inner, below);
                    // What is below it may have been hashed by now.
                    if let Some(first) = self.first.get_mut(below as usize - 1) {
                        let next = core::mem::replace(first, self.nodes.len() as u32);
                        self.nodes.push(Node { inner, hash, next });
                    }
                }
            }
        }
    }

    fn collect_page(&mut self, page: &'a PageRef, hash: &'a HashCache) {
        match page.known_hash() {
            Some(known) => hash.fill(&known),
            None => {
                self.pages.push(page);
                self.of_pages.push(hash);
                if self.pages.len() >= MOST_PAGES {
                    self.hash();
                }
            }
        }
    }

    fn hash(&mut self) {
        PageRef::hash_all(&self.pages);
        for (page, hash) in self.pages.drain(..).zip(self.of_pages.drain(..)) {
            hash.fill(&page.hash());
        }
        for first in &mut self.first {
            let mut next = core::mem::replace(first, END);
            let mut batch = Batch { hashes: [None; BATCH], pairs: [[Hash::default(); 2]; BATCH], count: 0 };
            while let Some(node) = self.nodes.get(next as usize) {
                next = node.next;
                batch.add(node);
            }
            batch.hash();
        }
        self.nodes.clear();
    }
}

/// Inner nodes of one level: what is hashed of them, and where that is remembered.
struct Batch<'a> {
    hashes: [Option<&'a HashCache>; BATCH],
    pairs: [[Hash; 2]; BATCH],
    count: usize,
}

impl<'a> Batch<'a> {
    fn add(&mut self, node: &Node<'a>) {
        self.pairs[self.count] = below(node.inner);
        self.hashes[self.count] = Some(node.hash);
        self.count += 1;
        if self.count == BATCH {
            self.hash();
        }
    }

    fn hash(&mut self) {
        let hashes = &self.hashes;
        hash_pairs(Tag::DataNode, &self.pairs[..self.count], |index, hash| {
            if let Some(place) = hashes[index] {
                place.fill(&hash);
            }
        });
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::data::Data;
    use crate::hash::count;
    use crate::page::PageRef;
    use crate::tag::Tag;

    fn pages(indices: impl Iterator<Item = u32>, value: u8, data: &mut Data) {
        for index in indices {
            data.set_page(index, PageRef::from_prefix(&[value, index as u8, (index >> 8) as u8])).expect("inside");
        }
    }

    /// How many pages and inner nodes a new root hashes.
    fn reroot(data: &Data) -> (usize, usize) {
        let counts: BTreeMap<Tag, usize> = count::of(|| _ = data.root());
        assert!(counts.keys().all(|tag| matches!(tag, Tag::Page | Tag::DataNode)));
        let of = |tag| counts.get(&tag).copied().unwrap_or(0);
        (of(Tag::Page), of(Tag::DataNode))
    }

    #[test]
    fn a_new_root_hashes_what_changed_and_the_ways_to_it_once_each() {
        let mut data = Data::new(5000).expect("short");
        pages(0..5000, 1, &mut data);
        let inner = |leaves: u32| (1..=13u32).map(|height| leaves.div_ceil(1 << height) as usize).sum::<usize>();
        assert_eq!(reroot(&data), (5000, inner(5000)));
        assert_eq!(reroot(&data), (0, 1), "the root, of two remembered hashes");

        pages([4999].into_iter(), 2, &mut data);
        assert_eq!(reroot(&data), (1, 13));
        let mut copy = data.clone();
        pages([0, 1, 4095].into_iter(), 2, &mut copy);
        assert_eq!(reroot(&copy), (3, 13 + 11));
        assert_eq!(reroot(&data), (0, 1), "what is shared remembers");
        // More than are collected before any are hashed, spread over all of it.
        pages((0..5000).step_by(2), 3, &mut data);
        assert_eq!(reroot(&data), (2500, inner(5000)));
        let mut plain = Data::new(5000).expect("short");
        pages(0..5000, 1, &mut plain);
        pages([4999].into_iter(), 2, &mut plain);
        pages((0..5000).step_by(2), 3, &mut plain);
        assert_eq!(plain.root(), data.root());
    }
}
