//! What is in memory at the start: the contents of sections with their relocations applied.

use javm_cap::{Data, DataError, PAGE_SIZE};

use crate::elf::{Class, Object, Relocation, Section};
use crate::error::{LinkError, RelocationError};
use crate::layout::Layout;
use crate::relocation::{self, Action, Size, Store};
use crate::resolve::{At, Resolver, Target};
use crate::symbols::Range;

/// Everything that the value of a relocation depends on.
pub(crate) struct Values<'a> {
    pub object: &'a Object<'a>,
    pub resolver: &'a Resolver<'a>,
    pub layout: &'a Layout,
    /// The jump-table address of a place in the code.
    pub code_address: &'a dyn Fn(At) -> u64,
}

/// The contents of all sections of a class, laid out from the start of `range` on.
pub(crate) fn contents(values: &Values, class: Class, range: Range) -> Result<Data, LinkError> {
    let mut data = new_data(range)?;
    for (index, section) in values.object.sections.iter().enumerate() {
        let Some(address) = values.layout.sections[index].filter(|_| section.class == class) else { continue };
        let mut bytes = section.data.to_vec();
        values.apply(index, section, address, &mut bytes)?;
        write(&mut data, address - range.start, &bytes).map_err(|_| too_big(range))?;
    }
    Ok(data)
}

fn too_big(range: Range) -> LinkError {
    LinkError::TooBig { what: "constants or variables", bytes: range.bytes(), limit: crate::layout::MAX_ADDRESS }
}

fn new_data(range: Range) -> Result<Data, LinkError> {
    Data::new((range.bytes() / PAGE_SIZE as u64) as u32).map_err(|_| too_big(range))
}

/// Writes what is not zero, page by page, so that zeros take no memory.
fn write(data: &mut Data, offset: u32, bytes: &[u8]) -> Result<(), DataError> {
    let mut offset = u64::from(offset);
    let mut rest = bytes;
    while !rest.is_empty() {
        let in_page = PAGE_SIZE - offset as usize % PAGE_SIZE;
        let (chunk, more) = rest.split_at(in_page.min(rest.len()));
        if chunk.iter().any(|&byte| byte != 0) {
            data.write(offset, chunk)?;
        }
        offset += chunk.len() as u64;
        rest = more;
    }
    Ok(())
}

impl Values<'_> {
    fn apply(&self, index: usize, section: &Section, address: u32, bytes: &mut [u8]) -> Result<(), LinkError> {
        let mut rest = &section.relocations[..];
        while let Some(first) = rest.first() {
            // Several relocations at one place make one value: a difference is an addition and a subtraction.
            let length = rest.iter().take_while(|relocation| relocation.offset == first.offset).count();
            let (group, more) = rest.split_at(length);
            self.apply_group(index, group, address, bytes)?;
            rest = more;
        }
        Ok(())
    }

    fn apply_group(
        &self,
        section: usize,
        group: &[Relocation],
        address: u32,
        bytes: &mut [u8],
    ) -> Result<(), LinkError> {
        // A linker that left relocations has applied them too: sums start from zero again.
        let mut sum = self.object.linked.then_some(0);
        let mut is_of_code = false;
        for (number, relocation) in group.iter().enumerate() {
            let refuse = |why| self.resolver.refuse(section, relocation, why);
            let Ok(Action::Data(store, size)) = relocation::action(relocation.kind) else { continue };
            let width = size.bytes();
            let start = relocation.offset as usize;
            let Some(place) = bytes.get_mut(start..start.saturating_add(width.into())) else {
                return Err(refuse(RelocationError::PastEnd(bytes.len() as u64)));
            };
            let value = match self.resolver.target(section, relocation)? {
                Target::Code(at) => {
                    is_of_code = true;
                    (self.code_address)(at) as i64
                }
                other => self.layout.address(other).unwrap_or(0),
            };
            let old = sum.unwrap_or_else(|| load(place, size));
            let here = i64::from(address).wrapping_add(relocation.offset as i64);
            let new = match store {
                Store::Set | Store::SetLow => value,
                Store::SetRelative => value.wrapping_sub(here),
                Store::Add => old.wrapping_add(value),
                Store::Subtract => old.wrapping_sub(value),
            };
            // Places in the code are further or less far apart here than they were, so that a narrow distance may come
            // out too large. Distances in data are what they were.
            let is_complete = number + 1 == group.len();
            let must_fit = match store {
                Store::Set | Store::SetRelative => true,
                Store::SetLow => false,
                Store::Add | Store::Subtract => is_complete && is_of_code,
            };
            if must_fit && !fits(new, width, store) {
                return Err(refuse(RelocationError::Range { value: new, bytes: width }));
            }
            sum = Some(new);
            save(place, size, new);
        }
        Ok(())
    }
}

/// Whether a value is the same after it was cut to so many bytes, read with or without sign.
fn fits(value: i64, bytes: u8, store: Store) -> bool {
    let bits = 8 * u32::from(bytes);
    if bits == 64 {
        return true;
    }
    let highest = if store == Store::SetRelative { (1 << (bits - 1)) - 1 } else { (1 << bits) - 1 };
    (-(1 << (bits - 1))..=highest).contains(&value)
}

pub(crate) fn load(place: &[u8], size: Size) -> i64 {
    let value = place.iter().rev().fold(0, |value, &byte| value << 8 | i64::from(byte));
    if size == Size::SixBits { value & 0x3F } else { value }
}

pub(crate) fn save(place: &mut [u8], size: Size, value: i64) {
    match (size, place) {
        (Size::SixBits, [byte]) => *byte = *byte & 0xC0 | value as u8 & 0x3F,
        (_, place) => {
            for (byte, &new) in place.iter_mut().zip(&value.to_le_bytes()) {
                *byte = new;
            }
        }
    }
}
