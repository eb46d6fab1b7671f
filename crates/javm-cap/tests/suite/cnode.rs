//! CNode against a plain map, and Instances above it.

use std::collections::BTreeMap;

use javm_cap::{CNode, CapHash, Capability, Data, Instance, Service};
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
        _ => CNode::from_iter([(what, Service { id: 0, parameter: what.into() }.into())]).into(),
    }
}

fn change(capability: &mut Capability) {
    match capability {
        Capability::Service(service) => service.parameter += 1,
        Capability::Data(data) => data.page_mut(0).expect("it has one")[1] += 1,
        Capability::CNode(table) => {
            if table.take(1).is_none() {
                table.set(1, some_capability(0));
            }
        }
        _ => unreachable!("no other kind is made here"),
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
    let backwards: CNode = model.clone().into_iter().rev().collect();
    prop_assert_eq!(table, &backwards);
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
                    prop_assert_eq!(table.set(slot, some_capability(what)), old);
                }
                Step::Take(slot) => prop_assert_eq!(table.take(slot), model.remove(&slot)),
                Step::Change(slot) => {
                    prop_assert_eq!(table.get_mut(slot).map(change), model.get_mut(&slot).map(change));
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
    let (copy, before) = (instance.clone(), instance.hash());
    let Some(Capability::Data(data)) = instance.table_mut().get_mut(3) else { panic!("slot 3 holds Data") };
    data.write(0, b"changed").expect("inside");
    assert_ne!(instance.hash(), before);
    assert_eq!(copy.hash(), before);
    let Some(Capability::Data(data)) = copy.table().get(3) else { panic!("slot 3 holds Data") };
    assert_eq!(data, &everything().slots[&3]);
    let Some(Capability::Data(data)) = instance.table_mut().get_mut(3) else { panic!("slot 3 holds Data") };
    data.write(0, &[0; 7]).expect("inside");
    assert_eq!(instance.hash(), before, "equal content has equal hashes again");
}
