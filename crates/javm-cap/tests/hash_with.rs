//! Code that a kernel brings to hash with is what hashes from then on. A test alone in its program: there is no way back.

use std::sync::atomic::{AtomicUsize, Ordering};

use blake2b_simd::Params;
use javm_cap::{Data, PAGE_SIZE, hash_with};

static HASHED: AtomicUsize = AtomicUsize::new(0);

fn one_by_one(messages: &[&[u8]], hashes: &mut [[u8; 32]]) {
    assert!((1..=8).contains(&messages.len()) && messages.len() == hashes.len());
    HASHED.fetch_add(messages.len(), Ordering::Relaxed);
    for (message, hash) in messages.iter().zip(hashes) {
        hash.copy_from_slice(Params::new().hash_length(32).hash(message).as_bytes());
    }
}

#[test]
fn code_that_is_given_hashes_pages_and_nodes() {
    let bytes: Vec<u8> = (0..11 * PAGE_SIZE).map(|index| (index % 251) as u8).collect();
    let data = || Data::from_bytes(&bytes).expect("it is short enough");
    let before = data().hash();
    assert_eq!(HASHED.load(Ordering::Relaxed), 0);

    hash_with(one_by_one);
    assert_eq!(data().hash(), before);
    // Eleven pages, and at least the ten nodes above that have two children.
    let hashed = HASHED.load(Ordering::Relaxed);
    assert!(hashed >= 21, "{hashed}");

    // The first that is given stays.
    hash_with(|_, _| unreachable!("it came second"));
    assert_eq!(data().hash(), before);
    assert_eq!(HASHED.load(Ordering::Relaxed), 2 * hashed);
}
