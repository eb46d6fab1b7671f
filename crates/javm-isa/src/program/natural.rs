//! The variable-length code for natural numbers that lengths in a blob are written in.

use alloc::vec::Vec;

use super::little_endian;

/// The number that `first` and the bytes that its leading ones announce stand for; `None` if a shorter form exists.
pub(super) fn decode(first: u8, more: &[u8]) -> Option<u64> {
    let count = more.len() as u32;
    let low = little_endian(more);
    if count == 8 {
        return (low >= 1 << 56).then_some(low);
    }
    let high = u64::from(first) & ((1 << (7 - count)) - 1);
    let value = high << (8 * count) | low;
    (count == 0 || value >= 1 << (7 * count)).then_some(value)
}

/// Appends the shortest form of `value`.
pub(super) fn encode(value: u64, out: &mut Vec<u8>) {
    let count = (0..8).find(|count| value < 1 << (7 * (count + 1))).unwrap_or(8);
    if count == 8 {
        out.push(0xFF);
    } else {
        let ones = !(0xFF_u16 >> count) as u8;
        out.push(ones | (value >> (8 * count)) as u8);
    }
    out.extend_from_slice(&value.to_le_bytes()[..count]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Option<u64> {
        assert_eq!(bytes.len(), 1 + bytes[0].leading_ones() as usize);
        decode(bytes[0], &bytes[1..])
    }

    #[test]
    fn known_forms() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7F]),
            (128, &[0x80, 0x80]),
            (0x3FFF, &[0xBF, 0xFF]),
            (0x4000, &[0xC0, 0x00, 0x40]),
            ((1 << 56) - 1, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            (1 << 56, &[0xFF, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            let mut out = Vec::new();
            encode(value, &mut out);
            assert_eq!(out, bytes);
            assert_eq!(read(bytes), Some(value));
        }
    }

    #[test]
    fn longer_forms_are_refused() {
        assert_eq!(read(&[0x80, 0x7F]), None);
        assert_eq!(read(&[0xC0, 0xFF, 0x3F]), None);
        assert_eq!(read(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn round_trip(value: u64, shift in 0..64_u32) {
            let value = value >> shift;
            let mut out = Vec::new();
            encode(value, &mut out);
            prop_assert_eq!(read(&out), Some(value));
        }
    }
}
