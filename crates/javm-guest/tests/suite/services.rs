//! Services that only the kernel has, by a program that calls them.

use javm_guest::Address;
use sha3::Digest;

use crate::instance::Program;
use crate::workloads::hex;

fn address(digits: &str) -> Address {
    Address(hex(digits).try_into().expect("32 bytes"))
}

#[test]
fn there_are_no_blocks_here() {
    let mut notary = Program::new("notary");
    assert_eq!(notary.call("when", &()).value::<(u64, Address)>(), (0, Address([0; 32])));
}

/// RFC 8032, section 7.1, the first test.
#[test]
fn ed25519_signatures_are_verified() {
    let mut notary = Program::new("notary");
    let key = address("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signature =
        hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                         d25bf5f0595bbe24655141438e7a100b");
    let mut verify = |message: &[u8]| notary.call("ed25519", &(key, &signature[..], message)).value::<bool>();
    assert!(verify(b""));
    assert!(!verify(b"something else"));
    let refusal = notary.call("ed25519", &(key, &signature[1..], &b""[..])).refusal();
    assert_eq!(refusal, "ed25519 failed: a signature has 64 bytes");
}

/// The signature of which Ethereum's tests say who made it.
#[test]
fn secp256k1_keys_are_recovered() {
    let mut notary = Program::new("notary");
    let hash = address("18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c");
    let mut signature = hex("73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f\
                             eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c454901");
    let mut recover = |signature: &[u8]| notary.call("secp256k1", &(hash, signature)).value::<Option<Vec<u8>>>();
    let key = recover(&signature).expect("somebody has signed");
    assert_eq!(sha3::Keccak256::digest(&key)[12..], hex("a94f5374fce5edbc8e2a8697c15331677e6ebf0b"));
    // Another v is another key; there is none for 4.
    signature[64] = 0;
    assert_ne!(recover(&signature), Some(key));
    signature[64] = 4;
    assert_eq!(recover(&signature), None);
}
