//! Trees of capabilities: to every machine and back, calls below their roots, and what goes with them.

use std::collections::BTreeMap;

use javm_isa::{CostModel, REG_COUNT, Reg};
use nub::cap::{
    Access, Backing, CNode, Callable, Interface, Mapping, Mask, Path, Right, RunState, Service, Suspended, TypeDef, Why,
};
use nub::{
    Capability, Data, Ended, Endpoint, ErrorCode, Grants, Image, InstanceId, InvokeOptions, Nub, Status, ValidImage,
};

use crate::surface::each;
use crate::{COUNTER, built, kvm};

/// Operations by number, of which a program here has an endpoint each: it takes the operands and gives what it gives.
const OPERATIONS: [(&str, u64); 6] =
    [("copy", 1), ("move", 2), ("drop", 4), ("new_data", 5), ("resize", 7), ("self", 24)];

/// A program that does whatever operation it is asked to do, with two pages of its own to write to.
pub(crate) fn operator() -> ValidImage {
    let program = javm_isa::assemble("ecall\n jump_ind ra, 0").expect("it is a program");
    let endpoint = |&(name, operation): &(&str, u64)| {
        let mut registers = [0; REG_COUNT];
        registers[Reg::A4.index()] = operation;
        Endpoint { registers, ..Endpoint::new(name.parse().expect("a name"), 4) }
    };
    let mapping =
        Mapping { pages: 2, access: Access::ReadWrite, backing: Backing::Persistent { slot: 3, offset_pages: 0 } };
    let image = Image {
        memory: BTreeMap::from([(0x20, mapping)]),
        slots: BTreeMap::from([(3, Data::new(2).expect("small"))]),
        ..Image::new(CostModel::Pipeline, program.blob().to_vec(), OPERATIONS.iter().map(endpoint).collect())
    };
    image.validate().expect("it is valid")
}

fn counter() -> ValidImage {
    ValidImage::load(COUNTER).expect("an Image")
}

pub(crate) fn path(slots: &[u8]) -> Path {
    Path::new(slots).expect("short")
}

fn at(slots: &[u8]) -> InvokeOptions {
    InvokeOptions { path: path(slots), ..InvokeOptions::default() }
}

fn instance(image: ValidImage) -> nub::cap::Instance {
    nub::cap::Instance::new(image)
}

/// One that has yielded.
fn suspended() -> nub::cap::Instance {
    let mut instance = instance(operator());
    let state = Suspended {
        why: Why::Yield { value: 99 },
        block_paid: true,
        pc: 1,
        registers: [7; REG_COUNT],
        ephemeral: Data::new(0).expect("small"),
        mappings: Default::default(),
    };
    instance.set_state(RunState::Suspended(state)).expect("it has no ephemeral pages");
    instance
}

/// A root with something of each kind below it, at depths from 1 to 4:
///
/// ```text
/// /10        a CNode, with
/// /10/1      an Instance of counter, with another one at /10/1/250
/// /10/2      a Suspended Instance
/// /10/3..6   an Image, a TypeDef, a Callable, a Service
/// /11        a Data of 1 GiB of which little is stored
/// /12        the CNode once more
/// ```
fn tree() -> nub::cap::Instance {
    let mut inner = instance(counter());
    inner.set_quota(Some(10_000)).expect("small");
    inner.put_at(&[250], instance(counter())).expect("small");
    let typedef = TypeDef::new("interface counter { add(amount: u64) -> u64; }".parse().expect("it is one"));
    let right = Right { mask: Mask::first(1), ceiling: 1 << 40, badge: 7, distance: 1, path: path(&[10, 1]) };
    let callable = Callable::new(Interface::TypeDef(typedef.clone()), right).expect("it has one method");
    let table = CNode::from_slots::<Capability>([
        (1, inner.into()),
        (2, suspended().into()),
        (3, counter().into()),
        (4, typedef.into()),
        (5, callable.into()),
        (6, Service { id: 1, parameter: 3 }.into()),
    ])
    .expect("small");
    let mut sparse = Data::new(1 << 18).expect("1 GiB");
    sparse.write(0x1234_5678, b"something").expect("inside");
    let mut root = instance(operator());
    root.set_home(Some(Path::ROOT));
    for (slot, capability) in [(10, Capability::from(table.clone())), (11, sparse.into()), (12, table.into())] {
        root.put_at(&[slot], capability).expect("small");
    }
    root
}

/// Every place in a tree.
fn places(capability: &Capability, above: &Path, found: &mut Vec<Path>) {
    found.push(*above);
    for (slot, below) in capability.table().into_iter().flat_map(CNode::iter) {
        places(below, &above.join(&[slot]).expect("not high"), found);
    }
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let root = Capability::from(tree());
    let mut all = Vec::new();
    places(&root, &Path::ROOT, &mut all);
    assert!(all.len() > 20);
    each(|mut nub| {
        let loaded = nub.load(tree()).expect("it is a tree");
        assert_eq!(nub.state_root(loaded), Ok(root.hash()));
        for place in &all {
            let expected = match &**place {
                [] => &root,
                slots => root.table().expect("an Instance").at(slots).expect("it is there"),
            };
            let found = nub.capability(loaded, place).expect("it answers").expect("it is there");
            assert_eq!((found.tag(), found.hash()), (expected.tag(), expected.hash()), "{place}");
            assert_eq!(found.measure(), expected.measure(), "{place}");
            let described = nub.describe(loaded, place).expect("it answers");
            assert_eq!(described, Some(nub::Description::of(expected)), "{place}");
            assert_eq!(nub.capability_hash(loaded, place), Ok(Some(expected.hash())));
        }
        for nowhere in [&[99][..], &[10, 99], &[11, 1], &[10, 3, 1], &[1; 16]] {
            assert_eq!(nub.capability(loaded, &path(nowhere)), Ok(None), "{nowhere:?}");
            assert_eq!(nub.describe(loaded, &path(nowhere)), Ok(None), "{nowhere:?}");
        }
        // Images came with it.
        assert!(nub.contains(&counter().hash()) && nub.contains(&operator().hash()));
        assert!(nub.drop_instance(loaded));
        assert_eq!(nub.capability(loaded, &Path::ROOT).expect_err("dropped").code(), ErrorCode::UnknownInstance);
    });
}

#[test]
fn what_stands_below_is_called_where_it_stands() {
    each(|mut nub| {
        let root = nub.load(tree()).expect("it is a tree");
        let before = nub.capability(root, &path(&[12])).expect("it answers");
        for (slots, amount) in [(&[10, 1][..], 5), (&[10, 1, 250], 7), (&[10, 1], 2)] {
            let outcome = nub.invoke(root, "add", &[amount], &at(slots)).expect("it is called");
            assert_eq!(outcome.ended, Ended::Halt);
        }
        let get = |nub: &mut Nub, slots: &[u8]| {
            let seen = nub.reader().query(root, "get", &[], &at(slots)).expect("it is called").value;
            assert_eq!(nub.invoke(root, "get", &[], &at(slots)).expect("it is called").value, seen);
            seen
        };
        assert_eq!([get(&mut nub, &[10, 1]), get(&mut nub, &[10, 1, 250])], [7, 7]);
        // The copy of the table beside it was not touched.
        assert_eq!(nub.capability(root, &path(&[12])), Ok(before));
        assert_eq!(get(&mut nub, &[12, 1]), 0);
        // Values by the signature of what is called.
        let returned = nub.invoke_values(root, "add", &[3_u64.into()], &at(&[12, 1])).expect("it is called");
        assert_eq!(returned.value, Some(3_u64.into()));
        let endpoint = nub.reader().endpoint_at(root, &path(&[12, 1]), "add").expect("it is there");
        assert_eq!(endpoint.arity, 1);
        // A call that fails leaves everything as it was.
        let root_hash = nub.state_root(root);
        let little = InvokeOptions { gas: 20, ..at(&[10, 1]) };
        assert_eq!(nub.invoke(root, "add", &[1], &little).expect("it is called").ended, Ended::OutOfGas);
        assert_eq!(nub.state_root(root), root_hash);
    });
}

#[test]
fn what_cannot_be_called_is_told_with_its_status() {
    each(|mut nub| {
        let root = nub.load(tree()).expect("it is a tree");
        let before = nub.state_root(root);
        for (slots, status, code) in [
            (&[99][..], Status::Empty, ErrorCode::Empty),
            (&[10, 99], Status::Empty, ErrorCode::Empty),
            (&[10], Status::Kind, ErrorCode::NoInstance),
            (&[11, 1], Status::Kind, ErrorCode::NoInstance),
            (&[10, 6], Status::Kind, ErrorCode::NoInstance),
            (&[10, 2], Status::Busy, ErrorCode::Busy),
        ] {
            let refused = nub.invoke(root, 0, &[0; 4], &at(slots)).expect_err("it cannot be called");
            assert_eq!((refused.status(), refused.code()), (Some(status), code), "{refused}");
            let asked = nub.reader().query(root, 0, &[0; 4], &at(slots)).expect_err("it cannot be called");
            assert_eq!(asked, refused);
            // What is there and busy has endpoints all the same.
            if status != Status::Busy {
                let endpoint = nub.reader().endpoint_at(root, &path(slots), 0).expect_err("it has none");
                assert_eq!(endpoint, refused);
            }
        }
        let refused = nub.invoke(root, "nothing", &[], &at(&[10, 1])).expect_err("no such endpoint");
        assert_eq!((refused.status(), refused.code()), (Some(Status::NoEndpoint), ErrorCode::UnknownEndpoint));
        assert_eq!(nub.state_root(root), before);
        // A root can be Suspended, too.
        let suspended = nub.load(suspended()).expect("it is a tree");
        let refused = nub.invoke(suspended, 0, &[0; 4], &InvokeOptions::default()).expect_err("it is Suspended");
        assert_eq!(refused.code(), ErrorCode::Busy);
    });
}

/// Calls an operation that has to be done.
fn operate(
    nub: &mut Nub,
    root: InstanceId,
    name: &str,
    arguments: [u64; 4],
    options: &InvokeOptions,
) -> nub::InvokeOutcome {
    let outcome = nub.invoke(root, name, &arguments, options).expect("it is called");
    assert_eq!((outcome.ended, outcome.registers[Reg::A1.index()]), (Ended::Halt, 0), "{name} {arguments:x?}");
    outcome
}

#[test]
fn gifts_of_every_kind_go_in_and_come_back() {
    let root = tree();
    let gifts: Vec<Capability> = root.table().iter().map(|(_, capability)| capability.clone()).collect();
    let inner = gifts.iter().filter_map(Capability::table).flat_map(CNode::iter).map(|(_, below)| below.clone());
    let gifts: Vec<Capability> = gifts.iter().cloned().chain(inner).chain([root.clone().into()]).collect();
    each(|mut nub| {
        let root = nub.load(instance(operator())).expect("it is a tree");
        for (number, gift) in gifts.iter().enumerate() {
            let options = InvokeOptions { gift: Some(gift.clone()), ..InvokeOptions::default() };
            // Every other one is there before.
            if number % 2 == 0 {
                assert_eq!(nub.put_cap(gift), Ok(gift.hash()));
                assert_eq!(nub.cap(&gift.hash()).as_ref(), Some(gift));
            }
            // A copy of slot 1 in slot 9, which stays; the gift comes back.
            let outcome = operate(&mut nub, root, "copy", [1 | 9 << 32, 0, 0, 0], &options);
            assert_eq!(outcome.gift.as_ref().map(Capability::hash), Some(gift.hash()));
            assert_eq!(nub.capability_hash(root, &path(&[9])), Ok(Some(gift.hash())));
            operate(&mut nub, root, "drop", [9, 0, 0, 0], &InvokeOptions::default());
            // Moved there, nothing comes back.
            let outcome = operate(&mut nub, root, "move", [1 | 9 << 32, 0, 0, 0], &options);
            assert_eq!(outcome.gift, None);
            // And out again, without one going in.
            let outcome = operate(&mut nub, root, "move", [9 | 1 << 32, 0, 0, 0], &InvokeOptions::default());
            assert_eq!(outcome.gift.as_ref().map(Capability::hash), Some(gift.hash()));
            // A query gives it back, too, and changes nothing.
            let before = nub.state_root(root);
            let arguments = [1 | 9 << 32, 0, 0, 0];
            let outcome = nub.reader().query(root, "copy", &arguments, &options).expect("it is called");
            assert_eq!(outcome.gift.as_ref().map(Capability::hash), Some(gift.hash()));
            assert_eq!(nub.state_root(root), before);
            // One that goes with a call that fails stays with the caller.
            let options = InvokeOptions { gas: 1, ..options };
            let outcome = nub.invoke(root, "copy", &arguments, &options).expect("it is called");
            assert_eq!((outcome.ended, outcome.gift), (Ended::OutOfGas, None));
            let is_image = matches!(gift, Capability::Image(_));
            assert_eq!(nub.drop_cap(&gift.hash()), Ok(number % 2 == 0 || is_image));
            assert!(!nub.contains(&gift.hash()));
        }
    });
}

#[test]
fn the_program_is_told_who_calls() {
    each(|mut nub| {
        let root = nub.load(tree()).expect("it is a tree");
        let who = |nub: &mut Nub, origin| {
            let options = InvokeOptions { origin, ..InvokeOptions::default() };
            operate(nub, root, "self", [0x20000, 0, 0, 0], &options);
            let Ok(Some(Capability::Data(data))) = nub.capability(root, &path(&[3])) else { panic!("it has pages") };
            let mut record = [0; 64];
            data.read(0, &mut record).expect("inside");
            record
        };
        assert_eq!(who(&mut nub, None)[0], 3);
        let record = who(&mut nub, Some([0xab; 32]));
        assert_eq!((record[0], record.windows(32).any(|part| part == [0xab; 32])), (2, true));
    });
}

#[test]
fn grants_may_be_anything_that_implements_what_is_wanted() {
    let program = javm_isa::assemble("jump_ind ra, 0").expect("it is a program");
    each(|mut nub| {
        let wanted = counter();
        let image = Image {
            imports: BTreeMap::from([(
                7,
                nub::cap::Import { required: true, wanted: nub::cap::Wanted::TypeDef(wanted.interface()) },
            )]),
            ..Image::new(CostModel::Pipeline, program.blob().to_vec(), Vec::new())
        };
        let image = nub.publish_image(image.validate().expect("valid")).expect("it is published");
        let refused = nub.instantiate(&image, &Grants::services()).expect_err("it is required");
        assert_eq!(refused.code(), ErrorCode::Denied);
        let wrong = Grants::none().with(7, instance(operator()).into());
        assert_eq!(nub.instantiate(&image, &wrong).expect_err("it implements nothing").code(), ErrorCode::Denied);
        let child = Capability::from(instance(counter()));
        let made = nub.instantiate(&image, &Grants::none().with(7, child.clone())).expect("it is granted");
        assert_eq!(nub.capability_hash(made, &path(&[7])), Ok(Some(child.hash())));
        assert_eq!(nub.invoke(made, "add", &[4], &at(&[7])).expect("it is called").value, 4);
    });
}

#[test]
fn what_is_too_large_is_refused() {
    let full = |content: Capability| CNode::from_slots((0..=255).map(|slot| (slot, content.clone()))).expect("small");
    let data = |pages| Capability::from(Data::new(pages).expect("not too long"));
    let first = full(data(1 << 20));
    let second = full(first.clone().into());
    // A table of just the greatest size: with its Image an Instance that has it is larger.
    let mut last = first.clone();
    last.set(0, data((1 << 20) - 4113)).expect("smaller");
    let mut before_last = second.clone();
    before_last.set(0, last).expect("smaller");
    let mut table = CNode::from_slots((1..16).map(|slot| (slot, second.clone()))).expect("not too large");
    table.set(0, before_last).expect("not too large");
    assert_eq!(table.measure().size, nub::cap::MAX_SIZE);
    let mut root = instance(operator());
    *root.table_mut() = table.clone();
    each(|mut nub| {
        let refused = nub.load(root.clone()).expect_err("it is too large");
        assert_eq!(refused.code(), ErrorCode::Bounds);
        assert_eq!(nub.put_cap(&root.clone().into()), Err(refused));
        assert_eq!(nub.put_cap(&table.clone().into()), Ok(table.hash()));
        assert_eq!(nub.stats().expect("it answers").instances, 0);
    });
}

/// After a guest has ended a tree is what it was when it was loaded, with everything below.
#[test]
fn trees_are_as_they_were_loaded_when_a_guest_has_ended() {
    let Some(mut nub) = built(kvm()) else { return };
    let root = nub.load(tree()).expect("it is a tree");
    let loaded = nub.state_root(root).expect("it answers");
    let gift = Capability::from(Data::from_bytes(b"a gift").expect("small"));
    let hash = nub.put_cap(&gift).expect("it is put");
    nub.invoke(root, "add", &[5], &at(&[10, 1])).expect("it is called");
    assert_ne!(nub.state_root(root), Ok(loaded));
    nub.fail(nub::Failure::Panic).expect_err("it ends");
    assert_eq!(nub.state_root(root), Ok(loaded));
    assert_eq!(nub.invoke(root, "get", &[], &at(&[10, 1])).expect("it is called").value, 0);
    assert_eq!(nub.cap(&hash), Some(gift.clone()));
    let options = InvokeOptions { gift: Some(gift), ..InvokeOptions::default() };
    let outcome = operate(&mut nub, root, "copy", [1 | 9 << 32, 0, 0, 0], &options);
    assert_eq!(outcome.gift.map(|gift| gift.hash()), Some(hash));
    assert_eq!(nub.drop_cap(&hash), Ok(true));
}

/// A tree for which a guest has no room is refused before it is full, and all is as it was.
#[test]
fn a_tree_that_is_too_large_for_a_guest_is_refused() {
    let Some(mut nub) = built(kvm().memory(64 << 20)) else { return };
    let small = nub.load(tree()).expect("it is a tree");
    let bytes: Vec<u8> = (0..24u32 << 20).map(|number| (number >> 12) as u8 | 1).collect();
    let mut large = Data::from_bytes(&bytes).expect("24 MiB");
    // No two pages are the same.
    for page in 0..large.pages() {
        large.write(u64::from(page) * 4096, &page.to_le_bytes()).expect("inside");
    }
    let tables = (0..4u8).map(|number| {
        let mut copy = large.clone();
        for page in 0..copy.pages() {
            copy.write(u64::from(page) * 4096 + 8, &[number + 1]).expect("inside");
        }
        (number + 20, copy)
    });
    let mut root = instance(operator());
    for (slot, data) in tables {
        root.put_at(&[slot], data).expect("small");
    }
    let before = nub.stats().expect("it answers");
    for _ in 0..3 {
        assert_eq!(nub.load(root.clone()).expect_err("96 MiB").code(), ErrorCode::OutOfMemory);
    }
    let after = nub.stats().expect("it answers");
    assert_eq!(after.instances, before.instances);
    assert_eq!(nub.invoke(small, "add", &[5], &at(&[10, 1])).expect("it is called").value, 5);
    // One of them fits, again and again.
    let mut root = instance(operator());
    root.put_at(&[20], large).expect("small");
    for _ in 0..5 {
        let loaded = nub.load(root.clone()).expect("24 MiB");
        assert_eq!(nub.state_root(loaded), Ok(root.hash()));
        assert!(nub.drop_instance(loaded));
    }
}

#[test]
fn what_stands_in_a_tree_is_proved() {
    let tree = tree();
    let root_hash = tree.hash();
    let mut all = Vec::new();
    places(&tree.clone().into(), &Path::ROOT, &mut all);
    each(|mut nub| {
        let root = nub.load(tree.clone()).expect("it is a tree");
        for place in &all {
            let proof = nub.prove(root, place).expect("it is there");
            assert_eq!((proof.root, proof.verify()), (root_hash, Ok(())), "{place}");
            let hash = nub.capability_hash(root, place).expect("it answers").expect("it is there");
            assert_eq!(proof.claim, nub::Claim::Present(hash));
            let other = nub::Proof { claim: nub::Claim::Present(nub::CapHash([7; 32])), ..proof.clone() };
            assert!(other.verify().is_err());
            if let Some(byte) = proof.bytes.len().checked_sub(1) {
                let mut bytes = proof.bytes.clone();
                bytes[byte] ^= 1;
                assert!(nub::Proof { bytes, ..proof }.verify().is_err(), "{place}");
            }
        }
        let nothing = nub.prove(root, &path(&[10, 99])).expect("there is a way to it");
        assert_eq!((&nothing.claim, nothing.verify()), (&nub::Claim::Absent, Ok(())));
        let proof = nub.prove_bytes(root, &path(&[11]), 0x1234_5676, 13).expect("inside");
        assert_eq!(proof.claim, nub::Claim::Bytes { offset: 0x1234_5676, bytes: b"\0\0something\0\0".to_vec() });
        assert_eq!(proof.verify(), Ok(()));
        for (place, offset, length) in [
            (&[10][..], 0, 1),
            (&[99], 0, 1),
            (&[11], 1 << 30, 1),
            (&[11], 0, 0),
            (&[11], u64::MAX, 2),
            (&[11], 0, 1 << 40),
        ] {
            let refused = nub.prove_bytes(root, &path(place), offset, length).expect_err("there is none");
            assert_eq!(refused.code(), ErrorCode::NoProof, "{place:?} {offset} {length}");
        }
        assert_eq!(nub.prove(root, &path(&[99, 1])).expect_err("no way to it").code(), ErrorCode::NoProof);
    });
}
