//! Marks the ways that only lead to a trap.
//!
//! A compiler checks before it indexes, divides or unwraps, and calls a function that never returns if the check fails.
//! Such a branch is always predicted right. The `pipeline` cost model knows that if the unwanted side starts with a trap
//! or with `unlikely`, and charges it 1 instead of 20 cycles.

use javm_isa::{Instruction, Kind, Opcode};

use super::graph::Predecessors;
use super::ir::{Block, BlockId, Code, Node, Op};

/// Puts `unlikely` at the start of each block that a branch goes to, or falls into, and from which control inevitably
/// ends in a trap.
pub(super) fn mark(code: &mut Code) {
    let doomed = doomed(&code.blocks);
    for index in 0..code.blocks.len() {
        let Some(target) = branch_target(&code.blocks[index]) else { continue };
        let next = index + 1;
        let is_doomed = |index: usize| doomed.get(index).copied().unwrap_or(false);
        let cold = match (is_doomed(target.index()), is_doomed(next)) {
            (true, false) => target.index(),
            (false, true) => next,
            _ => continue,
        };
        let Block { at, nodes, .. } = &mut code.blocks[cold];
        if !nodes.first().is_some_and(is_marked) {
            let mark = Op { offset: at.offset, ..Instruction::new(Opcode::Unlikely).into() };
            nodes.insert(0, Node::Op(mark));
        }
    }
}

fn is_marked(node: &Node) -> bool {
    matches!(node, Node::Op(op) if matches!(op.instruction.opcode, Opcode::Trap | Opcode::Unlikely))
}

fn last(block: &Block) -> Option<&Op> {
    match block.nodes.last() {
        Some(Node::Op(op)) => Some(op),
        _ => None,
    }
}

fn branch_target(block: &Block) -> Option<BlockId> {
    last(block).filter(|op| op.instruction.opcode.row().kind == Kind::Branch)?.target
}

/// The block behind a call, if the block ends with one.
fn behind_call(block: &Block) -> Option<BlockId> {
    let is_jump = |op: &&Op| matches!(op.instruction.opcode.row().kind, Kind::Jump | Kind::IndirectJump);
    last(block).filter(is_jump)?.address_of
}

/// Whether control inevitably ends in a trap, for each block: it stands there, or every way on leads to such blocks. A
/// call leads to its function; whether that returns is seen from its blocks, and where it would only return to a trap
/// (as a handler of panics that tells somebody first) it makes no difference.
fn doomed(blocks: &[Block]) -> Vec<bool> {
    // How many ways lead on to where control may stay alive. Behind a jump through a register anything may follow.
    let mut ways: Vec<usize> = blocks
        .iter()
        .map(|block| match last(block).map(|op| op.instruction.opcode.row().kind) {
            Some(Kind::Trap) => 0,
            Some(Kind::Branch) => 2,
            Some(Kind::IndirectJump) => usize::MAX,
            _ => 1,
        })
        .collect();
    let predecessors = Predecessors::of(blocks);
    let mut calls: Vec<(usize, usize)> =
        blocks.iter().enumerate().filter_map(|(index, block)| Some((behind_call(block)?.index(), index))).collect();
    calls.sort_unstable();
    let mut doomed = vec![false; blocks.len()];
    let mut work: Vec<usize> = (0..blocks.len()).filter(|&index| ways[index] == 0).collect();
    while let Some(index) = work.pop() {
        doomed[index] = true;
        for &before in predecessors.get(index) {
            let ways = &mut ways[before as usize];
            // A call may be doomed already by what is behind it.
            if *ways > 0 {
                *ways -= 1;
                if *ways == 0 {
                    work.push(before as usize);
                }
            }
        }
        let first = calls.partition_point(|&(behind, _)| behind < index);
        for &(_, call) in calls[first..].iter().take_while(|&&(behind, _)| behind == index) {
            if ways[call] > 0 {
                ways[call] = 0;
                work.push(call);
            }
        }
    }
    doomed
}
