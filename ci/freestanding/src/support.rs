//! Symbols that compiled code refers to and a C library or `std` would define: copying and comparing bytes, and unwinding,
//! which never happens here.

use core::arch::asm;

/// # Safety
/// `to` and `from` are valid for `length` bytes and do not overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    // SAFETY: as promised; the direction flag is clear by the calling convention.
    unsafe {
        asm!("rep movsb", inout("rcx") length => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack));
    }
    to
}

/// # Safety
/// `to` and `from` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= length {
        // SAFETY: going upwards never overwrites a byte before it is read.
        return unsafe { memcpy(to, from, length) };
    }
    // SAFETY: going downwards never overwrites a byte before it is read; the direction flag is cleared again.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rcx") length => _,
            inout("rdi") to.add(length).wrapping_sub(1) => _,
            inout("rsi") from.add(length).wrapping_sub(1) => _,
            options(nostack),
        );
    }
    to
}

/// # Safety
/// `to` is valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    // SAFETY: as promised; the direction flag is clear by the calling convention.
    unsafe {
        asm!("rep stosb", inout("rcx") length => _, inout("rdi") to => _, in("al") byte as u8, options(nostack));
    }
    to
}

/// # Safety
/// `a` and `b` are valid for `length` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: as promised.
        let (left, right) = unsafe { (a.add(index).read_volatile(), b.add(index).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
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
    crate::system::exit(102)
}
