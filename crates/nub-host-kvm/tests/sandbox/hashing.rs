//! The kernel's code for different processors gives the same hashes.

use javm_cap::{Data, Image, PAGE_SIZE, ValidImage};
use nub_host_kvm::request::{Endpoint, Invoke};
use nub_host_kvm::{Config, Hashing, Reply, Request, Sandbox};
use proptest::prelude::*;

use crate::{ask, config, start};

fn example(bytes: &[u8]) -> Image {
    ValidImage::load(bytes).expect("it is valid").image().clone()
}

/// The hash of an Image, the hash of an Instance of it, and what the Instance's services make of `call`.
fn hashes(sandbox: &Sandbox, image: &[u8], call: &[u64]) -> (Reply, Reply, Reply) {
    let published = ask(sandbox, &Request::PutCap(image));
    let Reply::Hash(hash) = published else { panic!("{published:?}") };
    let made = ask(sandbox, &Request::Instantiate { image: hash, all_services: true, services: vec![] });
    let Reply::Instance(instance) = made else { panic!("{made:?}") };
    let invoke = Invoke::new(instance, Endpoint::Name("hash"), call, 1 << 40);
    let outcome = ask(sandbox, &Request::Invoke(invoke));
    let root = ask(sandbox, &Request::Root(instance));
    (published, outcome, root)
}

/// Hashing is what differs most: with AVX2 several pages at a time, and a single one by other code. Images with random
/// content of every kind of length are hashed by both kernels and by this process, messages by both kernels' services.
#[test]
fn every_kernel_hashes_the_same() {
    let [portable, best] =
        [Hashing::Portable, Hashing::of_processor()].map(|hashing| start(&Config { hashing, ..config() }));
    let (Some(portable), Some(best)) = (portable, best) else { return };
    assert_eq!(portable.hashing(), Hashing::Portable);
    let image = example(include_bytes!("../../../../guests/images/services.nub"));
    let slot = (2u8..255).find(|slot| !image.slots.contains_key(slot)).expect("a slot is free");

    // From a byte to more pages than are hashed side by side, with pages of zeros among them.
    let content = prop::collection::vec((any::<[u8; 16]>(), 0usize..4), 1..20)
        .prop_flat_map(|pages| (Just(pages), 1..=PAGE_SIZE));
    let strategy = (content, 0u64..3, 0u64..5000);
    let cases = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(cases, |(((pages, last), service, length) in strategy)| {
        let mut bytes = Vec::new();
        for (pattern, filled) in &pages {
            let end = bytes.len() + PAGE_SIZE;
            // None of a page, some of it, or all.
            (0..PAGE_SIZE / 16 * filled / 3).for_each(|index| bytes.extend(pattern.map(|byte| byte ^ index as u8)));
            bytes.resize(end, 0);
        }
        bytes.truncate(bytes.len() - PAGE_SIZE + last);
        bytes.resize(bytes.len().max(1), 0);
        let mut image = image.clone();
        image.slots.insert(slot, Data::from_bytes(&bytes).expect("it is no longer than Data may be"));
        let encoded = image.encode();
        let here = ValidImage::load(&encoded).expect("it is valid").hash();
        let there = hashes(&portable, &encoded, &[service, length]);
        prop_assert_eq!(&there.0, &Reply::Hash(here.0));
        prop_assert_eq!(there, hashes(&best, &encoded, &[service, length]));
    });
}

/// What the monitor promises of a guest that has just started and answered one call.
#[test]
fn a_guest_that_has_started_has_touched_little_memory() {
    let Some(sandbox) = start(&Config { memory: 4 << 30, ..config() }) else { return };
    let image = example(include_bytes!("../../../../guests/images/counter.nub")).encode();
    assert!(matches!(ask(&sandbox, &Request::PutCap(&image)), Reply::Hash(_)));
    let touched = sandbox.memory_touched().unwrap_or_else(|error| panic!("{error}"));
    assert!((1..=64 << 20).contains(&touched), "{touched} bytes");
}
