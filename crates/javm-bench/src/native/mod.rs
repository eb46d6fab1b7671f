//! The example programs as host code: the same source files, included by path.
//!
//! A program of `guests/rust` finds `nub_guest_support` as a crate; here that name is this crate itself, whose
//! [`call`] and macros stand in for it. A C program of `guests/c` is compiled by `build.rs` against
//! `native/nub.h`. Programs that call services have no native form: the calls are what they are about.

pub mod call;

/// The source of a program, as host code. Attributes of a crate's root mean nothing in a module.
macro_rules! programs {
    ($($name:ident $path:literal)*) => { $(
        #[allow(unused_attributes, dead_code, missing_docs, clippy::all)]
        #[rustfmt::skip]
        #[path = $path]
        pub mod $name;
    )* };
}

programs! {
    ed25519 "../../../../guests/rust/ed25519/src/main.rs"
    fib "../../../../guests/rust/fib/src/main.rs"
    sieve "../../../../guests/rust/sieve/src/main.rs"
}

/// Stands in for the macro of the guests: the functions, without the records that make them endpoints.
#[macro_export]
macro_rules! endpoint {
    ($($(#[$doc:meta])* $($rename:literal)? fn $name:ident($($argument:ident),*) $body:block)*) => { $(
        $(#[$doc])*
        pub extern "C" fn $name($($argument: u64),*) -> u64 $body
    )* };
}

/// Stands in for the macro of the guests: the sizes of ephemeral memory, in bytes.
#[macro_export]
macro_rules! memory {
    (stack $stack:expr, heap $heap:expr, scratchpad $scratchpad:expr) => {
        const _: () = assert!($heap as usize <= $crate::call::HEAP_BYTES);
        const _: () = assert!($scratchpad as usize <= $crate::call::SCRATCHPAD_BYTES);
    };
}

/// The C programs.
#[cfg(native_c)]
pub mod c {
    unsafe extern "C" {
        fn render(width: u64, height: u64, max_iter: u64) -> u64;
    }

    /// `render` of `guests/c/mandelbrot`, for pictures that fit into the scratchpad.
    pub fn mandelbrot(width: u64, height: u64, max_iter: u64) -> u64 {
        assert!(width * height <= super::call::SCRATCHPAD_BYTES as u64, "the picture does not fit");
        // SAFETY: it writes width times height bytes to the scratchpad, which is large enough and which only
        // the program of a session uses.
        unsafe { render(width, height, max_iter) }
    }
}
