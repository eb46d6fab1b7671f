//! BLAKE2b (RFC 7693), by the `blake2` crate as it is: what hashing costs in a program. HASH does it for less.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;

use blake2::digest::consts::{U20, U32, U48, U64};
use blake2::digest::{KeyInit, Mac};
use blake2::{Blake2b, Blake2bMac, Digest};
use javm_guest::{Address, endpoint, memory};

memory! { stack: 32 << 10, heap: 64 << 10, scratchpad: 512 << 10 }

/// The longest key, in bytes.
const KEY_BYTES: usize = 64;

/// Why a call fails.
#[derive(PartialEq, Debug)]
pub enum Refusal {
    /// A digest is as long.
    DigestLength(u8),
    /// The key is as long.
    KeyLength(usize),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::DigestLength(length) => write!(f, "a digest has 20, 32, 48 or 64 bytes here, not {length}"),
            Refusal::KeyLength(length) => write!(f, "a key has at most {KEY_BYTES} bytes, not {length}"),
        }
    }
}

/// The digest of `message` in `length` bytes, 20, 32, 48 or 64, under `key`; without one if it is empty.
#[endpoint]
pub fn hash(length: u8, key: &[u8], message: &[u8]) -> Result<Vec<u8>, Refusal> {
    if key.len() > KEY_BYTES {
        return Err(Refusal::KeyLength(key.len()));
    }
    macro_rules! digest {
        ($length:ty) => {
            if key.is_empty() {
                Blake2b::<$length>::digest(message).to_vec()
            } else {
                let mac = Blake2bMac::<$length>::new_from_slice(key).map_err(|_| Refusal::KeyLength(key.len()))?;
                mac.chain_update(message).finalize().into_bytes().to_vec()
            }
        };
    }
    Ok(match length {
        20 => digest!(U20),
        32 => digest!(U32),
        48 => digest!(U48),
        64 => digest!(U64),
        _ => return Err(Refusal::DigestLength(length)),
    })
}

/// The digest of the digest … of `seed`, `rounds` times, each of 32 bytes: what a short message costs.
#[endpoint]
pub fn chain(seed: Address, rounds: u32) -> Address {
    Address((0..rounds).fold(seed.0, |digest, _| Blake2b::<U32>::digest(digest).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// RFC 7693, appendix A.
    #[test]
    fn the_example_of_the_rfc() {
        let digest = hash(64, b"", b"abc").unwrap();
        assert_eq!(digest[..8], [0xba, 0x80, 0xa5, 0x3f, 0x98, 0x1c, 0x4d, 0x0d]);
    }

    #[test]
    fn a_chain_is_one_hash_after_the_other() {
        let once = Address(hash(32, b"", &[7; 32]).unwrap().try_into().unwrap());
        assert_eq!(chain(Address([7; 32]), 0), Address([7; 32]));
        assert_eq!((chain(Address([7; 32]), 1), chain(once, 2)), (once, chain(Address([7; 32]), 3)));
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(hash(33, b"", b""), Err(Refusal::DigestLength(33)));
        let refusal = hash(32, &[0; 65], b"").unwrap_err().to_string();
        assert_eq!(refusal, "a key has at most 64 bytes, not 65");
        assert!(hash(32, &[0; 64], b"").is_ok());
    }
}
