//! Proofs of `javm-cap` against the verifier: what is true is shown, and nothing else, whatever is done to a proof.

use javm_cap::{CNode, Capability, Data, Image, Instance, PlaceError, Service, ValidImage};
use javm_proof::{Claim, Hash, ProofError, verify};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

const PAGE: &str = include_str!("../../../docs/spec/proofs.md");

fn config(cases: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

fn image() -> ValidImage {
    let image = Image::new(javm_isa::CostModel::Flat, vec![0, 0, 1, 0, 1], Vec::new());
    image.validate().expect("it is valid")
}

/// A Data of so many pages, some of them zeros.
fn data(pages: u32, seed: u8) -> Data {
    let mut data = Data::new(pages).expect("short");
    for index in (0..pages).filter(|index| !(index + u32::from(seed)).is_multiple_of(3)) {
        data.write(u64::from(index) * 4096 + u64::from(seed), &[seed | 1, index as u8, 7]).expect("inside");
    }
    data
}

/// What stands at paths: places in this order, where there is a way to them.
fn state(places: &[(Vec<u8>, u8)]) -> Capability {
    let mut root = Instance::new(image());
    for (path, what) in places {
        let capability: Capability = match what % 4 {
            0 => data(u32::from(what / 4) % 11, *what).into(),
            1 => CNode::new().into(),
            2 => Instance::new(image()).into(),
            _ => Service { id: (*what).into(), parameter: 3 }.into(),
        };
        // What has no way to it is left out.
        let _ = root.put_at(path, capability);
    }
    root.into()
}

fn at<'a>(root: &'a Capability, path: &[u8]) -> Result<&'a Capability, PlaceError> {
    if path.is_empty() { Ok(root) } else { root.table().expect("it is an Instance").at(path) }
}

/// Whether a claim is true.
fn holds(root: &Capability, path: &[u8], claim: &Claim<'_>) -> bool {
    match (claim, at(root, path)) {
        (Claim::Present(hash), Ok(found)) => found.hash().0 == *hash,
        (Claim::Absent, Err(PlaceError::Empty(slot))) => slot + 1 == path.len(),
        (Claim::Bytes { offset, bytes }, Ok(Capability::Data(data))) => {
            let mut actual = vec![0; bytes.len()];
            !bytes.is_empty() && data.read(*offset, &mut actual).is_ok() && actual == *bytes
        }
        _ => false,
    }
}

/// A claim that owns its bytes, to be changed.
#[derive(Clone, Debug)]
struct Owned {
    path: Vec<u8>,
    hash: Hash,
    offset: u64,
    bytes: Vec<u8>,
    proof: Vec<u8>,
    kind: u8,
}

impl Owned {
    fn claim(&self) -> Claim<'_> {
        match self.kind {
            0 => Claim::Present(self.hash),
            1 => Claim::Absent,
            _ => Claim::Bytes { offset: self.offset, bytes: &self.bytes },
        }
    }

    fn verify(&self, root: &Capability) -> Result<(), ProofError> {
        verify(&root.hash().0, &self.path, &self.claim(), &self.proof)
    }

    /// Whatever was changed: only what is true is shown.
    fn check(&self, root: &Capability) {
        if self.verify(root).is_ok() {
            assert!(holds(root, &self.path, &self.claim()), "shown, but not true: {self:?}");
        }
    }
}

/// Every claim that can be proved about a path.
fn claims(root: &Capability, path: &[u8], offset: u64, length: u64) -> Vec<Owned> {
    let mut all = Vec::new();
    let plain = Owned { path: path.to_vec(), hash: [0; 32], offset: 0, bytes: Vec::new(), proof: Vec::new(), kind: 1 };
    match at(root, path) {
        Ok(found) => {
            let proof = root.prove(path).expect("there is a way");
            all.push(Owned { proof, hash: found.hash().0, kind: 0, ..plain.clone() });
            if let Capability::Data(data) = found
                && data.size() > 0
            {
                let offset = offset % data.size();
                let length = (1 + length).min(data.size() - offset);
                let mut bytes = vec![0; length as usize];
                data.read(offset, &mut bytes).expect("inside");
                let proof = root.prove_bytes(path, offset, length).expect("inside");
                all.push(Owned { proof, offset, bytes, kind: 2, ..plain });
            }
        }
        Err(PlaceError::Empty(slot)) if slot + 1 == path.len() => {
            all.push(Owned { proof: root.prove(path).expect("there is a way"), ..plain });
        }
        Err(_) => assert!(root.prove(path).is_err()),
    }
    all
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![0..4u8, Just(128), Just(255)], 1..5)
}

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn what_is_true_is_shown_and_no_changed_bit_shows_what_is_not(
        places in vec((path(), any::<u8>()), 0..40), asked in path(), offset in any::<u64>(), length in 0..9000u64
    ) {
        let root = state(&places);
        for path in places.iter().map(|(path, _)| path).chain([&asked, &Vec::new()]) {
            for claim in claims(&root, path, offset, length) {
                prop_assert_eq!(claim.verify(&root), Ok(()), "{:?}", claim);
                let other = Capability::from(Service { id: 9, parameter: 9 });
                prop_assert!(claim.verify(&other).is_err());
                // All bits of short proofs; of long ones those at both ends and some between.
                let bits = 8 * claim.proof.len();
                for bit in (0..bits).filter(|bit| bits < 4000 || *bit < 400 || bits - bit < 400 || bit % 97 == 0) {
                    let mut changed = claim.clone();
                    flip(&mut changed.proof, bit);
                    prop_assert!(changed.verify(&root).is_err(), "bit {} of {:?}", bit, claim);
                }
                for bit in 0..8 * claim.path.len() {
                    let mut changed = claim.clone();
                    flip(&mut changed.path, bit);
                    changed.check(&root);
                }
                for bit in 0..256 {
                    let mut changed = claim.clone();
                    flip(&mut changed.hash, bit);
                    changed.check(&root);
                    changed = claim.clone();
                    changed.offset ^= 1 << (bit % 64);
                    changed.check(&root);
                }
                for bit in (0..8 * claim.bytes.len()).step_by(101) {
                    let mut changed = claim.clone();
                    flip(&mut changed.bytes, bit);
                    prop_assert!(changed.verify(&root).is_err());
                }
                for length in [0, claim.proof.len() / 2, claim.proof.len().saturating_sub(1)] {
                    let mut changed = claim.clone();
                    changed.proof.truncate(length);
                    prop_assert_eq!(changed.verify(&root).is_ok(), length == claim.proof.len());
                    changed = claim.clone();
                    changed.proof.push(0);
                    prop_assert_eq!(changed.verify(&root), Err(ProofError::TrailingBytes { count: 1 }));
                    for kind in 0..3 {
                        changed = Owned { kind, ..claim.clone() };
                        changed.check(&root);
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_have_an_answer(
        root in any::<[u8; 32]>(), path in vec(any::<u8>(), 0..20), proof in vec(prop_oneof![0..2u8, any::<u8>()], 0..600),
        offset in any::<u64>(), bytes in vec(any::<u8>(), 0..50), kind in 0..3u8, hash in any::<[u8; 32]>()
    ) {
        let claim = Owned { path, hash, offset, bytes, proof, kind };
        prop_assert!(verify(&root, &claim.path, &claim.claim(), &claim.proof).is_err() || claim.path.is_empty());
    }
}

#[test]
fn the_longest_path_and_the_longest_data() {
    let mut data = Data::new(1 << 20).expect("the longest");
    data.write(0xffff_fff0, b"the very end").expect("inside");
    let mut capability = Capability::from(data);
    for slot in (1..=16).rev() {
        capability = CNode::from_slots([(slot, capability)]).expect("sixteen").into();
    }
    let path: Vec<u8> = (1..=16).collect();
    for (offset, length) in [(0, 1), (0xffff_fff0, 16), (0x7fff_f000, 0x2000), (0x1234_5678, 70_000)] {
        let proof = capability.prove_bytes(&path, offset, length).expect("inside");
        let mut bytes = vec![0; length as usize];
        capability
            .table()
            .and_then(|table| match table.at(&path) {
                Ok(Capability::Data(data)) => data.read(offset, &mut bytes).ok(),
                _ => None,
            })
            .expect("it is there");
        let claim = Claim::Bytes { offset, bytes: &bytes };
        assert_eq!(verify(&capability.hash().0, &path, &claim, &proof), Ok(()));
    }
    assert!(capability.prove_bytes(&path, 1 << 32, 1).is_err() && capability.prove_bytes(&path, 5, 0).is_err());
    assert!(capability.prove_bytes(&path, u64::MAX, 2).is_err() && capability.prove_bytes(&path[..3], 0, 1).is_err());
    assert_eq!(capability.prove(&[0; 17]), Err(PlaceError::Length(17)));
    assert_eq!(verify(&[0; 32], &[0; 17], &Claim::Absent, &[]), Err(ProofError::Path { slots: 17 }));
    assert_eq!(verify(&[0; 32], &[], &Claim::Absent, &[]), Err(ProofError::Path { slots: 0 }));
}

#[test]
fn an_empty_slot_is_not_a_capability_of_hash_zero() {
    let root = Capability::from(CNode::from_slots([(7, CNode::new())]).expect("small"));
    let proof = root.prove(&[6]).expect("the table is there");
    assert_eq!(verify(&root.hash().0, &[6], &Claim::Absent, &proof), Ok(()));
    assert_eq!(verify(&root.hash().0, &[6], &Claim::Present([0; 32]), &proof), Err(ProofError::NoCapability));
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[test]
fn the_examples_of_the_page() {
    let hello = Data::from_bytes(b"hello").expect("short");
    let slots: [(u8, Capability); 2] = [(2, hello.into()), (255, Service { id: 1, parameter: 0 }.into())];
    let root = Capability::from(CNode::from_slots(slots).expect("small"));
    let mut examples = 0;
    for block in PAGE.split("```text\nexample ").skip(1) {
        let lines: Vec<(&str, &str)> = block
            .split("```")
            .next()
            .expect("it ends")
            .lines()
            .skip(1)
            .map(|line| line.split_once(' ').expect("two words"))
            .collect();
        let all = |name| lines.iter().filter(move |line| line.0 == name).map(|line| line.1.trim());
        let one = |name| all(name).next().unwrap_or_else(|| panic!("no {name}"));
        let proof: Vec<u8> = all("proof").flat_map(|line| hex(line.split(' ').next().expect("bytes"))).collect();
        let path: Vec<u8> = one("path").split('/').skip(1).map(|slot| slot.parse().expect("a slot")).collect();
        let stated: Hash = hex(one("root")).try_into().expect("32 bytes");
        assert_eq!(stated, root.hash().0);
        let (word, rest) = one("claim").split_once(' ').unwrap_or((one("claim"), ""));
        let bytes = hex(rest.split(' ').next_back().expect("one"));
        let (claim, made) = match word {
            "present" => (Claim::Present(bytes.try_into().expect("32 bytes")), root.prove(&path)),
            "absent" => (Claim::Absent, root.prove(&path)),
            _ => {
                let offset = rest.split(' ').next().expect("an offset").parse().expect("a number");
                let claim = Claim::Bytes { offset, bytes: &bytes };
                assert_eq!(verify(&stated, &path, &claim, &proof), Ok(()));
                (Claim::Absent, root.prove_bytes(&path, offset, bytes.len() as u64))
            }
        };
        assert_eq!(made, Ok(proof.clone()));
        if word != "bytes" {
            assert_eq!(verify(&stated, &path, &claim, &proof), Ok(()));
        }
        examples += 1;
    }
    assert_eq!(examples, 3);
}
