//! Dropping in small steps.

use javm_cap::{CNode, Capability, Data, Instance, PageRef, Reclaim, Service};

use crate::fixtures::everything;

/// How many nodes it takes to let go of something, at most 64 a step.
fn nodes(capability: impl Into<Capability>) -> usize {
    let mut reclaim = Reclaim::new();
    reclaim.add(capability);
    let mut total = 0;
    while !reclaim.is_empty() {
        let done = reclaim.work(64);
        assert!(done <= 64 && (done == 64 || reclaim.is_empty()));
        total += done;
    }
    assert_eq!(reclaim.work(64), 0);
    total
}

fn page() -> PageRef {
    PageRef::from(&[1; 4096])
}

fn full(pages: u32) -> Data {
    let page = page();
    let mut data = Data::new(pages).expect("not too long");
    (0..pages).for_each(|index| data.set_page(index, page.clone()).expect("inside"));
    data
}

#[test]
fn everything_is_let_go_of_and_what_is_shared_stays() {
    let kept = page();
    let mut data = Data::new(4).expect("short");
    for index in 0..4 {
        data.set_page(index, kept.clone()).expect("inside");
    }
    let table = CNode::from_slots((0..=255).map(|slot| (slot, data.clone()))).expect("small");
    let copy = table.clone();
    assert_eq!(nodes(table), 1, "a count");
    assert!(kept.is_shared());
    drop(data);
    assert_eq!(copy.get(17).expect("it is there").measure().size, 4);
    // The table, 255 branches and 256 leaves, a count for each Data but the last, whose tree has 7 nodes.
    assert_eq!(nodes(copy), 1 + 255 + 256 + 256 + 6);
    assert!(!kept.is_shared(), "every other reference is gone");
}

#[test]
fn the_longest_data_goes_in_small_steps_as_does_what_is_cut_off() {
    let mut data = full(1 << 20);
    let mut reclaim = Reclaim::new();
    let copy = data.clone();
    data.resize_into(3, &mut reclaim).expect("it is shorter");
    assert!(reclaim.work(64) <= 20, "what is cut off is shared but for one way down");
    assert!(reclaim.is_empty());
    // The capability; two inner nodes, one of them shared; the third page and what is above it.
    assert_eq!(nodes(data), 5);
    let mut data = copy;
    data.resize_into(1 << 19, &mut reclaim).expect("it is shorter");
    assert_eq!(reclaim.work(usize::MAX), (1 << 20) - 1);
    assert_eq!(nodes(data), 1 + (1 << 20) - 1);
}

#[test]
fn an_instance_goes_with_its_image() {
    let image = everything().validate().expect("it is valid");
    let mut reclaim = Reclaim::new();
    for _ in 0..3 {
        reclaim.add(Instance::new(image.clone()));
    }
    drop(image);
    reclaim.add(Service { id: 1, parameter: 0 });
    let mut steps = 0;
    while reclaim.work(1) == 1 {
        steps += 1;
    }
    assert!((10..50).contains(&steps), "{steps}");
}

#[test]
fn dropping_and_hashing_the_highest_takes_little_stack() {
    let work = || {
        let mut capability = Capability::Data(full(1 << 20));
        for height in 0..16 {
            // As many branches as there can be above slot 127.
            let others =
                [0, 64, 96, 112, 120, 124, 126, 128].map(|slot| (slot, Service { id: 1, parameter: 0 }.into()));
            let slots = others.into_iter().chain([(127, capability)]);
            capability = CNode::from_slots(slots).expect("within bounds").into();
            assert_eq!(capability.measure().height, height + 1);
        }
        assert_ne!(capability.hash(), CNode::new().hash());
        drop(capability);
    };
    let thread = std::thread::Builder::new().stack_size(128 << 10).spawn(work).expect("a thread");
    thread.join().expect("it has stack enough");
}
