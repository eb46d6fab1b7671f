//! Symbols that compiled code refers to and a C library or `std` would define: copying and comparing bytes, and
//! unwinding, which never happens here.

use nub_arch_x86::bytes;

/// # Safety
/// `to` and `from` are valid for `length` bytes and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as promised.
    unsafe { bytes::copy(to, from, length) };
    to
}

/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as promised.
    unsafe { bytes::copy_overlapping(to, from, length) };
    to
}

/// # Safety
/// `to` is valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    // SAFETY: as promised.
    unsafe { bytes::fill(to, byte as u8, length) };
    to
}

/// # Safety
/// `a` and `b` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    // SAFETY: as promised.
    unsafe { bytes::compare(a, b, length) }
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
