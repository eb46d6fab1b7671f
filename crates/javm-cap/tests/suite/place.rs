//! Places, sizes and heights against a plain tree that is walked anew each time.

use std::collections::BTreeMap;

use javm_cap::{
    BoundsError, CNode, Capability, Data, Instance, MAX_HEIGHT, MAX_SIZE, Measure, PlaceError, Reclaim, Service,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::fixtures::{adder, config};

/// What stands in a slot, as plainly as can be.
#[derive(Clone, Debug)]
enum Model {
    Plain(Capability),
    Table(BTreeMap<u8, Model>),
    Instance(Box<Instance>, BTreeMap<u8, Model>),
}

impl Model {
    fn of(capability: &Capability) -> Model {
        let slots = |table: &CNode| table.iter().map(|(slot, below)| (slot, Model::of(below))).collect();
        match capability {
            Capability::CNode(table) => Model::Table(slots(table)),
            Capability::Instance(instance) => Model::Instance(Box::new(instance.clone()), slots(instance.table())),
            other => Model::Plain(other.clone()),
        }
    }

    fn slots(&mut self) -> Option<&mut BTreeMap<u8, Model>> {
        match self {
            Model::Table(slots) | Model::Instance(_, slots) => Some(slots),
            Model::Plain(_) => None,
        }
    }

    /// As `capabilities.md` says it.
    fn measure(&self) -> Measure {
        let below = |slots: &BTreeMap<u8, Model>| {
            let each: Vec<Measure> = slots.values().map(Model::measure).collect();
            let height = each.iter().map(|measure| measure.height + 1).max().unwrap_or(0);
            (1 + each.iter().map(|measure| measure.size).sum::<u64>(), height)
        };
        let (size, height) = match self {
            Model::Plain(Capability::Data(data)) => (data.pages().into(), 0),
            Model::Plain(Capability::Image(image)) => (image.image().encode().len().div_ceil(4096) as u64, 0),
            Model::Plain(_) => (0, 0),
            Model::Table(slots) => below(slots),
            Model::Instance(instance, slots) => {
                let (size, height) = below(slots);
                (size + instance.image().image().encode().len().div_ceil(4096) as u64, height)
            }
        };
        Measure { size, height }
    }

    /// Built from nothing: no node is shared and nothing is remembered.
    fn build(&self) -> Capability {
        let table = |slots: &BTreeMap<u8, Model>| {
            CNode::from_slots(slots.iter().rev().map(|(&slot, below)| (slot, below.build()))).expect("within bounds")
        };
        match self {
            Model::Plain(capability) => capability.clone(),
            Model::Table(slots) => table(slots).into(),
            Model::Instance(instance, slots) => {
                let mut instance = Instance::new(instance.image().clone());
                *instance.table_mut() = table(slots);
                instance.into()
            }
        }
    }

    fn at(&mut self, path: &[u8]) -> Option<&mut Model> {
        path.iter().try_fold(self, |model, slot| model.slots()?.get_mut(slot))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, u8),
    Replace(Vec<u8>, u8),
    Take(Vec<u8>),
    /// Put what stands at one place to another one too.
    Copy(Vec<u8>, Vec<u8>),
    Swap(Vec<u8>, Vec<u8>),
    Resize(Vec<u8>, u32),
    Write(Vec<u8>, u8),
    /// Keep a copy of everything.
    Keep,
    /// Fill all caches.
    Hash,
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(0..3u8, 1..5), 1 => vec(Just(1), 0..20), 1 => vec(prop_oneof![Just(0u8), Just(255)], 1..4)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (path(), any::<u8>()).prop_map(|(path, what)| Step::Put(path, what)),
        2 => (path(), any::<u8>()).prop_map(|(path, what)| Step::Replace(path, what)),
        1 => path().prop_map(Step::Take),
        3 => (path(), path()).prop_map(|(one, other)| Step::Copy(one, other)),
        2 => (path(), path()).prop_map(|(one, other)| Step::Swap(one, other)),
        2 => (path(), 0..9u32).prop_map(|(path, pages)| Step::Resize(path, pages)),
        2 => (path(), any::<u8>()).prop_map(|(path, value)| Step::Write(path, value)),
        1 => Just(Step::Keep),
        1 => Just(Step::Hash),
    ]
}

fn some_capability(what: u8) -> Capability {
    match what % 5 {
        0 => Data::new(what.into()).expect("short").into(),
        1 | 2 => CNode::new().into(),
        3 => Instance::new(adder().validate().expect("it is valid")).into(),
        _ => Service { id: what.into(), parameter: 0 }.into(),
    }
}

/// Whether the model lets something be put at a path, in place of what is there when it has to be full.
fn model_put(model: &mut Model, path: &[u8], capability: &Capability, full: bool) -> bool {
    let Some((&last, way)) = path.split_last() else { return false };
    let too_deep = path.len() + usize::from(capability.measure().height) > MAX_HEIGHT.into();
    let Some(slots) = model.at(way).and_then(Model::slots) else { return false };
    if too_deep || slots.contains_key(&last) != full {
        return false;
    }
    slots.insert(last, Model::of(capability));
    true
}

fn apply(step: &Step, root: &mut Instance, model: &mut Model) {
    let before = root.hash();
    let done = match step {
        Step::Put(path, what) => {
            let capability = some_capability(*what);
            let expected = model_put(model, path, &capability, false);
            assert_eq!(root.put_at(path, capability).is_ok(), expected, "{step:?}");
            expected
        }
        Step::Replace(path, what) => {
            let capability = some_capability(*what);
            let old = root.table().at(path).cloned();
            let expected = model_put(model, path, &capability, true);
            match root.replace_at(path, capability.clone()) {
                Ok(replaced) => assert_eq!((expected, Ok(replaced)), (true, old)),
                Err(refused) => assert_eq!((expected, refused.capability), (false, capability), "{step:?}"),
            }
            expected
        }
        Step::Take(path) => {
            let taken = root.table_mut().take_at(path);
            let expected = path.split_last().filter(|_| path.len() <= 16).and_then(|(last, way)| {
                let slots = model.at(way)?.slots()?;
                slots.remove(last)
            });
            assert_eq!(taken.is_ok(), expected.is_some(), "{step:?}");
            taken.is_ok()
        }
        Step::Copy(from, to) => {
            let Ok(capability) = root.table().at(from).cloned() else { return };
            let expected = model_put(model, to, &capability, false);
            assert_eq!(root.put_at(to, capability).is_ok(), expected, "{step:?}");
            expected
        }
        Step::Swap(one, other) => {
            let both = [one, other].map(|path| if path.is_empty() { None } else { model.at(path).cloned() });
            let apart = !one.starts_with(other) && !other.starts_with(one);
            let fits = |model: &Model, path: &[u8]| path.len() + usize::from(model.measure().height) <= 16;
            let expected = match both {
                [Some(first), Some(second)] if apart && fits(&first, other) && fits(&second, one) => {
                    *model.at(one).expect("it is there") = second;
                    *model.at(other).expect("it is there") = first;
                    true
                }
                [Some(_), Some(_)] => one == other,
                _ => false,
            };
            assert_eq!(root.table_mut().swap_at(one, other).is_ok(), expected, "{step:?}");
            expected
        }
        Step::Resize(path, pages) => {
            let expected = match model.at(path) {
                Some(Model::Plain(Capability::Data(data))) => data.resize(*pages).is_ok(),
                _ => false,
            };
            assert_eq!(root.resize_at(path, *pages, &mut Reclaim::new()).is_ok(), expected, "{step:?}");
            expected
        }
        Step::Write(path, value) => {
            let expected = match model.at(path) {
                Some(Model::Plain(Capability::Data(data))) => data.write(0, &[*value]).is_ok(),
                _ => false,
            };
            let written = root.table_mut().data_at(path).map(|data| data.write(0, &[*value]).is_ok());
            assert_eq!(written.unwrap_or(false), expected, "{step:?}");
            expected
        }
        Step::Keep | Step::Hash => return,
    };
    if !done {
        assert_eq!(root.hash(), before, "{step:?} was refused and has changed something");
    }
}

fn check(root: &Instance, model: &Model) -> Result<(), TestCaseError> {
    let anew = model.build();
    prop_assert_eq!(root.measure(), model.measure());
    prop_assert_eq!(anew.measure(), model.measure());
    prop_assert_eq!(root.hash(), anew.hash());
    Ok(())
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn places_are_those_of_a_plain_tree_and_measures_are_computed_anew(steps in vec(step(), 0..60)) {
        let mut root = Instance::new(adder().validate().expect("it is valid"));
        let mut model = Model::of(&root.clone().into());
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Keep => kept.push((root.clone(), model.clone())),
                Step::Hash => check(&root, &model)?,
                step => apply(&step, &mut root, &mut model),
            }
            prop_assert_eq!(root.measure(), model.measure());
        }
        check(&root, &model)?;
        for (copy, model) in &kept {
            check(copy, model)?;
        }
    }
}

/// Tables in tables, each in slot 0 of the next.
fn tower(height: usize) -> CNode {
    let mut table = CNode::new();
    for _ in 0..height {
        table = CNode::from_slots([(0, table)]).expect("within bounds");
    }
    table
}

#[test]
fn nothing_is_higher_than_the_bound() {
    let top = tower(16);
    assert_eq!(top.measure(), Measure { size: 17, height: 16 });
    let mut above = CNode::new();
    let refused = above.set(3, top).expect_err("it is too high");
    assert_eq!(refused.why, BoundsError::Height(17));
    assert_eq!(refused.capability.measure().height, 16);
    assert!(above.is_empty());

    let mut top = tower(15);
    let deep = [0; 16];
    assert_eq!(top.at(&deep), Err(PlaceError::Empty(15)));
    top.put_at(&deep, CNode::new()).expect("sixteen slots");
    let refused = top.put_at(&[0; 17], CNode::new()).expect_err("a path too long");
    assert_eq!(refused.why, PlaceError::Length(17));
    let pair = CNode::from_slots([(0, CNode::new())]).expect("small");
    let refused = top.replace_at(&deep, pair).expect_err("it would be too high");
    assert_eq!(refused.why, PlaceError::Bounds(BoundsError::Height(17)));
    assert_eq!(top.put_at(&[], CNode::new()).expect_err("no slot").why, PlaceError::Length(0));
}

#[test]
fn nothing_is_larger_than_the_bound() {
    // 256 Data of 4 GiB, 256 tables of them, 16 tables of those: one page more than the bound for each table.
    let data = Data::new(1 << 20).expect("the longest");
    let row = CNode::from_slots((0..=255).map(|slot| (slot, data.clone()))).expect("2^28 pages");
    let mut tables = CNode::from_slots((0..=255).map(|slot| (slot, row.clone()))).expect("2^36 pages");
    assert_eq!(tables.measure(), Measure { size: (1 << 36) + 257, height: 2 });
    let mut all = CNode::from_slots((0..15).map(|slot| (slot, tables.clone()))).expect("15 times 2^36 pages");
    let refused = all.set(15, tables.clone()).expect_err("it would be too large");
    assert_eq!(refused.why, BoundsError::Size((1 << 40) + 16 * 257 + 1));
    // With less of it, it fits to the page.
    let over = u32::try_from(16 * 257 + 1).expect("small");
    tables.resize_at(&[9, 9], (1 << 20) - over, &mut Reclaim::new()).expect("it is there");
    all.set(15, tables).expect("it fits");
    assert_eq!(all.measure().size, MAX_SIZE);
    let refused = all.resize_at(&[15, 9, 9], (1 << 20) - over + 1, &mut Reclaim::new());
    assert_eq!(refused, Err(PlaceError::Bounds(BoundsError::Size(MAX_SIZE + 1))));
    assert_eq!(all.measure().size, MAX_SIZE);
    // An Instance counts its Image too.
    let mut instance = Instance::new(adder().validate().expect("it is valid"));
    let refused = instance.put_at(&[2], all).expect_err("its own page and its Image come on top");
    assert_eq!(refused.why, PlaceError::Bounds(BoundsError::Size(MAX_SIZE + 2)));
}

#[test]
fn the_path_of_no_slot_leads_to_the_instance_itself() {
    let mut root = Instance::new(adder().validate().expect("it is valid"));
    root.put_at(&[7], CNode::new()).expect("small");
    root.put_at(&[7, 9], Data::new(3).expect("short")).expect("small");
    assert_eq!(root.copy_at(&[]), Ok(root.clone().into()));
    assert_eq!(root.copy_at(&[7, 9]), Ok(Data::new(3).expect("short").into()));
    assert_eq!(root.copy_at(&[7, 8]), Err(PlaceError::Empty(1)));
    let table = root.table_mut().table_at_mut(&[7]).expect("it is there");
    table.set(8, Data::new(1).expect("short")).expect("small");
    assert_eq!(root.copy_at(&[7, 8]), Ok(Data::new(1).expect("short").into()));
}
