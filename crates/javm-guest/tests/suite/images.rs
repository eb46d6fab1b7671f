//! Images of `guests/`, whose sources use everything that this crate has, called as a host calls them.

use std::collections::BTreeMap;

use javm_guest::{Address, Typed};
use nub::{Ended, Grants};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::instance::Program;

/// `Entry` of the program.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Entry {
    owner: Address,
    value: Vec<u8>,
    changes: u32,
}

#[derive(Clone, Debug)]
enum Step {
    Set(String, u8, Vec<u8>),
    Remove(String, u8),
    Get(String),
    Names(String, u16),
    Digest,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || prop_oneof!["[abc]{0,2}", "\\PC{0,70}"];
    let step = prop_oneof![
        4 => (name(), 0..3_u8, vec(any::<u8>(), 0..200)).prop_map(|(name, owner, value)| Step::Set(name, owner, value)),
        2 => (name(), 0..3_u8).prop_map(|(name, owner)| Step::Remove(name, owner)),
        2 => name().prop_map(Step::Get),
        1 => (name(), 0..5_u16).prop_map(|(after, count)| Step::Names(after, count)),
        1 => Just(Step::Digest),
    ];
    vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Maps that are state, typed arguments and results, failures that leave nothing behind.
    #[test]
    fn a_registry_is_a_map(steps in steps()) {
        let mut program = Program::new("registry");
        let mut model: BTreeMap<String, Entry> = BTreeMap::new();
        for step in steps {
            let before = program.root();
            let owner_of = |owner: &u8| Address([*owner; 32]);
            let refusal = match &step {
                Step::Set(name, owner, value) => {
                    let owner = owner_of(owner);
                    let answer = program.call("set", &(name.as_str(), owner, value.as_slice()));
                    if name.is_empty() || name.len() > 64 {
                        let length = name.len();
                        Some((answer.refusal(), format!("set failed: a name has 1 to 64 bytes, not {length}")))
                    } else if model.get(name).is_some_and(|entry| entry.owner != owner) {
                        Some((answer.refusal(), "set failed: the name belongs to somebody else".into()))
                    } else {
                        let changes = model.get(name).map_or(0, |entry| entry.changes + 1);
                        let old = model.insert(name.clone(), Entry { owner, value: value.clone(), changes });
                        prop_assert_eq!(answer.value::<Option<&[u8]>>(), old.as_ref().map(|entry| &entry.value[..]));
                        None
                    }
                }
                Step::Remove(name, owner) => {
                    let answer = program.call("remove", &(name.as_str(), owner_of(owner)));
                    match model.get(name) {
                        None => Some((answer.refusal(), "remove failed: nobody has the name".into())),
                        Some(entry) if entry.owner != owner_of(owner) => {
                            Some((answer.refusal(), "remove failed: the name belongs to somebody else".into()))
                        }
                        Some(_) => {
                            model.remove(name);
                            answer.value::<()>();
                            None
                        }
                    }
                }
                Step::Get(name) => {
                    prop_assert_eq!(program.call("get", &(name.as_str(),)).value::<Option<Entry>>(), model.get(name).cloned());
                    None
                }
                Step::Names(after, count) => {
                    let answer = program.call("names", &(after.as_str(), *count));
                    let expected: Vec<&str> =
                        model.keys().map(String::as_str).filter(|name| *name > after.as_str()).take((*count).into()).collect();
                    prop_assert_eq!(answer.value::<Vec<&str>>(), expected);
                    None
                }
                Step::Digest => {
                    let mut all = Vec::new();
                    for (name, entry) in &model {
                        all.extend([name.as_bytes(), &[0], &entry.value, &[0]].concat());
                    }
                    let digest = Address(sha2::Digest::finalize(sha2::Digest::chain_update(
                        <sha2::Sha256 as sha2::Digest>::new(),
                        &all,
                    )).into());
                    prop_assert_eq!(program.call("digest", &()).value::<Address>(), digest);
                    None
                }
            };
            if let Some((found, expected)) = refusal {
                prop_assert_eq!(found, expected);
                prop_assert_eq!(program.root(), before, "a call that fails leaves nothing behind");
            }
            prop_assert_eq!(program.call("len", &()).value::<u64>(), model.len() as u64);
        }
    }

    /// Whatever a caller puts into the scratchpad and says about it.
    #[test]
    fn wrong_arguments_are_told(length in 0..70_u64, bytes in vec(any::<u8>(), 0..64)) {
        let mut program = Program::new("registry");
        let answer = program.call_raw("remove", &[length], bytes);
        let refusal = answer.refusal();
        let told = refusal.starts_with("remove was called with wrong arguments: scratchpad: at byte ")
            || refusal == "remove failed: nobody has the name";
        prop_assert!(told, "{refusal}");
    }
}

#[test]
fn lengths_and_registers_are_checked() {
    let mut registry = Program::new("registry");
    let refusal = registry.call_raw("get", &[1 << 40], Vec::new()).refusal();
    assert_eq!(
        refusal,
        "get was called with wrong arguments: φ7: 1099511627776 bytes of the scratchpad are meant, but it has 65536"
    );
    let mut faults = Program::new("faults");
    let refusal = faults.call("refuse", &(300_u64,)).refusal();
    assert_eq!(
        refusal,
        "refuse was called with wrong arguments: φ7: 0x12c is no u8; the bits above its width must be zero"
    );
}

#[test]
fn failures_say_why() {
    let mut faults = Program::new("faults");
    assert_eq!(faults.call("refuse", &(5_u8,)).refusal(), "refuse failed: only 0 is accepted");
    assert_eq!(faults.call("refuse", &(0_u8,)).value::<u8>(), 0);
    let panic = faults.call("panic", &(1_u64,)).refusal();
    let (place, message) = panic.split_once(": ").expect("place and message");
    let line = place.strip_prefix("panicked at rust/faults/src/main.rs:").expect("the file, as the workspace names it");
    assert!(line.split(':').all(|number| number.parse::<u32>().is_ok()), "{line}");
    assert_eq!(message, "1 is not the largest number");
}

#[test]
fn programs_are_silent_where_nobody_listens() {
    let mut counter = Program::with_grants("counter", &Grants::none()).expect("it does without");
    assert_eq!(counter.call("add", &(5_u64,)).value::<u64>(), 5);
    let mut faults = Program::with_grants("faults", &Grants::none()).expect("it does without");
    let answer = faults.call("panic", &(1_u64,));
    assert_eq!((answer.outcome.ended, answer.outcome.logs.len()), (Ended::Panic, 0));
    // Who hashes cannot do without.
    assert!(Program::with_grants("registry", &Grants::none()).is_err());
}

/// A heap that is state has an end, and a failed allocation leaves the program as it was.
#[test]
fn a_full_heap_fails_and_nothing_is_lost() {
    let mut program = Program::new("registry");
    let owner = Address([1; 32]);
    let value = vec![7_u8; 60_000];
    let mut kept = 0_u64;
    let refusal = loop {
        let answer = program.call("set", &(format!("{kept}").as_str(), owner, value.as_slice()));
        if answer.outcome.ended != Ended::Halt {
            break answer.refusal();
        }
        kept += 1;
        assert!(kept < 100, "4 MiB do not hold that");
    };
    assert!(refusal.contains("memory allocation of"), "{refusal}");
    assert!(kept > 60, "4 MiB hold more than {kept}");
    assert_eq!(program.call("len", &()).value::<u64>(), kept);
    // What is freed is there again.
    program.call("remove", &("0", owner)).value::<()>();
    assert_eq!(program.call("set", &("again", owner, value.as_slice())).value::<Option<&[u8]>>(), None);
    // A result is made on the heap, too.
    program.call("remove", &("1", owner)).value::<()>();
    let entry = program.call("get", &("again",)).value::<Option<Entry>>().expect("it was set");
    assert_eq!(entry, Entry { owner, value, changes: 0 });
}
