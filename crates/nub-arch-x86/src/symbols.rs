//! Symbols that compiled code refers to and a C library or `std` would define: copying and comparing bytes, and
//! unwinding, which never happens here.
//!
//! Short copies are a few loads and stores that overlap, those of some hundred bytes a loop; long ones are the processor's own
//! string instructions, which move whole cache lines on every processor that nub meets, but take long to begin.

use core::arch::asm;

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

/// # Safety
/// `to` and `from` are valid for `length` bytes and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if length <= SHORT {
        // SAFETY: as promised.
        unsafe { copy_short(to, from, length) };
    } else if length < LONG {
        // SAFETY: as promised.
        unsafe { copy_medium(to, from, length) };
    } else {
        // SAFETY: as promised; the direction flag is clear by the calling convention.
        unsafe {
            asm!(
                "rep movsb",
                inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags),
            );
        }
    }
    to
}

/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if length <= SHORT {
        // SAFETY: as promised; the whole is read before it is written.
        unsafe { copy_short(to, from, length) };
    } else if to.addr().wrapping_sub(from.addr()) >= length {
        // SAFETY: going upwards never overwrites a byte before it is read.
        unsafe { memcpy(to, from, length) };
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
    to
}

/// # Safety
/// `to` is valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    if length <= SHORT {
        let filled = [byte as u8; SHORT];
        // SAFETY: as promised; the array is as long as a short copy can be.
        unsafe { copy_short(to, filled.as_ptr(), length) };
    } else if length < LONG {
        let filled = [byte as u8; 16];
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
                inout("rcx") length => _, inout("rdi") to => _, in("al") byte as u8,
                options(nostack, preserves_flags),
            );
        }
    }
    to
}

/// # Safety
/// `a` and `b` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    let mut at = 0;
    while at + 8 <= length {
        // SAFETY: these eight bytes lie within `length`. Volatile, so that the loop is not made a call of itself.
        let (left, right) = unsafe {
            (a.add(at).cast::<[u64; 1]>().read_unaligned()[0], b.add(at).cast::<[u64; 1]>().read_unaligned()[0])
        };
        if left != right {
            return if left.swap_bytes() < right.swap_bytes() { -1 } else { 1 };
        }
        at += 8;
    }
    while at < length {
        // SAFETY: the byte lies within `length`.
        let (left, right) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
        at += 1;
    }
    0
}

/// # Safety
/// `a` and `b` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    // SAFETY: as promised.
    unsafe { memcmp(a, b, length) }
}

// The compiled `alloc` of the host triple refers to these for unwinding; panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unreachable!("panics abort")
}
