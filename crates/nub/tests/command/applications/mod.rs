//! The larger example programs — parsers, interpreters, a library in C — against results of other implementations.

mod frames;
mod json;
mod script;
mod wasm;
mod zlib;

// The same calls as in the tests of the SDK, which need more of it.
#[allow(dead_code)]
#[path = "../../../../javm-guest/tests/suite/instance.rs"]
mod instance;

use instance::Program;
