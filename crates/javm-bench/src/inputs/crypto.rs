//! Sorting, hashing, signatures, compression.

use javm_guest::Address;
use rand::{Rng, RngExt};

use super::Random;
use crate::native::{blake2b, ecrecover, keccak, lz, sort};
use crate::workload::{self, Call};

/// Up to `most` bytes. Short ones are as likely as long ones.
fn bytes(random: &mut Random, most: u32) -> Vec<u8> {
    let most = most >> random.random_range(0..u32::BITS - most.leading_zeros());
    let mut bytes = vec![0; random.random_range(0..=most) as usize];
    random.fill_bytes(&mut bytes);
    bytes
}

pub(super) fn sort(random: &mut Random) -> Vec<Call> {
    let algorithms = ["unstable", "stable", "merge", "radix", "heap"];
    let algorithm = |random: &mut Random| match random.random_range(0..20) {
        0 => "bogo",
        other => algorithms[other % algorithms.len()],
    };
    // Some have many that are equal, some are nearly in order.
    let shift = random.random_range(0..64);
    let mut numbers: Vec<u64> = (0..random.random_range(0..400)).map(|_| random.random::<u64>() >> shift).collect();
    if random.random() {
        numbers.sort_unstable();
        if let [first, .., last] = &mut numbers[..] {
            std::mem::swap(first, last);
        }
    }
    let count: u32 = if random.random_range(0..8) == 0 { random.random() } else { random.random_range(0..3000) };
    vec![
        Call::of::<sort::endpoint_sort>(&(algorithm(random), numbers)),
        // More than a hundred thousand are refused; as many as that take their time.
        Call::of::<sort::endpoint_generated>(&(
            algorithm(random),
            count | (count >> 16).min(1) << 31,
            random.random::<u64>(),
        )),
    ]
}

pub(super) fn blake2b(random: &mut Random) -> Vec<Call> {
    let length: u8 = [20, 32, 48, 64, random.random()][random.random_range(0..5)];
    let (key, message) = (bytes(random, 70), bytes(random, 5000));
    vec![
        Call::of::<blake2b::endpoint_hash>(&(length, &key[..], &message[..])),
        Call::of::<blake2b::endpoint_chain>(&(Address(random.random()), random.random_range(0..20_u32))),
    ]
}

pub(super) fn keccak(random: &mut Random) -> Vec<Call> {
    let message = bytes(random, 3000);
    let leaves: Vec<Address> = (0..random.random_range(0..30)).map(|_| Address(random.random())).collect();
    vec![
        Call::of::<keccak::endpoint_keccak256>(&(&message[..],)),
        Call::of::<keccak::endpoint_sha3_256>(&(&message[..],)),
        Call::of::<keccak::endpoint_sha3_512>(&(&message[..],)),
        Call::of::<keccak::endpoint_merkle_root>(&(leaves,)),
    ]
}

/// Signatures that are right, or in which something is not.
pub(super) fn ecrecover(random: &mut Random) -> Vec<Call> {
    let mut hash: [u8; 32] = random.random();
    // Every secret is a key but zero and those that are not below the order, which do not come up.
    let key = k256::ecdsa::SigningKey::from_slice(&random.random::<[u8; 32]>()).expect("it is a key");
    let (signature, recovery) = key.sign_prehash_recoverable(&hash);
    let mut signature = signature.to_bytes().to_vec();
    signature.push(recovery.to_byte() + 27 * random.random_range(0..2_u8));
    match random.random_range(0..8) {
        0 => signature[64] = random.random(),
        1 => signature[random.random_range(0..64)] ^= 1 << random.random_range(0..8),
        2 => hash[random.random_range(0..32)] ^= 1,
        3 => signature[32 * random.random_range(0..2)..][..32].fill([0, 0xff][random.random_range(0..2)]),
        4 => signature.truncate(random.random_range(0..65)),
        _ => {}
    }
    let mut input = hash.to_vec();
    input.extend([0; 31]);
    input.push(signature.get(64).map_or(27, |&v| if v < 27 { v + 27 } else { v }));
    input.extend(&signature[..signature.len().min(64)]);
    if random.random_range(0..4) == 0 {
        input = bytes(random, 200);
    }
    vec![
        Call::of::<ecrecover::endpoint_recover>(&(&hash[..], &signature[..])),
        Call::of::<ecrecover::endpoint_precompile>(&(&input[..],)),
    ]
}

/// Noise and text, blocks and what looks like blocks.
pub(super) fn lz(random: &mut Random) -> Vec<Call> {
    let mut plain = workload::text(random.random_range(0..5000));
    plain.extend(bytes(random, 2000));
    let start = random.random_range(0..=plain.len());
    let plain = &plain[start..];
    let mut block = lz4_flex::block::compress(plain);
    if random.random() {
        let at = random.random_range(0..block.len());
        block[at] = random.random();
    }
    let most = if random.random_range(0..4) == 0 { random.random() } else { plain.len() as u32 };
    let noise = bytes(random, 300);
    vec![
        Call::of::<lz::endpoint_compress>(&(plain,)),
        Call::of::<lz::endpoint_round_trip>(&(plain,)),
        Call::of::<lz::endpoint_decompress>(&(&block[..], most)),
        Call::of::<lz::endpoint_decompress>(&(&noise[..], 5000_u32)),
    ]
}
