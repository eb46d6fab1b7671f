//! BLOCK and VERIFY, with the signatures at which implementations part.

use javm_cap::{Import, Wanted};
use nub_arch_local::LocalArch;
use nub_kernel::operation::flag;
use nub_kernel::service::{Service, verify};
use nub_kernel::{Block, Call, Chain, EndpointRef, Grants, Kernel, Outcome, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use sha3::Digest;

use super::{Machine, call_text, image, status};

const BLOCK_SLOT: u8 = 7;
const VERIFY_SLOT: u8 = 8;

/// A program that calls a method of the service in a slot with the arguments that it is given.
fn caller(slot: u8, method: u16) -> javm_cap::ValidImage {
    let mut image = image(&call_text(slot.into(), flag::SCRATCH, method), 3);
    let of = |service: Service| Import { required: true, wanted: Wanted::Service(service as u32) };
    image.imports.extend([(BLOCK_SLOT, of(Service::Block)), (VERIFY_SLOT, of(Service::Verify))]);
    image.validate().expect("it is valid")
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    assert_eq!(hex.len(), 2 * N);
    std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).expect("digits"))
}

/// What is in the scratchpad at an offset afterwards.
fn left<const N: usize>(outcome: &Outcome, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    outcome.scratchpad.as_ref().expect("there is one").read(offset, &mut bytes).expect("inside");
    bytes
}

#[test]
fn outside_of_blocks_there_are_zeros() {
    let height = Machine::of(caller(BLOCK_SLOT, 0)).call(&[0; 3], 10_000, None);
    assert_eq!((status(&height), height.value), (0, 0));
    let mut machine = Machine::of(caller(BLOCK_SLOT, 1));
    let prior = machine.call(&[64, 0, 0], 10_000, Some(&[7; 128]));
    assert_eq!(
        (status(&prior), left::<128>(&prior, 0)),
        (0, {
            let mut expected = [7; 128];
            expected[64..96].fill(0);
            expected
        })
    );
    let outside = machine.call(&[2 * 4096 - 31, 0, 0], 10_000, None);
    assert_eq!(status(&outside), Status::Range.number());
    let unknown = Machine::of(caller(BLOCK_SLOT, 2)).call(&[0; 3], 10_000, None);
    assert_eq!(status(&unknown), Status::NoEndpoint.number());
}

#[test]
fn a_program_is_told_its_block() {
    for (method, expected) in [(0, 77), (1, 0)] {
        let mut kernel = Kernel::new(LocalArch);
        let image = kernel.publish(caller(BLOCK_SLOT, method));
        let instance = kernel.instantiate(&image, &Grants::services()).expect("all services are there");
        let block = Block { height: 77, prior_root: [9; 32] };
        kernel.set_chain(Chain { block, ..Chain::default() }).expect("as usual");
        let call = Call { scratchpad: Some(&[]), ..Call::new(EndpointRef::Name("main"), &[32, 0, 0], 10_000) };
        let outcome = kernel.invoke(instance, &call, None).expect("the call is right");
        assert_eq!((status(&outcome), outcome.value), (0, expected));
        let prior: [u8; 96] = left(&outcome, 0);
        let zeros = [0; 32];
        let written = if method == 1 { [9; 32] } else { zeros };
        assert_eq!(prior.as_chunks::<32>().0, [zeros, written, zeros]);
    }
}

/// The order of the group of ed25519, little-endian.
const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// RFC 8032, 7.1, tests 1 and 3: key, signature, message.
const SIGNED: [(&str, &str, &str); 2] = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        "",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        "af82",
    ),
];

/// The 14 encodings of the 8 points of small order, six of which are not canonical.
fn small_order() -> Vec<[u8; 32]> {
    let low = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let eighth = bytes("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    let other = bytes("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    // y = 0, 1, -1, then p and p + 1, which are 0 and 1 again.
    let points = [low(0, 0, 0), low(1, 0, 0), low(0xec, 0xff, 0x7f), eighth, other]
        .into_iter()
        .chain([low(0xed, 0xff, 0x7f), low(0xee, 0xff, 0x7f)]);
    let signed = |mut point: [u8; 32]| {
        point[31] |= 0x80;
        point
    };
    points.flat_map(|point| [point, signed(point)]).collect()
}

/// Asks the service, and the function that it is, which have to agree.
fn ed25519(machine: &mut Machine, bytes: &[u8]) -> bool {
    let outcome = machine.call(&[0, bytes.len() as u64, 0], 1_000_000, Some(bytes));
    assert_eq!(status(&outcome), 0);
    assert_eq!(outcome.value, u64::from(verify::ed25519(bytes)));
    outcome.value == 1
}

#[test]
fn signatures_of_ed25519() {
    let mut machine = Machine::of(caller(VERIFY_SLOT, 0));
    for (key, signature, message) in SIGNED {
        let (key, signature): ([u8; 32], [u8; 64]) = (bytes(key), bytes(signature));
        let message = if message.is_empty() { vec![] } else { bytes::<2>(message).to_vec() };
        let good = [&key[..], &signature, &message].concat();
        assert!(ed25519(&mut machine, &good));
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1;
            assert!(!ed25519(&mut machine, &bad), "byte {index} changed");
        }
        assert!(!ed25519(&mut machine, &[&good[..], &[0]].concat()));
        // The same s, written otherwise.
        let mut bad = good.clone();
        let mut carry = 0;
        for (byte, more) in bad[64..96].iter_mut().zip(bytes::<32>(L)) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
        assert!(!ed25519(&mut machine, &bad), "s is not below the order");
    }
    for length in [0, 1, 95] {
        let outcome = machine.call(&[0, length, 0], 1_000_000, Some(&[]));
        assert_eq!(status(&outcome), Status::Range.number());
    }
    assert_eq!(status(&machine.call(&[8100, 96, 0], 1_000_000, Some(&[]))), Status::Range.number());
}

#[test]
fn keys_and_points_of_small_order_are_as_zip_215_has_them() {
    let points = small_order();
    assert_eq!(points.len(), 14);
    let mut machine = Machine::of(caller(VERIFY_SLOT, 0));
    for key in &points {
        for r in &points {
            let signature = [&key[..], r, &[0; 32], b"Zcash"].concat();
            assert!(ed25519(&mut machine, &signature), "key {key:02x?}, R {r:02x?}");
            let nonzero = [&key[..], r, &[1], &[0; 31], b"Zcash"].concat();
            assert!(!verify::ed25519(&nonzero));
            let order = [&key[..], r, &bytes::<32>(L), b"Zcash"].concat();
            assert!(!verify::ed25519(&order), "s is the order, which is not 0");
        }
    }
    // Other points, and what is none: about half of all y belong to no point.
    for y in 2..100 {
        let mut other = [0; 32];
        other[0] = y;
        for [key, r] in [[other, points[2]], [points[2], other]] {
            assert!(!verify::ed25519(&[&key[..], &r, &[0; 32], b"Zcash"].concat()), "y = {y} is not of small order");
        }
    }
}

/// Another implementation of the same rules.
fn zebra(bytes: &[u8]) -> bool {
    let (key, rest) = bytes.split_first_chunk::<32>().expect("long enough");
    let (signature, message) = rest.split_first_chunk::<64>().expect("long enough");
    let key = ed25519_zebra::VerificationKey::try_from(*key);
    key.is_ok_and(|key| key.verify(&(*signature).into(), message).is_ok())
}

proptest! {
    /// Signed by one key with one nonce, or with what is of small order added, or mixed from good and bad parts.
    #[test]
    fn signatures_are_valid_where_another_implementation_has_them_valid(
        seed: [u8; 32], message in vec(any::<u8>(), 0..200), parts in vec((0..96usize, any::<u8>()), 0..3),
        key in 0..20usize, r in 0..20usize, zero: bool,
    ) {
        let signer = ed25519_zebra::SigningKey::from(seed);
        let public: [u8; 32] = ed25519_zebra::VerificationKey::from(&signer).into();
        let signature: [u8; 64] = signer.sign(&message).into();
        let mut bytes = [&public[..], &signature, &message].concat();
        let small = small_order();
        small.get(key).into_iter().for_each(|point| bytes[..32].copy_from_slice(point));
        small.get(r).into_iter().for_each(|point| bytes[32..64].copy_from_slice(point));
        if zero {
            bytes[64..96].fill(0);
        }
        parts.iter().for_each(|&(at, byte)| bytes[at] = byte);
        prop_assert_eq!(verify::ed25519(&bytes), zebra(&bytes));
        let good = [&public[..], &signature, &message].concat();
        prop_assert!(verify::ed25519(&good) && zebra(&good));
    }
}

/// The order of the group of secp256k1.
const N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// Hash, r, s, v and the address of who has signed, of the tests of Ethereum's contract at address 1. Its s is a high one.
const RECOVERED: (&str, &str, &str, u8, &str) = (
    "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c",
    "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f",
    "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549",
    1,
    "a94f5374fce5edbc8e2a8697c15331677e6ebf0b",
);

fn message(hash: [u8; 32], r: [u8; 32], s: [u8; 32], v: u8) -> Vec<u8> {
    [&hash[..], &r, &s, &[v]].concat()
}

/// Asks the service, and the function that it is, which have to agree.
fn recover(machine: &mut Machine, bytes: &[u8]) -> Option<[u8; 64]> {
    const OUTPUT: u64 = 4090;
    let mut scratchpad = bytes.to_vec();
    scratchpad.resize(2 * 4096, 0xee);
    let outcome = machine.call(&[0, bytes.len() as u64, OUTPUT], 1_000_000, Some(&scratchpad));
    assert_eq!(status(&outcome), 0);
    let found: [u8; 64] = left(&outcome, OUTPUT);
    let key = verify::secp256k1(bytes);
    assert_eq!((outcome.value, found), (key.is_some().into(), key.unwrap_or([0xee; 64])));
    key
}

/// One number less another, big-endian.
fn less(one: [u8; 32], other: [u8; 32]) -> [u8; 32] {
    let mut result = one;
    let mut borrow = 0;
    for (digit, other) in result.iter_mut().zip(other).rev() {
        let difference = i16::from(*digit) - i16::from(other) - borrow;
        (*digit, borrow) = (difference as u8, i16::from(difference < 0));
    }
    assert_eq!(borrow, 0);
    result
}

fn small(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = number;
    bytes
}

#[test]
fn keys_behind_signatures_over_secp256k1() {
    let mut machine = Machine::of(caller(VERIFY_SLOT, 1));
    let (hash, r, s, v, address) = RECOVERED;
    let (hash, r, s, n): ([u8; 32], _, _, _) = (bytes(hash), bytes(r), bytes(s), bytes(N));
    let key = recover(&mut machine, &message(hash, r, s, v)).expect("it was signed");
    assert_eq!(sha3::Keccak256::digest(key)[12..], bytes::<20>(address));
    // The same by the other s, which is as good.
    assert_eq!(recover(&mut machine, &message(hash, r, less(n, s), v ^ 1)), Some(key));
    assert_ne!(recover(&mut machine, &message(hash, r, s, v ^ 1)), Some(key));
    // There is no x = r + n below the order of the field.
    for v in (2..=9).chain([27, 28, 255]) {
        assert_eq!(recover(&mut machine, &message(hash, r, s, v)), None, "v = {v}");
    }
    for bad in [small(0), n, [0xff; 32], less(n, small(0))] {
        assert_eq!(recover(&mut machine, &message(hash, bad, s, v)), None, "r = {bad:02x?}");
        assert_eq!(recover(&mut machine, &message(hash, r, bad, v)), None, "s = {bad:02x?}");
    }
    for good in [small(1), less(n, small(1))] {
        assert!(recover(&mut machine, &message(hash, r, good, v)).is_some(), "s = {good:02x?}");
    }
    // A hash counts modulo the order.
    let zero = recover(&mut machine, &message([0; 32], r, s, v));
    assert!(zero.is_some() && zero == recover(&mut machine, &message(n, r, s, v)));
    let (large, rest) = ([0xff; 32], less([0xff; 32], n));
    let found = recover(&mut machine, &message(large, r, s, v));
    assert!(found.is_some() && found == recover(&mut machine, &message(rest, r, s, v)));
    for length in [0, 96, 98] {
        let outcome = machine.call(&[0, length, 0], 1_000_000, Some(&[1; 200]));
        assert_eq!(status(&outcome), Status::Range.number());
    }
    assert_eq!(status(&machine.call(&[0, 97, 2 * 4096 - 63], 1_000_000, Some(&[]))), Status::Range.number());
}

/// Of the smallest r some are the x of a point less the order of the group, and r = p - n is not.
#[test]
fn keys_where_x_is_not_below_the_order() {
    use k256::ecdsa::signature::hazmat::PrehashVerifier;
    use k256::ecdsa::{Signature, VerifyingKey};
    let mut machine = Machine::of(caller(VERIFY_SLOT, 1));
    let field = bytes("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f");
    let most = less(field, bytes(N));
    assert_eq!(recover(&mut machine, &message([5; 32], most, small(9), 2)), None);
    let mut found = 0;
    for r in (1..40).map(small).chain((1..40).map(|number| less(most, small(number)))) {
        let keys = [0, 1, 2, 3].map(|v| recover(&mut machine, &message([5; 32], r, small(9), v)));
        assert_eq!(keys[2].is_some(), keys[3].is_some());
        for key in keys.iter().flatten() {
            let key = VerifyingKey::from_sec1_bytes(&[&[4], &key[..]].concat()).expect("it is a key");
            let signature = Signature::from_slice(&[r, small(9)].concat()).expect("in range");
            key.verify_prehash(&[5; 32], &signature).expect("it has signed");
        }
        found += usize::from(keys[2].is_some());
    }
    assert!((20..60).contains(&found), "about half of all numbers are the x of a point: {found} of 78");
}
