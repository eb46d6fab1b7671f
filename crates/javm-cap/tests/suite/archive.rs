//! Archives: what goes in comes out, shared as it was, and no bytes do any harm.

use javm_cap::archive::{Reader, Weight, Writer};
use javm_cap::{CNode, CapHash, Capability, Data, Instance, PAGE_SIZE, Service, TypeDef, ValidImage};
use proptest::prelude::*;

use super::fixtures::{adder, callables, config, everything, instances, token, valid};

fn no_image(_: &CapHash) -> Option<ValidImage> {
    None
}

/// The archive of a capability, in parts of about so many bytes.
fn parts(capability: &Capability, length: usize, is_published: impl Fn(&CapHash) -> bool) -> Vec<Vec<u8>> {
    let mut writer = Writer::new(capability.clone());
    let mut parts = Vec::new();
    while let Some(part) = writer.part(length, &is_published) {
        assert!(!parts.is_empty() || writer.written() > 0);
        parts.push(part);
    }
    assert!(writer.is_done());
    parts
}

fn read(parts: &[Vec<u8>]) -> Capability {
    let mut reader = Reader::new(u64::MAX);
    for part in parts {
        let weight = Weight::of(part, reader.nodes() + 1).expect("it was written");
        let before = reader.nodes();
        reader.read(part, no_image).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reader.nodes(), before + weight.nodes);
    }
    reader.finish().unwrap_or_else(|error| panic!("{error}"))
}

/// Something of each kind, all that can be different about it, and things in things.
fn examples() -> Vec<Capability> {
    let data = |bytes: &[u8]| Data::from_bytes(bytes).expect("short");
    let mut sparse = Data::new(1 << 20).expect("as long as can be");
    sparse.write(77 * PAGE_SIZE as u64 + 5, b"near").expect("inside");
    sparse.write((1 << 32) - 1, b"e").expect("inside");
    let mut zeroed = data(&[7; 3 * PAGE_SIZE]);
    zeroed.page_mut(1).expect("inside").fill(0);
    let mut all: Vec<Capability> = vec![
        Data::new(0).expect("small").into(),
        Data::new(5).expect("small").into(),
        data(&[7; 20_000]).into(),
        data(b"x").into(),
        sparse.into(),
        zeroed.into(),
        CNode::new().into(),
        valid(adder()).into(),
        valid(everything()).into(),
        token().into(),
        Service { id: 3, parameter: u64::MAX }.into(),
        Instance::new(valid(everything())).into(),
    ];
    all.extend(callables().map(|(_, callable)| callable.into()));
    all.extend(instances().map(|(_, instance)| instance.into()));
    let mut table = CNode::from_slots((0..).zip(all.clone())).expect("small");
    table.set(255, table.clone()).expect("not high");
    let mut root = Instance::new(valid(adder()));
    root.put_at(&[9], table.clone()).expect("small");
    root.put_at(&[200], CNode::from_slots([(7, root.clone())]).expect("small")).expect("small");
    all.extend([table.into(), root.into()]);
    all
}

#[test]
fn everything_comes_back_whatever_the_parts() {
    for capability in examples() {
        for length in [1, 100, 5000, 1 << 20] {
            let back = read(&parts(&capability, length, |_| false));
            assert_eq!(back.hash(), capability.hash(), "{capability:?}");
            assert_eq!((back.tag(), back.measure()), (capability.tag(), capability.measure()));
        }
    }
}

#[test]
fn what_is_shared_is_written_once() {
    let length = |capability: &Capability| parts(capability, 1 << 20, |_| false).concat().len();
    let child = Capability::from(Instance::new(valid(everything())));
    // A million Instances, all the same, three levels of tables deep.
    let full = |content: Capability| CNode::from_slots((0..=255).map(|slot| (slot, content.clone()))).expect("small");
    let one = CNode::from_slots([(0, child.clone())]).expect("small");
    let million = Capability::from(full(full(full(child.clone()).into()).into()));
    assert!(length(&million) < length(&one.into()) + 3 * 256 * 5 + 20, "{}", length(&million));
    let back = read(&parts(&million, 1000, |_| false));
    assert_eq!(back.hash(), million.hash());

    // Copies of a Data with a page changed in each have the rest in common.
    let whole = Data::from_bytes(&(0..1u32 << 19).flat_map(u32::to_le_bytes).collect::<Vec<_>>()).expect("short");
    let copy = |page: u32| {
        let mut copy = whole.clone();
        copy.write(u64::from(page) * PAGE_SIZE as u64, &[page as u8 + 1; 9]).expect("inside");
        copy
    };
    let copies = Capability::from(CNode::from_slots((0..100).map(|slot| (slot, copy(slot.into())))).expect("small"));
    let (alone, together) = (length(&whole.into()), length(&copies));
    assert!(together < alone + 100 * (PAGE_SIZE + 10 * 9 + 50), "{alone} and {together}");
    assert_eq!(read(&parts(&copies, 9999, |_| false)).hash(), copies.hash());
}

#[test]
fn sparse_data_costs_what_it_holds() {
    let mut sparse = Data::new(1 << 18).expect("1 GiB");
    sparse.write(12_345_678, b"something").expect("inside");
    let length = parts(&sparse.into(), 1 << 20, |_| false).concat().len();
    assert!(length < 1000, "{length}");
}

#[test]
fn images_that_are_there_go_by_their_hash() {
    let image = valid(everything());
    let capability = Capability::from(Instance::new(image.clone()));
    let parts = parts(&capability, 1 << 20, |hash| *hash == image.hash()).concat();
    assert!(parts.len() < image.image().encode().len());
    let mut reader = Reader::new(u64::MAX);
    let error = reader.read(&parts, no_image).expect_err("it is not there");
    assert!(error.to_string().contains("is not published here"), "{error}");
    let mut reader = Reader::new(u64::MAX);
    reader.read(&parts, |hash| (*hash == image.hash()).then(|| image.clone())).expect("it is there");
    assert_eq!(reader.finish().expect("whole"), capability);
}

#[test]
fn no_more_is_taken_than_was_allowed() {
    let whole = Data::from_bytes(&[7; 64 * PAGE_SIZE]).expect("short");
    let shared = parts(&whole.clone().into(), 1 << 20, |_| false).concat();
    // One page, and the nodes above it.
    assert!(Reader::new(10_000).read(&shared, no_image).is_ok());
    let different: Vec<u8> = (0..64u32).flat_map(|page| [page as u8 + 1; PAGE_SIZE]).collect();
    let different = parts(&Data::from_bytes(&different).expect("short").into(), 1 << 20, |_| false).concat();
    let error = Reader::new(10_000).read(&different, no_image).expect_err("64 pages");
    assert!(error.to_string().contains("10000 are allowed"), "{error}");
    let weight = Weight::of(&different, 1).expect("it was written");
    assert!(weight.pages == 64 && weight.bytes() < 64 * (PAGE_SIZE as u64 + 512), "{weight:?}");
}

/// A node of each sort that names what it must not, or says what nothing is.
#[test]
fn what_is_wrong_is_told() {
    const PAGE: &[u8] = &[0, 1, 0, 9];
    const DATA: &[u8] = &[0x10, 1, 0, 0, 0, 1, 0, 0, 0];
    let service = [&[0x16][..], &[0; 12]].concat();
    let callable = parts(&callables()[0].1.clone().into(), 1 << 20, |_| false).concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![0x77], "kind"),
        (vec![0, 0, 0], "what is zero must not be listed"),
        (vec![0, 2, 0, 9, 0], "the zero at its end"),
        (vec![0, 1, 0x10, 9], "needed"),
        ([&[0, 1, 0x20][..], &[1; 0x2001]].concat(), "more than the limit of 4096"),
        (vec![1, 0, 0, 0, 0, 0, 0, 0, 0], "a half with something in it"),
        ([PAGE, &[1, 1, 0, 0, 0, 2, 0, 0, 0]].concat(), "node 2"),
        ([PAGE, &[1, 1, 0, 0, 0, 1, 0, 0, 0], &[1, 1, 0, 0, 0, 2, 0, 0, 0]].concat(), "as high as the other"),
        ([PAGE, &[0x10, 2, 0, 0, 0, 1, 0, 0, 0]].concat(), "the content of so many pages"),
        ([PAGE, &[0x10, 0, 0, 0, 0, 1, 0, 0, 0]].concat(), "the content of so many pages"),
        (vec![0x10, 1, 0, 0x10, 0, 0, 0, 0, 0], "more than the limit of 1048576"),
        ([PAGE, &[1, 0, 0, 0, 0, 1, 0, 0, 0], &[0x10, 1, 0, 0, 0, 2, 0, 0, 0]].concat(), "of so many pages"),
        ([service.as_slice(), &[0x10, 1, 0, 0, 0, 1, 0, 0, 0]].concat(), "a part of a Data"),
        ([PAGE, &[0x11, 1, 0, 5, 1, 0, 0, 0]].concat(), "a capability"),
        (vec![0x11, 1, 0, 5, 0, 0, 0, 0], "names node 0"),
        ([PAGE, DATA, &[0x11, 2, 0, 5, 2, 0, 0, 0, 5, 2, 0, 0, 0]].concat(), "ascending order"),
        (vec![0x12, 1, 0, 0, 0, 9], "not an Image"),
        (vec![0x13, 1, 0, 0, 0, 0xff], "node 1"),
        ([PAGE, DATA, &[0x14, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat(), "an Image"),
        ([&service[..], &[0x15, 1, 0, 0, 0], &callable[callable.len() - 99..]].concat(), "a TypeDef"),
    ];
    for (bytes, expected) in cases {
        let error = Reader::new(u64::MAX).read(&bytes, no_image).expect_err(expected).to_string();
        assert!(error.contains(expected), "{bytes:02x?}: {error}");
    }
    assert!(Reader::new(u64::MAX).finish().is_err());
    let mut reader = Reader::new(u64::MAX);
    reader.read(PAGE, no_image).expect("a page");
    assert!(reader.finish().expect_err("a page is no capability").to_string().contains("no capability"));
}

#[test]
fn states_that_no_instance_can_be_in_are_refused() {
    let (_, suspended) = instances()[2].clone();
    let mut archive = parts(&suspended.into(), 1 << 20, |_| false).concat();
    let state = |archive: &[u8]| {
        let mut reader = Reader::new(u64::MAX);
        reader.read(archive, no_image).map_err(|error| error.to_string())
    };
    state(&archive).expect("it is one");
    // What belongs to a run state is at the end: the mappings, of which the last is one page from page 0x200 on.
    let last = archive.len() - 14;
    for (at, value, expected) in [
        (last + 1, 0, "in ascending order"),
        (last + 4, 0, "in ascending order"),
        (last + 12, 9, "access"),
        (last - 14 - 4, 3, "needed"),
    ] {
        let before = std::mem::replace(&mut archive[at], value);
        let error = state(&archive).expect_err(expected);
        assert!(error.contains(expected), "byte {at} = {value}: {error}");
        archive[at] = before;
    }
}

proptest! {
    #![proptest_config(config(400))]

    /// Whatever is changed, cut off or put in, there is an error or something that can be written again.
    #[test]
    fn no_bytes_do_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let all = examples();
        let mut bytes = parts(which.get(&all), 1 << 20, |_| false).concat();
        for (at, value) in changes {
            *at.get_mut::<u8>(&mut bytes) = value;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let weight = Weight::of(&bytes, 1);
        let mut reader = Reader::new(1 << 30);
        match reader.read(&bytes, no_image) {
            Ok(()) => {
                prop_assert_eq!(weight.expect("it can be read").nodes, reader.nodes());
                if let Ok(capability) = reader.finish() {
                    prop_assert_eq!(read(&parts(&capability, 500, |_| false)).hash(), capability.hash());
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn a_typedef_that_a_callable_carries_is_shared() {
    let table =
        CNode::from_slots([(1, Capability::from(callables()[0].1.clone())), (2, TypeDef::clone(&token()).into())]);
    let table = Capability::from(table.expect("small"));
    let alone = parts(&token().into(), 1 << 20, |_| false).concat().len();
    let together = parts(&table, 1 << 20, |_| false).concat().len();
    assert!(together < alone + 99 + 40);
    assert_eq!(read(&parts(&table, 1, |_| false)).measure(), table.measure());
}

#[test]
fn the_spec_page_says_what_the_code_does() {
    let page = include_str!("../../../../docs/spec/archive.md");
    let block = page.split("```text\nexample archive\n").nth(1).and_then(|rest| rest.split("```").next());
    let bytes = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("a byte")).collect()
    };
    // Up to the number of the node.
    let node = |line: &str| line.split_whitespace().take_while(|word| !word.ends_with(':')).flat_map(bytes).collect();
    let nodes: Vec<Vec<u8>> = block.expect("it is there").lines().map(node).collect();
    let hello = Data::from_bytes(b"hello").expect("short");
    let table = Capability::from(CNode::from_slots([(2, hello.clone()), (7, hello)]).expect("small"));
    assert_eq!(parts(&table, 1, |_| false), nodes);
    assert_eq!((read(&nodes), read(&[nodes.concat()])), (table.clone(), table));
}
