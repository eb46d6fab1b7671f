//! VERIFY: whether a signature is right, or who made it.
//!
//! Methods: 0 ed25519 by the rules of ZIP 215; 1 the key behind a signature over secp256k1, which is written to the
//! scratchpad. Both take offset and length of what they are about, 1 also the offset of the key.

use core::array;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha2::{Digest, Sha512};

use super::{Prepared, ScratchRange, Surroundings, Work};
use crate::status::Status;

const ED25519_PRICE: u64 = 200_000;
/// SHA-512 in portable code, a gas unit being about a cycle.
const ED25519_BYTE_PRICE: u64 = 12;
const SECP256K1_PRICE: u64 = 300_000;

/// Bytes of a public key and a signature of ed25519.
const ED25519_BYTES: u64 = 32 + 64;
/// Bytes of a hash and a signature with the number of the key.
const SECP256K1_BYTES: u64 = 32 + 65;
/// Bytes of x and y.
const KEY_BYTES: u64 = 64;

pub(super) enum Task {
    Ed25519(ScratchRange),
    /// What it is about, and where the key goes.
    Secp256k1(ScratchRange, ScratchRange),
}

/// Of a message, with all that comes before it, of `length` bytes.
pub(super) fn price(method: u16, length: u64) -> Option<u64> {
    match method {
        0 => Some(length.saturating_mul(ED25519_BYTE_PRICE).saturating_add(ED25519_PRICE)),
        1 => Some(SECP256K1_PRICE),
        _ => None,
    }
}

pub(super) fn prepare(
    method: u16,
    [offset, length, output, _]: [u64; 4],
    surroundings: &mut impl Surroundings,
) -> Result<Prepared, Status> {
    let price = price(method, length).ok_or(Status::NoEndpoint)?;
    let input = ScratchRange::check(offset, length, surroundings)?;
    let (task, is_long_enough) = match method {
        0 => (Task::Ed25519(input), length >= ED25519_BYTES),
        _ => {
            let output = ScratchRange::check(output, KEY_BYTES, surroundings)?;
            (Task::Secp256k1(input, output), length == SECP256K1_BYTES)
        }
    };
    if !is_long_enough {
        return Err(Status::Range);
    }
    Ok(Prepared { price, work: Work::Verify(task) })
}

pub(super) fn perform(task: &Task, surroundings: &mut impl Surroundings) -> u64 {
    match *task {
        Task::Ed25519(range) => {
            let mut key = [0; 32];
            let mut signature = [0; 64];
            let [after_key, after_signature] = [32, 96].map(|bytes| range.offset + bytes);
            surroundings.read_scratchpad(range.offset, &mut key);
            surroundings.read_scratchpad(after_key, &mut signature);
            let message = ScratchRange { offset: after_signature, length: range.length - ED25519_BYTES as usize };
            let [r, s] = halves(&signature);
            let mut hash = Sha512::new();
            hash.update(r);
            hash.update(key);
            message.each_chunk(surroundings, |chunk| hash.update(chunk));
            u64::from(is_signed_by(&key, r, s, hash.finalize().into()))
        }
        Task::Secp256k1(range, output) => {
            let mut bytes = [0; SECP256K1_BYTES as usize];
            surroundings.read_scratchpad(range.offset, &mut bytes);
            match secp256k1(&bytes) {
                Some(key) => {
                    surroundings.write_scratchpad(output.offset, &key);
                    1
                }
                None => 0,
            }
        }
    }
}

fn halves(signature: &[u8; 64]) -> [[u8; 32]; 2] {
    array::from_fn(|half| array::from_fn(|index| signature[32 * half + index]))
}

/// Whether these bytes, a public key (32), a signature (64) and the message, are a signature that is valid by the rules of
/// [ZIP 215](https://zips.z.cash/zip-0215). `false` where there are less than 96.
#[must_use]
pub fn ed25519(bytes: &[u8]) -> bool {
    let Some((key, rest)) = bytes.split_first_chunk::<32>() else { return false };
    let Some((signature, message)) = rest.split_first_chunk::<64>() else { return false };
    let [r, s] = halves(signature);
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
    is_signed_by(key, r, s, hash.finalize().into())
}

/// Whether [8] R = [8] ([s] B - [k] A), with any encodings of points, and s below the order of the group.
fn is_signed_by(key: &[u8; 32], r: [u8; 32], s: [u8; 32], hash: [u8; 64]) -> bool {
    let [a, r] = [*key, r].map(|bytes| CompressedEdwardsY(bytes).decompress());
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s));
    let (Some(a), Some(r), Some(s)) = (a, r, s) else { return false };
    let k = Scalar::from_bytes_mod_order_wide(&hash);
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s);
    (expected - r).mul_by_cofactor().is_identity()
}

/// The public key, x and y in 32 bytes each, of whoever has signed: the bytes are the hash that was signed (32), and r, s
/// and v (65). `None` where there is no such key or they are not 97.
#[must_use]
pub fn secp256k1(bytes: &[u8]) -> Option<[u8; KEY_BYTES as usize]> {
    let (hash, rest) = bytes.split_first_chunk::<32>()?;
    let (r_and_s, v) = rest.split_first_chunk::<64>()?;
    let &[v] = v else { return None };
    // Both are from 1 to the order of the group - 1, or this is none.
    let signature = Signature::from_slice(r_and_s).ok()?;
    let key = VerifyingKey::recover_from_prehash(hash, &signature, RecoveryId::from_byte(v)?).ok()?;
    let point = key.to_sec1_point(false);
    // A byte in front says how it is encoded.
    point.as_bytes().get(1..)?.try_into().ok()
}
