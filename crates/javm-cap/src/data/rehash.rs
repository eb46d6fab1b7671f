//! New roots: what does not remember its hash is looked for level by level, and hashed on the way back, several messages side by
//! side.
//!
//! Nodes of one level do not depend on each other, wherever in the tree they stand: scattered changes fill the machine's lanes
//! as well as neighbouring ones do, and many nodes that are not in any cache are waited for at once.

use alloc::vec::Vec;

use super::tree::{Inner, Tree};
use super::zeros::ZERO_SUBTREES;
use crate::hash::{HASH_SIZE, Hash, HashCache, PairMessage, hash_messages, hash_pair};
use crate::many::BATCH;
use crate::page::PageRef;
use crate::tag::Tag;

/// Nodes of one level that are worked on at a time. So few that they, and the hashes that they are waiting for, are still near
/// when what is below them is hashed: the pages of 128 are half a megabyte, those of 1,024 more than a processor keeps for itself.
const MOST_NODES: usize = 128;

/// The root hash of a tree with a root of this height.
pub(super) fn root(root: &Inner, height: u32) -> Hash {
    if !root.hashes.iter().all(HashCache::is_known) {
        fill_below(&[root], height);
    }
    let [left, right] = below(root);
    hash_pair(Tag::DataNode, &left, &right)
}

/// The hashes of both children, which are remembered by now.
fn below(inner: &Inner) -> [Hash; 2] {
    debug_assert!(inner.hashes.iter().all(HashCache::is_known), "what is below is hashed first");
    inner.hashes.each_ref().map(|hash| hash.get().unwrap_or_default())
}

/// Has nodes of this height remember the hashes of their children.
fn fill_below(nodes: &[&Inner], height: u32) {
    let below = height - 1;
    let (mut pages, mut page_hashes) = (Vec::new(), Vec::new());
    let (mut inners, mut inner_hashes) = (Vec::new(), Vec::new());
    for node in nodes {
        for (child, hash) in node.children.iter().zip(&node.hashes).filter(|(_, hash)| !hash.is_known()) {
            match child {
                Tree::Empty => hash.fill(&ZERO_SUBTREES[below as usize]),
                Tree::Leaf(page) => {
                    pages.push(page);
                    page_hashes.push(hash);
                }
                Tree::Inner(inner) => {
                    inners.push(&**inner);
                    inner_hashes.push(hash);
                }
            }
        }
    }
    fill_pages(&pages, &page_hashes);
    for (some, hashes) in inners.chunks(MOST_NODES).zip(inner_hashes.chunks(MOST_NODES)) {
        // What stands at several places may be known by now.
        fill_below(some, below);
        fill_nodes(some, hashes);
    }
}

/// Has these places remember the hashes of pages.
fn fill_pages(pages: &[&PageRef], hashes: &[&HashCache]) {
    let unknown: Vec<&PageRef> = pages.iter().copied().filter(|page| page.known_hash().is_none()).collect();
    PageRef::hash_all(&unknown);
    pages.iter().zip(hashes).for_each(|(page, hash)| hash.fill(&page.hash()));
}

/// Has these places remember the hashes of nodes, which remember those of their children.
fn fill_nodes(nodes: &[&Inner], hashes: &[&HashCache]) {
    let mut messages: [PairMessage; BATCH] = [[Tag::DataNode.number(); 1 + 2 * HASH_SIZE]; BATCH];
    for (some, hashes) in nodes.chunks(BATCH).zip(hashes.chunks(BATCH)) {
        for (message, inner) in messages.iter_mut().zip(some) {
            for (half, hash) in message[1..].chunks_exact_mut(HASH_SIZE).zip(&inner.hashes) {
                let is_known = hash.copy_to(half);
                debug_assert!(is_known, "what is below is hashed first");
            }
        }
        hash_messages(Tag::DataNode, &messages[..some.len()], |index, hash| hashes[index].fill(&hash));
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
