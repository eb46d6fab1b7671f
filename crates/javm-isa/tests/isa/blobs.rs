//! Program blobs of any content, for property tests.

use javm_isa::{Opcode, Program};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A number in the variable-length code of blobs.
pub fn natural(value: u64, out: &mut Vec<u8>) {
    let count = (0..8).find(|count| value < 1 << (7 * (count + 1))).unwrap_or(8);
    if count == 8 {
        out.push(0xFF);
    } else {
        out.push(!(0xFF_u16 >> count) as u8 | (value >> (8 * count)) as u8);
    }
    out.extend_from_slice(&value.to_le_bytes()[..count]);
}

/// The blob of these parts; `starts` says for each byte of code whether an instruction starts there.
pub fn blob(entries: &[u64], width: u8, code: &[u8], starts: &[bool]) -> Vec<u8> {
    let mut blob = Vec::new();
    natural(entries.len() as u64, &mut blob);
    blob.push(width);
    natural(code.len() as u64, &mut blob);
    for entry in entries {
        blob.extend_from_slice(&entry.to_le_bytes()[..usize::from(width)]);
    }
    blob.extend_from_slice(code);
    let mut mask = vec![0; code.len().div_ceil(8)];
    for (index, _) in starts.iter().enumerate().filter(|(_, start)| **start) {
        mask[index / 8] |= 1 << (index % 8);
    }
    blob.extend_from_slice(&mask);
    blob
}

/// A byte of code, more often one that says something.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => select(Opcode::ALL).prop_map(Opcode::number),
        3 => 0..16_u8,
        2 => any::<u8>(),
        1 => Just(0xFF),
    ]
}

/// Any program: code and bitmask have nothing to do with each other.
pub fn any_program() -> impl Strategy<Value = Program> {
    let code = vec((byte(), prop::bool::weighted(0.3)), 0..200);
    let table = (0..=8_u8).prop_flat_map(|width| {
        let largest = if width == 8 { u64::MAX } else { (1_u64 << (8 * u32::from(width))) - 1 };
        let entry = prop_oneof![0..=largest.min(200), 0..=largest];
        (Just(width), vec(entry, 0..if width == 0 { 1 } else { 6 }))
    });
    (table, code).prop_map(|((width, entries), code)| {
        let (code, starts): (Vec<u8>, Vec<bool>) = code.into_iter().unzip();
        Program::parse(&blob(&entries, width, &code, &starts)).expect("a well-formed blob")
    })
}
