//! A registry: names with values and owners, in a map that is state. Arguments and results are typed; the program logs no
//! line but those of failures.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use javm_guest::{Address, Typed, endpoint, hash, memory, persistent_heap, state};

memory! { stack: 32 << 10, scratchpad: 64 << 10 }
persistent_heap!(4 << 20);

/// What a name stands for.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Entry {
    owner: Address,
    value: Vec<u8>,
    changes: u32,
}

state! {
    static ENTRIES: BTreeMap<String, Entry> = BTreeMap::new();
}

/// The longest name, in bytes.
const NAME_BYTES: usize = 64;

/// Why a call fails.
#[derive(PartialEq, Debug)]
enum Refusal {
    NameLength(usize),
    NotTheOwner,
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NameLength(length) => write!(f, "a name has 1 to {NAME_BYTES} bytes, not {length}"),
            Refusal::NotTheOwner => f.write_str("the name belongs to somebody else"),
            Refusal::Unknown => f.write_str("nobody has the name"),
        }
    }
}

/// Makes `value` what `name` stands for, and `owner` its owner if it has none. Returns the value before.
#[endpoint]
fn set(name: &str, owner: Address, value: Vec<u8>) -> Result<Option<Vec<u8>>, Refusal> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(Refusal::NameLength(name.len()));
    }
    ENTRIES.with_mut(|entries| match entries.get_mut(name) {
        Some(entry) if entry.owner != owner => Err(Refusal::NotTheOwner),
        Some(entry) => {
            entry.changes += 1;
            Ok(Some(core::mem::replace(&mut entry.value, value)))
        }
        None => {
            entries.insert(name.into(), Entry { owner, value, changes: 0 });
            Ok(None)
        }
    })
}

/// What `name` stands for.
#[endpoint]
fn get(name: &str) -> Option<Entry> {
    ENTRIES.with(|entries| entries.get(name).cloned())
}

/// Takes `name` back.
#[endpoint]
fn remove(name: &str, owner: Address) -> Result<(), Refusal> {
    ENTRIES.with_mut(|entries| match entries.get(name) {
        None => Err(Refusal::Unknown),
        Some(entry) if entry.owner != owner => Err(Refusal::NotTheOwner),
        Some(_) => {
            entries.remove(name);
            Ok(())
        }
    })
}

/// How many names there are.
#[endpoint]
fn len() -> u64 {
    ENTRIES.with(|entries| entries.len() as u64)
}

/// Up to `count` names behind `after`, in order.
#[endpoint]
fn names(after: &str, count: u16) -> Vec<String> {
    use core::ops::Bound::{Excluded, Unbounded};
    ENTRIES.with(|entries| {
        let behind = entries.range::<str, _>((Excluded(after), Unbounded));
        behind.take(count.into()).map(|(name, _)| name.clone()).collect()
    })
}

/// The SHA-256 of all names and values, each with a zero behind it.
#[endpoint]
fn digest() -> Address {
    ENTRIES.with(|entries| {
        let mut all = Vec::new();
        for (name, entry) in entries {
            for part in [name.as_bytes(), &[0], &entry.value, &[0]] {
                all.extend_from_slice(part);
            }
        }
        Address(hash::sha256(&all))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Address = Address([1; 32]);
    const BOB: Address = Address([2; 32]);

    #[test]
    fn names_belong_to_who_was_first() {
        assert_eq!(set("a", ADA, b"1".to_vec()), Ok(None));
        assert_eq!(set("a", ADA, b"2".to_vec()), Ok(Some(b"1".to_vec())));
        assert_eq!(set("a", BOB, b"3".to_vec()), Err(Refusal::NotTheOwner));
        assert_eq!(get("a"), Some(Entry { owner: ADA, value: b"2".to_vec(), changes: 1 }));
        assert_eq!((remove("a", BOB), remove("b", BOB)), (Err(Refusal::NotTheOwner), Err(Refusal::Unknown)));
        assert_eq!((remove("a", ADA), len()), (Ok(()), 0));
    }

    #[test]
    fn names_are_listed_in_order() {
        for name in ["c", "a", "b"] {
            assert_eq!(set(name, ADA, Vec::new()), Ok(None));
        }
        assert_eq!(
            (names("", 2), names("a", 9)),
            (["a", "b"].map(String::from).into(), ["b", "c"].map(String::from).into())
        );
        assert_eq!(
            set("", ADA, Vec::new()).map_err(|error| alloc::format!("{error}")).unwrap_err(),
            "a name has 1 to 64 bytes, not 0"
        );
    }
}
