//! New roots: what does not remember its hash is collected, then hashed level by level, several messages side by side.
//!
//! Nodes of one level do not depend on each other, wherever in the tree they stand, so scattered changes fill the
//! machine's lanes as well as neighbouring ones do.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::tree::{Inner, Tree};
use crate::hash::{BATCH, Hash, hash_pairs};
use crate::page::PageRef;
use crate::tag::Tag;

/// The levels of inner nodes above the pages of the longest Data.
const LEVELS: usize = super::MAX_DATA_PAGES.trailing_zeros() as usize;

/// Pages that are collected before any are hashed: with the nodes above them about half a megabyte of books at most.
const MOST_PAGES: usize = 1024;

/// Ends a list.
const END: u32 = u32::MAX;

/// What waits to be hashed. Whatever is in it, so is everything below it that has to be hashed first.
struct Waiting<'a> {
    pages: Vec<&'a PageRef>,
    /// Inner nodes, each with the place here of another one of its level.
    nodes: Vec<(&'a Arc<Inner>, u32)>,
    /// The first of each level, from the one above the pages on.
    first: [u32; LEVELS],
}

/// The root hash of a tree.
pub(super) fn root(tree: &Tree, height: u32) -> Hash {
    let mut waiting = Waiting { pages: Vec::new(), nodes: Vec::new(), first: [END; LEVELS] };
    waiting.collect(tree, height);
    waiting.hash();
    known(tree, height)
}

/// The hash of a tree whose parts all remember theirs.
fn known(tree: &Tree, height: u32) -> Hash {
    match (tree.known_hash(height), tree) {
        (Some(hash), _) => hash,
        (None, Tree::Leaf(page)) => page.hash(),
        (None, _) => {
            debug_assert!(false, "what is collected is hashed");
            Hash::default()
        }
    }
}

impl<'a> Waiting<'a> {
    fn collect(&mut self, tree: &'a Tree, height: u32) {
        match tree {
            Tree::Inner(inner) if inner.hash.get().is_none() => {
                let [left, right] = &inner.children;
                self.collect(left, height - 1);
                self.collect(right, height - 1);
                // `collect` may have hashed what waited.
                if let Some(first) = self.first.get_mut(height as usize - 1) {
                    let place = self.nodes.len() as u32;
                    self.nodes.push((inner, core::mem::replace(first, place)));
                }
            }
            Tree::Leaf(page) if page.known_hash().is_none() => {
                self.pages.push(page);
                if self.pages.len() >= MOST_PAGES {
                    self.hash();
                }
            }
            Tree::Inner(_) | Tree::Leaf(_) | Tree::Empty => {}
        }
    }

    fn hash(&mut self) {
        PageRef::hash_all(&self.pages);
        self.pages.clear();
        for (height, first) in (1..).zip(&mut self.first) {
            let mut next = core::mem::replace(first, END);
            let mut batch = Batch { inners: [None; BATCH], pairs: [[Hash::default(); 2]; BATCH], count: 0 };
            while let Some(&(inner, behind)) = self.nodes.get(next as usize) {
                next = behind;
                batch.add(inner, height);
            }
            batch.hash();
        }
        self.nodes.clear();
    }
}

/// Inner nodes of one level with what is hashed of them.
struct Batch<'a> {
    inners: [Option<&'a Arc<Inner>>; BATCH],
    pairs: [[Hash; 2]; BATCH],
    count: usize,
}

impl<'a> Batch<'a> {
    fn add(&mut self, inner: &'a Arc<Inner>, height: u32) {
        let [left, right] = &inner.children;
        self.pairs[self.count] = [known(left, height - 1), known(right, height - 1)];
        self.inners[self.count] = Some(inner);
        self.count += 1;
        if self.count == BATCH {
            self.hash();
        }
    }

    fn hash(&mut self) {
        let inners = &self.inners;
        hash_pairs(Tag::DataNode, &self.pairs[..self.count], |index, hash| {
            if let Some(inner) = inners[index] {
                inner.hash.fill(&hash);
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
        assert_eq!(reroot(&data), (0, 0));

        pages([4999].into_iter(), 2, &mut data);
        assert_eq!(reroot(&data), (1, 13));
        let mut copy = data.clone();
        pages([0, 1, 4095].into_iter(), 2, &mut copy);
        assert_eq!(reroot(&copy), (3, 13 + 11));
        assert_eq!(reroot(&data), (0, 0), "what is shared remembers");
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
