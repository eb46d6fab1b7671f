//! Memory that comes back, and machines that have none left.

use javm_cap::{Access, Backing, Mapping};
use nub::{ArchChoice, CapHash, Data, Ended, Error, ErrorCode, Failure, Grants, Image, InstanceId, InvokeOptions, Nub};

use crate::surface::each;
use crate::{COUNTER, built, instance, kvm};

/// The first page of the state of [`image`].
const STATE: u32 = 0x20;
const SLOT: u8 = 2;

/// Writes φ8 words, one each 4096 bytes, from address φ7 on; returns what the first was before.
const FILL: &str = "
    load_ind_u64 a2, [a0]
    fallthrough
 @next:
    branch_eq_imm a1, 0, @done
    store_ind_u64 [a0], a1
    add_imm_64 a0, a0, 4096
    add_imm_64 a1, a1, -1
    jump @next
 @done:
    move_reg a0, a2
    jump_ind ra, 0
";

/// An Image that is another for each number, with so many pages of state, of which so many are not zero.
fn image(number: u64, pages: u32, filled: u32) -> Image {
    let program = javm_isa::assemble(FILL).unwrap_or_else(|error| panic!("{error}"));
    let mut data = Data::new(pages).expect("it is not too long");
    for page in 0..filled {
        let content = [number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, u64::from(page)].map(u64::to_le_bytes).concat();
        data.write(u64::from(page) * 4096, &content).expect("inside");
    }
    data.write(0, &number.to_le_bytes()).expect("inside");
    let mapping =
        Mapping { pages, access: Access::ReadWrite, backing: Backing::Persistent { slot: SLOT, offset_pages: 0 } };
    let endpoint = nub::Endpoint::new("fill".parse().expect("a name"), 2);
    Image {
        memory: [(STATE, mapping)].into(),
        slots: [(SLOT, data)].into(),
        ..Image::new(javm_isa::CostModel::Flat, program.blob().to_vec(), vec![endpoint])
    }
}

fn publish(nub: &mut Nub, image: Image) -> Result<CapHash, Error> {
    nub.publish_image(image.validate().unwrap_or_else(|error| panic!("{error}")))
}

/// Calls `fill` for so many pages of the state.
fn fill(nub: &mut Nub, instance: InstanceId, pages: u64) -> Result<u64, Error> {
    let outcome = nub.invoke(instance, "fill", &[u64::from(STATE) * 4096, pages], &InvokeOptions::default())?;
    assert_eq!(outcome.ended, Ended::Halt);
    Ok(outcome.value)
}

fn ok<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn images_are_unpublished_when_no_instance_is_left() {
    each(|mut nub| {
        let hash = ok(publish(&mut nub, image(7, 1, 0)));
        let counter = instance(&mut nub, COUNTER);
        let made = ok(nub.instantiate(&hash, &Grants::none()));
        let copy = ok(nub.copy(made));
        ok(nub.keep(copy));
        let error = nub.unpublish(&hash).expect_err("it has Instances");
        assert_eq!(error.code(), ErrorCode::ImageInUse);
        assert_eq!(error.to_string(), format!("the Image {hash} has 2 Instances: drop them first"));
        assert!(nub.drop_instance(made));
        let error = nub.unpublish(&hash).expect_err("it has an Instance");
        assert_eq!(error.to_string(), format!("the Image {hash} has 1 Instance: drop it first"));
        assert_eq!(fill(&mut nub, copy, 0), Ok(7), "all is as it was");
        assert!(nub.drop_instance(copy));

        // The one that is kept does not count.
        assert_eq!(nub.unpublish(&hash), Ok(true));
        assert!(!nub.contains(&hash) && nub.image(&hash).is_none());
        assert_eq!(nub.unpublish(&hash), Ok(false));
        let error = nub.instantiate(&hash, &Grants::none()).expect_err("there is no Image");
        assert_eq!(error.code(), ErrorCode::UnknownImage);
        let stats = ok(nub.stats());
        assert_eq!((stats.images, stats.instances), (1, 1), "the counter");
        assert_eq!(ok(nub.invoke(counter, "add", &[1], &InvokeOptions::default())).value, 1);

        let again = ok(publish(&mut nub, image(7, 1, 0)));
        assert_eq!(again, hash);
        let made = ok(nub.instantiate(&hash, &Grants::none()));
        assert_eq!(fill(&mut nub, made, 1), Ok(7));
    });
}

/// `NUB_IMAGES` sets how many Images come and go.
#[test]
fn what_images_took_comes_back() {
    let Some(mut nub) = built(kvm().arch(ArchChoice::Both).memory(64 << 20)) else { return };
    let mut used = Vec::new();
    for number in javm_testgen::seeds("NUB_IMAGES", 1500) {
        // A few are large.
        let filled = if number % 50 == 0 { 256 } else { 1 };
        let hash = ok(publish(&mut nub, image(number, 256, filled)));
        let made = ok(nub.instantiate(&hash, &Grants::none()));
        assert_eq!(fill(&mut nub, made, 3), Ok(number));
        assert_eq!(fill(&mut nub, made, 3), Ok(3), "what the call before left");
        assert!(nub.drop_instance(made));
        assert_eq!(nub.unpublish(&hash), Ok(true));
        if number % 100 == 0 {
            let stats = ok(nub.stats());
            used.push((stats.heap_used.expect("a guest"), stats.frames_used.expect("a guest"), stats.memory_used));
        }
    }
    // The first ones leave windows, page tables, and buffers as long as their longest message.
    let later = &used[used.len() / 2..];
    assert!(later.iter().all(|now| Some(now) == later.first()), "{used:?}");
}

/// Publishes Images of 1 MiB until there is no memory for another one.
fn publish_all(nub: &mut Nub, first: u64) -> Vec<CapHash> {
    let mut published = Vec::new();
    loop {
        match publish(nub, image(first + published.len() as u64, 256, 256)) {
            Ok(hash) => published.push(hash),
            Err(Error::OutOfMemory { needed, free, memory }) => {
                assert!(needed > 1 << 20 && free < memory && memory == 64 << 20, "{needed} {free} {memory}");
                return published;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(published.len() < 64, "64 MiB do not hold that");
    }
}

#[test]
fn a_full_guest_refuses_and_goes_on() {
    for arch in [ArchChoice::Kvm, ArchChoice::Both] {
        let Some(mut nub) = built(kvm().arch(arch).memory(64 << 20)) else { return };
        let counter = instance(&mut nub, COUNTER);
        let add = |nub: &mut Nub| ok(nub.invoke(counter, "add", &[1], &InvokeOptions::default())).value;
        assert_eq!(add(&mut nub), 1);
        let images = publish_all(&mut nub, 1);
        assert!(images.len() > 20, "64 MiB hold more than {} MiB", images.len());
        // Everything else does as before.
        assert_eq!(add(&mut nub), 2);
        assert_eq!(ok(nub.stats()).images, images.len() as u64 + 1);
        let refused = publish(&mut nub, image(1000, 256, 256)).expect_err("it is full");
        assert_eq!(refused.code(), ErrorCode::OutOfMemory, "{refused}");
        let text = refused.to_string();
        assert!(text.contains("of the guest's 67108864 bytes") && text.contains("unpublish Images"), "{text}");
        let long = InvokeOptions { scratchpad: Some(vec![1; 64 << 20]), ..InvokeOptions::default() };
        let refused = nub.invoke(counter, "add", &[1], &long).expect_err("it is larger than the guest");
        assert_eq!(refused.code(), ErrorCode::OutOfMemory, "{refused}");
        // What goes makes room.
        for &hash in &images[..3] {
            assert_eq!(nub.unpublish(&hash), Ok(true));
        }
        let made = ok(publish(&mut nub, image(2000, 256, 256)));
        let made = ok(nub.instantiate(&made, &Grants::none()));
        assert_eq!(fill(&mut nub, made, 1), Ok(2000));
        assert_eq!(nub.health().restarts, 0, "nothing has ended");
        if arch == ArchChoice::Both {
            continue;
        }
        // A new guest holds what the old one did.
        assert_eq!(nub.fail(Failure::Panic).expect_err("it ends").code(), ErrorCode::GuestDied);
        assert!(nub.health().is_alive && nub.health().restarts == 1, "{:?}", nub.health());
        assert_eq!(add(&mut nub), 1);
        assert_eq!(fill(&mut nub, made, 1), Ok(2000));
        // When all are gone there is as much room as there was.
        assert!(nub.drop_instance(made));
        let hashes: Vec<CapHash> = images[3..].to_vec();
        assert!(hashes.iter().all(|hash| nub.unpublish(hash) == Ok(true)));
        assert!(publish_all(&mut nub, 5000).len() + 3 >= images.len());
        assert_eq!(add(&mut nub), 2);
    }
}

/// A call that has changed something is not refused because there is no memory for what comes back.
#[test]
fn what_comes_back_of_a_call_finds_memory_in_a_full_guest() {
    for arch in [ArchChoice::Kvm, ArchChoice::Both] {
        let Some(mut nub) = built(kvm().arch(arch).memory(64 << 20)) else { return };
        let counter = instance(&mut nub, COUNTER);
        let mut data = Data::new(8).expect("small");
        data.write(0, b"gift").expect("inside");
        let gift = nub::Capability::Data(data);
        ok(nub.put_cap(&gift));
        publish_all(&mut nub, 1);
        let with_gift = InvokeOptions { gift: Some(gift), ..InvokeOptions::default() };
        for sum in 1..=3 {
            let outcome = ok(nub.invoke(counter, "add", &[1], &with_gift));
            assert_eq!((outcome.value, &outcome.gift), (sum, &with_gift.gift));
        }
        assert_eq!(nub.health().restarts, 0, "nothing has ended");
    }
}

#[test]
fn a_guest_full_of_instances_refuses_and_goes_on() {
    let Some(mut nub) = built(kvm().memory(32 << 20)) else { return };
    let hash = ok(publish(&mut nub, image(2, 8, 0)));
    let first = ok(nub.instantiate(&hash, &Grants::none()));
    let made = |nub: &mut Nub| {
        let mut all = Vec::new();
        loop {
            // Each with a page of its own.
            match nub.copy(first).and_then(|copy| fill(nub, copy, 1).map(|_| copy)) {
                Ok(copy) => all.push(copy),
                Err(error) => {
                    assert_eq!(error.code(), ErrorCode::OutOfMemory, "{error}");
                    return all;
                }
            }
            assert!(all.len() < 1 << 14, "32 MiB do not hold so many pages");
        }
    };
    let all = made(&mut nub);
    assert!(all.len() > 500, "{}", all.len());
    for call in 0..20 {
        assert_eq!(fill(&mut nub, all[0], 1), Ok(1), "call {call}");
    }
    assert_eq!(nub.instantiate(&hash, &Grants::none()).expect_err("it is full").code(), ErrorCode::OutOfMemory);
    assert!(all.iter().all(|&copy| nub.drop_instance(copy)));
    let again = made(&mut nub);
    assert!(again.len() * 10 > all.len() * 9, "{} after {}", again.len(), all.len());
    assert_eq!((fill(&mut nub, first, 1), nub.health().restarts), (Ok(2), 0));
}

#[test]
fn a_call_that_takes_all_memory_ends_the_guest_and_says_why() {
    let Some(mut nub) = built(kvm().memory(64 << 20)) else { return };
    let hash = ok(publish(&mut nub, image(3, 1 << 15, 0)));
    let greedy = ok(nub.instantiate(&hash, &Grants::none()));
    for round in 1..=2 {
        assert_eq!(fill(&mut nub, greedy, 10), Ok(3));
        let error = fill(&mut nub, greedy, 1 << 15).expect_err("128 MiB are more than there are");
        assert_eq!(error.code(), ErrorCode::GuestDied, "{error}");
        let text = error.to_string();
        assert!(text.contains("out of memory: of 64 MiB") && text.contains("a new guest runs"), "{text}");
        assert_eq!(nub.health().restarts, round);
    }
    assert_eq!(fill(&mut nub, greedy, 10), Ok(3));
}
