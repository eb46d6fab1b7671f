//! What must hold of an Image's program before any of it runs.

use javm_isa::{BlobError, BlockStarts, Mode, Opcode, Program};
use thiserror::Error;

use super::limits::{MAX_CODE_BYTES, MAX_JUMP_TABLE_ENTRIES};

/// Why an offset in the code is not the start of a basic block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotABlock {
    /// It is behind the end.
    #[error("the code has {length} bytes")]
    OutsideCode {
        /// The length of the code.
        length: u32,
    },
    /// The bitmask has no instruction there.
    #[error("the bitmask has no instruction there")]
    NoInstruction,
    /// What stands there is not an opcode.
    #[error("the byte there, {0}, is no opcode")]
    InvalidOpcode(u8),
    /// An instruction stands there, but behind one that does not end a block.
    #[error("the instruction there is inside of a basic block")]
    InsideBlock,
}

/// What is wrong with the program of an Image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The bytes are no program blob.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// There is too much code.
    #[error("{bytes} bytes of code are more than the limit of {MAX_CODE_BYTES}")]
    TooLong {
        /// How much there is.
        bytes: u32,
    },
    /// The jump table is too long.
    #[error("{entries} jump table entries are more than the limit of {MAX_JUMP_TABLE_ENTRIES}")]
    JumpTableTooLong {
        /// How long it is.
        entries: usize,
    },
    /// A jump or branch with a fixed target goes to no block.
    #[error("{mnemonic} at code offset {at:#x} goes to {target:#x}, where no basic block starts: {why}", mnemonic = opcode.row().mnemonic)]
    Target {
        /// Where the instruction stands.
        at: u32,
        /// What it is.
        opcode: Opcode,
        /// Where it goes.
        target: u32,
        /// What is wrong with that.
        why: NotABlock,
    },
    /// An entry of the jump table leads to no block.
    #[error("jump table entry {index} is {target:#x}, where no basic block starts: {why}")]
    JumpTableEntry {
        /// Its number, from 0 on.
        index: usize,
        /// The code offset that it holds; `u32::MAX` for anything greater too.
        target: u32,
        /// What is wrong with that.
        why: NotABlock,
    },
}

/// A program and where its blocks start.
pub(super) struct Code {
    pub(super) program: Program,
    blocks: BlockStarts,
}

impl Code {
    /// Parses a blob and checks every place that control can be sent to by what is written in it.
    pub(super) fn check(blob: &[u8]) -> Result<Code, CodeError> {
        let program = Program::parse(blob)?;
        let bytes = program.code_length();
        if bytes > MAX_CODE_BYTES {
            return Err(CodeError::TooLong { bytes });
        }
        let entries = program.jump_table().len();
        if entries > MAX_JUMP_TABLE_ENTRIES as usize {
            return Err(CodeError::JumpTableTooLong { entries });
        }
        let blocks = program.block_starts(Mode::Image);
        let code = Code { program, blocks };
        code.check_jump_table()?;
        code.check_targets()?;
        Ok(code)
    }

    fn check_jump_table(&self) -> Result<(), CodeError> {
        for (index, &target) in self.program.jump_table().iter().enumerate() {
            self.check_block(target).map_err(|why| CodeError::JumpTableEntry { index, target, why })?;
        }
        Ok(())
    }

    /// Every instruction that the bitmask has counts, reachable or not: which ones are is not decided here.
    fn check_targets(&self) -> Result<(), CodeError> {
        for at in 0..self.program.code_length() {
            let Some(opcode) = self.program.opcode_at(at, Mode::Image) else { continue };
            if let Some(target) = self.program.decode(at, Mode::Image).static_target() {
                self.check_block(target).map_err(|why| CodeError::Target { at, opcode, target, why })?;
            }
        }
        Ok(())
    }

    /// Checks that a block starts at `target`.
    pub(super) fn check_block(&self, target: u32) -> Result<(), NotABlock> {
        if self.blocks.contains(target) {
            return Ok(());
        }
        Err(match self.program.code().get(target as usize) {
            None => NotABlock::OutsideCode { length: self.program.code_length() },
            Some(_) if !self.program.is_instruction_start(target) => NotABlock::NoInstruction,
            Some(&byte) if self.program.opcode_at(target, Mode::Image).is_none() => NotABlock::InvalidOpcode(byte),
            Some(_) => NotABlock::InsideBlock,
        })
    }
}
