//! Address spaces stay mounted between calls, and are left to other Instances: no sequence of calls, failures, copies, drops
//! and new Instances may show that.

use javm_testgen::swaps::{Action, SWAP, Swap, actions};
use proptest::prelude::*;

use super::*;

const ADDRESSES: [u32; 6] = [0x2_0000, 0x2_0010, 0x2_1FF8, 0x3_0000, 0x3_0FF8, 0x4_0008];

/// More Instances than there are windows.
const MOST_INSTANCES: usize = 24;

/// An Instance, what the first words of its state were, and what was written since.
struct Modelled {
    id: InstanceId,
    first: u64,
    state: BTreeMap<u32, u64>,
}

impl Modelled {
    fn word(&self, address: u32) -> u64 {
        let first = if address == STATE * 4096 { self.first } else { 0 };
        self.state.get(&address).copied().unwrap_or(first)
    }
}

/// The swapping program, with this word at the beginning of its state.
fn swapper(first: u64) -> Image {
    let mut image = image(SWAP, 3);
    let state = image.slots.get_mut(&3).expect("the state");
    state.write(0, &first.to_le_bytes()).expect("inside");
    image
}

fn call(kernel: &mut Kernel<LocalArch>, modelled: &mut Modelled, swap: &Swap) -> Result<(), TestCaseError> {
    let Swap { address, value, fails, ref scratchpad } = *swap;
    let arguments = swap.arguments();
    let call = Call { scratchpad: scratchpad.as_deref(), ..Call::new(EndpointRef::Number(0), &arguments, 100) };
    let outcome = kernel.invoke(modelled.id, &call, None).expect("the call is right");
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
        _ => modelled.word(address),
    };
    // φ10 has what was there even where the call fails.
    prop_assert_eq!(outcome.registers[Reg::A3.index()], old);
    if !fails && ![SCRATCH, STACK].contains(&(address / 4096)) {
        modelled.state.insert(address, value);
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
    fn calls_see_their_own_instance_and_nothing_else(actions in actions(prop::sample::select(&ADDRESSES[..]), 120)) {
        let mut kernel = Kernel::new(LocalArch);
        let images = [0, 77].map(|first| (first, kernel.publish(swapper(first).validate().expect("valid"))));
        let mut instances: Vec<Modelled> = Vec::new();
        for action in &actions {
            let has_room = instances.len() < MOST_INSTANCES;
            match action {
                Action::New(index) if has_room => {
                    let (first, image) = *index.get(&images);
                    let id = kernel.instantiate(&image, &Grants::services()).expect("all services are there");
                    instances.push(Modelled { id, first, state: BTreeMap::new() });
                }
                _ if instances.is_empty() => {}
                Action::Swap(index, swap) => call(&mut kernel, index.get_mut(&mut instances), swap)?,
                Action::Copy(index) if has_room => {
                    let Modelled { id, first, ref state } = *index.get(&instances);
                    let state = state.clone();
                    instances.push(Modelled { id: kernel.copy(id).expect("it is there"), first, state });
                }
                Action::Drop(index) => {
                    let gone = instances.swap_remove(index.index(instances.len()));
                    prop_assert!(kernel.drop_instance(gone.id));
                }
                Action::Copy(_) | Action::New(_) => {}
            }
        }
        // What is kept in the end is what was written, and nothing else.
        for modelled in &instances {
            let mut expected = Data::new(2).expect("small");
            expected.write(0, &modelled.first.to_le_bytes()).expect("inside");
            for (address, value) in &modelled.state {
                expected.write(u64::from(address - STATE * 4096), &value.to_le_bytes()).expect("inside");
            }
            let table = kernel.instance(modelled.id).expect("it is there").table();
            prop_assert_eq!(table.get(3), Some(&Capability::Data(expected)));
            prop_assert!(table.get(0).is_none(), "the scratchpad is gone");
        }
        // Images go when no Instance of them is left, and not before.
        for (first, image) in images {
            let count = instances.iter().filter(|modelled| modelled.first == first).count() as u64;
            let found = kernel.unpublish(&image);
            prop_assert_eq!(found, if count == 0 { Ok(true) } else { Err(UnpublishError::InUse { image, instances: count }) });
            prop_assert_eq!(kernel.image(&image).is_some(), count > 0);
        }
    }
}
