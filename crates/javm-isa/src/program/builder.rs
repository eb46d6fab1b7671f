//! Putting a program together, instruction by instruction.

use alloc::vec::Vec;

use super::{Program, natural};
use crate::instruction::{EncodeError, Instruction, Lengths};

/// Collects code, bitmask and jump table and makes a blob of them.
#[derive(Clone, Default, Debug)]
pub struct ProgramBuilder {
    code: Vec<u8>,
    mask: Vec<u8>,
    jump_table: Vec<u64>,
    entry_width: u8,
}

impl ProgramBuilder {
    /// An empty program.
    #[must_use]
    pub fn new() -> ProgramBuilder {
        ProgramBuilder::default()
    }

    /// The offset that the next instruction will have.
    #[must_use]
    pub fn position(&self) -> u32 {
        self.code.len() as u32
    }

    /// Appends an instruction with its immediates as short as possible and gives its offset.
    ///
    /// # Errors
    /// [`EncodeError`] when an immediate does not fit; the program is then as it was.
    pub fn push(&mut self, instruction: &Instruction) -> Result<u32, EncodeError> {
        self.push_with(instruction, Lengths::default())
    }

    /// Appends an instruction with immediates of the given lengths and gives its offset.
    ///
    /// # Errors
    /// [`EncodeError`] when an immediate does not fit; the program is then as it was.
    pub fn push_with(&mut self, instruction: &Instruction, lengths: Lengths) -> Result<u32, EncodeError> {
        let pc = self.position();
        instruction.encode(pc, lengths, &mut self.code)?;
        self.mark(pc);
        Ok(pc)
    }

    /// Appends raw bytes as one instruction (of any content) and gives its offset. Nothing is appended for no bytes.
    pub fn push_raw(&mut self, bytes: &[u8]) -> u32 {
        let pc = self.position();
        self.code.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.mark(pc);
        }
        pc
    }

    /// Appends bytes in which no instruction starts.
    pub fn push_gap(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
        self.mask.resize(self.code.len().div_ceil(8), 0);
    }

    fn mark(&mut self, pc: u32) {
        self.mask.resize(self.code.len().div_ceil(8), 0);
        self.mask[(pc / 8) as usize] |= 1 << (pc % 8);
    }

    /// Appends an entry to the jump table and gives the address by which `jump_ind` reaches it.
    pub fn push_jump_target(&mut self, target: u32) -> u32 {
        self.push_jump_entry(u64::from(target))
    }

    /// Appends an entry of any value to the jump table and gives the address by which `jump_ind` reaches it.
    pub fn push_jump_entry(&mut self, entry: u64) -> u32 {
        self.jump_table.push(entry);
        2 * self.jump_table.len() as u32
    }

    /// Asks for jump table entries of at least `width` bytes (at most 8).
    pub fn widen_jump_entries(&mut self, width: u8) {
        self.entry_width = self.entry_width.max(width.min(8));
    }

    /// The blob, jump table entries as narrow as the largest of them and what was asked for allow.
    #[must_use]
    pub fn blob(&self) -> Vec<u8> {
        let width = usize::from(self.entry_width.max(needed_entry_width(&self.jump_table)));
        let mut blob = Vec::new();
        natural::encode(self.jump_table.len() as u64, &mut blob);
        blob.push(width as u8);
        natural::encode(self.code.len() as u64, &mut blob);
        for target in &self.jump_table {
            blob.extend_from_slice(&target.to_le_bytes()[..width]);
        }
        blob.extend_from_slice(&self.code);
        blob.extend_from_slice(&self.mask);
        blob
    }

    /// The parsed program.
    ///
    /// # Errors
    /// [`super::BlobError`] if the code has become longer than a blob may hold.
    pub fn build(&self) -> Result<Program, super::BlobError> {
        Program::parse(&self.blob())
    }
}

/// The bytes that the largest of these jump table entries needs; zero if there are none, at least one otherwise.
pub(crate) fn needed_entry_width(entries: &[u64]) -> u8 {
    match entries.iter().max() {
        None => 0,
        Some(largest) => (64 - largest.leading_zeros()).div_ceil(8).max(1) as u8,
    }
}
