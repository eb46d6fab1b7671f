//! Proofs, which come from whoever wants to be believed. The bytes are a claim about a place of one fixed state and a proof
//! of it. Whatever they are: what the verifier takes for shown is true of that state.

use std::sync::OnceLock;

use javm_cap::{CNode, Capability, Data, PlaceError, Service};
use javm_proof::{Claim, verify};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::input::Input;
use crate::{Random, Reached, Target, mutation};

/// This target.
pub const TARGET: Target =
    Target { name: "proof", run, generate, mutate: mutation::bytes, repair: |_| {}, least_accepted: 10 };

/// Paths to start from: what stands there, and where nothing does.
const PATHS: [&[u8]; 9] = [&[], &[3], &[4], &[255], &[3, 0], &[3, 0, 7], &[3, 0, 8], &[3, 128, 2], &[9]];

/// Tables in tables with Data of one page, of five, and of 2^20.
fn state() -> &'static Capability {
    static STATE: OnceLock<Capability> = OnceLock::new();
    STATE.get_or_init(|| {
        let data = |pages: u32, writes: &[u64]| {
            let mut data = Data::new(pages).expect("not too long");
            writes.iter().for_each(|&offset| data.write(offset, b"not zero").expect("inside"));
            data
        };
        let mut root = CNode::new();
        let places: [(&[u8], Capability); 8] = [
            (&[3], CNode::new().into()),
            (&[3, 0], CNode::new().into()),
            (&[3, 0, 7], data(5, &[0, 0x1ffe, 0x4ff8]).into()),
            (&[3, 128], CNode::new().into()),
            (&[3, 128, 2], data(1 << 20, &[0x1234_5678]).into()),
            (&[3, 255], data(0, &[]).into()),
            (&[255], data(1, &[9]).into()),
            (&[4], Service { id: 1, parameter: 2 }.into()),
        ];
        for (path, capability) in places {
            root.put_at(path, capability).expect("there is a way");
        }
        root.into()
    })
}

fn at(path: &[u8]) -> Result<&'static Capability, PlaceError> {
    match (path, state().table()) {
        ([], _) | (_, None) => Ok(state()),
        (path, Some(table)) => table.at(path),
    }
}

/// Whether a claim is true.
fn holds(path: &[u8], claim: &Claim<'_>) -> bool {
    match (claim, at(path)) {
        (Claim::Present(hash), Ok(found)) => found.hash().0 == *hash,
        (Claim::Absent, Err(PlaceError::Empty(slot))) => slot + 1 == path.len(),
        (Claim::Bytes { offset, bytes }, Ok(Capability::Data(data))) => {
            let mut actual = vec![0; bytes.len()];
            !bytes.is_empty() && data.read(*offset, &mut actual).is_ok() && actual == *bytes
        }
        _ => false,
    }
}

fn run(bytes: &[u8]) -> Reached {
    let mut input = Input::new(bytes);
    let kind = input.u8() % 3;
    let length = usize::from(input.u8() % 20);
    let path: Vec<u8> = (0..length).map(|_| input.u8()).collect();
    let claimed: Vec<u8>;
    let claim = match kind {
        0 => Claim::Present(std::array::from_fn(|_| input.u8())),
        1 => Claim::Absent,
        _ => {
            let offset = u64::from_le_bytes(std::array::from_fn(|_| input.u8()));
            claimed = (0..input.u8()).map(|_| input.u8()).collect();
            Claim::Bytes { offset, bytes: &claimed }
        }
    };
    let proof = input.rest();
    match verify(&state().hash().0, &path, &claim, proof) {
        Ok(()) => {
            assert!(holds(&path, &claim), "shown, but not true: {claim:?} at {path:?}");
            Reached::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Reached::Refused
        }
    }
}

/// A true claim with its proof.
fn generate(random: &mut Random) -> Vec<u8> {
    let path: &[u8] = PATHS.choose(random).copied().unwrap_or_default();
    // Paths are short.
    let begin = |kind: u8| [&[kind, path.len() as u8], path].concat();
    let whole = || state().prove(path).unwrap_or_default();
    match at(path) {
        Ok(Capability::Data(data)) if data.size() > 0 && random.random() => {
            let length = random.random_range(1..=40_u8);
            // Often where something stands.
            let near = [0, 0x1ff0, 0x4ff0, 0x1234_5660].choose(random).copied().unwrap_or(0);
            let offset = (near + random.random_range(0..16_u64)).min(data.size() - u64::from(length));
            let mut claimed = vec![0; length.into()];
            data.read(offset, &mut claimed).expect("inside");
            let proof = state().prove_bytes(path, offset, length.into()).expect("inside");
            [begin(2), offset.to_le_bytes().to_vec(), vec![length], claimed, proof].concat()
        }
        Ok(found) => [begin(0), found.hash().0.to_vec(), whole()].concat(),
        Err(_) => [begin(1), whole()].concat(),
    }
}
