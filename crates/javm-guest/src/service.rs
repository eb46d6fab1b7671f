//! The services of the kernel, by their ids: `docs/spec/services.md`.
//!
//! [`mod@crate::log`], [`crate::hash`], [`crate::block`] and [`crate::verify`] call them.

/// Keeps bytes of the scratchpad as log entries.
pub const LOG: u32 = 1;
/// Hashes bytes of the scratchpad.
pub const HASH: u32 = 2;
/// Says which block it is.
pub const BLOCK: u32 = 3;
/// Verifies signatures.
pub const VERIFY: u32 = 4;
