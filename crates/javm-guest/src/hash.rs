//! HASH: digests that the kernel computes, for a fraction of what they cost in a program.
//!
//! A program that calls one of these wants HASH in slot [`SLOT`], and does not start without it.
//!
//! ```
//! let digest = javm_guest::hash::sha256(b"abc");
//! assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
//! ```

use crate::machine::import;
use crate::scratchpad::offset_of;
use crate::{Call, Scratchpad, Status};

/// The slot in which this crate wants HASH.
pub const SLOT: u8 = 17;

/// The id of the service.
pub const SERVICE: u32 = crate::service::HASH;

/// The bytes of each digest.
pub const DIGEST_BYTES: usize = 32;

/// What HASH computes. The number is that of the method.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u16)]
pub enum Algorithm {
    /// BLAKE2b with 32 bytes of output.
    Blake2b256 = 0,
    /// Keccak-256, as in Ethereum.
    Keccak256 = 1,
    /// SHA-256.
    Sha256 = 2,
}

/// BLAKE2b with 32 bytes of output. See [`digest`].
#[must_use]
pub fn blake2b256(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    digest(Algorithm::Blake2b256, bytes)
}

/// Keccak-256, as in Ethereum. See [`digest`].
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    digest(Algorithm::Keccak256, bytes)
}

/// SHA-256. See [`digest`].
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    digest(Algorithm::Sha256, bytes)
}

/// The digest of `bytes`. They go to the part of the scratchpad that nobody has, unless they stand in the scratchpad
/// already, as arguments do that borrow from it.
///
/// # Panics
/// If what is left of the scratchpad has no room for the bytes and the digest: see [`memory!`](crate::memory).
/// [`Scratchpad::hash`] needs no room.
#[must_use]
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let inside = offset_of(bytes);
    let copied = if inside.is_some() { 0 } else { bytes.len() };
    let Some(mut room) = Scratchpad::take(copied.saturating_add(DIGEST_BYTES)) else {
        panic!(
            "no room to hash {} bytes: the scratchpad has {} bytes, too few are left",
            bytes.len(),
            Scratchpad::mapped()
        )
    };
    room[..copied].copy_from_slice(&bytes[..copied]);
    let offset = inside.unwrap_or(room.offset());
    let to = room.offset() + copied;
    // SAFETY: the digest goes to the end of `room`, which nobody refers to during the call.
    if let Err(status) = unsafe { service(algorithm, offset as u64, bytes.len() as u64, to as u64) } {
        panic!("HASH refused: {status}")
    }
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&room[copied..]);
    digest
}

/// Calls the service by places in the scratchpad.
///
/// # Safety
/// There are no references to the 32 bytes at `to`.
pub(crate) unsafe fn service(algorithm: Algorithm, offset: u64, length: u64, to: u64) -> Result<(), Status> {
    import!(slot SLOT, service SERVICE, required true);
    // SAFETY: HASH writes to these 32 bytes alone.
    let call = unsafe { Call::method(algorithm as u16).arguments([offset, length, to, 0]).with_scratchpad() };
    call.slot::<SLOT>().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    /// The first bytes of the published digests of "abc".
    const ABC: [(Algorithm, [u8; 4]); 3] = [
        (Algorithm::Blake2b256, [0xbd, 0xdd, 0x81, 0x3c]),
        (Algorithm::Keccak256, [0x4e, 0x03, 0x65, 0x7a]),
        (Algorithm::Sha256, [0xba, 0x78, 0x16, 0xbf]),
    ];

    #[test]
    fn digests_are_those_that_are_published() {
        for (algorithm, start) in ABC {
            assert_eq!(digest(algorithm, b"abc")[..4], start, "{algorithm:?}");
        }
        assert_eq!([blake2b256(b"abc")[0], keccak256(b"abc")[0], sha256(b"abc")[0]], [0xbd, 0x4e, 0xba]);
    }

    #[test]
    fn bytes_of_the_scratchpad_are_hashed_where_they_are() {
        test::set_scratchpad(&[b"abc".as_slice(), &[0; 32]].concat());
        let pad = Scratchpad::take(3).expect("there are 35");
        assert_eq!(sha256(&pad)[..4], ABC[2].1);
        assert_eq!(Scratchpad::take_rest().len(), 32, "the room is given back");
    }

    #[test]
    #[should_panic(expected = "no room to hash 100 bytes: the scratchpad has 64 bytes, too few are left")]
    fn too_little_room() {
        test::set_scratchpad(&[0; 64]);
        let _ = sha256(&[0; 100]);
    }

    #[test]
    #[should_panic(expected = "HASH refused: EMPTY")]
    fn not_granted() {
        test::revoke(SLOT);
        let _ = sha256(b"abc");
    }
}
