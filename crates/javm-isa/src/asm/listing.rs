//! A program between text and bytes: statements in order, targets by label.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::take;
use thiserror::Error;

use crate::instruction::{EncodeError, Instruction, Lengths, WINDOW, length_of};
use crate::opcode::{Form, Opcode};
use crate::program::{MAX_CODE_LENGTH, Program, ProgramBuilder, needed_entry_width};

/// A program as a list of statements. Its text is what `Display` writes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Listing {
    /// The code, in order.
    pub statements: Vec<Statement>,
    /// The labels that stand behind the last statement.
    pub end_labels: Vec<String>,
    /// The jump table: by address `2 (i + 1)` a `jump_ind` goes to entry i.
    pub jump_table: Vec<Target>,
    /// Bytes of a jump table entry (0 to 8); `None` means as few as hold the largest.
    pub entry_width: Option<u8>,
}

/// A stretch of code with the labels in front of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The labels of its first byte.
    pub labels: Vec<String>,
    /// What stands there.
    pub content: Content,
}

/// What a statement puts into the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// An instruction.
    Instruction {
        /// The instruction. Its `target` counts only without `label`.
        instruction: Instruction,
        /// How long its immediates are.
        lengths: Lengths,
        /// The label that it goes to.
        label: Option<String>,
    },
    /// Bytes of any content, at the first of which an instruction starts. Not empty.
    Raw(Vec<u8>),
    /// Bytes in which no instruction starts. Not empty.
    Gap(Vec<u8>),
}

/// A place in the code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Where this label stands.
    Label(String),
    /// This offset, which may lie outside of the code.
    Offset(u64),
}

/// Which statement of a listing cannot be assembled, and why.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("statement {statement}: {reason}")]
pub struct ListingError {
    /// The index of the statement; the number of statements if it is none of them that is wrong.
    pub statement: usize,
    /// What is wrong with it.
    pub reason: ListingErrorReason,
}

/// Why a listing cannot be assembled.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ListingErrorReason {
    /// No statement has this label.
    #[error("there is no label @{0}")]
    UnknownLabel(String),
    /// More than one statement has this label.
    #[error("label @{0} stands at more than one place")]
    DuplicateLabel(String),
    /// An immediate does not fit.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The jump table's entries do not fit into the width asked for.
    #[error("jump table entries need {needed} bytes, {asked} were asked for (8 are the most)")]
    EntryWidth {
        /// Bytes that the largest entry needs.
        needed: u8,
        /// Bytes that were asked for.
        asked: u8,
    },
    /// The code is longer than [`MAX_CODE_LENGTH`].
    #[error("the code is longer than 2^30 bytes")]
    CodeTooLong,
}

/// Which of an instruction's immediates is its code offset.
enum OffsetField {
    X,
    Y,
}

fn offset_field(opcode: Opcode) -> Option<OffsetField> {
    match opcode.row().form {
        Form::Offset | Form::RegRegOffset => Some(OffsetField::X),
        Form::RegImmOffset => Some(OffsetField::Y),
        _ => None,
    }
}

impl Listing {
    /// The listing of `program`. Labels stand where jumps and the jump table point to.
    #[must_use]
    pub fn of(program: &Program) -> Listing {
        Listing::with_names(program, &BTreeMap::new())
    }

    /// The listing of `program`, with names for some code offsets: endpoints or symbols. A name that several offsets
    /// have gets the offset appended.
    #[must_use]
    pub fn with_names(program: &Program, names: &BTreeMap<u32, String>) -> Listing {
        let (mut listing, starts) = Listing::without_labels(program);
        let mut targets: BTreeSet<u32> = names.keys().copied().collect();
        targets.extend(program.jump_table());
        targets.extend(listing.instructions().filter_map(|(_, instruction)| instruction.static_target()));
        let mut taken = BTreeSet::new();
        let mut labels = BTreeMap::new();
        for target in targets {
            // Only where a statement starts, or right behind the last one, can a label stand.
            if starts.binary_search(&target).is_ok() || target == program.code_length() {
                let wanted = names.get(&target).filter(|name| !name.is_empty() && !name.contains(['"', '\n', '\r']));
                let mut label = wanted.cloned().unwrap_or_else(|| format!("L{target:x}"));
                while !taken.insert(label.clone()) {
                    label = format!("{label}.{target:x}");
                }
                labels.insert(target, label);
            }
        }
        for (statement, start) in listing.statements.iter_mut().zip(&starts) {
            statement.labels.extend(labels.get(start).cloned());
            if let Content::Instruction { instruction, label, .. } = &mut statement.content
                && let Some(target) = instruction.static_target()
            {
                *label = labels.get(&target).cloned();
            }
        }
        listing.end_labels.extend(labels.get(&program.code_length()).cloned());
        for entry in &mut listing.jump_table {
            if let Target::Offset(offset) = entry
                && let Some(label) = u32::try_from(*offset).ok().and_then(|offset| labels.get(&offset))
            {
                *entry = Target::Label(label.clone());
            }
        }
        listing.keep_layout(&starts);
        listing
    }

    /// The listing of `program` with offsets for targets, and where its statements start.
    fn without_labels(program: &Program) -> (Listing, Vec<u32>) {
        let mut listing = Listing::default();
        let mut starts = Vec::new();
        let length = program.code_length();
        let mut pc = 0;
        while pc < length {
            let end = (pc + 1..length).find(|&next| program.is_instruction_start(next)).unwrap_or(length);
            let bytes = &program.code()[pc as usize..end as usize];
            let content = if program.is_instruction_start(pc) {
                instruction_of(pc, bytes).unwrap_or_else(|| Content::Raw(bytes.into()))
            } else {
                Content::Gap(bytes.into())
            };
            starts.push(pc);
            listing.statements.push(Statement { labels: Vec::new(), content });
            pc = end;
        }
        let entries: Vec<u64> = program.jump_entries().collect();
        if program.entry_width() != needed_entry_width(&entries) {
            listing.entry_width = Some(program.entry_width());
        }
        listing.jump_table = entries.into_iter().map(Target::Offset).collect();
        (listing, starts)
    }

    /// Fixes the lengths of code offsets that would come out different from what they are in the program that this listing is
    /// of, whose statements start at `starts`: two offsets can keep each other long, and one to a place that is not a
    /// label can get shorter by what grows before it.
    fn keep_layout(&mut self, starts: &[u32]) {
        while let Ok(layout) = self.layout() {
            let mut changed = false;
            for (index, statement) in self.statements.iter_mut().enumerate() {
                let Content::Instruction { instruction, lengths, .. } = &mut statement.content else {
                    continue;
                };
                let length = match offset_field(instruction.opcode) {
                    Some(OffsetField::X) => &mut lengths.x,
                    Some(OffsetField::Y) => &mut lengths.y,
                    None => continue,
                };
                let actual = length_of(offset(instruction.target, starts[index]), None).ok();
                if length.is_none() && actual != Some(layout.offset_lengths[index]) {
                    *length = actual;
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// The instructions with the index of their statement.
    pub fn instructions(&self) -> impl Iterator<Item = (usize, &Instruction)> + '_ {
        self.statements.iter().enumerate().filter_map(|(index, statement)| match &statement.content {
            Content::Instruction { instruction, .. } => Some((index, instruction)),
            Content::Raw(_) | Content::Gap(_) => None,
        })
    }

    /// Puts the program together.
    ///
    /// # Errors
    /// [`ListingError`] with the statement that cannot be assembled.
    pub fn assemble(&self) -> Result<Program, ListingError> {
        self.builder()?.build().map_err(|_| self.error(ListingErrorReason::CodeTooLong))
    }

    /// Where each statement starts in the assembled code, and last the end of the code.
    ///
    /// # Errors
    /// [`ListingError`] with the statement that cannot be assembled.
    pub fn offsets(&self) -> Result<Vec<u32>, ListingError> {
        let mut layout = self.layout()?;
        layout.starts.push(layout.end);
        Ok(layout.starts)
    }

    fn error(&self, reason: ListingErrorReason) -> ListingError {
        ListingError { statement: self.statements.len(), reason }
    }

    fn builder(&self) -> Result<ProgramBuilder, ListingError> {
        let layout = self.layout()?;
        let labels = self.label_offsets(&layout.starts, layout.end)?;
        let mut builder = ProgramBuilder::new();
        for (index, statement) in self.statements.iter().enumerate() {
            match &statement.content {
                Content::Raw(bytes) => {
                    builder.push_raw(bytes);
                }
                Content::Gap(bytes) => builder.push_gap(bytes),
                Content::Instruction { instruction, lengths, label } => {
                    let mut instruction = *instruction;
                    let mut lengths = *lengths;
                    if let Some(target) = label.as_deref().and_then(|label| labels.get(label)) {
                        instruction.target = *target;
                    }
                    match offset_field(instruction.opcode) {
                        Some(OffsetField::X) => lengths.x = Some(layout.offset_lengths[index]),
                        Some(OffsetField::Y) => lengths.y = Some(layout.offset_lengths[index]),
                        None => {}
                    }
                    builder
                        .push_with(&instruction, lengths)
                        .map_err(|error| ListingError { statement: index, reason: error.into() })?;
                }
            }
        }
        let mut entries = Vec::with_capacity(self.jump_table.len());
        for target in &self.jump_table {
            entries.push(match target {
                Target::Offset(offset) => *offset,
                Target::Label(label) => match labels.get(label.as_str()) {
                    Some(&offset) => u64::from(offset),
                    None => return Err(self.error(ListingErrorReason::UnknownLabel(label.clone()))),
                },
            });
        }
        if let Some(asked) = self.entry_width {
            let needed = needed_entry_width(&entries);
            if asked > 8 || asked < needed {
                return Err(self.error(ListingErrorReason::EntryWidth { needed, asked }));
            }
            builder.widen_jump_entries(asked);
        }
        for entry in entries {
            builder.push_jump_entry(entry);
        }
        Ok(builder)
    }

    /// The offset of each label, for statements that start at `starts` and code that ends at `end`.
    fn label_offsets(&self, starts: &[u32], end: u32) -> Result<BTreeMap<&str, u32>, ListingError> {
        let mut offsets = BTreeMap::new();
        let inner = self.statements.iter().zip(starts).map(|(statement, start)| (&statement.labels, *start));
        for (index, (labels, offset)) in inner.chain([(&self.end_labels, end)]).enumerate() {
            for label in labels {
                if offsets.insert(label.as_str(), offset).is_some() {
                    let reason = ListingErrorReason::DuplicateLabel(label.clone());
                    return Err(ListingError { statement: index, reason });
                }
            }
        }
        Ok(offsets)
    }

    /// The shortest layout: every code offset begins with its shortest conceivable length and grows until it fits. It
    /// only ever grows, so that this ends.
    fn layout(&self) -> Result<Layout, ListingError> {
        let count = self.statements.len();
        let mut fixed_sizes = vec![0; count];
        let mut offset_lengths = vec![0; count];
        // The statements whose size is not known beforehand: with asked length, instruction and label.
        let mut open = Vec::new();
        let positions = self.label_offsets(&(0..count as u32).collect::<Vec<_>>(), count as u32)?;
        for (index, statement) in self.statements.iter().enumerate() {
            fixed_sizes[index] = match &statement.content {
                Content::Raw(bytes) | Content::Gap(bytes) => bytes.len() as u64,
                Content::Instruction { instruction, lengths, label } => {
                    let located = |reason| ListingError { statement: index, reason };
                    let Some(field) = offset_field(instruction.opcode) else {
                        let mut bytes = Vec::new();
                        let size = instruction.encode(0, *lengths, &mut bytes);
                        fixed_sizes[index] = size.map_err(|error| located(error.into()))? as u64;
                        continue;
                    };
                    let destination = match label {
                        None => Destination::Offset(instruction.target),
                        Some(label) => match positions.get(label.as_str()) {
                            Some(&position) => Destination::Statement(position as usize),
                            None => return Err(located(ListingErrorReason::UnknownLabel(label.clone()))),
                        },
                    };
                    let asked = match field {
                        OffsetField::X => lengths.x,
                        OffsetField::Y => lengths.y,
                    };
                    offset_lengths[index] = asked.unwrap_or(0);
                    open.push((index, asked, destination));
                    let x = match instruction.opcode.row().form {
                        Form::RegImmOffset => length_of(instruction.x, lengths.x).map_err(|e| located(e.into()))?,
                        _ => 0,
                    };
                    let registers = if instruction.opcode.row().form == Form::Offset { 0 } else { 1 };
                    1 + registers + u64::from(x)
                }
            };
        }
        let mut starts = vec![0; count + 1];
        loop {
            let mut at = 0_u64;
            for index in 0..count {
                starts[index] = at as u32;
                at += fixed_sizes[index] + u64::from(offset_lengths[index]);
                if at > u64::from(MAX_CODE_LENGTH) {
                    return Err(ListingError { statement: index, reason: ListingErrorReason::CodeTooLong });
                }
            }
            starts[count] = at as u32;
            let mut grown = false;
            for (index, asked, destination) in &open {
                let target = match destination {
                    Destination::Offset(offset) => *offset,
                    Destination::Statement(statement) => starts[*statement],
                };
                let distance = offset(target, starts[*index]);
                // Distances are 32 bits wide, so that four bytes always hold them.
                let needed = length_of(distance, None).unwrap_or(4);
                if asked.is_none() && needed > offset_lengths[*index] {
                    offset_lengths[*index] = needed;
                    grown = true;
                }
            }
            if !grown {
                let end = starts.pop().unwrap_or(0);
                return Ok(Layout { starts, end, offset_lengths });
            }
        }
    }

    /// Removes the statement at `index`. Its labels go over to what follows.
    pub fn remove(&mut self, index: usize) -> Statement {
        let mut removed = self.statements.remove(index);
        let next = match self.statements.get_mut(index) {
            Some(next) => &mut next.labels,
            None => &mut self.end_labels,
        };
        let mut labels = take(&mut removed.labels);
        removed.labels.clone_from(&labels);
        labels.append(next);
        *next = labels;
        removed
    }
}

/// Where the statements of a listing start and how long their code offsets are.
struct Layout {
    starts: Vec<u32>,
    end: u32,
    /// Bytes of the code offset of each statement; zero where it has none.
    offset_lengths: Vec<u8>,
}

/// Where a jump goes while offsets are not known yet.
enum Destination {
    Offset(u32),
    Statement(usize),
}

/// The immediate that takes `pc` to `target`.
fn offset(target: u32, pc: u32) -> u64 {
    i64::from(target.wrapping_sub(pc) as i32) as u64
}

/// The instruction whose encoding at `pc` is exactly `bytes`, with lengths where they are not the shortest.
fn instruction_of(pc: u32, bytes: &[u8]) -> Option<Content> {
    let opcode = Opcode::from_number(*bytes.first()?)?;
    let mut window = [0; WINDOW];
    window.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let instruction = Instruction::decode(opcode, pc, window, bytes.len() as u32 - 1);
    let encodes_to_same = |lengths: Lengths| {
        let mut encoded = Vec::with_capacity(bytes.len());
        instruction.encode(pc, lengths, &mut encoded).is_ok() && encoded == bytes
    };
    let shortest = Lengths::default();
    let x_lengths = [None, Some(0), Some(1), Some(2), Some(3), Some(4)];
    let asked = x_lengths.into_iter().flat_map(|x| x_lengths.into_iter().map(move |y| Lengths { x, y }));
    let lengths = core::iter::once(shortest).chain(asked).find(|&lengths| encodes_to_same(lengths))?;
    Some(Content::Instruction { instruction, lengths, label: None })
}
