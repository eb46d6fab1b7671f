//! Registers, immediates, lengths and addresses: biased to where programs go wrong.

use javm_isa::{Lengths, REG_COUNT, Reg};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::config::{Config, PAGE};

/// Values at the edges of widths, signs, shift amounts and pages.
const EDGES: [u64; 40] = [
    0,
    1,
    2,
    3,
    7,
    8,
    31,
    32,
    33,
    63,
    64,
    65,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0xFFF,
    0x1000,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x1_0001,
    0x7F_FFFF,
    0x80_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0x8000_0001,
    0xFFFF_0000,
    0xFFFF_FFFF,
    0x1_0000_0000,
    0x1_0000_0001,
    0x7FFF_FFFF_FFFF_FFFF,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0xFFFF_FFFF_0000_0000,
    0xFFFF_FFFF_7FFF_FFFF,
    0xFFFF_FFFF_8000_0000,
    0xFFFF_FFFF_FFFF_FFFE,
    0xFFFF_FFFF_FFFF_FFFF,
];

/// A 64-bit value: an edge, one beside it, its negation, or a random one of random width.
pub(crate) fn value(rng: &mut ChaCha8Rng) -> u64 {
    let edge = *EDGES.choose(rng).unwrap_or(&0);
    match rng.random_range(0..8) {
        0..=3 => edge,
        4 => edge.wrapping_neg(),
        5 => edge.wrapping_add(rng.random_range(0..=4)).wrapping_sub(2),
        _ => rng.next_u64() >> rng.random_range(0..64),
    }
}

/// A value that an immediate can have: the sign extension of four bytes. Zero is the only one of zero bytes, and gets
/// its share.
pub(crate) fn immediate(rng: &mut ChaCha8Rng) -> u64 {
    if rng.random_ratio(1, 8) { 0 } else { sign_extended(value(rng) as u32) }
}

/// The sign extension of 32 bits.
pub(crate) fn sign_extended(value: u32) -> u64 {
    i64::from(value as i32) as u64
}

/// Lengths for two immediates: mostly the shortest, sometimes longer.
pub(crate) fn lengths(rng: &mut ChaCha8Rng, x: u64, y: u64) -> Lengths {
    Lengths { x: length(rng, x), y: length(rng, y) }
}

/// A length for a code offset, which may turn out to need all four bytes.
pub(crate) fn offset_length(rng: &mut ChaCha8Rng) -> Option<u8> {
    rng.random_ratio(1, 8).then_some(4)
}

fn length(rng: &mut ChaCha8Rng, value: u64) -> Option<u8> {
    let signed = value as i64;
    let shortest = (0..=4_u32).find(|bytes| match bytes {
        0 => signed == 0,
        _ => signed << (64 - 8 * bytes) >> (64 - 8 * bytes) == signed,
    })?;
    rng.random_ratio(1, 4).then(|| rng.random_range(shortest..=4) as u8)
}

/// The registers that a stretch of code uses: few of them make long dependencies and many equal operands.
pub(crate) fn register_pool(rng: &mut ChaCha8Rng) -> Vec<Reg> {
    let mut all: Vec<Reg> = Reg::all().collect();
    let size = if rng.random() { REG_COUNT } else { rng.random_range(1..=REG_COUNT) };
    while all.len() > size {
        all.swap_remove(rng.random_range(0..all.len()));
    }
    all
}

/// An address to access `bytes` bytes at: in mapped memory, across a border of it, across pages, or anywhere.
pub(crate) fn address(rng: &mut ChaCha8Rng, config: &Config, bytes: u32) -> u32 {
    let address = match (config.memory.choose(rng), rng.random_range(0..16)) {
        (Some(region), 0..=6) => {
            // Inside, from the last bytes of a page on more often than by chance.
            let inside = rng.random_range(0..region.length);
            let near_end = if rng.random_ratio(1, 4) { inside | (PAGE - 8) } else { inside };
            region.address.wrapping_add(near_end)
        }
        (Some(region), 7..=12) => {
            let border = if rng.random() { region.address } else { region.address.wrapping_add(region.length) };
            border.wrapping_sub(rng.random_range(0..=8)).wrapping_add(rng.random_range(0..=3))
        }
        (_, 13) => {
            if rng.random() {
                0
            } else {
                value(rng) as u32 & 0x1_FFFF
            }
        }
        (_, 14) => 0_u32.wrapping_sub(rng.random_range(1..=16)),
        _ => rng.next_u32(),
    };
    if config.wrapping_accesses || address.checked_add(bytes).is_some_and(|end| end < 0_u32.wrapping_sub(PAGE)) {
        address
    } else {
        // The last page, where an access may reach 2^32, is not to be touched.
        address & 0x7FFF_FFFF
    }
}
