//! Who signed: the public key behind an ECDSA signature over secp256k1 and the Ethereum address that it has, by the `k256`
//! and `sha3` crates as they are.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;

use javm_guest::{endpoint, memory};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha3::{Digest, Keccak256};

memory! { stack: 64 << 10, heap: 64 << 10, scratchpad: 16 << 10 }

/// Why nobody is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The hash is as long.
    HashLength(usize),
    /// The signature is as long.
    SignatureLength(usize),
    /// The last byte of the signature says nothing about which key is meant.
    RecoveryId(u8),
    /// A half of the signature is zero, or not below the order of the curve.
    Range,
    /// No key could have made it.
    NoKey,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::HashLength(length) => write!(f, "a hash has 32 bytes, not {length}"),
            Refusal::SignatureLength(length) => write!(f, "a signature has 65 bytes (r, s, v), not {length}"),
            Refusal::RecoveryId(v) => write!(f, "the signature ends with 27 or 28, or with 0 or 1, not with {v}"),
            Refusal::Range => f.write_str("r and s are from 1 to the order of the curve - 1"),
            Refusal::NoKey => f.write_str("no key could have made this signature"),
        }
    }
}

/// The 20 bytes of the address that has signed `hash`, 32 bytes. The signature is r, s (32 bytes each, big endian) and v: 27
/// or 28, or 0 or 1, by whether y is odd. A signature with a large s is as good as its twin.
#[endpoint]
pub fn recover(hash: &[u8], signature: &[u8]) -> Result<Vec<u8>, Refusal> {
    let hash: &[u8; 32] = hash.try_into().map_err(|_| Refusal::HashLength(hash.len()))?;
    let Ok([r_and_s @ .., v]) = <&[u8; 65]>::try_from(signature) else {
        return Err(Refusal::SignatureLength(signature.len()));
    };
    let is_y_odd = match v {
        0 | 27 => false,
        1 | 28 => true,
        _ => return Err(Refusal::RecoveryId(*v)),
    };
    Ok(address(hash, r_and_s, is_y_odd)?.to_vec())
}

/// What Ethereum's contract at address 1 returns for `input`: hash, v, r, s, 32 bytes each, of which what is missing is zero
/// and what is more does not count. The address behind 12 zeros, or nothing where there is none.
#[endpoint]
pub fn precompile(input: &[u8]) -> Vec<u8> {
    let mut words = [[0; 32]; 4];
    let bytes = words.as_flattened_mut();
    let length = input.len().min(bytes.len());
    bytes[..length].copy_from_slice(&input[..length]);
    let [hash, v, r, s] = words;
    let is_y_odd = match v {
        [zeros @ .., v @ (27 | 28)] if zeros == [0; 31] => v == 28,
        _ => return Vec::new(),
    };
    match address(&hash, [r, s].as_flattened(), is_y_odd) {
        Ok(address) => [&[0; 12], &address[..]].concat(),
        Err(_) => Vec::new(),
    }
}

fn address(hash: &[u8; 32], r_and_s: &[u8], is_y_odd: bool) -> Result<[u8; 20], Refusal> {
    let signature = Signature::from_slice(r_and_s).map_err(|_| Refusal::Range)?;
    // That r is the x of the point less the order of the curve does not happen, and Ethereum does not know it.
    let recovery = RecoveryId::new(is_y_odd, false);
    let key = VerifyingKey::recover_from_prehash(hash, &signature, recovery).map_err(|_| Refusal::NoKey)?;
    let mut address = [0; 20];
    // The point without the byte that says how it is encoded.
    address.copy_from_slice(&Keccak256::digest(&key.to_sec1_point(false).as_bytes()[1..])[12..]);
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use k256::ecdsa::SigningKey;

    /// The address of the private key 1, as everywhere.
    const ONE: [u8; 20] = [
        0x7e, 0x5f, 0x45, 0x52, 0x09, 0x1a, 0x69, 0x12, 0x5d, 0x5d, 0xfc, 0xb7, 0xb8, 0xc2, 0x65, 0x90, 0x29, 0x39,
        0x5b, 0xdf,
    ];

    fn signed(hash: &[u8; 32]) -> [u8; 65] {
        let mut one = [0; 32];
        one[31] = 1;
        let key = SigningKey::from_slice(&one).unwrap();
        let (signature, recovery) = key.sign_prehash_recoverable(hash);
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = recovery.to_byte();
        bytes
    }

    #[test]
    fn who_signs_is_found() {
        for byte in 0..8 {
            let hash = [byte; 32];
            let mut signature = signed(&hash);
            assert_eq!(recover(&hash, &signature), Ok(ONE.to_vec()));
            signature[64] += 27;
            assert_eq!(recover(&hash, &signature), Ok(ONE.to_vec()));
            let mut input = [hash, [0; 32], [0; 32], [0; 32]].concat();
            input[63] = signature[64];
            input[64..].copy_from_slice(&signature[..64]);
            assert_eq!(precompile(&input), [&[0; 12], &ONE[..]].concat());
            input[32] = 1;
            assert!(precompile(&input).is_empty());
        }
    }

    #[test]
    fn what_is_refused() {
        let (hash, good) = ([3; 32], signed(&[3; 32]));
        let refusal = |signature: &[u8]| recover(&hash, signature).unwrap_err().to_string();
        assert_eq!(recover(&[0; 31], &good).unwrap_err().to_string(), "a hash has 32 bytes, not 31");
        assert_eq!(refusal(&good[..64]), "a signature has 65 bytes (r, s, v), not 64");
        assert_eq!(
            refusal(&[&good[..64], &[29]].concat()),
            "the signature ends with 27 or 28, or with 0 or 1, not with 29"
        );
        assert_eq!(refusal(&[0; 65]), "r and s are from 1 to the order of the curve - 1");
        assert_eq!(refusal(&[0xff; 64].into_iter().chain([0]).collect::<Vec<u8>>()), Refusal::Range.to_string());
        // 5 is the x of no point.
        let mut none = good;
        none[..32].copy_from_slice(&[&[0; 31][..], &[5]].concat());
        assert_eq!(recover(&hash, &none), Err(Refusal::NoKey));
    }
}
