//! The costs of all blocks of a program, computed once.

use alloc::vec::Vec;

use super::{CostModel, Pipeline, block_length};
use crate::opcode::Mode;
use crate::program::{BlockStarts, Program};

/// For each basic block of a program what it is charged at its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockCosts {
    model: CostModel,
    /// Start and cost, by start.
    costs: Vec<(u32, u32)>,
}

impl BlockCosts {
    /// The costs of every block that `starts` names, which are the block starts of `program` in `mode`. Blocks do not
    /// overlap, so that this takes time in proportion to the length of the code.
    #[must_use]
    pub fn of(program: &Program, mode: Mode, model: CostModel, starts: &BlockStarts) -> BlockCosts {
        let costs = match model {
            CostModel::Flat => starts.iter().map(|start| (start, block_length(program, mode, start))).collect(),
            CostModel::Pipeline => {
                let mut pipeline = Pipeline::new();
                starts.iter().map(|start| (start, pipeline.block_cost(program, mode, start))).collect()
            }
        };
        BlockCosts { model, costs }
    }

    /// The model that the costs are of.
    #[must_use]
    pub fn model(&self) -> CostModel {
        self.model
    }

    /// The cost of the block that starts at `start`; `None` if none does.
    #[must_use]
    pub fn get(&self, start: u32) -> Option<u32> {
        let index = self.costs.binary_search_by_key(&start, |&(start, _)| start).ok()?;
        Some(self.costs[index].1)
    }

    /// Start and cost of each block, by start.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.costs.iter().copied()
    }
}
