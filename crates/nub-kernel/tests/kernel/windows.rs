//! Address spaces stay mounted between calls: no sequence of calls, failures, copies and drops may show that.

use proptest::prelude::*;

use super::*;

/// Swaps a word in memory: address, new value, whether to trap afterwards.
const SWAP: &str = "
    load_ind_u64 a3, [a0]
    store_ind_u64 [a0], a1
    branch_ne_imm a2, 0, @fail
    move_reg a0, a3
    jump_ind ra, 0
 @fail:
    trap
";

const ADDRESSES: [u32; 6] = [0x2_0000, 0x2_0010, 0x2_1FF8, 0x3_0000, 0x3_0FF8, 0x4_0008];

#[derive(Clone, Debug)]
enum Action {
    Swap { instance: usize, address: u32, value: u64, fails: bool, scratchpad: Option<Vec<u8>> },
    Copy { instance: usize },
    Drop { instance: usize },
}

fn action() -> impl Strategy<Value = Action> {
    let scratchpad = prop_oneof![
        3 => Just(None),
        1 => Just(Some(vec![])),
        2 => prop::collection::vec(any::<u8>(), 8).prop_map(Some),
        1 => Just(Some(vec![9; 3 * PAGE_SIZE])),
    ];
    let swap = (0..24_usize, prop::sample::select(&ADDRESSES[..]), 0..4_u64, prop::bool::weighted(0.2), scratchpad);
    prop_oneof![
        8 => swap.prop_map(|(instance, address, value, fails, scratchpad)| {
            Action::Swap { instance, address, value, fails, scratchpad }
        }),
        2 => (0..24_usize).prop_map(|instance| Action::Copy { instance }),
        1 => (0..24_usize).prop_map(|instance| Action::Drop { instance }),
    ]
}

/// An Instance and what its two pages of state hold.
type Modelled = (InstanceId, BTreeMap<u32, u64>);

fn swap(kernel: &mut Kernel<LocalArch>, modelled: &mut Modelled, action: &Action) -> Result<(), TestCaseError> {
    let (id, state) = modelled;
    let Action::Swap { address, value, fails, ref scratchpad, .. } = *action else { return Ok(()) };
    let arguments = [u64::from(address), value, u64::from(fails)];
    let call =
        Call { endpoint: EndpointRef::Number(0), arguments: &arguments, gas: 100, scratchpad: scratchpad.as_deref() };
    let outcome = kernel.invoke(*id, &call, None).expect("the call is right");
    prop_assert_eq!(outcome.ended, if fails { Ended::Panic } else { Ended::Halt });

    let mut expected = scratchpad.clone().unwrap_or_default();
    expected.resize(expected.len().max(2 * PAGE_SIZE), 0);
    let offset = address.wrapping_sub(SCRATCH * 4096) as usize;
    let old = match address / 4096 {
        SCRATCH => {
            let word = &mut expected[offset..offset + 8];
            let old = u64::from_le_bytes((&*word).try_into().expect("eight bytes"));
            word.copy_from_slice(&value.to_le_bytes());
            old
        }
        STACK => 0,
        _ if fails => 0,
        _ => state.insert(address, value).unwrap_or(0),
    };
    if !fails {
        prop_assert_eq!(outcome.value, old);
    }
    let mut found = vec![0; expected.len()];
    let data = outcome.scratchpad.expect("one is mapped");
    prop_assert_eq!(data.size(), found.len() as u64);
    data.read(0, &mut found).expect("just asked for its length");
    prop_assert!(found == expected, "the scratchpad is another");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn calls_see_their_own_instance_and_nothing_else(actions in prop::collection::vec(action(), 1..120)) {
        let mut kernel = Kernel::new(LocalArch);
        let hash = kernel.publish(image(SWAP, 3).validate().expect("valid"));
        let mut fresh = || kernel.instantiate(&hash, &Grants::services()).expect("all services are there");
        let mut instances: Vec<Modelled> = (0..2).map(|_| (fresh(), BTreeMap::new())).collect();
        for action in &actions {
            let count = instances.len();
            match *action {
                Action::Swap { instance, .. } => swap(&mut kernel, &mut instances[instance % count], action)?,
                Action::Copy { instance } if count < 24 => {
                    let (id, state) = &instances[instance % count];
                    let copy = (kernel.copy(*id).expect("it is there"), state.clone());
                    instances.push(copy);
                }
                Action::Drop { instance } if count > 1 => {
                    let (id, _) = instances.swap_remove(instance % count);
                    prop_assert!(kernel.drop_instance(id));
                }
                Action::Copy { .. } | Action::Drop { .. } => {}
            }
        }
        // What is kept in the end is what was written, and nothing else.
        for (id, state) in &instances {
            let mut expected = Data::new(2).expect("small");
            for (address, value) in state {
                expected.write(u64::from(address - STATE * 4096), &value.to_le_bytes()).expect("inside");
            }
            let table = kernel.instance(*id).expect("it is there").table();
            prop_assert_eq!(table.get(3), Some(&Capability::Data(expected)));
            prop_assert!(table.get(0).is_none(), "the scratchpad is gone");
        }
    }
}
