//! Ed25519 signatures, verified by the `ed25519-dalek` crate as it is.
#![no_std]
#![cfg_attr(not(test), no_main)]

use core::hint::black_box;

use ed25519_dalek::{Signature, VerifyingKey};
use javm_guest::{Scratchpad, endpoint, memory};

memory! { stack: 64 << 10, scratchpad: 64 << 10 }

/// Verifies what lies in the scratchpad: 32 bytes of public key, 64 bytes of signature, then `length` bytes of message.
/// Returns 1 if the signature is valid, else 0; panics if the message is longer than the scratchpad.
#[endpoint]
pub fn verify(length: u64) -> u64 {
    let scratchpad = Scratchpad::take_rest();
    let message = &scratchpad[96..][..length as usize];
    u64::from(is_valid(&scratchpad[..32], &scratchpad[32..96], message))
}

/// Verifies the vectors of RFC 8032, `n` signatures in all, and returns how many were valid.
#[endpoint]
pub fn selftest(n: u64) -> u64 {
    let mut valid = 0;
    for vector in VECTORS.iter().cycle().take(n as usize) {
        // The compiler must not see that it is always the same.
        let vector = black_box(vector);
        valid += u64::from(is_valid(&vector.key, &vector.signature, vector.message));
    }
    valid
}

/// Like `selftest`, with one bit of each signature turned over: returns how many were refused.
#[endpoint]
pub fn selftest_bad(n: u64) -> u64 {
    let mut refused = 0;
    for (i, vector) in VECTORS.iter().cycle().take(n as usize).enumerate() {
        let mut signature = vector.signature;
        signature[i % 64] ^= 1 << (i % 8);
        refused += u64::from(!is_valid(&vector.key, black_box(&signature), vector.message));
    }
    refused
}

/// Whether `signature` is one by `key` for `message`.
fn is_valid(key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), Signature::from_slice(signature)) else { return false };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// A test vector.
struct Vector {
    key: [u8; 32],
    signature: [u8; 64],
    message: &'static [u8],
}

/// RFC 8032, section 7.1, tests 1 to 3.
static VECTORS: [Vector; 3] = [
    Vector {
        key: hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
        signature: hex(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        message: b"",
    },
    Vector {
        key: hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
        signature: hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        message: b"\x72",
    },
    Vector {
        key: hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
        signature: hex(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        message: b"\xaf\x82",
    },
];

/// The bytes that `digits` spell. Runs while compiling, where a wrong digit or length is an error.
const fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * N);
    let mut bytes = [0; N];
    let mut i = 0;
    while i < 2 * N {
        let digit = match digits[i] {
            d @ b'0'..=b'9' => d - b'0',
            d @ b'a'..=b'f' => d - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        };
        bytes[i / 2] = bytes[i / 2] << 4 | digit;
        i += 1;
    }
    bytes
}
