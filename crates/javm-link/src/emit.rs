//! From blocks to the bytes of a program: labels, jump table, and offsets as short as they can be.

use std::collections::BTreeSet;

use javm_isa::{Form, Instruction, Kind, Lengths, Opcode, ProgramBuilder};

use crate::resolve::At;
use crate::translate::ir::{BlockId, Code, Node, Op};

/// The code and where its blocks are.
pub(crate) struct Emitted {
    pub blob: Vec<u8>,
    /// The code offset of each block; the length of the code behind the last.
    pub starts: Vec<u32>,
    /// Each instruction's code offset and where in the input it comes from, ascending by code offset.
    pub origins: Vec<(u32, At)>,
    pub jump_table: JumpTable,
}

/// The blocks that can be reached through a register, in the order of their numbers.
pub(crate) struct JumpTable(Vec<BlockId>);

impl JumpTable {
    /// The address by which a jump through a register reaches a block.
    pub fn address(&self, block: BlockId) -> u64 {
        // Every block whose address is asked for was collected.
        let index = self.0.partition_point(|&known| known < block);
        2 * (index as u64 + 1)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Emits the code. `entries` are the blocks of endpoints, `taken` those whose addresses data holds.
pub(crate) fn emit(mut code: Code, entries: &[BlockId], taken: &[BlockId]) -> Emitted {
    drop_jumps_to_next(&mut code);
    let mut labels: BTreeSet<BlockId> = entries.iter().chain(taken).copied().collect();
    let mut table: BTreeSet<BlockId> = taken.iter().copied().collect();
    for op in code.blocks.iter().flat_map(|block| &block.nodes).filter_map(op_of) {
        labels.extend(op.target);
        labels.extend(op.address_of);
        table.extend(op.address_of);
    }
    let jump_table = JumpTable(table.into_iter().collect());
    let line = Line::new(&code, &labels, &jump_table);
    let (offset_bytes, positions) = line.relax();
    let starts: Vec<u32> = line.firsts.iter().map(|&first| positions[first]).chain(positions.last().copied()).collect();
    let mut builder = ProgramBuilder::new();
    for (op, &bytes) in line.ops.iter().zip(&offset_bytes) {
        let target = op.target.map_or(0, |target| starts[target.index()]);
        let instruction = Instruction { target, ..op.instruction };
        // Every immediate was made to fit when it was chosen, every offset just now.
        let pushed = builder.push_with(&instruction, lengths(&instruction, bytes));
        debug_assert!(pushed.is_ok(), "{instruction:?}: {pushed:?}");
    }
    for &block in &jump_table.0 {
        builder.push_jump_target(starts[block.index()]);
    }
    let origins = positions.iter().copied().zip(line.origins).collect();
    Emitted { blob: builder.blob(), starts, origins, jump_table }
}

fn op_of(node: &Node) -> Option<&Op> {
    match node {
        Node::Op(op) => Some(op),
        Node::Borrow(..) => None,
    }
}

/// A jump to what comes next anyway is none.
fn drop_jumps_to_next(code: &mut Code) {
    for (index, block) in (0..).zip(&mut code.blocks) {
        let Some(Node::Op(last)) = block.nodes.last() else { continue };
        let is_plain = last.instruction.opcode == Opcode::Jump || last.instruction.opcode.row().kind == Kind::Branch;
        if is_plain && last.target == Some(BlockId(index + 1)) {
            block.nodes.pop();
            block.falls_through = true;
        }
    }
}

/// An instruction's lengths when its code offset takes `bytes` bytes.
fn lengths(instruction: &Instruction, bytes: u8) -> Lengths {
    match instruction.opcode.row().form {
        Form::Offset | Form::RegRegOffset => Lengths { x: Some(bytes), y: None },
        Form::RegImmOffset => Lengths { x: None, y: Some(bytes) },
        _ => Lengths::default(),
    }
}

/// After so many rounds of lengthening code offsets the rest get four bytes, which always suffice. Programs need four or
/// five rounds; a file made for it would need one for each of its instructions.
const RELAX_ROUNDS: u32 = 32;

/// All instructions in a row.
struct Line {
    ops: Vec<Op>,
    /// Where in the input each comes from.
    origins: Vec<At>,
    /// The number of the first instruction of each block.
    firsts: Vec<usize>,
    /// The bytes of each instruction without its code offset.
    fixed: Vec<u8>,
}

impl Line {
    fn new(code: &Code, labels: &BTreeSet<BlockId>, jump_table: &JumpTable) -> Line {
        let mut line = Line {
            ops: Vec::new(),
            origins: Vec::new(),
            firsts: Vec::with_capacity(code.blocks.len()),
            fixed: Vec::new(),
        };
        let mut ends_block = true;
        for (index, block) in (0..).zip(&code.blocks) {
            if !ends_block && labels.contains(&BlockId(index)) {
                line.ops.push(Instruction::new(Opcode::Fallthrough).into());
                line.origins.push(line.origins.last().copied().unwrap_or(block.at));
                ends_block = true;
            }
            line.firsts.push(line.ops.len());
            for op in block.nodes.iter().filter_map(op_of) {
                let mut op = *op;
                if let Some(block) = op.address_of {
                    op.instruction.x = jump_table.address(block);
                }
                ends_block = op.is_terminator();
                line.ops.push(op);
                line.origins.push(At { offset: op.offset, ..block.at });
            }
        }
        let mut bytes = Vec::new();
        for op in &line.ops {
            bytes.clear();
            let length = op.instruction.encode(0, lengths(&op.instruction, 0), &mut bytes);
            debug_assert!(length.is_ok(), "{:?}: {length:?}", op.instruction);
            line.fixed.push(length.unwrap_or(0) as u8);
        }
        line
    }

    /// Finds short lengths of all code offsets, and where the instructions stand with them, and the end. Lengths only
    /// ever grow, so that this ends, and always at the same place.
    fn relax(&self) -> (Vec<u8>, Vec<u32>) {
        let mut offset_bytes: Vec<u8> = self.ops.iter().map(|op| u8::from(op.target.is_some())).collect();
        let mut positions = vec![0_u32; self.ops.len() + 1];
        for round in 1.. {
            let mut position = 0;
            for ((place, fixed), bytes) in positions.iter_mut().zip(&self.fixed).zip(&offset_bytes) {
                *place = position;
                position += u32::from(fixed + bytes);
            }
            if let Some(end) = positions.last_mut() {
                *end = position;
            }
            let mut grown = false;
            for ((op, bytes), &position) in self.ops.iter().zip(&mut offset_bytes).zip(&positions) {
                let Some(target) = op.target else { continue };
                let offset = i64::from(positions[self.firsts[target.index()]]) - i64::from(position);
                let needed = bytes_of(offset);
                if needed > *bytes {
                    *bytes = needed;
                    grown = true;
                }
            }
            if !grown {
                break;
            }
            if round == RELAX_ROUNDS {
                offset_bytes.iter_mut().filter(|bytes| **bytes > 0).for_each(|bytes| *bytes = 4);
            }
        }
        (offset_bytes, positions)
    }
}

/// How many bytes hold an offset, sign-extended.
fn bytes_of(offset: i64) -> u8 {
    (1..4).find(|bytes| (-(1 << (8 * bytes - 1))..1 << (8 * bytes - 1)).contains(&offset)).unwrap_or(4)
}
