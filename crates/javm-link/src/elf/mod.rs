//! Reading ELF: sections, symbols and relocations as the rest of the linker wants them. Everything that is not a matter
//! of RISC-V is checked here, so that what follows can rely on it: section numbers exist, symbol numbers exist, contents
//! lie inside of the file.

mod names;
mod read;

pub(crate) use read::read;

use crate::error::Place;

/// A parsed file.
pub(crate) struct Object<'a> {
    /// Whether a linker has already put the sections to their addresses and applied the relocations that it left.
    pub linked: bool,
    /// By number. The first is empty, as in the file; common symbols follow behind the file's own sections.
    pub sections: Vec<Section<'a>>,
    /// By number. The first is empty, as in the file.
    pub symbols: Vec<Symbol<'a>>,
}

/// What a section is to the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Not part of the program in memory.
    NotLoaded,
    /// Instructions.
    Code,
    /// Constants.
    ReadOnly,
    /// Variables whose values outlive a call.
    Persistent,
    /// Variables that are zero at the start of each call.
    Ephemeral,
    /// Variables of a thread.
    ThreadLocal,
}

/// A section.
pub(crate) struct Section<'a> {
    pub name: String,
    pub class: Class,
    /// Where a linker has put it; 0 in an object.
    pub address: u64,
    /// Whether the contents are compressed, as only debug information is.
    pub is_compressed: bool,
    /// Whether it holds nothing but constants that the compiler has put there for instructions to load.
    pub is_pool: bool,
    /// In bytes, with those that are not in the file.
    pub size: u64,
    /// As the file says, 0 read as 1.
    pub alignment: u64,
    /// The contents; empty if they are zeros that the file does not hold.
    pub data: &'a [u8],
    /// By ascending offset, those at one offset in the order of the file.
    pub relocations: Vec<Relocation>,
    /// Offsets of pointers for which a dynamic relocation exists, ascending.
    pub dynamic: Vec<u64>,
    /// Symbols that name a part of it, by ascending offset, one at each.
    pub names: Vec<(u64, u32)>,
}

/// A symbol.
pub(crate) struct Symbol<'a> {
    pub name: &'a [u8],
    pub value: Value,
    pub size: u64,
    pub weak: bool,
    pub global: bool,
    pub kind: SymbolKind,
}

/// What a symbol is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SymbolKind {
    Function,
    Object,
    Section,
    ThreadLocal,
    IndirectFunction,
    Other,
}

/// What a symbol stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Undefined,
    Absolute(u64),
    Section { section: usize, offset: i64 },
}

/// A relocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Relocation {
    /// Where, in the section.
    pub offset: u64,
    /// What to do.
    pub kind: u32,
    /// The number of the symbol.
    pub symbol: u32,
    pub addend: i64,
}

impl Section<'_> {
    /// The relocations at `offset`.
    pub fn relocations_at(&self, offset: u64) -> &[Relocation] {
        let start = self.relocations.partition_point(|relocation| relocation.offset < offset);
        let rest = &self.relocations[start..];
        &rest[..rest.partition_point(|relocation| relocation.offset == offset)]
    }

    /// The symbol that names the part of the section that `offset` belongs to, and the distance from its start.
    pub fn name_at(&self, offset: u64) -> Option<(u32, u64)> {
        let behind = self.names.partition_point(|&(start, _)| start <= offset);
        let &(start, symbol) = self.names.get(behind.checked_sub(1)?)?;
        Some((symbol, offset - start))
    }
}

impl Object<'_> {
    /// Describes a place in a section.
    pub fn place(&self, section: usize, offset: u64) -> Box<Place> {
        let found = &self.sections[section];
        let symbol = found.name_at(offset).map(|(symbol, distance)| (self.symbol_name(symbol), distance));
        Box::new(Place { section: found.name.clone(), offset, symbol })
    }

    /// The name of a symbol as people know it.
    pub fn symbol_name(&self, number: u32) -> String {
        let symbol = &self.symbols[number as usize];
        match (symbol.value, symbol.name) {
            (Value::Section { section, .. }, b"") => self.sections[section].name.clone(),
            (_, b"") => format!("symbol {number}"),
            (_, name) => names::demangle(name),
        }
    }
}
