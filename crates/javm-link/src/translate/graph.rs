//! Which block may come after which.

use super::ir::{Block, Node};

/// The blocks that each block may follow, as far as that is fixed: one entry for each way from one to the other.
pub(super) struct Predecessors {
    /// Where the list of each block ends in `blocks`; it starts where the one before ends.
    ends: Vec<usize>,
    blocks: Vec<u32>,
}

impl Predecessors {
    pub fn of(blocks: &[Block]) -> Predecessors {
        let mut edges: Vec<(u32, u32)> = Vec::new();
        for (index, block) in (0..).zip(blocks) {
            if block.falls_through {
                edges.push((index + 1, index));
            }
            edges.extend(block.nodes.iter().filter_map(|node| match node {
                Node::Op(op) => op.target.map(|target| (target.0, index)),
                Node::Borrow(..) => None,
            }));
        }
        edges.sort_unstable();
        let ends = (0..blocks.len()).map(|index| edges.partition_point(|&(to, _)| to as usize <= index)).collect();
        Predecessors { ends, blocks: edges.into_iter().map(|(_, from)| from).collect() }
    }

    pub fn get(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.blocks[start..self.ends[index]]
    }
}
