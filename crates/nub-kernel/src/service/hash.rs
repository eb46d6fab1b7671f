//! HASH: hashes bytes of the scratchpad and writes the 32 bytes of the result back to it.
//!
//! Methods: 0 BLAKE2b-256, 1 Keccak-256, 2 SHA-256; each takes offset, length, and the offset of the result.

use sha2::Digest;

use super::{Prepared, ScratchRange, Surroundings, Work};
use crate::status::Status;

const BASE_PRICE: u64 = 300;

#[derive(Clone, Copy)]
enum Algorithm {
    Blake2b256,
    Keccak256,
    Sha256,
}

impl Algorithm {
    fn from_method(method: u16) -> Option<Algorithm> {
        match method {
            0 => Some(Algorithm::Blake2b256),
            1 => Some(Algorithm::Keccak256),
            2 => Some(Algorithm::Sha256),
            _ => None,
        }
    }

    /// Gas a byte: about the cycles that portable code needs, a gas unit being about a cycle.
    fn price_per_byte(self) -> u64 {
        match self {
            Algorithm::Blake2b256 => 4,
            Algorithm::Keccak256 => 8,
            Algorithm::Sha256 => 10,
        }
    }
}

pub(super) struct Task {
    algorithm: Algorithm,
    input: ScratchRange,
    output: u64,
}

/// Of hashing `length` bytes.
pub(super) fn price(method: u16, length: u64) -> Option<u64> {
    let per_byte = Algorithm::from_method(method)?.price_per_byte();
    Some(length.saturating_mul(per_byte).saturating_add(BASE_PRICE))
}

pub(super) fn prepare(
    method: u16,
    [offset, length, output, _]: [u64; 4],
    surroundings: &mut impl Surroundings,
) -> Result<Prepared, Status> {
    let algorithm = Algorithm::from_method(method).ok_or(Status::NoEndpoint)?;
    let input = ScratchRange::check(offset, length, surroundings)?;
    ScratchRange::check(output, 32, surroundings)?;
    let price = price(method, length).ok_or(Status::NoEndpoint)?;
    Ok(Prepared { price, work: Work::Hash(Task { algorithm, input, output }) })
}

pub(super) fn perform(task: &Task, surroundings: &mut impl Surroundings) -> u64 {
    let digest: [u8; 32] = match task.algorithm {
        Algorithm::Blake2b256 => {
            let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
            task.input.each_chunk(surroundings, |chunk| {
                state.update(chunk);
            });
            let mut digest = [0; 32];
            digest.copy_from_slice(state.finalize().as_bytes());
            digest
        }
        Algorithm::Keccak256 => {
            let mut state = sha3::Keccak256::new();
            task.input.each_chunk(surroundings, |chunk| state.update(chunk));
            state.finalize().into()
        }
        Algorithm::Sha256 => {
            let mut state = sha2::Sha256::new();
            task.input.each_chunk(surroundings, |chunk| state.update(chunk));
            state.finalize().into()
        }
    };
    surroundings.write_scratchpad(task.output, &digest);
    0
}
