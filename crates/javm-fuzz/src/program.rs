//! Program blobs: generated ones, and changes that leave a blob a blob.

use javm_isa::asm::Content;
use javm_isa::{Listing, Mode, Opcode, Program, ProgramBuilder};
use javm_testgen::Config;
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::mutation;
use crate::target::Random;

/// A program blob: mostly one that runs, otherwise any code under any bitmask.
#[must_use]
pub fn generate(random: &mut Random, mode: Mode) -> Vec<u8> {
    if random.random_ratio(1, 4) {
        let code: Vec<u8> = (0..random.random_range(0..200)).map(|_| code_byte(random)).collect();
        let starts = code.iter().map(|_| random.random_ratio(1, 3)).collect();
        let entries = (0..random.random_range(0..6)).map(|_| mutation::number(random)).collect();
        return Parts { code, starts, entries, entry_width: random.random_range(0..=8) }.blob();
    }
    let config = Config { mode, only_valid: random.random_ratio(3, 4), blocks: 1..=6, ..Config::default() };
    javm_testgen::generate(&config, random.random()).program().blob().to_vec()
}

/// A byte of code, more often one that says something.
fn code_byte(random: &mut Random) -> u8 {
    match random.random_range(0..10) {
        0..=3 => Opcode::ALL.choose(random).map_or(0, |opcode| opcode.number()),
        4..=6 => random.random_range(0..16),
        _ => random.random(),
    }
}

/// Changes a blob so that it stays one: its code, its bitmask, its jump table, or its instructions. Bytes that are no
/// blob are changed as bytes.
pub fn mutate(random: &mut Random, blob: &mut Vec<u8>, other: &[u8]) {
    match Program::parse(blob) {
        Ok(program) if random.random() => *blob = with_other_parts(random, &program, other),
        Ok(program) => *blob = with_other_statements(random, &program, other).unwrap_or_else(|| blob.clone()),
        Err(_) => mutation::bytes(random, blob, other),
    }
}

/// What a blob consists of.
struct Parts {
    code: Vec<u8>,
    starts: Vec<bool>,
    entries: Vec<u64>,
    entry_width: u8,
}

impl Parts {
    fn of(program: &Program) -> Parts {
        Parts {
            code: program.code().to_vec(),
            starts: (0..program.code_length()).map(|pc| program.is_instruction_start(pc)).collect(),
            entries: program.jump_table().iter().map(|&entry| u64::from(entry)).collect(),
            entry_width: program.entry_width(),
        }
    }

    /// Lengths fit to what is there, whatever it is.
    fn blob(mut self) -> Vec<u8> {
        self.starts.resize(self.code.len(), true);
        let mut builder = ProgramBuilder::new();
        let mut at = 0;
        while at < self.code.len() {
            let is_start = self.starts[at];
            let end = (at + 1..self.code.len()).find(|&next| self.starts[next]).unwrap_or(self.code.len());
            if is_start {
                builder.push_raw(&self.code[at..end]);
            } else {
                builder.push_gap(&self.code[at..end]);
            }
            at = end;
        }
        for &entry in &self.entries {
            builder.push_jump_entry(entry);
        }
        builder.widen_jump_entries(self.entry_width);
        builder.blob()
    }
}

fn with_other_parts(random: &mut Random, program: &Program, other: &[u8]) -> Vec<u8> {
    let mut parts = Parts::of(program);
    match random.random_range(0..8) {
        0 => {
            if let Some(start) = mutation::pick(random, &mut parts.starts) {
                *start = !*start;
            }
        }
        1 => {
            let value =
                if random.random() { random.random_range(0..=parts.code.len() as u64) } else { random.random() };
            match mutation::pick(random, &mut parts.entries) {
                Some(entry) if random.random_ratio(2, 3) => *entry = value,
                _ => parts.entries.push(value),
            }
        }
        2 => parts.entry_width = random.random_range(0..=8),
        3 => {
            if let Some(byte) = mutation::pick(random, &mut parts.code) {
                *byte = code_byte(random);
            }
        }
        _ => mutation::bytes(random, &mut parts.code, other),
    }
    parts.blob()
}

/// `None` if there is nothing to change, or if the change has no encoding.
fn with_other_statements(random: &mut Random, program: &Program, other: &[u8]) -> Option<Vec<u8>> {
    let mut listing = Listing::of(program);
    let count = listing.statements.len();
    let at = random.random_range(0..count.max(1));
    match random.random_range(0..6) {
        0 if count > 1 => {
            let gone = listing.statements.remove(at);
            // What jumped here jumps to what comes now.
            match listing.statements.get_mut(at) {
                Some(next) => next.labels.extend(gone.labels),
                None => listing.end_labels.extend(gone.labels),
            }
        }
        1 => {
            let content = listing.statements.get(at)?.content.clone();
            let to = random.random_range(0..count);
            listing.statements.insert(to, javm_isa::asm::Statement { labels: Vec::new(), content });
        }
        2 => {
            let theirs = Program::parse(other).ok()?;
            let mut theirs = Listing::of(&theirs).statements;
            let mut statement =
                theirs.swap_remove(random.random_range(0..theirs.len().max(1)).min(theirs.len().checked_sub(1)?));
            statement.labels.clear();
            if let Content::Instruction { label, .. } = &mut statement.content {
                *label = None;
            }
            listing.statements.insert(at.min(count), statement);
        }
        _ => {
            if let Content::Instruction { instruction, label, lengths } = &mut listing.statements.get_mut(at)?.content {
                match random.random_range(0..4) {
                    0 => instruction.x = i64::from(mutation::number(random) as i32) as u64,
                    1 => instruction.y = i64::from(mutation::number(random) as i32) as u64,
                    2 => {
                        *label = None;
                        instruction.target = mutation::number(random) as u32;
                    }
                    _ => instruction.opcode = *Opcode::ALL.choose(random)?,
                }
                *lengths = javm_isa::Lengths::default();
            }
        }
    }
    Some(listing.assemble().ok()?.blob().to_vec())
}

/// Makes bytes a blob by doing what the error says, as often as it takes.
pub fn repair(blob: &mut Vec<u8>) {
    use javm_isa::program::BlobErrorReason::{EntryWidth, Padding, TrailingBytes, Truncated};
    for _ in 0..64 {
        let Err(error) = Program::parse(blob) else { return };
        match error.reason {
            TrailingBytes(_) => blob.truncate(error.offset),
            Truncated(_) if blob.len() < crate::MAX_BYTES => blob.resize(blob.len() + 64, 1),
            EntryWidth(_) => blob[error.offset] = 1,
            Padding => blob[error.offset] = 0,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn changed_programs_are_programs() {
        let mut random = Random::seed_from_u64(1);
        let mut changed = 0;
        for _ in 0..500 {
            let mut blob = generate(&mut random, Mode::Bare);
            let (before, other) = (blob.clone(), generate(&mut random, Mode::Image));
            mutate(&mut random, &mut blob, &other);
            assert!(Program::parse(&blob).is_ok(), "{before:02x?}\n{blob:02x?}");
            changed += u32::from(blob != before);
        }
        assert!(changed > 300, "{changed}");
    }

    #[test]
    fn damaged_blobs_are_mended() {
        let mut random = Random::seed_from_u64(2);
        let mut mended = 0;
        for _ in 0..500 {
            let mut blob = generate(&mut random, Mode::Bare);
            mutation::bytes(&mut random, &mut blob, &[]);
            repair(&mut blob);
            mended += u32::from(Program::parse(&blob).is_ok());
        }
        assert!(mended > 450, "{mended}");
    }
}
