//! Which registers still matter where. Whatever nobody reads is not computed, and what needs a free register gets one.
//!
//! A register matters if it may be read before it is overwritten. Behind a jump through a register anything may follow,
//! so that everything matters there; a call of a fixed function goes on with that function. No calling convention is
//! assumed: assembly may have its own.

use javm_isa::{Instruction, Kind, Opcode, Reg};

use super::graph::Predecessors;
use super::ir::{Block, Borrow, Code, Node, Op, Registers, make};
use crate::layout::Layout;

/// Removes dead instructions and replaces every [`Node::Borrow`].
pub(super) fn clean(code: &mut Code, layout: &Layout) {
    let live_in = analyse(&code.blocks);
    for index in 0..code.blocks.len() {
        let behind = live_behind(&code.blocks, &live_in, index);
        let block = &mut code.blocks[index];
        let mut live = behind;
        // From the last to the first, as the block is walked.
        let mut kept = Vec::with_capacity(block.nodes.len());
        for &node in block.nodes.iter().rev() {
            let before = step(&node, live, &live_in);
            match (before, node) {
                (None, _) => continue,
                (Some(_), Node::Op(_)) => kept.push(node),
                (Some(_), Node::Borrow(borrow, offset)) => {
                    let mut instructions = expand(borrow, live, layout);
                    instructions.reverse();
                    kept.extend(
                        instructions.into_iter().map(|instruction| Node::Op(Op { offset, ..instruction.into() })),
                    );
                }
            }
            live = before.unwrap_or(live);
        }
        kept.reverse();
        block.nodes = kept;
        fuse_jump(block);
    }
}

/// What matters at the start of each block: the least solution. A block is looked at again only when something comes to
/// matter at the start of one that follows it, which happens at most once a register.
fn analyse(blocks: &[Block]) -> Vec<Registers> {
    let predecessors = Predecessors::of(blocks);
    let mut live_in = vec![Registers::NONE; blocks.len()];
    let mut is_waiting = vec![true; blocks.len()];
    // The last block is looked at first: most of what follows a block stands behind it.
    let mut work: Vec<usize> = (0..blocks.len()).collect();
    while let Some(index) = work.pop() {
        is_waiting[index] = false;
        let behind = live_behind(blocks, &live_in, index);
        let nodes = blocks[index].nodes.iter().rev();
        let live = nodes.fold(behind, |live, node| step(node, live, &live_in).unwrap_or(live));
        if live == live_in[index] {
            continue;
        }
        live_in[index] = live;
        for &before in predecessors.get(index) {
            if !std::mem::replace(&mut is_waiting[before as usize], true) {
                work.push(before as usize);
            }
        }
    }
    live_in
}

/// What matters where a block falls through to the next one.
fn live_behind(blocks: &[Block], live_in: &[Registers], index: usize) -> Registers {
    match live_in.get(index + 1) {
        Some(&next) if blocks[index].falls_through => next,
        _ => Registers::NONE,
    }
}

/// What matters before a node if `live` matters behind it; `None` if nobody needs the node.
fn step(node: &Node, live: Registers, live_in: &[Registers]) -> Option<Registers> {
    let (destination, sources, is_pure, live) = match node {
        Node::Op(op) => {
            let target = || op.target.map_or(Registers::ALL, |target| live_in[target.index()]);
            let live = match op.instruction.opcode.row().kind {
                Kind::Jump => target(),
                Kind::Branch => live.union(target()),
                Kind::IndirectJump => Registers::ALL,
                Kind::Trap => Registers::NONE,
                _ => live,
            };
            (op.instruction.destination(), op.sources(), op.is_pure(), live)
        }
        Node::Borrow(borrow, _) => {
            (borrow.destination(), borrow.sources(), !matches!(borrow, Borrow::Probe { .. }), live)
        }
    };
    if is_pure && destination.is_none_or(|register| !live.contains(register)) {
        return None;
    }
    Some(destination.map_or(live, |register| live.without(register)).union(sources))
}

/// Registers to use for a moment, and the instructions that make them free before and restore them behind.
struct Lent {
    registers: [Reg; 2],
    before: Vec<Instruction>,
    behind: Vec<Instruction>,
}

/// Lends `count` (at most 2) registers other than those in `taken`, if possible such that nobody needs.
fn lend(count: u32, taken: Registers, live: Registers, layout: &Layout) -> Lent {
    let mut lent = Lent { registers: [Reg::T0; 2], before: Vec::new(), behind: Vec::new() };
    let mut taken = taken;
    for index in 0..count {
        let free = Reg::all().find(|&register| !taken.contains(register) && !live.contains(register));
        // Two or three registers are taken, of thirteen.
        let register = free.or_else(|| Reg::all().find(|&register| !taken.contains(register))).unwrap_or(Reg::T0);
        if free.is_none() {
            let place = u64::from(layout.save_place(index));
            lent.before.push(make::reg_imm(Opcode::StoreU64, register, place));
            lent.behind.push(make::reg_imm(Opcode::LoadU64, register, place));
        }
        taken = taken.with(register);
        lent.registers[index as usize] = register;
    }
    lent
}

/// The instructions for a borrower; `live` matters behind it.
fn expand(borrow: Borrow, live: Registers, layout: &Layout) -> Vec<Instruction> {
    match borrow {
        Borrow::Probe { mut load } => {
            let lent = lend(1, borrow.sources(), live, layout);
            load.a = lent.registers[0];
            [lent.before, vec![load], lent.behind].concat()
        }
        Borrow::Clamp { opcode, register } => {
            let lent = lend(1, borrow.sources(), live, layout);
            let zero = lent.registers[0];
            let clamp = [make::reg_imm(Opcode::LoadImm, zero, 0), make::reg_reg_reg(opcode, register, register, zero)];
            [lent.before, clamp.to_vec(), lent.behind].concat()
        }
        Borrow::OrBytes { rd, source } => {
            let count = if rd == source { 2 } else { 1 };
            let lent = lend(count, borrow.sources().with(rd), live, layout);
            let [mask, copy] = lent.registers;
            let mut code = Vec::new();
            let source = if rd == source {
                code.push(make::reg_reg(Opcode::MoveReg, copy, source));
                copy
            } else {
                source
            };
            // The high bit of each byte: set if the low seven carry into it or it was set, then spread by a product.
            code.extend([
                make::reg_imm(Opcode::LoadImm64, mask, 0x7F7F_7F7F_7F7F_7F7F),
                make::reg_reg_reg(Opcode::And, rd, source, mask),
                make::reg_reg_reg(Opcode::Add64, rd, rd, mask),
                make::reg_reg_reg(Opcode::Or, rd, rd, source),
                make::reg_reg_reg(Opcode::AndInv, rd, rd, mask),
                make::reg_reg_imm(Opcode::ShloRImm64, rd, rd, 7),
                make::reg_reg_imm(Opcode::MulImm64, rd, rd, 255),
            ]);
            [lent.before, code, lent.behind].concat()
        }
    }
}

/// A number loaded just before a jump becomes part of the jump.
fn fuse_jump(block: &mut Block) {
    let [.., Node::Op(load), Node::Op(jump)] = block.nodes[..] else { return };
    if load.instruction.opcode != Opcode::LoadImm || jump.instruction.opcode != Opcode::Jump {
        return;
    }
    let Instruction { a, x, .. } = load.instruction;
    let fused = Op { target: jump.target, offset: jump.offset, ..load };
    block.nodes.truncate(block.nodes.len() - 2);
    block.nodes.push(Node::Op(Op { instruction: make::reg_imm(Opcode::LoadImmJump, a, x), ..fused }));
}
