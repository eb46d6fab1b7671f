//! The model's own hashes, sizes and heights are those of `javm-cap`.

use std::rc::Rc;
use std::sync::LazyLock;

use javm_model::{
    CNode, Callable, Data, Image, Instance, Mapping, PAGE_SIZE, Path, Run, Script, Service, Source, Status, Suspended,
    TypeDef, Value, hash, measure,
};
use proptest::prelude::*;

/// A real Image: two instructions, one endpoint, three ephemeral pages.
static IMAGE: LazyLock<javm_cap::ValidImage> = LazyLock::new(|| {
    let code = vec![0, 0, 5, 200, 0x87, 7, 50, 0, 0b01001];
    let add = javm_cap::Endpoint::new("add".parse().expect("a name"), 2);
    let ephemeral =
        javm_cap::Mapping { pages: 3, access: javm_cap::Access::ReadWrite, backing: javm_cap::Backing::Ephemeral };
    let image = javm_cap::Image {
        memory: [(32, ephemeral)].into_iter().collect(),
        ..javm_cap::Image::new(javm_isa::CostModel::Pipeline, code, vec![add])
    };
    image.validate().expect("it is valid")
});

const TYPEDEF: &str = "interface pair { left() -> u64; right(by: u64) -> u64; }";

/// The same in the model.
fn model_image() -> Rc<Image> {
    let script = Script::new(vec![javm_model::Action::Block(1), javm_model::Action::Return]);
    let mut image = Image::of(script);
    image.endpoints[0].name = "add".into();
    image.endpoints[0].arity = 2;
    image.hash = *IMAGE.hash().as_bytes();
    image.bytes = IMAGE.image().encode().len() as u64;
    image.memory.insert(32, Mapping { pages: 3, writable: true, source: Source::Ephemeral });
    Rc::new(image)
}

fn real_data(data: &Data) -> javm_cap::Data {
    let mut real = javm_cap::Data::new(data.pages).expect("short enough");
    for (index, page) in data.stored() {
        real.write(u64::from(index) * PAGE_SIZE as u64, &page).expect("inside");
    }
    real
}

fn real_suspended(suspended: &Suspended) -> javm_cap::Suspended {
    let why = match suspended.why {
        Status::Panic => javm_cap::Why::Panic,
        Status::Fault => javm_cap::Why::Fault { page: suspended.detail as u32 },
        Status::OutOfGas => javm_cap::Why::OutOfGas,
        _ => javm_cap::Why::Yield { value: suspended.detail },
    };
    let mut mappings = javm_cap::DynamicMappings::new();
    // Page by page: which entries it makes of them is its own affair.
    for (&first_page, &(slot, offset, writable)) in &suspended.dynamic {
        let access = if writable { javm_cap::Access::ReadWrite } else { javm_cap::Access::ReadOnly };
        let mapping = javm_cap::DynamicMapping { first_page, pages: 1, offset, access, slot };
        mappings.map(mapping).expect("few enough");
    }
    javm_cap::Suspended {
        why,
        block_paid: suspended.paid,
        pc: suspended.pc,
        registers: suspended.registers,
        ephemeral: real_data(&suspended.ephemeral),
        mappings,
    }
}

fn real(value: &Value) -> javm_cap::Capability {
    match value {
        Value::Data(data) => real_data(data).into(),
        Value::CNode(table) => {
            let slots = table.slots.iter().map(|(&slot, value)| (slot, real(value)));
            javm_cap::CNode::from_slots(slots).expect("small enough").into()
        }
        Value::Service(service) => javm_cap::Service { id: service.id, parameter: service.parameter }.into(),
        Value::Image(_) => IMAGE.clone().into(),
        Value::TypeDef(typedef) => javm_cap::TypeDef::decode(&typedef.encoding).expect("it is one").into(),
        Value::Callable(callable) => {
            let interface = match &callable.typedef {
                Some(typedef) => {
                    javm_cap::Interface::TypeDef(javm_cap::TypeDef::decode(&typedef.encoding).expect("it is one"))
                }
                None => javm_cap::Interface::of_image(&IMAGE),
            };
            let right = javm_cap::Right {
                mask: javm_cap::Mask::new(callable.mask),
                ceiling: callable.ceiling,
                badge: callable.badge,
                distance: callable.distance,
                path: javm_cap::Path::new(&callable.path).expect("short enough"),
            };
            javm_cap::Callable::new(interface, right).expect("a right").into()
        }
        Value::Instance(instance) => {
            let mut real_instance = javm_cap::Instance::new(IMAGE.clone());
            for (&slot, value) in &instance.table.slots {
                real_instance.table_mut().set(slot, real(value)).expect("small enough");
            }
            if let Run::Suspended(suspended) = &instance.run {
                let state = javm_cap::RunState::Suspended(real_suspended(suspended));
                real_instance.set_state(state).expect("as many pages as the Image has");
            }
            real_instance.set_home(instance.home.as_ref().map(|home| javm_cap::Path::new(home).expect("short enough")));
            real_instance.set_quota(instance.quota).expect("large enough");
            real_instance.into()
        }
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

fn path() -> impl Strategy<Value = Path> {
    prop::collection::vec(any::<u8>(), 0..=16)
}

fn callable() -> impl Strategy<Value = Callable> {
    (any::<bool>(), 0..4_u8, any::<u64>(), any::<u64>(), 0..=16_u8, path()).prop_map(
        |(typed, mask, ceiling, badge, distance, path)| {
            let typedef = typed.then(|| Rc::new(TypeDef::parse(TYPEDEF)));
            let interface =
                typedef.as_ref().map_or_else(|| model_image().interface(), |typedef| hash::of_typedef(typedef));
            let mask = [&[mask][..], &[0; 31]].concat().try_into().expect("32 bytes");
            Callable { interface, typedef, mask, ceiling, badge, distance, path }
        },
    )
}

fn suspended() -> impl Strategy<Value = Suspended> {
    let dynamic = prop::collection::btree_map(64..80_u32, (0..2_u8, 0..4_u32, any::<bool>()), 0..12);
    let why = prop_oneof![Just(Status::Panic), Just(Status::Fault), Just(Status::OutOfGas), Just(Status::Yield)];
    (why, any::<bool>(), any::<u32>(), any::<[u64; 13]>(), any::<u32>(), any::<u8>(), dynamic).prop_map(
        |(why, paid, pc, registers, detail, byte, dynamic)| {
            let detail = if matches!(why, Status::Fault | Status::Yield) { detail.into() } else { 0 };
            let mut ephemeral = Data::from_bytes(&vec![byte; 2 * PAGE_SIZE]);
            ephemeral.pages = 3;
            Suspended { why, paid, pc, registers, detail, ephemeral, dynamic }
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        data().prop_map(Value::Data),
        (any::<u32>(), any::<u64>()).prop_map(|(id, parameter)| Value::Service(Service { id, parameter })),
        Just(()).prop_map(|()| Value::Image(model_image())),
        Just(()).prop_map(|()| Value::TypeDef(Rc::new(TypeDef::parse(TYPEDEF)))),
        callable().prop_map(Value::Callable),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let slots = prop::collection::btree_map(any::<u8>(), inner, 0..4);
        let quota = prop::option::of((1_u64 << 39)..=(1 << 40));
        let instance = (slots.clone(), prop::option::of(suspended()), quota, prop::option::of(path()));
        prop_oneof![
            slots.prop_map(|slots| Value::CNode(CNode::of(slots))),
            instance.prop_map(|(slots, suspended, quota, home)| {
                let run = suspended.map_or(Run::Idle, |suspended| Run::Suspended(Box::new(suspended)));
                Value::Instance(Box::new(Instance { image: model_image(), table: CNode::of(slots), run, quota, home }))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn of_values(value in value()) {
        let real = real(&value);
        prop_assert_eq!(hash::of(&value), *real.hash().as_bytes());
        prop_assert_eq!(measure::size(&value), real.measure().size);
        prop_assert_eq!(measure::height(&value), u64::from(real.measure().height));
    }
}

#[test]
fn of_an_interface() {
    assert_eq!(model_image().interface(), *IMAGE.interface().as_bytes());
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
