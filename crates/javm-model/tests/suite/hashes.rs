//! The model's own hashes are those of `javm-cap`, for the values that both have.

use javm_model::{CNode, Data, Instance, PAGE_SIZE, Run, Script, Service, Status, Suspended, Value, hash};
use proptest::prelude::*;

fn real_data(data: &Data) -> javm_cap::Data {
    let mut real = javm_cap::Data::new(data.pages).expect("short enough");
    for (index, page) in data.stored() {
        real.write(u64::from(index) * PAGE_SIZE as u64, &page).expect("inside");
    }
    real
}

fn real(value: &Value) -> javm_cap::Capability {
    match value {
        Value::Data(data) => real_data(data).into(),
        Value::CNode(table) => {
            let slots = table.slots.iter().map(|(&slot, value)| (slot, real(value)));
            javm_cap::CNode::from_slots(slots).expect("small enough").into()
        }
        Value::Service(service) => javm_cap::Service { id: service.id, parameter: service.parameter }.into(),
        other => panic!("not built here: {other:?}"),
    }
}

fn data() -> impl Strategy<Value = Data> {
    let writes = prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 0..5);
    (prop_oneof![0..40_u32, Just(1 << 20), 500..600_u32], writes).prop_map(|(pages, writes)| {
        // Written page by page through the bytes of a shorter one, so that no test writes gigabytes.
        let head = pages.min(40);
        let mut bytes = vec![0; head as usize * PAGE_SIZE];
        for (place, value) in writes {
            if !bytes.is_empty() {
                let at = place.index(bytes.len());
                bytes[at] = value as u8;
            }
        }
        let mut data = Data::from_bytes(&bytes);
        data.pages = pages;
        data
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        data().prop_map(Value::Data),
        (any::<u32>(), any::<u64>()).prop_map(|(id, parameter)| Value::Service(Service { id, parameter })),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::btree_map(any::<u8>(), inner, 0..4).prop_map(|slots| Value::CNode(CNode::of(slots)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_values(value in value()) {
        prop_assert_eq!(hash::of(&value), *real(&value).hash().as_bytes());
    }
}

#[test]
fn of_an_idle_instance() {
    let bytes = include_bytes!("../../../../guests/images/counter.nub");
    let image = javm_cap::ValidImage::load(bytes).expect("it is valid");
    let mut real_instance = javm_cap::Instance::new(image.clone());
    let slots = image.image().slots.iter().map(|(&slot, data)| {
        let mut bytes = vec![0; data.size() as usize];
        data.read(0, &mut bytes).expect("all of it");
        (slot, Data::from_bytes(&bytes))
    });
    let model = javm_model::Image {
        hash: *image.hash().as_bytes(),
        bytes: bytes.len() as u64,
        slots: slots.collect(),
        ..javm_model::Image::of(Script::default())
    };
    let mut instance = Instance::new(&std::rc::Rc::new(model));
    assert_eq!(hash::of_instance(&instance), *real_instance.hash().as_bytes());
    instance.table.slots.insert(77, Value::Data(Data::from_bytes(b"x")));
    real_instance.table_mut().set(77, javm_cap::Data::from_bytes(b"x").expect("short")).expect("small enough");
    assert_eq!(hash::of_instance(&instance), *real_instance.hash().as_bytes());
}

/// Every part of a run state is in its hash, and what is mapped, not how it came about.
#[test]
fn of_run_states() {
    let mut instance = Instance::new(&javm_model::Image::of(Script::default()).identified());
    assert_eq!(hash::of_run_state(&instance), hash::hash(0x21, &[&[0, 0, 0]]));
    let suspended = Suspended {
        why: Status::Fault,
        paid: true,
        pc: 7,
        registers: [1; 13],
        detail: 0x10000,
        ephemeral: Data::new(3),
        dynamic: [(64, (7, 0, true)), (65, (7, 1, true)), (66, (7, 2, false))].into_iter().collect(),
    };
    let mut expected = vec![1, 1, 1];
    expected.extend(9_u64.to_le_bytes());
    expected.extend([2, 3, 4]);
    expected.extend([2, 1]);
    expected.extend(7_u32.to_le_bytes());
    expected.extend([1_u64; 13].iter().flat_map(|register| register.to_le_bytes()));
    expected.extend(0x10000_u64.to_le_bytes());
    expected.extend(hash::of_data(&Data::new(3)));
    expected.extend(2_u32.to_le_bytes());
    expected.extend([64_u32, 2, 0].iter().flat_map(|number| number.to_le_bytes()));
    expected.extend([1, 7]);
    expected.extend([66_u32, 1, 2].iter().flat_map(|number| number.to_le_bytes()));
    expected.extend([0, 7]);
    instance.quota = Some(9);
    instance.home = Some(vec![3, 4]);
    instance.run = Run::Suspended(Box::new(suspended.clone()));
    assert_eq!(hash::of_run_state(&instance), hash::hash(0x21, &[&expected]));

    let all = |suspended: Suspended| {
        instance.run = Run::Suspended(Box::new(suspended));
        hash::of_run_state(&instance)
    };
    let base = suspended;
    let mut seen: Vec<_> = [
        base.clone(),
        Suspended { why: Status::Panic, ..base.clone() },
        Suspended { paid: false, ..base.clone() },
        Suspended { pc: 8, ..base.clone() },
        Suspended { registers: [2; 13], ..base.clone() },
        Suspended { detail: 0, ..base.clone() },
        Suspended { ephemeral: Data::new(4), ..base.clone() },
        Suspended { dynamic: [(64, (7, 0, true))].into_iter().collect(), ..base.clone() },
    ]
    .into_iter()
    .map(all)
    .collect();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count);
}
