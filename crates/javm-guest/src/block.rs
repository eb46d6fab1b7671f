//! BLOCK: what a program may know about where it runs.
//!
//! A program that calls one of these wants BLOCK in slot [`SLOT`], and does not start without it. As host code, and in a call
//! from a host that makes no blocks, the height is 0 and the root all zeros.
//!
//! ```
//! assert_eq!(javm_guest::block::height(), 0);
//! assert_eq!(javm_guest::block::prior(), [0; 32]);
//! ```

use crate::machine::import;
use crate::{Call, Scratchpad};

/// The slot in which this crate wants BLOCK.
pub const SLOT: u8 = 18;

/// The id of the service.
pub const SERVICE: u32 = crate::service::BLOCK;

/// Bytes of a root.
const ROOT_BYTES: usize = 32;

/// The height of the block.
#[must_use]
pub fn height() -> u64 {
    import!(slot SLOT, service SERVICE, required true);
    match Call::method(0).slot::<SLOT>() {
        Ok(height) => height,
        Err(status) => panic!("BLOCK refused: {status}"),
    }
}

/// The root of the state before the block.
///
/// # Panics
/// If what is left of the scratchpad has no room for it: see [`memory!`](crate::memory).
#[must_use]
pub fn prior() -> [u8; ROOT_BYTES] {
    import!(slot SLOT, service SERVICE, required true);
    let Some(room) = Scratchpad::take(ROOT_BYTES) else {
        panic!("no room for a root of {ROOT_BYTES} bytes in what is left of the scratchpad")
    };
    // SAFETY: it goes to the bytes of `room`, which nobody refers to during the call.
    let call = unsafe { Call::method(1).arguments([room.offset() as u64, 0, 0, 0]).with_scratchpad() };
    if let Err(status) = call.slot::<SLOT>() {
        panic!("BLOCK refused: {status}")
    }
    let mut root = [0; ROOT_BYTES];
    root.copy_from_slice(&room);
    root
}
