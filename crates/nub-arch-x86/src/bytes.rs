//! Copying, filling and comparing memory, for the symbols that compiled code calls.
//!
//! Short copies are a few loads and stores that overlap, those of some hundred bytes a loop; long ones are the processor's own
//! string instructions, which move whole cache lines on every processor that nub meets, but take long to begin.

#![allow(unsafe_code)]

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_setzero_si128, _mm_xor_si128,
};
use core::ops::Range;

/// Copies that are no longer than this are made of two overlapping halves.
const SHORT: usize = 32;

/// From this length on string instructions are as fast as a loop.
const LONG: usize = 1024;

/// Copies more than [`SHORT`] bytes: upwards, 32 at a time, after the last 32.
///
/// # Safety
/// `to` and `from` are valid for `length` bytes and do not overlap.
#[inline(always)]
unsafe fn copy_medium(to: *mut u8, from: *const u8, length: usize) {
    // A loop in Rust might be made a call of `memcpy`.
    // SAFETY: the last 32 bytes are within `length`, which is more; the loop ends less than 32 bytes behind what it has
    // copied, which the last 32 cover, as it goes on only while more than that is left.
    unsafe {
        asm!(
            "movups {a}, [{from} + {left} - 32]",
            "movups {b}, [{from} + {left} - 16]",
            "movups [{to} + {left} - 32], {a}",
            "movups [{to} + {left} - 16], {b}",
            "2:",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "add {from}, 32",
            "add {to}, 32",
            "sub {left}, 32",
            "cmp {left}, 32",
            "ja 2b",
            to = inout(reg) to => _,
            from = inout(reg) from => _,
            left = inout(reg) length => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Copies `length` bytes, at most [`SHORT`]: everything is read before anything is written.
///
/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, length: usize) {
    /// Copies between `N` and `2 * N` bytes.
    macro_rules! halves {
        ($type:ty) => {{
            let last = length - size_of::<$type>();
            // SAFETY: both halves lie within `length` bytes.
            unsafe {
                let (low, high) =
                    (from.cast::<$type>().read_unaligned(), from.add(last).cast::<$type>().read_unaligned());
                to.cast::<$type>().write_unaligned(low);
                to.add(last).cast::<$type>().write_unaligned(high);
            }
        }};
    }
    match length {
        0 => {}
        1 => halves!(u8),
        2..4 => halves!(u16),
        4..8 => halves!(u32),
        8..16 => halves!(u64),
        _ => halves!(u128),
    }
}

/// Copies byte after byte, the lowest first.
///
/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[inline(always)]
unsafe fn copy_upwards(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: as promised; the direction flag is clear by the calling convention.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
}

/// Copies `length` bytes.
///
/// # Safety
/// `to` and `from` are valid for `length` bytes and do not overlap.
#[inline]
pub unsafe fn copy(to: *mut u8, from: *const u8, length: usize) {
    if length <= SHORT {
        // SAFETY: as promised.
        unsafe { copy_short(to, from, length) };
    } else if length < LONG {
        // SAFETY: as promised.
        unsafe { copy_medium(to, from, length) };
    } else {
        // SAFETY: as promised.
        unsafe { copy_upwards(to, from, length) };
    }
}

/// Copies `length` bytes as if they were all read before any is written.
///
/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[inline]
pub unsafe fn copy_overlapping(to: *mut u8, from: *const u8, length: usize) {
    if length <= SHORT {
        // SAFETY: as promised; the whole is read before it is written.
        unsafe { copy_short(to, from, length) };
    } else if to.addr().abs_diff(from.addr()) >= length {
        // SAFETY: they do not overlap.
        unsafe { copy(to, from, length) };
    } else if to < from.cast_mut() {
        // SAFETY: going upwards never overwrites a byte before it is read.
        unsafe { copy_upwards(to, from, length) };
    } else {
        // Downwards, by words, the last ones first; what is left at the low end is short.
        let mut end = length;
        while end > SHORT {
            end -= 16;
            // SAFETY: the word lies within both, and below `end` nothing has been written.
            unsafe { to.add(end).cast::<u128>().write_unaligned(from.add(end).cast::<u128>().read_unaligned()) };
        }
        // SAFETY: as above.
        unsafe { copy_short(to, from, end) };
    }
}

/// Sets `length` bytes.
///
/// # Safety
/// `to` is valid for `length` bytes.
#[inline]
pub unsafe fn fill(to: *mut u8, byte: u8, length: usize) {
    if length <= SHORT {
        let filled = [byte; SHORT];
        // SAFETY: as promised; the array is as long as a short copy can be.
        unsafe { copy_short(to, filled.as_ptr(), length) };
    } else if length < LONG {
        let filled = [byte; 16];
        // SAFETY: the last 16 bytes are within `length`; the loop ends where at most these are left.
        unsafe {
            asm!(
                "movups {value}, [{filled}]",
                "movups [{to} + {left} - 16], {value}",
                "2:",
                "movups [{to}], {value}",
                "add {to}, 16",
                "sub {left}, 16",
                "cmp {left}, 16",
                "ja 2b",
                filled = in(reg) filled.as_ptr(),
                to = inout(reg) to => _,
                left = inout(reg) length => _,
                value = out(xmm_reg) _,
                options(nostack),
            );
        }
    } else {
        // SAFETY: as promised; the direction flag is clear by the calling convention.
        unsafe {
            asm!(
                "rep stosb",
                inout("rcx") length => _, inout("rdi") to => _, in("al") byte,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// How many bytes are compared at a time.
pub const LINE: usize = 64;

/// The first of these lines in which both differ.
///
/// # Safety
/// `a` and `b` are valid for all bytes before the end of the last line.
#[inline]
pub unsafe fn different_line(a: *const u8, b: *const u8, mut lines: Range<usize>) -> Option<usize> {
    let (left, right): (*const __m128i, *const __m128i) = (a.cast(), b.cast());
    // A line at a time, so that the loop is over early where both differ early.
    lines.find(|line| {
        // SAFETY: SSE2 is part of x86-64; the four vectors lie within the line.
        unsafe {
            let difference = (0..LINE / size_of::<__m128i>()).fold(_mm_setzero_si128(), |difference, vector| {
                let at = line * (LINE / size_of::<__m128i>()) + vector;
                _mm_or_si128(difference, _mm_xor_si128(_mm_loadu_si128(left.add(at)), _mm_loadu_si128(right.add(at))))
            });
            _mm_movemask_epi8(_mm_cmpeq_epi8(difference, _mm_setzero_si128())) != 0xffff
        }
    })
}

/// Compares as `memcmp` does: below, equal to or above 0 as the first byte that differs is smaller, there is none, or it is
/// larger.
///
/// # Safety
/// `a` and `b` are valid for `length` bytes.
#[inline]
pub unsafe fn compare(a: *const u8, b: *const u8, length: usize) -> i32 {
    let lines = length / LINE;
    // SAFETY: so many lines lie within `length`.
    let mut at = unsafe { different_line(a, b, 0..lines) }.unwrap_or(lines) * LINE;
    while at + 16 <= length {
        // SAFETY: these 16 bytes lie within `length`.
        let equal = unsafe {
            let (left, right) = (a.add(at).cast::<__m128i>(), b.add(at).cast::<__m128i>());
            _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(left), _mm_loadu_si128(right)))
        };
        if equal != 0xffff {
            break;
        }
        at += 16;
    }
    while at < length {
        // SAFETY: the byte lies within `length`. Volatile, so that the loop is not made a call of `memcmp`.
        let (left, right) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// Lengths around every border.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..200).chain([255, 256, 257, 500, 511, 512, 513, 1000, LONG - 1, LONG, LONG + 1, 5000])
    }

    fn numbered(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + index / 256) as u8).collect()
    }

    #[test]
    fn copies_are_whole_and_touch_nothing_else() {
        for length in lengths() {
            let from = numbered(length);
            let mut to = std::vec![0xee; length + 64];
            // SAFETY: both have so many bytes.
            unsafe { copy(to.as_mut_ptr().add(32), from.as_ptr(), length) };
            assert_eq!(to[32..32 + length], from, "{length}");
            assert!(to[..32].iter().chain(&to[32 + length..]).all(|&byte| byte == 0xee), "{length}");
        }
    }

    #[test]
    fn what_overlaps_is_read_before_it_is_written() {
        for length in lengths() {
            for distance in [0, 1, 7, 8, 15, 16, 31, 32, 33, 64, 100, 1023, 1024, 6000] {
                for upwards in [false, true] {
                    let before = numbered(length + distance);
                    let (from, to) = if upwards { (0, distance) } else { (distance, 0) };
                    let mut expected = before.clone();
                    expected.copy_within(from..from + length, to);
                    let mut bytes = before;
                    let start = bytes.as_mut_ptr();
                    // SAFETY: the longer of both ends with the bytes.
                    unsafe { copy_overlapping(start.add(to), start.add(from), length) };
                    assert_eq!(bytes, expected, "{length} bytes from {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn fills_are_whole_and_touch_nothing_else() {
        for length in lengths() {
            let mut to = std::vec![0xee; length + 64];
            // SAFETY: it has so many bytes.
            unsafe { fill(to.as_mut_ptr().add(32), 0x5a, length) };
            assert!(to[32..32 + length].iter().all(|&byte| byte == 0x5a), "{length}");
            assert!(to[..32].iter().chain(&to[32 + length..]).all(|&byte| byte == 0xee), "{length}");
        }
    }

    #[test]
    fn the_first_byte_that_differs_decides() {
        for length in lengths() {
            let left = numbered(length);
            // SAFETY: both have so many bytes.
            let compared = |left: &[u8], right: &[u8]| unsafe { compare(left.as_ptr(), right.as_ptr(), left.len()) };
            assert_eq!(compared(&left, &left.clone()), 0, "{length}");
            for at in lengths().filter(|&at| at < length) {
                let mut right = left.clone();
                // What comes later does not matter.
                right[at..].iter_mut().for_each(|byte| *byte = byte.wrapping_add(0x80));
                let ordering = left[at].cmp(&right[at]) as i32;
                assert_eq!(compared(&left, &right).signum(), ordering, "{at} of {length}");
                assert_eq!(compared(&right, &left).signum(), -ordering, "{at} of {length}");
            }
        }
    }
}
