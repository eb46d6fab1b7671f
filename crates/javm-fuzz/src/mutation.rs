//! Changes of bytes that know nothing of what the bytes mean.

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::target::Random;

/// Values at which formats and arithmetic have their edges.
const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    8,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0xFFF,
    0x1000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_F000,
    0xFFFF_FFFF,
    0x1_0000_0000,
    1 << 63,
    u64::MAX,
];

/// A number: often an edge or next to one, otherwise with any number of bits.
#[must_use]
pub fn number(random: &mut Random) -> u64 {
    if random.random() {
        let edge = EDGES.choose(random).copied().unwrap_or(0);
        edge.wrapping_add(random.random_range(0..3_u64)).wrapping_sub(1)
    } else {
        random.random::<u64>() >> random.random_range(0..64)
    }
}

/// Changes `bytes` at one place, or puts a piece of `other` into them.
pub fn bytes(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = random.random_range(0..=bytes.len());
    let length = (1 << random.random_range(0..8_usize)).min(bytes.len() - at);
    match random.random_range(0..12) {
        0 | 1 => flip(random, bytes),
        2 | 3 => set(random, bytes),
        4 => drop(bytes.drain(at..at + length)),
        5 => {
            let count = 1 << random.random_range(0..6_u32);
            let fresh: Vec<u8> = (0..random.random_range(1..=count)).map(|_| random.random()).collect();
            bytes.splice(at..at, fresh);
        }
        6 => {
            let copy = bytes[at..at + length].to_vec();
            let to = random.random_range(0..=bytes.len());
            bytes.splice(to..to, copy);
        }
        7 => {
            let copy = bytes[at..at + length].to_vec();
            let to = random.random_range(0..=bytes.len() - length);
            bytes[to..to + length].copy_from_slice(&copy);
        }
        8 | 9 if !other.is_empty() => splice(random, bytes, other),
        10 if random.random_ratio(1, 4) => bytes.truncate(at),
        _ => write_number(random, bytes),
    }
}

fn flip(random: &mut Random, bytes: &mut [u8]) {
    if let Some(byte) = pick(random, bytes) {
        *byte ^= 1 << random.random_range(0..8);
    }
}

fn set(random: &mut Random, bytes: &mut [u8]) {
    let value = if random.random() { random.random() } else { number(random) as u8 };
    if let Some(byte) = pick(random, bytes) {
        *byte = value;
    }
}

/// One of `items`, unless there are none.
pub fn pick<'a, T>(random: &mut Random, items: &'a mut [T]) -> Option<&'a mut T> {
    if items.is_empty() { None } else { items.get_mut(random.random_range(0..items.len())) }
}

/// Writes a number of 1, 2, 4 or 8 bytes somewhere, or adds a little to the one that is there.
fn write_number(random: &mut Random, bytes: &mut [u8]) {
    let width = 1 << random.random_range(0..4_usize);
    if bytes.len() < width {
        return;
    }
    let at = random.random_range(0..=bytes.len() - width);
    let place = &mut bytes[at..at + width];
    let mut present = [0; 8];
    present[..width].copy_from_slice(place);
    let value = if random.random() {
        u64::from_le_bytes(present).wrapping_add(random.random_range(0..17_u64)).wrapping_sub(8)
    } else {
        number(random)
    };
    place.copy_from_slice(&value.to_le_bytes()[..width]);
}

/// Puts a piece of `other` over a piece of `bytes`, or between two.
fn splice(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let from = random.random_range(0..other.len());
    let most = 1 << random.random_range(0..10_usize);
    let length = random.random_range(1..=most.min(other.len() - from));
    let at = random.random_range(0..=bytes.len());
    let replaced = if random.random() { length.min(bytes.len() - at) } else { 0 };
    bytes.splice(at..at + replaced, other[from..from + length].iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn any_bytes_can_be_changed() {
        let mut random = Random::seed_from_u64(1);
        let mut kinds = std::collections::BTreeSet::new();
        for round in 0..5_000_u32 {
            let before: Vec<u8> = (0..round % 40).map(|_| random.random()).collect();
            let mut after = before.clone();
            bytes(&mut random, &mut after, if round % 3 == 0 { &[] } else { b"something else" });
            kinds.insert((after.len().cmp(&before.len()), after == before));
        }
        // Longer, shorter, and as long but changed.
        assert!(kinds.iter().filter(|(_, same)| !same).count() == 3, "{kinds:?}");
    }
}
