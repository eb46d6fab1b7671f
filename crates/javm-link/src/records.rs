//! The sections that are addressed to the linker: what can be called, what is wanted, how much memory is needed.

use std::collections::{BTreeMap, BTreeSet};

use javm_cap::image::limits::{FIRST_FREE_SLOT, MAX_ARITY};
use javm_cap::{EndpointName, GIFT_SLOT, Import, SCRATCHPAD_SLOT, Wanted};

use javm_types::Method;

use crate::elf::{Object, Section};
use crate::error::{LinkError, RecordError};
use crate::relocation::{self, Action, Size, Store};
use crate::resolve::{At, Resolver, Target};

/// The slot that holds the constants.
pub const CONSTANTS_SLOT: u8 = FIRST_FREE_SLOT;

/// The slot that holds the persistent variables.
pub const VARIABLES_SLOT: u8 = FIRST_FREE_SLOT + 1;

/// The first slot that an import can take.
pub const FIRST_IMPORT_SLOT: u8 = FIRST_FREE_SLOT + 2;

const ENDPOINTS: &str = ".nub.endpoints";
const IMPORTS: &str = ".nub.imports";
const MEMORY: &str = ".nub.memory";

/// The version of the records.
pub(crate) const VERSION: u8 = 1;

/// An endpoint as the program declares it.
pub(crate) struct Endpoint {
    pub name: EndpointName,
    pub arity: u8,
    pub entry: At,
    pub signature: Option<Method>,
}

/// The memory that the program asks for, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemoryRecord {
    pub stack: u32,
    pub heap: u32,
    pub scratchpad: u32,
}

/// A record and where it stands.
struct Record<'a, const N: usize> {
    section: usize,
    offset: u64,
    bytes: &'a [u8; N],
}

/// Whether a section is called `name` or `name.ANYTHING`.
fn is_called(section: &Section, name: &str) -> bool {
    let rest = section.name.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What is in the sections of a name, in the order of the file.
pub(crate) fn contents<'a>(object: &Object<'a>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    object.sections.iter().filter(move |section| is_called(section, name)).map(|section| section.data)
}

/// The records of all sections of a name, in the order of the file.
fn records<'a, const N: usize>(object: &Object<'a>, name: &'static str) -> Result<Vec<Record<'a, N>>, LinkError> {
    let mut found = Vec::new();
    for (section, read) in object.sections.iter().enumerate().filter(|(_, section)| is_called(section, name)) {
        let (whole, rest) = read.data.as_chunks::<N>();
        for (number, bytes) in (0_u64..).zip(whole) {
            found.push(Record { section, offset: number * N as u64, bytes });
        }
        if !rest.is_empty() {
            let why = RecordError::Size { found: rest.len(), size: N };
            return Err(LinkError::Record { section: name, index: found.len(), why });
        }
    }
    Ok(found)
}

/// Reads the endpoints.
pub(crate) fn endpoints(object: &Object, resolver: &Resolver) -> Result<Vec<Endpoint>, LinkError> {
    let mut endpoints = Vec::new();
    let mut names = BTreeSet::new();
    for (index, record) in records::<64>(object, ENDPOINTS)?.iter().enumerate() {
        let refuse = |why| LinkError::Record { section: ENDPOINTS, index, why };
        let [_, _, _, _, _, _, _, _, version, name_length, arity, reserved @ ..] = *record.bytes;
        if version != VERSION {
            return Err(refuse(RecordError::Version(version.into())));
        }
        let (reserved, name) = reserved.split_at(5);
        let (name, padding) = name
            .split_at_checked(name_length.into())
            .ok_or_else(|| refuse(RecordError::Name(javm_cap::NameError::Length(name_length.into()))))?;
        if reserved.iter().chain(padding).any(|&byte| byte != 0) {
            return Err(refuse(RecordError::Reserved));
        }
        let name = EndpointName::from_bytes(name).map_err(|why| refuse(why.into()))?;
        if arity > MAX_ARITY {
            return Err(refuse(RecordError::Arity { name: name.to_string(), arity, limit: MAX_ARITY }));
        }
        if !names.insert(name.clone()) {
            return Err(refuse(RecordError::SameName(name.to_string())));
        }
        let entry = entry(object, resolver, record)?.ok_or_else(|| refuse(RecordError::Entry))?;
        endpoints.push(Endpoint { name, arity, entry, signature: None });
    }
    if endpoints.is_empty() {
        return Err(LinkError::NoEndpoints);
    }
    Ok(endpoints)
}

/// The function that a record points to, if its relocation says so.
fn entry<const N: usize>(object: &Object, resolver: &Resolver, record: &Record<N>) -> Result<Option<At>, LinkError> {
    for relocation in object.sections[record.section].relocations_at(record.offset) {
        let action = relocation::action(relocation.kind);
        if action == Ok(Action::Data(Store::Set, Size::Bytes(8))) {
            return match resolver.target(record.section, relocation)? {
                Target::Code(at) => Ok(Some(at)),
                _ => Ok(None),
            };
        }
    }
    Ok(None)
}

/// Reads the imports.
pub(crate) fn imports(object: &Object) -> Result<BTreeMap<u8, Import>, LinkError> {
    let mut imports = BTreeMap::new();
    for (index, record) in records::<8>(object, IMPORTS)?.iter().enumerate() {
        let refuse = |why| LinkError::Record { section: IMPORTS, index, why };
        let [version, slot, kind, required, id @ ..] = *record.bytes;
        if version != VERSION {
            return Err(refuse(RecordError::Version(version.into())));
        }
        if kind != 1 {
            return Err(refuse(RecordError::Kind(kind)));
        }
        add_import(&mut imports, slot, required, Wanted::Service(u32::from_le_bytes(id))).map_err(refuse)?;
    }
    Ok(imports)
}

/// Adds a wish for something in a slot.
pub(crate) fn add_import(
    imports: &mut BTreeMap<u8, Import>,
    slot: u8,
    required: u8,
    wanted: Wanted,
) -> Result<(), RecordError> {
    if required > 1 {
        return Err(RecordError::Required(required));
    }
    let meaning = match slot {
        SCRATCHPAD_SLOT => "the scratchpad",
        GIFT_SLOT => "the gift slot",
        CONSTANTS_SLOT => "the program's constants",
        VARIABLES_SLOT => "the program's variables",
        _ => "",
    };
    if !meaning.is_empty() {
        return Err(RecordError::Slot { slot, meaning, first: FIRST_IMPORT_SLOT });
    }
    let import = Import { required: required == 1, wanted };
    // Two crates may declare the same wish; two different ones for one slot contradict each other.
    match imports.insert(slot, import) {
        Some(other) if other != import => Err(RecordError::SameSlot(slot)),
        _ => Ok(()),
    }
}

/// Reads how much memory the program asks for.
pub(crate) fn memory(object: &Object) -> Result<Option<MemoryRecord>, LinkError> {
    let records = records::<16>(object, MEMORY)?;
    let refuse = |index, why| LinkError::Record { section: MEMORY, index, why };
    if records.len() > 1 {
        return Err(refuse(1, RecordError::Second));
    }
    let Some(record) = records.first() else { return Ok(None) };
    let mut words = record.bytes.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
    let mut next = || words.next().unwrap_or(0);
    let (version, stack, heap, scratchpad) = (next(), next(), next(), next());
    if version != u32::from(VERSION) {
        return Err(refuse(0, RecordError::Version(version)));
    }
    Ok(Some(MemoryRecord { stack, heap, scratchpad }))
}
