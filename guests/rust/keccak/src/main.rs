//! Keccak and SHA-3 (FIPS 202), by the `sha3` crate as it is: what hashing costs in a program. HASH does it for less.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;

use javm_guest::{Address, endpoint, memory};
use sha3::{Digest, Keccak256, Sha3_256, Sha3_512};

memory! { stack: 32 << 10, heap: 64 << 10, scratchpad: 512 << 10 }

/// Keccak-256 as Ethereum has it: with the padding from before it became SHA-3.
#[endpoint]
pub fn keccak256(message: &[u8]) -> Address {
    Address(Keccak256::digest(message).into())
}

/// SHA3-256.
#[endpoint]
pub fn sha3_256(message: &[u8]) -> Address {
    Address(Sha3_256::digest(message).into())
}

/// SHA3-512.
#[endpoint]
pub fn sha3_512(message: &[u8]) -> Vec<u8> {
    Sha3_512::digest(message).to_vec()
}

/// The root of a binary tree over `leaves`, by Keccak-256: a node is the hash of its two children, and one that is left
/// over goes up as it is. No leaves have the root of zeros.
#[endpoint]
pub fn merkle_root(leaves: Vec<Address>) -> Address {
    let mut level = leaves;
    while level.len() > 1 {
        let parent = |pair: &[Address]| match pair {
            [left, right] => Address(Keccak256::new().chain_update(left.0).chain_update(right.0).finalize().into()),
            [single, ..] => *single,
            [] => Address([0; 32]),
        };
        level = level.chunks(2).map(parent).collect();
    }
    level.first().copied().unwrap_or(Address([0; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_published_digests() {
        assert_eq!(keccak256(b"").0[..4], [0xc5, 0xd2, 0x46, 0x01]);
        assert_eq!(sha3_256(b"abc").0[..4], [0x3a, 0x98, 0x5d, 0xa7]);
        assert_eq!(sha3_512(b"abc")[..4], [0xb7, 0x51, 0x85, 0x0b]);
    }

    #[test]
    fn a_tree_of_three() {
        let [a, b, c] = [1, 2, 3].map(|byte| Address([byte; 32]));
        let pair = |left: Address, right: Address| keccak256(&[left.0, right.0].concat());
        assert_eq!(merkle_root([a, b, c].into()), pair(pair(a, b), c));
        assert_eq!((merkle_root([a].into()), merkle_root(Vec::new())), (a, Address([0; 32])));
    }
}
