//! The example programs as host code: the same source files, included by path.
//!
//! Programs in Rust find the crate `javm-guest`, which works as host code, too. A C program of `guests/c` is compiled by
//! `build.rs` against `javm.h`, and [`c`] is the machine that it asks for. Services
//! answer as `javm-guest` does on a host.

pub mod c;

use crate::measure::timed;
use crate::workload::{Call, Workload};

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
    blake2b "../../../../guests/rust/blake2b/src/main.rs"
    counter "../../../../guests/rust/counter/src/main.rs"
    ecrecover "../../../../guests/rust/ecrecover/src/main.rs"
    ed25519 "../../../../guests/rust/ed25519/src/main.rs"
    fib "../../../../guests/rust/fib/src/main.rs"
    frames "../../../../guests/rust/frames/src/main.rs"
    json "../../../../guests/rust/json/src/main.rs"
    keccak "../../../../guests/rust/keccak/src/main.rs"
    lz "../../../../guests/rust/lz/src/main.rs"
    registry "../../../../guests/rust/registry/src/main.rs"
    script "../../../../guests/rust/script/src/main.rs"
    sieve "../../../../guests/rust/sieve/src/main.rs"
    sort "../../../../guests/rust/sort/src/main.rs"
    token "../../../../guests/rust/token/src/main.rs"
    wasm "../../../../guests/rust/wasm/src/main.rs"
}

/// An endpoint as host code: φ7 to φ10 in, φ7 out, and the scratchpad of the thread.
pub type Native = fn([u64; 4]) -> u64;

/// What came of a call.
pub struct Done {
    /// Nanoseconds.
    pub time: f64,
    /// The result.
    pub value: u64,
    /// The scratchpad afterwards.
    pub scratchpad: Vec<u8>,
}

/// Calls an endpoint with a scratchpad of `mapped` bytes, zeros behind those that the call brings. `None` if there is no
/// native build of it.
pub fn call(call: &Call, mapped: usize) -> Option<Done> {
    let mut scratchpad = call.scratchpad.clone().unwrap_or_default();
    scratchpad.resize(mapped, 0);
    javm_guest::test::set_scratchpad(&scratchpad);
    let mut registers = [0; 4];
    registers.iter_mut().zip(&call.registers).for_each(|(register, &argument)| *register = argument);
    let run = call.native?;
    // The compiler must not know the arguments.
    let registers = std::hint::black_box(registers);
    let (time, value) = timed(|| std::hint::black_box(run(registers)));
    Some(Done { time, value, scratchpad: javm_guest::test::scratchpad() })
}

/// What `workload` measures, after what comes before it; with state in an Instance of its own.
pub fn run(workload: &Workload, mapped: usize) -> Option<Done> {
    let all = || {
        for before in &workload.before {
            call(before, mapped)?;
        }
        call(&workload.call, mapped)
    };
    if workload.keeps_state { javm_guest::test::fresh(all) } else { all() }
}
