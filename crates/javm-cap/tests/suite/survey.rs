//! What no Instance is that a kernel has made: told of each that comes from outside, wherever it stands in it.

use std::collections::BTreeMap;

use javm_cap::archive::{Reader, Writer};
use javm_cap::{
    Access, Backing, CNode, Capability, Data, DynamicMapping, Image, Instance, InstanceError, InvalidInstance, Mapping,
    RunState, Suspended, ValidImage, Why,
};
use javm_isa::CostModel;

use super::fixtures::{path, valid};

fn program(text: &str) -> ValidImage {
    let program = javm_isa::assemble(text).unwrap_or_else(|error| panic!("{error}"));
    valid(Image::new(CostModel::Flat, program.blob().to_vec(), Vec::new()))
}

fn stopped(pc: u32, block_paid: bool) -> Suspended {
    let (why, registers, ephemeral) = (Why::OutOfGas, [0; 13], Data::new(0).expect("small"));
    Suspended { why, block_paid, pc, registers, ephemeral, mappings: Default::default() }
}

fn suspended(image: &ValidImage, suspended: Suspended) -> Instance {
    let mut instance = Instance::new(image.clone());
    instance.set_state(RunState::Suspended(suspended)).expect("it has its ephemeral pages");
    instance
}

/// What a kernel says of a capability that another one sends.
fn received(capability: &Capability) -> Result<(), String> {
    let (mut writer, mut reader) = (Writer::new(capability.clone()), Reader::new(u64::MAX));
    while let Some(part) = writer.part(1000, |_| false) {
        reader.read(&part, |_| None).map_err(|error| error.to_string())?;
    }
    reader.finish().map(drop).map_err(|error| error.to_string())
}

/// Both ways by which it may come say the same of it.
fn check(instance: &Instance, expected: Result<(), InstanceError>) {
    assert_eq!(instance.validate(), expected, "{instance:?}");
    let capability = Capability::from(instance.clone());
    let at_root = |why| InvalidInstance { path: path(&[]), why };
    assert_eq!(capability.survey(|_| {}), expected.map_err(at_root));
    match (received(&capability), expected) {
        (Ok(()), Ok(())) => {}
        (Err(said), Err(why)) => assert!(said.ends_with(&why.to_string()), "{said} instead of {why}"),
        (said, expected) => panic!("{said:?} instead of {expected:?}"),
    }
}

#[test]
fn a_size_of_just_the_quota_is_within_it() {
    let image = program("trap");
    let of_size = |more: u32, quota| {
        let mut instance = Instance::new(image.clone());
        instance.put_at(&[9], Data::new(more).expect("small")).expect("small");
        instance.set_quota(quota).expect("small");
        instance
    };
    let size = of_size(0, None).measure().size;
    for (more, quota) in [(0, size), (7, size + 7), (7, 1 << 40)] {
        check(&of_size(more, Some(quota)), Ok(()));
    }
    for (more, quota) in [(0, size - 1), (0, 0), (8, size + 7)] {
        let size = size + u64::from(more);
        check(&of_size(more, Some(quota)), Err(InstanceError::Quota { size, quota }));
    }
}

/// A page that a Suspended Instance has for itself counts as well.
#[test]
fn ephemeral_pages_count_where_it_is_suspended() {
    let memory = Mapping { pages: 5, access: Access::ReadWrite, backing: Backing::Ephemeral };
    let program = javm_isa::assemble("trap").unwrap_or_else(|error| panic!("{error}"));
    let image = Image {
        memory: BTreeMap::from([(0x20, memory)]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), Vec::new())
    };
    let mut instance = Instance::new(valid(image));
    let size = instance.measure().size;
    instance.set_quota(Some(size + 4)).expect("small");
    check(&instance, Ok(()));
    let ephemeral = Data::new(5).expect("small");
    instance.set_state(RunState::Suspended(Suspended { ephemeral, ..stopped(0, true) })).expect("five");
    check(&instance, Err(InstanceError::Quota { size: size + 5, quota: size + 4 }));
    instance.set_quota(Some(size + 5)).expect("small");
    check(&instance, Ok(()));
}

#[test]
fn the_path_is_told_of_the_first_that_is_wrong() {
    let image = program("trap");
    let with = |slots: &[u8], below: Capability, quota| {
        let mut instance = Instance::new(image.clone());
        instance.put_at(slots, below).expect("small");
        instance.set_quota(quota).expect("small");
        instance
    };
    // An Instance below a table below an Instance, and another one that is as it should be.
    let inner = |quota| with(&[3], Data::new(10).expect("small").into(), Some(quota));
    let size = inner(100).measure().size;
    for (quota, wrong) in [(size, None), (size - 1, Some(InstanceError::Quota { size, quota: size - 1 }))] {
        let table = CNode::from_slots([(1, inner(100)), (7, inner(quota)), (9, inner(quota))]).expect("small");
        let whole = Capability::from(with(&[200], table.into(), None));
        let expected = match wrong {
            None => Ok(()),
            Some(why) => Err(InvalidInstance { path: path(&[200, 7]), why }),
        };
        assert_eq!(whole.survey(|_| {}), expected);
        assert_eq!(received(&whole).is_ok(), expected.is_ok());
    }
    // What hangs below counts for each Instance above.
    let child = Capability::from(Instance::new(image.clone()));
    let outer = |quota| with(&[7], with(&[8], child.clone(), None).into(), Some(quota));
    let size = 3 * child.measure().size;
    check(&outer(size), Ok(()));
    check(&outer(size - 1), Err(InstanceError::Quota { size, quota: size - 1 }));
}

/// 256^15 places, which nobody can look at one by one.
#[test]
fn what_is_shared_is_looked_at_once() {
    let image = program("trap");
    let mut tree = Capability::from(Instance::new(image.clone()));
    for _ in 0..4 {
        tree = CNode::from_slots((0..=255).map(|slot| (slot, tree.clone()))).expect("not too large").into();
    }
    let mut images = 0;
    let seen = |found: &ValidImage| {
        assert_eq!(found.hash(), image.hash());
        images += 1;
    };
    assert_eq!(tree.survey(seen), Ok(()));
    assert_eq!(images, 256);
}

#[test]
fn a_pc_is_where_a_run_can_be_stopped() {
    // 0 ecall, 1 add_imm_64 (3 bytes and one of the immediate), then a branch to 0, and what follows it.
    let image = program("@again:\n ecall\n add_imm_64 a0, a0, 5\n branch_eq_imm a0, 7, @again\n fallthrough\n ecall");
    let starts: Vec<u32> = image.program().instructions(javm_isa::Mode::Image).map(|(pc, _)| pc).collect();
    let [ecall, add, branch, fall, last] = starts[..] else { panic!("five instructions: {starts:?}") };
    let end = image.program().code_length();
    for pc in 0..end + 40 {
        let is_place = [ecall, add, branch, fall, last, end].contains(&pc);
        let is_block = [ecall, fall, last].contains(&pc);
        for (block_paid, is_right) in [(true, is_place), (false, is_block)] {
            let expected = if is_right { Ok(()) } else { Err(InstanceError::Pc { pc, block_paid }) };
            check(&suspended(&image, stopped(pc, block_paid)), expected);
        }
    }
    check(&suspended(&image, stopped(u32::MAX, true)), Err(InstanceError::Pc { pc: u32::MAX, block_paid: true }));
}

/// Behind a branch that is not taken there may be nothing: a run that has no gas for the trap there is stopped before it.
#[test]
fn a_pc_may_be_behind_the_last_instruction() {
    let image = program("@again:\n branch_eq_imm a0, 7, @again");
    let end = image.program().code_length();
    check(&suspended(&image, stopped(end, false)), Ok(()));
    check(&suspended(&image, stopped(end, true)), Ok(()));
    let image = program("ecall");
    check(&suspended(&image, stopped(1, false)), Err(InstanceError::Pc { pc: 1, block_paid: false }));
    check(&suspended(&image, stopped(1, true)), Ok(()));
}

/// After the most operands that there are the run goes on where no instruction is marked: a trap.
#[test]
fn a_pc_may_be_where_nothing_is_marked_behind_a_long_instruction() {
    let mut builder = javm_isa::program::ProgramBuilder::new();
    builder.push_raw(&[2]);
    builder.push_gap(&[0; 60]);
    let image = valid(Image::new(CostModel::Flat, builder.blob(), Vec::new()));
    for pc in 0..=61 {
        let expected = match pc {
            0 | 25 | 61 => Ok(()),
            _ => Err(InstanceError::Pc { pc, block_paid: true }),
        };
        check(&suspended(&image, stopped(pc, true)), expected);
    }
}

#[test]
fn a_fault_is_at_a_page() {
    let image = program("trap");
    let at = |page| suspended(&image, Suspended { why: Why::Fault { page }, ..stopped(0, true) });
    check(&at(0x5000), Ok(()));
    // It has no encoding that can be read.
    assert_eq!(at(0x5001).validate(), Err(InstanceError::Fault { page: 0x5001 }));
    assert!(received(&at(0x5001).into()).is_err());
}

#[test]
fn nothing_is_mapped_twice() {
    let program = javm_isa::assemble("trap").unwrap_or_else(|error| panic!("{error}"));
    let mapping = |backing| Mapping { pages: 2, access: Access::ReadWrite, backing };
    let image = valid(Image {
        memory: BTreeMap::from([
            (0x20, mapping(Backing::Persistent { slot: 9, offset_pages: 1 })),
            (0x30, mapping(Backing::Ephemeral)),
        ]),
        slots: BTreeMap::from([(9, Data::new(8).expect("small"))]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), Vec::new())
    });
    let entry =
        |first_page, pages, slot, offset| DynamicMapping { first_page, pages, offset, access: Access::ReadWrite, slot };
    let beside = entry(0x40, 3, 7, 10);
    let mut kept = javm_cap::DynamicMappings::new();
    kept.map(beside).expect("it can be mapped");
    for (added, is_right) in [
        (entry(0x22, 1, 9, 0), true),
        (entry(0x22, 1, 9, 3), true),
        (entry(0x43, 9, 7, 14), true),
        (entry(0x43, 9, 8, 10), true),
        // Pages of memory that the Image maps; pages of a slot that it shows.
        (entry(0x1f, 2, 7, 0), false),
        (entry(0x31, 1, 7, 0), false),
        (entry(0x50, 2, 9, 0), false),
        (entry(0x50, 1, 9, 2), false),
        // A page of a slot that the other one shows.
        (entry(0x50, 1, 7, 12), false),
        (entry(0x38, 2, 7, 9), false),
    ] {
        let mut mappings = kept.clone();
        assert_eq!(mappings.in_the_way(image.image(), &added).is_none(), is_right, "{added:?}");
        mappings.map(added).expect("it can be mapped");
        let ephemeral = Data::new(2).expect("small");
        let instance = suspended(&image, Suspended { mappings, ephemeral, ..stopped(0, true) });
        match instance.validate() {
            Ok(()) => assert!(is_right, "{added:?}"),
            // Of two the later one.
            Err(InstanceError::Mapping { first_page }) => {
                assert!(!is_right && (first_page == added.first_page || first_page == beside.first_page), "{added:?}");
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(received(&instance.into()).is_ok(), is_right);
    }
}
