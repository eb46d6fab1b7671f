//! The program blob: code, the bitmask that says where instructions start, and the jump table.

mod blocks;
mod builder;
mod natural;

use alloc::sync::Arc;
use alloc::vec::Vec;
use thiserror::Error;

pub use self::blocks::BlockStarts;
pub use self::builder::ProgramBuilder;
pub(crate) use self::builder::needed_entry_width;
use crate::instruction::{Instruction, WINDOW};
use crate::opcode::{Mode, Opcode};

/// The longest code that a blob may hold, in bytes. Offsets in the code stay far below 2^31 with it, so that a static
/// target, computed mod 2^32, never wraps into the code again. Images have a lower bound of their own.
pub const MAX_CODE_LENGTH: u32 = 1 << 30;

/// The largest distance between two instructions minus one that the machine can see.
pub const MAX_SKIP: u32 = 24;

/// The address that ends a run with `halt` when jumped to.
pub const HALT_ADDRESS: u32 = 0xFFFF_0000;

/// Where a blob stops being one and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("program blob: {reason}, at byte {offset}")]
pub struct BlobError {
    /// The byte of the blob that is wrong, or its length where something is missing.
    pub offset: usize,
    /// What is wrong there.
    pub reason: BlobErrorReason,
}

/// What can be wrong with a blob.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum BlobErrorReason {
    /// The blob ends inside a part.
    #[error("it ends inside the {0}")]
    Truncated(BlobPart),
    /// Bytes follow behind the bitmask.
    #[error("{0} bytes follow behind the bitmask")]
    TrailingBytes(usize),
    /// A length is written with more bytes than it needs.
    #[error("the {0} is not written in its shortest form")]
    LongNatural(BlobPart),
    /// Jump table entries have zero or more than eight bytes.
    #[error("jump table entries of {0} bytes (1 to 8 are possible)")]
    EntryWidth(u8),
    /// The code is longer than [`MAX_CODE_LENGTH`].
    #[error("code of {0} bytes (at most 2^30 are possible)")]
    CodeTooLong(u64),
    /// A bit behind the last byte of code is set.
    #[error("padding bits of the bitmask are not zero")]
    Padding,
}

/// The parts of a blob, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlobPart {
    /// The number of entries of the jump table.
    JumpTableLength,
    /// The bytes of one entry.
    EntryWidth,
    /// The length of the code.
    CodeLength,
    /// The jump table.
    JumpTable,
    /// The code.
    Code,
    /// The bitmask.
    Bitmask,
}

impl core::fmt::Display for BlobPart {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            BlobPart::JumpTableLength => "jump table length",
            BlobPart::EntryWidth => "jump table entry width",
            BlobPart::CodeLength => "code length",
            BlobPart::JumpTable => "jump table",
            BlobPart::Code => "code",
            BlobPart::Bitmask => "bitmask",
        })
    }
}

/// A parsed program blob. Having one means that every code offset can be decoded, to an instruction or to a trap.
/// Copies share their bytes.
#[derive(Clone)]
pub struct Program {
    blob: Arc<[u8]>,
    /// The code and [`WINDOW`] + [`MAX_SKIP`] zero bytes, so that decoding needs no end check.
    code: Arc<[u8]>,
    code_length: u32,
    /// The bitmask and ones, so that finding the next instruction needs no end check.
    mask: Arc<[u8]>,
    jump_table: Arc<[u32]>,
    entry_width: u8,
}

/// Ones behind the bitmask: a look at the next 32 bits starts at most one byte behind its last one.
const MASK_PADDING: usize = 16;

impl Program {
    /// Reads a blob.
    ///
    /// # Errors
    /// [`BlobError`] for every byte string that is not one, with place and reason.
    pub fn parse(blob: &[u8]) -> Result<Program, BlobError> {
        let mut reader = Reader { blob, offset: 0 };
        let entries = reader.natural(BlobPart::JumpTableLength)?;
        let width_offset = reader.offset;
        let entry_width = reader.take(1, BlobPart::EntryWidth)?[0];
        if entry_width > 8 || (entry_width == 0 && entries > 0) {
            return Err(BlobError { offset: width_offset, reason: BlobErrorReason::EntryWidth(entry_width) });
        }
        let code_length_offset = reader.offset;
        let code_length = reader.natural(BlobPart::CodeLength)?;
        if code_length > u64::from(MAX_CODE_LENGTH) {
            let reason = BlobErrorReason::CodeTooLong(code_length);
            return Err(BlobError { offset: code_length_offset, reason });
        }
        let table_length = entries.saturating_mul(u64::from(entry_width));
        let table = reader.take(table_length, BlobPart::JumpTable)?;
        let code = reader.take(code_length, BlobPart::Code)?;
        let mask = reader.take(code_length.div_ceil(8), BlobPart::Bitmask)?;
        let rest = blob.len() - reader.offset;
        if rest > 0 {
            return Err(BlobError { offset: reader.offset, reason: BlobErrorReason::TrailingBytes(rest) });
        }
        let used_bits = code_length % 8;
        if used_bits != 0 && mask.last().is_some_and(|last| last >> used_bits != 0) {
            return Err(BlobError { offset: blob.len() - 1, reason: BlobErrorReason::Padding });
        }
        Ok(Program::assemble(blob.into(), table, entry_width, code, mask))
    }

    fn assemble(blob: Arc<[u8]>, table: &[u8], entry_width: u8, code: &[u8], mask: &[u8]) -> Program {
        let mut padded_code = Vec::with_capacity(code.len() + WINDOW + MAX_SKIP as usize);
        padded_code.extend_from_slice(code);
        padded_code.resize(code.len() + WINDOW + MAX_SKIP as usize, 0);
        let mut padded_mask = Vec::with_capacity(mask.len() + MASK_PADDING);
        padded_mask.extend_from_slice(mask);
        if let (Some(last), used @ 1..) = (padded_mask.last_mut(), code.len() % 8) {
            *last |= 0xFF << used;
        }
        padded_mask.resize(mask.len() + MASK_PADDING, 0xFF);
        // An entry that does not fit cannot be a block start either way, so that it may become any such offset.
        let entry = |bytes: &[u8]| u32::try_from(little_endian(bytes)).unwrap_or(u32::MAX);
        let jump_table = table.chunks_exact(usize::from(entry_width.max(1))).map(entry).collect();
        Program {
            blob,
            code: padded_code.into(),
            code_length: code.len() as u32,
            mask: padded_mask.into(),
            jump_table,
            entry_width,
        }
    }

    /// The blob that it was read from.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &[u8] {
        &self.code[..self.code_length as usize]
    }

    /// The length of the code in bytes.
    #[must_use]
    pub fn code_length(&self) -> u32 {
        self.code_length
    }

    /// The jump table: for address `2 (i + 1)` the code offset `jump_table()[i]`. Entries of 2^32 and up read as
    /// `u32::MAX`, which is no block start either.
    #[must_use]
    pub fn jump_table(&self) -> &[u32] {
        &self.jump_table
    }

    /// The bytes of one jump table entry in the blob, 0 to 8.
    #[must_use]
    pub fn entry_width(&self) -> u8 {
        self.entry_width
    }

    /// The jump table as the blob has it, with entries of 2^32 and up as they are.
    pub(crate) fn jump_entries(&self) -> impl Iterator<Item = u64> + '_ {
        // The table ends where the code begins: counted from the blob's end, as the parts before it vary in length.
        let width = usize::from(self.entry_width);
        let end = self.blob.len() - self.code_length.div_ceil(8) as usize - self.code_length as usize;
        let table = &self.blob[end - width * self.jump_table.len()..end];
        table.chunks_exact(width.max(1)).map(little_endian)
    }

    /// Whether the bitmask says that an instruction starts at `pc`. Ones follow behind the code.
    #[must_use]
    #[inline]
    pub fn is_instruction_start(&self, pc: u32) -> bool {
        pc >= self.code_length || self.mask[(pc / 8) as usize] >> (pc % 8) & 1 == 1
    }

    /// The distance from the opcode at `pc` to the next one, minus one; at most [`MAX_SKIP`].
    #[must_use]
    #[inline]
    pub fn skip(&self, pc: u32) -> u32 {
        if pc >= self.code_length {
            return 0;
        }
        let next = pc + 1;
        let byte = (next / 8) as usize;
        let mut bits = [0; 4];
        bits.copy_from_slice(&self.mask[byte..byte + 4]);
        (u32::from_le_bytes(bits) >> (next % 8)).trailing_zeros().min(MAX_SKIP)
    }

    /// The 64 bits of the bitmask from offset `64 * index` on, without the ones that follow behind the code.
    #[inline]
    fn mask_word(&self, index: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.mask[8 * index..8 * index + 8]);
        let word = u64::from_le_bytes(bytes);
        match self.code_length as usize - 64 * index {
            left @ ..64 => word & ((1 << left) - 1),
            _ => word,
        }
    }

    /// Where the instruction behind the one at `pc` starts.
    #[must_use]
    #[inline]
    pub fn next(&self, pc: u32) -> u32 {
        pc.saturating_add(1 + self.skip(pc))
    }

    /// Where the instruction stands that goes on at `pc`, if one does.
    #[must_use]
    pub fn previous(&self, pc: u32) -> Option<u32> {
        let nearest = (pc.saturating_sub(1 + MAX_SKIP)..pc).rev().find(|&before| self.is_instruction_start(before))?;
        (nearest < self.code_length && self.next(nearest) == pc).then_some(nearest)
    }

    /// The opcode at `pc`, unless nothing starts there or the mode's table does not have that number. Behind the code
    /// stand zeroes, which are traps.
    #[must_use]
    #[inline]
    pub fn opcode_at(&self, pc: u32, mode: Mode) -> Option<Opcode> {
        if !self.is_instruction_start(pc) {
            return None;
        }
        Opcode::in_mode(if pc < self.code_length { self.code[pc as usize] } else { 0 }, mode)
    }

    /// The instruction at `pc`; `trap` wherever there is none.
    #[must_use]
    #[inline]
    pub fn decode(&self, pc: u32, mode: Mode) -> Instruction {
        self.decode_step(pc, mode).0
    }

    /// [`Program::decode`] and [`Program::next`] in one: the instruction at `pc` and where the one behind it starts.
    #[must_use]
    #[inline(always)]
    pub fn decode_step(&self, pc: u32, mode: Mode) -> (Instruction, u32) {
        let skip = self.skip(pc);
        let next = pc.saturating_add(1 + skip);
        let instruction = match self.opcode_at(pc, mode) {
            Some(opcode) if pc < self.code_length => {
                let start = pc as usize;
                let mut window = [0; WINDOW];
                window.copy_from_slice(&self.code[start..start + WINDOW]);
                Instruction::decode(opcode, pc, window, skip)
            }
            _ => Instruction::new(Opcode::Trap),
        };
        (instruction, next)
    }

    /// Every instruction of the code with its offset, in order, following the distances that the machine sees from
    /// offset 0 on. Places that hold no instruction come as traps.
    pub fn instructions(&self, mode: Mode) -> impl Iterator<Item = (u32, Instruction)> + '_ {
        let mut pc = 0;
        core::iter::from_fn(move || {
            if pc >= self.code_length {
                return None;
            }
            let here = pc;
            let (instruction, next) = self.decode_step(pc, mode);
            pc = next;
            Some((here, instruction))
        })
    }

    /// The places that jumps may go to.
    #[must_use]
    pub fn block_starts(&self, mode: Mode) -> BlockStarts {
        BlockStarts::of(self, mode)
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Program) -> bool {
        self.blob == other.blob
    }
}

impl Eq for Program {}

impl core::fmt::Debug for Program {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Program")
            .field("code_length", &self.code_length)
            .field("jump_table_length", &self.jump_table.len())
            .finish_non_exhaustive()
    }
}

/// The number that at most eight bytes stand for, the lowest byte first.
fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// A blob and how far it has been read.
struct Reader<'a> {
    blob: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64, part: BlobPart) -> Result<&'a [u8], BlobError> {
        let rest = &self.blob[self.offset..];
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(bytes) => {
                self.offset += bytes.len();
                Ok(bytes)
            }
            None => Err(BlobError { offset: self.blob.len(), reason: BlobErrorReason::Truncated(part) }),
        }
    }

    fn natural(&mut self, part: BlobPart) -> Result<u64, BlobError> {
        let start = self.offset;
        let first = self.take(1, part)?[0];
        let more = self.take(u64::from(first.leading_ones()), part)?;
        natural::decode(first, more).ok_or(BlobError { offset: start, reason: BlobErrorReason::LongNatural(part) })
    }
}
