//! The example programs as host code: the same source files, included by path.
//!
//! Programs in Rust find the crate `javm-guest`, which works as host code, too. A C program of `guests/c` is compiled by
//! `build.rs` against `javm.h`, and [`c`] is the machine that it asks for. Programs that call services have no native
//! form: the calls are what they are about.

pub mod c;

use crate::measure::timed;

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

/// A program as host code.
pub type Native = fn(&[u64]) -> u64;

/// What came of a call.
pub struct Done {
    /// Nanoseconds.
    pub time: f64,
    /// The result.
    pub value: u64,
    /// The first bytes of the scratchpad, as many as were asked for.
    pub scratchpad: Vec<u8>,
}

/// Calls a program with these bytes at the start of the scratchpad, and zeros behind them.
pub fn call(run: Native, arguments: &[u64], scratchpad: &[u8], results: usize) -> Done {
    let mut bytes = scratchpad.to_vec();
    bytes.resize(javm_guest::test::SCRATCHPAD_BYTES.max(bytes.len()), 0);
    javm_guest::test::set_scratchpad(&bytes);
    // The compiler must not know the arguments.
    let arguments = std::hint::black_box(arguments);
    let (time, value) = timed(|| std::hint::black_box(run(arguments)));
    let mut scratchpad = javm_guest::test::scratchpad();
    scratchpad.truncate(results);
    Done { time, value, scratchpad }
}
