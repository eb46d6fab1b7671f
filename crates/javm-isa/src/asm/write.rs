//! Listings and instructions as text.

use core::fmt::{self, Display, Formatter};

use super::listing::{Content, Listing, Statement, Target};
use super::syntax::{Operand, is_plain, operands};
use crate::instruction::{Instruction, Lengths};
use crate::opcode::{Form, Opcode};
use crate::register::Reg;

/// Values nearer to zero than this are written in decimal, others in hexadecimal.
const DECIMAL_BELOW: u64 = 4096;

/// How wide mnemonics are padded in listings, so that operands stand in a column.
const MNEMONIC_WIDTH: usize = 20;

impl Display for Listing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for entries in self.jump_table.chunks(8) {
            f.write_str(".jump_table ")?;
            for (index, entry) in entries.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                match entry {
                    Target::Label(label) => write!(f, "{}", Label(label))?,
                    Target::Offset(offset) => write!(f, "{offset:#x}")?,
                }
            }
            writeln!(f)?;
        }
        if let Some(width) = self.entry_width {
            writeln!(f, ".jump_table_width {width}")?;
        }
        for statement in &self.statements {
            write!(f, "{statement}")?;
        }
        labels(&self.end_labels, f)
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        labels(&self.labels, f)?;
        match &self.content {
            Content::Instruction { instruction, lengths, label } => {
                let text = Text { instruction, lengths: *lengths, label: label.as_deref(), width: MNEMONIC_WIDTH };
                writeln!(f, "    {text}")
            }
            Content::Raw(bytes) => {
                f.write_str("    .raw")?;
                hexadecimal(bytes, f)?;
                // Not the encoding that its text would give, but still what the machine makes of it.
                match bytes.first().copied().and_then(Opcode::from_number) {
                    Some(opcode) => writeln!(f, " ; {}", opcode.row().mnemonic),
                    None => writeln!(f),
                }
            }
            Content::Gap(bytes) => {
                f.write_str("    .gap")?;
                hexadecimal(bytes, f)?;
                writeln!(f)
            }
        }
    }
}

fn labels(labels: &[alloc::string::String], f: &mut Formatter<'_>) -> fmt::Result {
    labels.iter().try_for_each(|label| writeln!(f, "{}:", Label(label)))
}

fn hexadecimal(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
}

impl Display for Instruction {
    /// Writes assembly text, targets as offsets in the code.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Text { instruction: self, lengths: Lengths::default(), label: None, width: 0 }.fmt(f)
    }
}

/// A label where it is referred to.
struct Label<'a>(&'a str);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_plain(self.0) { write!(f, "@{}", self.0) } else { write!(f, "@\"{}\"", self.0) }
    }
}

/// The text of one instruction.
struct Text<'a> {
    instruction: &'a Instruction,
    lengths: Lengths,
    label: Option<&'a str>,
    width: usize,
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let i = self.instruction;
        let row = i.opcode.row();
        let operands = operands(i.opcode);
        if operands.is_empty() {
            return f.write_str(row.mnemonic);
        }
        write!(f, "{:1$}", row.mnemonic, self.width)?;
        for (index, operand) in operands.iter().enumerate() {
            f.write_str(if index == 0 { " " } else { ", " })?;
            let (x, y) = (Immediate(i.x, self.lengths.x), Immediate(i.y, self.lengths.y));
            match operand {
                Operand::A => write!(f, "{}", i.a)?,
                Operand::B => write!(f, "{}", i.b)?,
                Operand::D => write!(f, "{}", i.d)?,
                Operand::X if row.form == Form::RegImm64 => write!(f, "{:#x}", i.x)?,
                Operand::X => write!(f, "{x}")?,
                Operand::Y => write!(f, "{y}")?,
                Operand::AtX => write!(f, "[{x}]")?,
                Operand::AtA => memory(i.a, x, f)?,
                Operand::AtB => memory(i.b, x, f)?,
                Operand::Target => {
                    match self.label {
                        Some(label) => write!(f, "{}", Label(label))?,
                        None => write!(f, "{:#x}", i.target)?,
                    }
                    let length = if row.form == Form::RegImmOffset { self.lengths.y } else { self.lengths.x };
                    write!(f, "{}", Length(length))?;
                }
            }
        }
        Ok(())
    }
}

/// The memory at a register's value plus an immediate.
fn memory(base: Reg, Immediate(value, length): Immediate, f: &mut Formatter<'_>) -> fmt::Result {
    let negative = (value as i64) < 0;
    match (value, length) {
        (0, None) => write!(f, "[{base}]"),
        _ if negative => write!(f, "[{base} - {}]", Immediate(value.wrapping_neg(), length)),
        _ => write!(f, "[{base} + {}]", Immediate(value, length)),
    }
}

/// A value with the length asked for.
struct Immediate(u64, Option<u8>);

impl Display for Immediate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let signed = self.0 as i64;
        let sign = if signed < 0 { "-" } else { "" };
        match signed.unsigned_abs() {
            magnitude if magnitude < DECIMAL_BELOW => write!(f, "{sign}{magnitude}{}", Length(self.1)),
            magnitude => write!(f, "{sign}{magnitude:#x}{}", Length(self.1)),
        }
    }
}

/// The mark behind an immediate that is not as short as it could be.
struct Length(Option<u8>);

impl Display for Length {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |length| write!(f, ":{length}"))
    }
}
