//! The sections that hold debug information, with their relocations applied.

use std::borrow::Cow;
use std::convert::Infallible;

use gimli::{DwarfSections, SectionId};

use crate::contents::{load, save};
use crate::elf::{Class, Object, Relocation, Value};
use crate::relocation::{self, Action, SET_ULEB128, SUB_ULEB128, Store};
use crate::resolve::At;

/// Sections of code stand at addresses of their own from here on, far from the small numbers that compilers and linkers
/// write for code that is no more.
const FIRST_ADDRESS: u64 = 1 << 40;

/// Where each section of code stands, as far as debug information is concerned.
pub(super) struct Addresses(Vec<u64>);

impl Addresses {
    pub fn new(object: &Object) -> Addresses {
        let mut next = FIRST_ADDRESS;
        let address = object.sections.iter().map(|section| {
            if object.linked || section.class != Class::Code {
                return section.address;
            }
            // A byte between two sections keeps the end of one apart from the start of the next.
            let address = next;
            next = next.saturating_add(section.size).saturating_add(1);
            address
        });
        Addresses(address.collect())
    }

    /// The address of a place in the code.
    pub fn of(&self, at: At) -> u64 {
        self.0[at.section()].saturating_add(at.offset.into())
    }
}

/// All sections of debug information; those that the file does not have are empty.
pub(super) fn read<'a>(object: &'a Object<'a>, addresses: &Addresses) -> DwarfSections<Cow<'a, [u8]>> {
    let load = |id: SectionId| -> Result<Cow<'a, [u8]>, Infallible> {
        let found = object.sections.iter().position(|section| section.name == id.name() && !section.is_compressed);
        Ok(found.map_or(Cow::Borrowed(&[]), |index| contents(object, addresses, index)))
    };
    match DwarfSections::load(load) {
        Ok(sections) => sections,
    }
}

fn contents<'a>(object: &'a Object<'a>, addresses: &Addresses, index: usize) -> Cow<'a, [u8]> {
    let section = &object.sections[index];
    // A linker that left relocations has applied them too.
    if object.linked || section.relocations.is_empty() {
        return Cow::Borrowed(section.data);
    }
    let mut bytes = section.data.to_vec();
    for relocation in &section.relocations {
        apply(object, addresses, relocation, &mut bytes);
    }
    Cow::Owned(bytes)
}

/// Applies a relocation. What cannot be applied leaves the place as it is: that part of the information is then wrong or
/// none, and nothing else suffers.
fn apply(object: &Object, addresses: &Addresses, relocation: &Relocation, bytes: &mut [u8]) {
    let symbol = &object.symbols[relocation.symbol as usize];
    let value = match symbol.value {
        Value::Section { section, offset } if object.sections[section].class == Class::Code => {
            (addresses.0[section] as i64).wrapping_add(offset)
        }
        Value::Section { offset, .. } => offset,
        Value::Absolute(value) => value as i64,
        // Of code that the compiler or a linker has dropped.
        Value::Undefined => 0,
    };
    let value = value.wrapping_add(relocation.addend);
    let Ok(start) = usize::try_from(relocation.offset) else { return };
    let Some(rest) = bytes.get_mut(start..) else { return };
    match (relocation.kind, relocation::action(relocation.kind)) {
        (SET_ULEB128, _) => save_uleb128(rest, value as u64),
        (SUB_ULEB128, _) => save_uleb128(rest, load_uleb128(rest).wrapping_sub(value as u64)),
        (_, Ok(Action::Data(store, size))) => {
            let Some(place) = rest.get_mut(..size.bytes().into()) else { return };
            let new = match store {
                Store::Set | Store::SetLow => value,
                Store::SetRelative => value.wrapping_sub(relocation.offset as i64),
                Store::Add => load(place, size).wrapping_add(value),
                Store::Subtract => load(place, size).wrapping_sub(value),
            };
            save(place, size, new);
        }
        _ => {}
    }
}

/// The number at the start of some bytes, of which there may be more than it needs.
fn load_uleb128(bytes: &[u8]) -> u64 {
    let mut number = 0;
    for (place, byte) in (0..10).zip(bytes) {
        number |= u64::from(byte & 0x7F).checked_shl(7 * place).unwrap_or(0);
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

/// Replaces the number at the start of some bytes by one of the same length.
fn save_uleb128(bytes: &mut [u8], mut number: u64) {
    for byte in bytes.iter_mut().take(10) {
        let more = *byte & 0x80;
        *byte = number as u8 & 0x7F | more;
        number >>= 7;
        if more == 0 {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_length() {
        let mut bytes = [0x80, 0x80, 0x00, 0x55];
        save_uleb128(&mut bytes, 0x1234);
        assert_eq!((load_uleb128(&bytes), bytes), (0x1234, [0xB4, 0xA4, 0x00, 0x55]));
        save_uleb128(&mut bytes, u64::MAX);
        assert_eq!(bytes, [0xFF, 0xFF, 0x7F, 0x55]);
        let mut cut = [0x80; 12];
        save_uleb128(&mut cut, u64::MAX);
        assert_eq!((load_uleb128(&cut), cut[10]), (u64::MAX, 0x80));
        assert_eq!(load_uleb128(&[]), 0);
    }
}
