//! Changes of an object where they matter: section headers, symbols, relocations, instructions.

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::mutation;
use crate::target::Random;

/// Where the file says that a section is, and what.
struct Section {
    header: usize,
    kind: u32,
    flags: u64,
    start: usize,
    length: usize,
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
    Some(u64::from_le_bytes(wide))
}

/// The sections whose contents lie inside of the file.
fn sections(bytes: &[u8]) -> Option<Vec<Section>> {
    let at = usize::try_from(number::<8>(bytes, 40)?).ok()?;
    let count = number::<2>(bytes, 60)? as usize;
    let section = |index: usize| {
        let header = at.checked_add(64 * index)?;
        let start = usize::try_from(number::<8>(bytes, header.checked_add(24)?)?).ok()?;
        let length = usize::try_from(number::<8>(bytes, header + 32)?).ok()?;
        let is_inside = start.checked_add(length).is_some_and(|end| end <= bytes.len());
        let (kind, flags) = (number::<4>(bytes, header + 4)? as u32, number::<8>(bytes, header + 8)?);
        (header + 64 <= bytes.len()).then_some(Section {
            header,
            kind,
            flags,
            start,
            length: if is_inside { length } else { 0 },
        })
    };
    Some((0..count).map_while(section).collect())
}

/// Changes something; `false` if there is nothing of the kind that was chosen.
pub(super) fn change(random: &mut Random, bytes: &mut [u8]) -> bool {
    let Some(sections) = sections(bytes) else { return false };
    let of_kind = |random: &mut Random, kind: u32, entry: usize| {
        let found: Vec<&Section> =
            sections.iter().filter(|found| found.kind == kind && found.length >= entry).collect();
        let section = found.choose(random)?;
        Some(section.start + entry * random.random_range(0..section.length / entry))
    };
    match random.random_range(0..10) {
        0 => {
            let Some(section) = sections.choose(random) else { return false };
            // Name, kind, flags, address, place, size, link, info, alignment, size of an entry.
            let fields = [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)];
            let Some(&(field, width)) = fields.choose(random) else { return false };
            write(random, bytes, section.header + field, width);
        }
        1 | 2 => {
            let Some(at) = of_kind(random, 2, 24) else { return false };
            // Name, info, section, value, size.
            let Some(&(field, width)) = [(0, 4), (4, 1), (6, 2), (8, 8), (16, 8)].choose(random) else { return false };
            write(random, bytes, at + field, width);
        }
        3..=5 => {
            let Some(at) = of_kind(random, 4, 24) else { return false };
            relocation(random, bytes, at);
        }
        _ => {
            let code: Vec<&Section> =
                sections.iter().filter(|found| found.kind == 1 && found.flags & 4 != 0 && found.length >= 4).collect();
            let Some(section) = code.choose(random) else { return false };
            instruction(random, &mut bytes[section.start..section.start + section.length]);
        }
    }
    true
}

fn write(random: &mut Random, bytes: &mut [u8], at: usize, width: usize) {
    let present = bytes[at..at + width].iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    let value = match random.random_range(0..3) {
        0 => present ^ 1 << random.random_range(0..8 * width as u32),
        1 => present.wrapping_add(random.random_range(0..17_u64)).wrapping_sub(8),
        _ => mutation::number(random),
    };
    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
}

fn relocation(random: &mut Random, bytes: &mut [u8], at: usize) {
    match random.random_range(0..4) {
        0 => write(random, bytes, at, 8),
        1 => bytes[at + 8] = random.random_range(0..66),
        2 => write(random, bytes, at + 12, 4),
        _ => write(random, bytes, at + 16, 8),
    }
}

fn instruction(random: &mut Random, code: &mut [u8]) {
    let place = |random: &mut Random| 2 * random.random_range(0..=(code.len() - 4) / 2);
    let (from, to) = (place(random), place(random));
    let length = *[2, 4, 4].choose(random).unwrap_or(&4);
    match random.random_range(0..4) {
        0 => code.copy_within(from..from + length, to),
        1 => code[to..to + length].fill(0),
        2 => code[to + random.random_range(0..length)] ^= 1 << random.random_range(0..8),
        _ => write(random, code, to, length),
    }
}
