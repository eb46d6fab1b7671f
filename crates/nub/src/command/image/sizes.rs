//! `nub image inspect --sizes`: what an Image's bytes are.
//!
//! Every byte of the file belongs to exactly one part, and every byte of the code to one function. Variables and constants
//! are told by their bytes in memory: the file leaves out pages of zeros.

use std::borrow::Cow;
use std::collections::BTreeMap;

use javm_cap::{Image, ValidImage};
use javm_isa::Mode;
use serde_json::{Value, json};

use crate::command::failure::Failure;
use crate::command::number;
use crate::command::output::{FAINT, Output, STRONG};
use crate::command::symbols::Symbols;

/// Rows of each list that are shown unless all are asked for.
const SHOWN: usize = 20;

/// Characters of a name that are shown unless everything is asked for.
const NAME: usize = 100;

/// What stands for code that belongs to no named function.
const NAMELESS: &str = "(no name)";

/// A part of the file.
struct Part {
    name: String,
    bytes: u64,
}

/// A function's code.
struct Function {
    name: String,
    bytes: u64,
    instructions: u64,
}

/// A variable or constant.
struct Variable {
    name: String,
    address: u32,
    bytes: u64,
}

/// What an Image's bytes are.
pub(super) struct Sizes {
    file: u64,
    code: u64,
    parts: Vec<Part>,
    functions: Vec<Function>,
    data: Vec<Variable>,
}

impl Sizes {
    pub(super) fn of(image: &ValidImage, symbols: &Symbols) -> Sizes {
        let mut data: Vec<Variable> =
            symbols.data().iter().map(variable).filter(|variable| variable.bytes > 0).collect();
        data.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.address.cmp(&b.address)));
        Sizes {
            file: length(image.image()),
            code: image.program().code_length().into(),
            parts: parts(image),
            functions: functions(image, symbols),
            data,
        }
    }

    /// For machines: all of it.
    pub(super) fn object(&self) -> Value {
        json!({
            "file_bytes": self.file,
            "parts": self.parts.iter().map(|part| json!({ "name": part.name, "bytes": part.bytes })).collect::<Vec<_>>(),
            "functions": self.functions.iter().map(|function| json!({
                "name": function.name, "bytes": function.bytes, "instructions": function.instructions,
            })).collect::<Vec<_>>(),
            "data": self.data.iter().map(|variable| json!({
                "name": variable.name, "address": variable.address, "bytes": variable.bytes,
            })).collect::<Vec<_>>(),
        })
    }

    /// For people: the largest of each, or all.
    pub(super) fn print(&self, all: bool, output: &mut Output) -> Result<(), Failure> {
        let shown = if all { usize::MAX } else { SHOWN };
        output.line(format_args!("{STRONG}{:>12}{STRONG:#}          of the file", number::grouped(self.file)))?;
        for part in &self.parts {
            output.line(row(part.bytes, self.file, &part.name))?;
        }
        output.line(format_args!(
            "\n{STRONG}{:>12}{STRONG:#}          of code, by function",
            number::grouped(self.code)
        ))?;
        for function in self.functions.iter().take(shown) {
            let instructions = format!("{} instructions", number::grouped(function.instructions));
            let name = format!("{}  {FAINT}{instructions}{FAINT:#}", cut(&function.name, all));
            output.line(row(function.bytes, self.code, &name))?;
        }
        rest(self.functions.iter().skip(shown).map(|function| function.bytes), self.code, output)?;
        if !self.data.is_empty() {
            let total = self.data.iter().map(|variable| variable.bytes).sum();
            output.line(format_args!(
                "\n{STRONG}{:>12}{STRONG:#}          of memory with names, by variable or constant",
                number::grouped(total)
            ))?;
            for variable in self.data.iter().take(shown) {
                let name = format!("{}  {FAINT}at {:#x}{FAINT:#}", cut(&variable.name, all), variable.address);
                output.line(row(variable.bytes, total, &name))?;
            }
            rest(self.data.iter().skip(shown).map(|variable| variable.bytes), total, output)?;
        }
        Ok(())
    }
}

fn variable(named: &javm_link::symbols::Named) -> Variable {
    let bytes = u64::from(named.end.saturating_sub(named.start));
    Variable { name: named.name.clone(), address: named.start, bytes }
}

fn row(bytes: u64, of: u64, name: &str) -> String {
    let percent = if of == 0 { 0.0 } else { 100.0 * bytes as f64 / of as f64 };
    format!("{:>12} {percent:>6.1} %  {name}", number::grouped(bytes))
}

/// A name, without the rest of a long one.
fn cut(name: &str, all: bool) -> Cow<'_, str> {
    match name.char_indices().nth(NAME) {
        Some((end, _)) if !all => format!("{}...", &name[..end]).into(),
        _ => name.into(),
    }
}

/// A row for all that is not shown.
fn rest(bytes: impl ExactSizeIterator<Item = u64>, of: u64, output: &mut Output) -> Result<(), Failure> {
    let count = bytes.len();
    if count == 0 {
        return Ok(());
    }
    let name = format!("{FAINT}{} more; --all shows them{FAINT:#}", number::grouped(count as u64));
    output.line(row(bytes.sum(), of, &name))
}

fn length(image: &Image) -> u64 {
    image.encode().len() as u64
}

/// The parts of the file. A table takes what the file is shorter without it.
fn parts(image: &ValidImage) -> Vec<Part> {
    let program = image.program();
    let mut left = image.image().clone();
    let mut before = length(&left);
    let mut taken = |left: &Image| {
        let now = length(left);
        let bytes = before - now;
        before = now;
        bytes
    };
    let mut parts = Vec::new();
    let mut part = |name: &str, bytes: u64| parts.push(Part { name: name.into(), bytes });

    left.code = Vec::new();
    let blob = taken(&left);
    let code = u64::from(program.code_length());
    let jump_table = program.jump_table().len() as u64 * u64::from(program.entry_width());
    let mask = code.div_ceil(8);
    part("code", code);
    part("bitmask of the code: where instructions start", mask);
    part("jump table", jump_table);
    part("lengths of these", blob - code - mask - jump_table);
    for (slot, data) in std::mem::take(&mut left.slots) {
        // The others are gone by now, or still counted: what is left only ever shrinks.
        let mut with = left.clone();
        with.slots = BTreeMap::from([(slot, data)]);
        part(&format!("contents of slot {slot}"), length(&with) - length(&left));
    }
    taken(&left);
    left.endpoints = Vec::new();
    part("endpoints", taken(&left));
    left.memory = BTreeMap::new();
    part("memory map", taken(&left));
    left.imports = BTreeMap::new();
    part("imports", taken(&left));
    left.typedefs.clear();
    part("interfaces", taken(&left));
    part("header", length(&left));
    parts.retain(|part| part.bytes > 0);
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    parts
}

/// The functions, the largest first.
fn functions(image: &ValidImage, symbols: &Symbols) -> Vec<Function> {
    let program = image.program();
    // By where they start: different functions may have one name.
    let mut by_start: BTreeMap<Option<u32>, Function> = BTreeMap::new();
    for (pc, _) in program.instructions(Mode::Image) {
        let found = symbols.function(pc);
        let function = by_start.entry(found.map(|(_, offset)| pc - offset)).or_insert_with(|| Function {
            name: found.map_or(NAMELESS, |(name, _)| name).into(),
            bytes: 0,
            instructions: 0,
        });
        function.bytes += u64::from(program.next(pc).min(program.code_length()) - pc);
        function.instructions += 1;
    }
    let mut functions: Vec<Function> = by_start.into_values().collect();
    functions.sort_by_key(|function| std::cmp::Reverse(function.bytes));
    functions
}
