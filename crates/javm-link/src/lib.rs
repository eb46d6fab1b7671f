//! From RISC-V programs to Images.
//!
//! [`link`] takes the bytes of an ELF file (RV64E with M, C and Zbb, `lp64e`; a relocatable object or a program linked
//! with `--emit-relocs`) and gives an Image, the names of its functions, and some figures. The same input gives the same
//! output, always. What cannot be translated is an error that says where it is and what to do.
//!
//! # How to read this crate
//! The order of the modules is the order in which an input passes through them.
//! - `elf`: sections, symbols, relocations. [`error`]: everything that can be wrong.
//! - `riscv`: instructions of the input.
//! - `relocation`: the kinds of relocation. `resolve`: what they refer to.
//! - `records`: endpoints, imports and sizes that the program declares.
//! - `signatures`: what the endpoints take and return, where the program says it. `typedefs`: interfaces that it implements
//!   or wants something of.
//! - `flow`: what is reachable from the endpoints. Start here for what a jump may do.
//! - `layout`: addresses. `contents`: what memory holds at the start.
//! - `translate`: instructions of the output. `emit`: their bytes.
//! - [`symbols`]: names for people; `debug`: source lines, from the input's debug information; [`lines`]: their table.
//!
//! The normative text is `docs/spec/linker.md`.
#![forbid(unsafe_code)]

mod contents;
mod debug;
mod elf;
mod emit;
pub mod error;
mod flow;
mod layout;
pub mod lines;
mod records;
mod relocation;
mod report;
mod resolve;
mod riscv;
mod signatures;
pub mod symbols;
mod translate;
mod typedefs;

use std::collections::{BTreeMap, BTreeSet};

use javm_cap::{Access, Backing, Endpoint, Image, Mapping, PAGE_SIZE, SCRATCHPAD_SLOT, TypeDef};
use javm_isa::{CostModel, REG_COUNT, Reg};

pub use debug::DebugNote;
pub use error::LinkError;
pub use layout::DEFAULT_STACK;
pub use lines::LineTable;
pub use records::{CONSTANTS_SLOT, FIRST_IMPORT_SLOT, VARIABLES_SLOT};
pub use report::Report;
pub use riscv::{DecodeError, Word};
pub use symbols::SymbolMap;

use elf::{Class, Object};
use layout::{Layout, Sizes};
use resolve::{At, Resolver, Target};
use symbols::{Named, Range, SYMBOL_MAP_VERSION};

/// What the person who links may decide. What is `None` is taken from the program, or the default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// Bytes of stack; [`DEFAULT_STACK`] if neither here nor in the program. Rounded up to pages.
    pub stack: Option<u32>,
    /// Bytes of heap, 0 by default. Rounded up to pages.
    pub heap: Option<u32>,
    /// Bytes of scratchpad to map, 0 (none) by default. Rounded up to pages.
    pub scratchpad: Option<u32>,
    /// How gas is computed.
    pub cost_model: CostModel,
    /// The name of the input for the symbol map. Anything up to the last `/` or `\` is left out.
    pub input_name: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            stack: None,
            heap: None,
            scratchpad: None,
            cost_model: CostModel::Pipeline,
            input_name: String::new(),
        }
    }
}

/// A linked program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Linked {
    /// The program. It is valid: [`Image::validate`] has accepted it.
    pub image: Image,
    /// Names for its code and memory.
    pub symbols: SymbolMap,
    /// How large everything is.
    pub report: Report,
    /// Why source lines are missing, or some of them; empty if none are.
    pub notes: Vec<DebugNote>,
}

/// Links a program.
///
/// # Errors
/// [`LinkError`] for every input that is no program of the supported kind: what is wrong, where, and what to do. No
/// input makes it panic.
///
/// ```
/// let error = javm_link::link(b"#!/bin/sh", &javm_link::Options::default()).unwrap_err();
/// assert_eq!(error, javm_link::LinkError::NotElf);
/// ```
pub fn link(input: &[u8], options: &Options) -> Result<Linked, LinkError> {
    let object = elf::read(input)?;
    let resolver = Resolver::new(&object);
    let mut endpoints = records::endpoints(&object, &resolver)?;
    signatures::attach(&object, &mut endpoints)?;
    let mut imports = records::imports(&object)?;
    let implemented = typedefs::read(&object, &mut endpoints, &mut imports)?;
    typedefs::order(&mut endpoints, &implemented);
    let asked = records::memory(&object)?;
    let sizes = Sizes {
        stack: options.stack.or(asked.map(|asked| asked.stack)).unwrap_or(DEFAULT_STACK),
        heap: options.heap.or(asked.map(|asked| asked.heap)).unwrap_or(0),
        scratchpad: options.scratchpad.or(asked.map(|asked| asked.scratchpad)).unwrap_or(0),
    };
    let entries: Vec<At> = endpoints.iter().map(|endpoint| endpoint.entry).collect();
    let flow = flow::follow(&object, &resolver, &entries)?;
    let layout = layout::lay_out(&object, &flow.data, sizes)?;
    let code = translate::translate(&object, &flow, &layout)?;
    let leaders = code.leaders.clone();
    let places: Vec<At> = code.blocks.iter().map(|block| block.at).collect();
    let taken: Vec<_> = taken(&object, &resolver, &flow.data)?.iter().map(|at| leaders[at]).collect();
    let entry_blocks: Vec<_> = entries.iter().map(|at| leaders[at]).collect();
    let emitted = emit::emit(code, &entry_blocks, &taken);

    let code_address = |at: At| emitted.jump_table.address(leaders[&at]);
    let values =
        contents::Values { object: &object, resolver: &resolver, layout: &layout, code_address: &code_address };
    let mut memory = Memory::default();
    for (class, range, slot, access) in [
        (Class::ReadOnly, layout.constants, CONSTANTS_SLOT, Access::ReadOnly),
        (Class::Persistent, layout.persistent, VARIABLES_SLOT, Access::ReadWrite),
    ] {
        if memory.map(range, access, Backing::Persistent { slot, offset_pages: 0 }) {
            memory.slots.insert(slot, contents::contents(&values, class, range)?);
        }
    }
    let scratchpad = Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages: 0 };
    memory.map(layout.scratchpad, Access::ReadWrite, scratchpad);
    for range in [layout.ephemeral, layout.heap, layout.stack] {
        memory.map(range, Access::ReadWrite, Backing::Ephemeral);
    }

    let mut registers = [0; REG_COUNT];
    registers[Reg::SP.index()] = layout.initial_sp().into();
    let endpoints = endpoints.into_iter().zip(&entry_blocks).map(|(endpoint, block)| Endpoint {
        name: endpoint.name,
        entry: emitted.starts[block.index()],
        arity: endpoint.arity,
        registers,
        signature: endpoint.signature,
    });
    let image = Image {
        cost_model: options.cost_model,
        code: emitted.blob.clone(),
        endpoints: endpoints.collect(),
        memory: memory.mappings,
        slots: memory.slots,
        imports,
        typedefs: implemented.iter().map(TypeDef::hash).collect(),
    };
    let valid = image.validate()?;

    let functions = function_names(&object, &places, &emitted.starts);
    let (lines, notes) = debug::lines(&object, &emitted.origins, entries.first().copied());
    let symbols = SymbolMap {
        version: SYMBOL_MAP_VERSION,
        image: valid.hash().to_string(),
        input: options.input_name.rsplit(['/', '\\']).next().unwrap_or_default().into(),
        functions,
        data: data_names(&object, &layout),
        stack: layout.stack,
        heap: layout.heap,
        scratchpad: layout.scratchpad,
        lines,
    };
    let items = || flow.code.iter().flatten().filter(|item| item.length > 0);
    let pages = |ranges: &[Range]| (ranges.iter().map(Range::bytes).sum::<u64>() / PAGE_SIZE as u64) as u32;
    let report = Report {
        riscv_instructions: items().map(|item| if item.length == 8 { 2 } else { 1 }).sum(),
        riscv_bytes: items().map(|item| usize::from(item.length)).sum(),
        input_code_bytes: object.sections.iter().filter(|s| s.class == Class::Code).map(|s| s.size).sum(),
        instructions: emitted.origins.len(),
        code_bytes: valid.program().code_length(),
        jump_table_entries: emitted.jump_table.len(),
        functions: symbols.functions.len(),
        line_runs: symbols.lines.runs().len(),
        constant_pages: pages(&[layout.constants]),
        variable_pages: pages(&[layout.persistent]),
        ephemeral_pages: pages(&[layout.ephemeral, layout.heap, layout.stack]),
    };
    Ok(Linked { image: valid.image().clone(), symbols, report, notes })
}

/// The memory map while it is put together.
#[derive(Default)]
struct Memory {
    mappings: BTreeMap<u32, Mapping>,
    slots: BTreeMap<u8, javm_cap::Data>,
}

impl Memory {
    /// Maps a range, if there is anything in it.
    fn map(&mut self, range: Range, access: Access, backing: Backing) -> bool {
        let pages = (range.bytes() / PAGE_SIZE as u64) as u32;
        if pages > 0 {
            self.mappings.insert(range.start / PAGE_SIZE as u32, Mapping { pages, access, backing });
        }
        pages > 0
    }
}

/// The places in the code whose addresses the needed data holds.
fn taken(object: &Object, resolver: &Resolver, needed: &[bool]) -> Result<BTreeSet<At>, LinkError> {
    let mut taken = BTreeSet::new();
    for (index, section) in object.sections.iter().enumerate().filter(|&(index, _)| needed[index]) {
        for relocation in &section.relocations {
            if let Ok(relocation::Action::Data(..)) = relocation::action(relocation.kind)
                && let Target::Code(at) = resolver.target(index, relocation)?
            {
                taken.insert(at);
            }
        }
    }
    Ok(taken)
}

/// The functions of the output: neighbouring blocks that belong to one symbol of the input.
fn function_names(object: &Object, places: &[At], starts: &[u32]) -> Vec<Named> {
    let mut functions: Vec<Named> = Vec::new();
    let mut last = None;
    for (at, range) in places.iter().zip(starts.windows(2)) {
        let symbol = object.sections[at.section()].name_at(at.offset.into()).map(|(symbol, _)| symbol);
        let (start, end) = (range[0], range[1]);
        if start == end {
            continue;
        }
        match functions.last_mut() {
            Some(function) if last == Some((at.section, symbol)) => function.end = end,
            _ => {
                let name = match symbol {
                    Some(symbol) => object.symbol_name(symbol),
                    None => object.sections[at.section()].name.clone(),
                };
                functions.push(Named { start, end, name });
            }
        }
        last = Some((at.section, symbol));
    }
    functions
}

/// The variables and constants of the output that have names.
fn data_names(object: &Object, layout: &Layout) -> Vec<Named> {
    let mut data = Vec::new();
    for (section, address) in object.sections.iter().zip(&layout.sections) {
        let Some(address) = address else { continue };
        for (index, &(offset, symbol)) in section.names.iter().enumerate() {
            let next = section.names.get(index + 1).map_or(section.size, |&(next, _)| next);
            let size = match object.symbols[symbol as usize].size {
                0 => next - offset,
                size => size.min(next - offset),
            };
            let start = address + offset as u32;
            data.push(Named { start, end: start + size as u32, name: object.symbol_name(symbol) });
        }
    }
    data.sort_unstable_by_key(|named| named.start);
    data
}
