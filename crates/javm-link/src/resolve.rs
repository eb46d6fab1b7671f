//! From symbols to what they stand for in the program.

use std::collections::BTreeMap;

use crate::elf::{Class, Object, Relocation, SymbolKind, Value};
use crate::error::{LinkError, RelocationError, TargetError};
use crate::relocation;

/// A place in the code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct At {
    pub section: u32,
    pub offset: u32,
}

impl At {
    pub fn section(self) -> usize {
        self.section as usize
    }

    /// The place `bytes` further on.
    pub fn plus(self, bytes: u32) -> At {
        At { offset: self.offset + bytes, ..self }
    }
}

/// What an address is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// An instruction.
    Code(At),
    /// A byte of a section in memory, or one near it: addresses may be computed with.
    Data { section: usize, offset: i64 },
    /// A region of memory that the linker lays out.
    Region { edge: Edge, addend: i64 },
    /// A plain number.
    Number(i64),
}

/// A symbol that the linker defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Edge {
    HeapStart,
    HeapEnd,
    StackBottom,
    StackTop,
    ScratchStart,
    ScratchEnd,
}

/// The names of the symbols that the linker defines.
const EDGES: [(&[u8], Edge); 6] = [
    (b"__nub_heap_start", Edge::HeapStart),
    (b"__nub_heap_end", Edge::HeapEnd),
    (b"__nub_stack_bottom", Edge::StackBottom),
    (b"__nub_stack_top", Edge::StackTop),
    (b"__nub_scratch_start", Edge::ScratchStart),
    (b"__nub_scratch_end", Edge::ScratchEnd),
];

/// Finds out what relocations refer to.
pub(crate) struct Resolver<'a> {
    object: &'a Object<'a>,
    /// The defined global symbols by name.
    globals: BTreeMap<&'a [u8], u32>,
    /// The loaded sections by name: those that `__start_NAME` and `__stop_NAME` can be about.
    by_name: BTreeMap<&'a [u8], Vec<usize>>,
}

impl<'a> Resolver<'a> {
    pub fn new(object: &'a Object<'a>) -> Resolver<'a> {
        let mut globals = BTreeMap::new();
        for (number, symbol) in (0..).zip(&object.symbols) {
            if symbol.global && symbol.value != Value::Undefined {
                globals.entry(symbol.name).or_insert(number);
            }
        }
        let mut by_name: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (index, section) in object.sections.iter().enumerate() {
            if section.class != Class::NotLoaded {
                by_name.entry(section.name.as_bytes()).or_default().push(index);
            }
        }
        Resolver { object, globals, by_name }
    }

    /// An error about a relocation in `section`.
    pub fn refuse(&self, section: usize, relocation: &Relocation, why: RelocationError) -> LinkError {
        LinkError::Relocation {
            place: self.object.place(section, relocation.offset),
            kind: relocation::name(relocation.kind),
            symbol: self.object.symbol_name(relocation.symbol),
            why,
        }
    }

    /// What a relocation in `section` refers to, its addend included.
    pub fn target(&self, section: usize, relocation: &Relocation) -> Result<Target, LinkError> {
        let symbol = &self.object.symbols[relocation.symbol as usize];
        let refuse = |why| Err(self.refuse(section, relocation, why));
        match symbol.kind {
            SymbolKind::ThreadLocal => return refuse(RelocationError::ThreadLocal),
            SymbolKind::IndirectFunction => return refuse(RelocationError::IndirectFunction),
            _ => {}
        }
        match symbol.value {
            Value::Absolute(value) => Ok(Target::Number((value as i64).wrapping_add(relocation.addend))),
            Value::Section { section: home, offset } => {
                self.in_section(section, relocation, home, offset.wrapping_add(relocation.addend))
            }
            // Number 0 is "no symbol": the addend is the value.
            Value::Undefined if relocation.symbol == 0 => Ok(Target::Number(relocation.addend)),
            Value::Undefined => self.undefined(section, relocation),
        }
    }

    fn in_section(
        &self,
        section: usize,
        relocation: &Relocation,
        home: usize,
        offset: i64,
    ) -> Result<Target, LinkError> {
        let refuse = |why| Err(self.refuse(section, relocation, why));
        let found = &self.object.sections[home];
        match found.class {
            Class::NotLoaded => refuse(RelocationError::NotLoaded(found.name.clone())),
            Class::ThreadLocal => refuse(RelocationError::ThreadLocal),
            Class::Code => match u32::try_from(offset) {
                Ok(offset) if u64::from(offset) <= found.size => {
                    self.check_code(section, relocation.offset, At { section: home as u32, offset }).map(Target::Code)
                }
                _ => refuse(RelocationError::OutOfSection(offset)),
            },
            Class::ReadOnly | Class::Persistent | Class::Ephemeral => Ok(Target::Data { section: home, offset }),
        }
    }

    /// Checks that an instruction can stand at `at`.
    pub fn check_code(&self, section: usize, offset: u64, at: At) -> Result<At, LinkError> {
        let size = self.object.sections[at.section()].size;
        let why = if !at.offset.is_multiple_of(2) {
            TargetError::Odd
        } else if u64::from(at.offset) > size {
            TargetError::OutOfSection(size)
        } else {
            return Ok(at);
        };
        let target = self.object.place(at.section(), at.offset.into());
        Err(LinkError::Target { place: self.object.place(section, offset), target, why })
    }

    fn undefined(&self, section: usize, relocation: &Relocation) -> Result<Target, LinkError> {
        let symbol = &self.object.symbols[relocation.symbol as usize];
        let addend = relocation.addend;
        if let Some(&number) = self.globals.get(symbol.name) {
            return self.target(section, &Relocation { symbol: number, ..*relocation });
        }
        if let Some(&(_, edge)) = EDGES.iter().find(|(name, _)| *name == symbol.name) {
            return Ok(Target::Region { edge, addend });
        }
        for (prefix, at_end) in [(&b"__start_"[..], false), (b"__stop_", true)] {
            let Some(sections) = symbol.name.strip_prefix(prefix).and_then(|name| self.by_name.get(name)) else {
                continue;
            };
            let [home] = sections[..] else {
                return Err(self.refuse(section, relocation, RelocationError::ManySections(sections.len())));
            };
            let edge = if at_end { self.object.sections[home].size as i64 } else { 0 };
            return self.in_section(section, relocation, home, edge.wrapping_add(addend));
        }
        if symbol.weak {
            return Ok(Target::Number(addend));
        }
        Err(LinkError::Undefined {
            place: self.object.place(section, relocation.offset),
            symbol: self.object.symbol_name(relocation.symbol),
        })
    }
}
