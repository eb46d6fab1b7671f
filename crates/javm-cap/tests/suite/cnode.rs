//! CNode against a plain map, and Instances above it.

use std::collections::BTreeMap;

use javm_cap::{CNode, CapHash, Capability, Data, Instance, Service, Tag};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fixtures::{blake2b, config, everything, naive_root};

#[derive(Clone, Debug)]
enum Step {
    Set(u8, u8),
    Take(u8),
    /// Change what stands there in place.
    Change(u8),
    Copy,
    Hash,
}

fn step() -> impl Strategy<Value = Step> {
    // Few slots, some of them neighbours, so that steps meet.
    let slot = || prop_oneof![0..6u8, 126..130u8, 250..=255u8];
    prop_oneof![
        4 => (slot(), any::<u8>()).prop_map(|(slot, what)| Step::Set(slot, what)),
        2 => slot().prop_map(Step::Take),
        2 => slot().prop_map(Step::Change),
        1 => Just(Step::Copy),
        1 => Just(Step::Hash),
    ]
}

fn some_capability(what: u8) -> Capability {
    match what % 3 {
        0 => Service { id: what.into(), parameter: 0 }.into(),
        1 => Data::from_bytes(&[what]).expect("short").into(),
        _ => CNode::from_slots([(what, Service { id: 0, parameter: what.into() })]).expect("small").into(),
    }
}

/// Changes what stands in a slot in place where that can be done.
fn change(table: &mut CNode, slot: u8) {
    match table.get(slot).map(Capability::tag) {
        Some(Tag::Data) => {
            let data = table.data_mut(slot).expect("it is one");
            data.page_mut(0).expect("it has one")[1] += 1;
        }
        Some(Tag::CNode) if table.take_at(&[slot, 1]).is_err() => {
            table.put_at(&[slot, 1], some_capability(0)).expect("it is empty");
        }
        Some(Tag::Service) => {
            let changed = Service { id: 99, parameter: 1 };
            table.replace_at(&[slot], changed).expect("there is one");
        }
        _ => {}
    }
}

/// The same by taking it out.
fn change_outside(model: &mut BTreeMap<u8, Capability>, slot: u8) {
    if let Some(capability) = model.remove(&slot) {
        let mut table = CNode::from_slots([(7, capability)]).expect("small");
        change(&mut table, 7);
        model.insert(slot, table.take(7).expect("it is there"));
    }
}

fn naive_hash(model: &BTreeMap<u8, Capability>) -> CapHash {
    let leaves = model.iter().map(|(&slot, capability)| (slot.into(), capability.hash().0)).collect();
    CapHash(blake2b(&[&[0x11], &naive_root(0x02, &[0; 32], 8, &leaves)]))
}

fn check(table: &CNode, model: &BTreeMap<u8, Capability>) -> Result<(), TestCaseError> {
    prop_assert_eq!(table.hash(), naive_hash(model));
    prop_assert_eq!(table.is_empty(), model.is_empty());
    prop_assert!(table.iter().eq(model.iter().map(|(&slot, capability)| (slot, capability))));
    for slot in 0..=255 {
        prop_assert_eq!(table.get(slot), model.get(&slot));
    }
    let backwards = CNode::from_slots(model.clone().into_iter().rev()).expect("small");
    prop_assert_eq!(table, &backwards);
    prop_assert_eq!(table.measure(), backwards.measure());
    Ok(())
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn a_cnode_is_a_map_whose_copies_stay_as_they_are(steps in vec(step(), 0..50)) {
        let mut table = CNode::new();
        let mut model = BTreeMap::new();
        let mut copies = Vec::new();
        for step in steps {
            match step {
                Step::Set(slot, what) => {
                    let old = model.insert(slot, some_capability(what));
                    prop_assert_eq!(table.set(slot, some_capability(what)), Ok(old));
                }
                Step::Take(slot) => prop_assert_eq!(table.take(slot), model.remove(&slot)),
                Step::Change(slot) => {
                    change(&mut table, slot);
                    change_outside(&mut model, slot);
                }
                Step::Copy => copies.push((table.clone(), model.clone())),
                Step::Hash => prop_assert_eq!(table.hash(), naive_hash(&model)),
            }
        }
        check(&table, &model)?;
        for (copy, model) in &copies {
            check(copy, model)?;
        }
    }
}

#[test]
fn a_copy_of_an_instance_does_not_see_what_the_other_does() {
    let mut instance = Instance::new(everything().validate().expect("it is valid"));
    let (copy, hash) = (instance.clone(), instance.hash());
    let data = |instance: &mut Instance, bytes: &[u8]| {
        instance.table_mut().data_mut(3).expect("slot 3 holds Data").write(0, bytes).expect("inside");
    };
    data(&mut instance, b"changed");
    assert_ne!(instance.hash(), hash);
    assert_eq!(copy.hash(), hash);
    let Some(Capability::Data(before)) = copy.table().get(3) else { panic!("slot 3 holds Data") };
    assert_eq!(before, &everything().slots[&3]);
    data(&mut instance, &[0; 7]);
    assert_eq!(instance.hash(), hash, "equal content has equal hashes again");
}
