//! Capabilities by name: whoever has the right to call it leaves any capability here, and others get copies of it. It is never
//! told who calls, which anybody could say: the kernel knows by which right a call came, and that right's badge.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Bound::{Included, Unbounded};

use interfaces::Directory;
use javm_guest::{Identity, Place, Status, Via, endpoint, implements, memory, operation, persistent_heap, state};

memory! { stack: 32 << 10, scratchpad: 64 << 10 }
persistent_heap!(16 << 20);
implements!(dyn Directory);

/// Where everything is kept: a table of tables.
const TABLES: Place = Place::slot(20);
/// Tables in there: none is in slot 0, through which no way leads.
const TABLE_COUNT: u32 = 255;
/// Slots of each of them.
const SLOTS: u32 = 256;

/// The longest name, in bytes.
const NAME_BYTES: usize = 64;

/// What has a name.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry {
    /// The badge of whom it belongs to.
    owner: u64,
    /// Where it stands.
    number: u32,
}

state! {
    static ENTRIES: BTreeMap<String, Entry> = BTreeMap::new();
    // Numbers below USED that no entry has.
    static FREE: Vec<u32> = Vec::new();
    static USED: u32 = 0;
}

/// Why a call fails.
#[derive(PartialEq, Debug)]
enum Refusal {
    NoBadge,
    NameLength(usize),
    Taken,
    Unknown,
    NotTheOwner,
    NoGift,
    Full,
    Kernel(Status),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoBadge => f.write_str("things belong to the badge of a Callable: call by one"),
            Refusal::NameLength(length) => write!(f, "a name has 1 to {NAME_BYTES} bytes, not {length}"),
            Refusal::Taken => f.write_str("something has the name already"),
            Refusal::Unknown => f.write_str("nothing has the name"),
            Refusal::NotTheOwner => f.write_str("what has the name belongs to somebody else"),
            Refusal::NoGift => f.write_str("there is no gift to keep"),
            Refusal::Full => write!(f, "there is room for {} things, and no more", TABLE_COUNT * SLOTS),
            Refusal::Kernel(Status::FULL) => f.write_str("there is a gift where one is to come back"),
            Refusal::Kernel(status) => write!(f, "the kernel refuses it: {status}"),
        }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal::Kernel(status)
    }
}

/// The badge of the right by which the call came. Calls that came otherwise have none, not even 0.
fn caller() -> Result<u64, Refusal> {
    let identity = Identity::read()?;
    if identity.via() == Via::Callable { Ok(identity.badge()) } else { Err(Refusal::NoBadge) }
}

fn table(number: u32) -> Place {
    TABLES.at((number / SLOTS + 1) as u8)
}

fn place(number: u32) -> Place {
    table(number).at((number % SLOTS) as u8)
}

fn entry(name: &str) -> Result<Entry, Refusal> {
    ENTRIES.with(|entries| entries.get(name).copied()).ok_or(Refusal::Unknown)
}

/// Whether something can be given the name.
fn is_free(name: &str) -> Result<(), Refusal> {
    match entry(name) {
        _ if name.is_empty() || name.len() > NAME_BYTES => Err(Refusal::NameLength(name.len())),
        Ok(_) => Err(Refusal::Taken),
        Err(_) => Ok(()),
    }
}

/// What has the name, if it belongs to the badge.
fn entry_of(owner: u64, name: &str) -> Result<Entry, Refusal> {
    let entry = entry(name)?;
    if entry.owner == owner { Ok(entry) } else { Err(Refusal::NotTheOwner) }
}

/// The number of an empty slot. The table that it is in is made when its first slot is used.
fn free_number() -> Result<u32, Refusal> {
    if let Some(number) = FREE.with_mut(Vec::pop) {
        return Ok(number);
    }
    let number = USED.get();
    if number == TABLE_COUNT * SLOTS {
        return Err(Refusal::Full);
    }
    if number == 0 {
        operation::new_cnode(TABLES)?;
    }
    if number.is_multiple_of(SLOTS) {
        operation::new_cnode(table(number))?;
    }
    USED.set(number + 1);
    Ok(number)
}

/// Keeps the gift under a name that nobody has. It belongs to the caller's badge.
#[endpoint]
fn put(name: &str) -> Result<(), Refusal> {
    let owner = caller()?;
    is_free(name)?;
    if operation::stat(Place::GIFT).is_err() {
        return Err(Refusal::NoGift);
    }
    let number = free_number()?;
    operation::move_(Place::GIFT, place(number))?;
    ENTRIES.with_mut(|entries| entries.insert(name.into(), Entry { owner, number }));
    Ok(())
}

/// Gives a copy of what stands under the name.
#[endpoint]
fn get(name: &str) -> Result<(), Refusal> {
    Ok(operation::copy(place(entry(name)?.number), Place::GIFT)?)
}

/// Gives back what stands under the name, to whom it belongs. It is lost to a caller who does not take the gift.
#[endpoint]
fn remove(name: &str) -> Result<(), Refusal> {
    let Entry { number, .. } = entry_of(caller()?, name)?;
    operation::move_(place(number), Place::GIFT)?;
    ENTRIES.with_mut(|entries| entries.remove(name));
    FREE.with_mut(|free| free.push(number));
    Ok(())
}

/// Up to `count` names in order, those before `from` left out.
#[endpoint]
fn list(from: &str, count: u16) -> Vec<String> {
    ENTRIES.with(|entries| {
        let rest = entries.range::<str, _>((Included(from), Unbounded));
        rest.take(count.into()).map(|(name, _)| name.clone()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_badge_owns_nothing() {
        // The host calls.
        assert_eq!((put("a"), remove("a")), (Err(Refusal::NoBadge), Err(Refusal::NoBadge)));
        assert_eq!((get("a"), list("", 9)), (Err(Refusal::Unknown), Vec::new()));
    }

    #[test]
    fn refusals_say_why() {
        let mine = Entry { owner: 7, number: 0 };
        ENTRIES.with_mut(|entries| entries.insert("mine".into(), mine));
        assert_eq!((entry_of(7, "mine"), entry_of(8, "mine")), (Ok(mine), Err(Refusal::NotTheOwner)));
        assert_eq!((entry_of(7, "min"), is_free("min")), (Err(Refusal::Unknown), Ok(())));
        assert_eq!((is_free("mine"), is_free("")), (Err(Refusal::Taken), Err(Refusal::NameLength(0))));
        assert_eq!(is_free(&"x".repeat(64)), Ok(()));
        let told = alloc::format!("{}", is_free(&"x".repeat(65)).unwrap_err());
        assert_eq!(told, "a name has 1 to 64 bytes, not 65");
    }

    #[test]
    fn there_is_an_end() {
        USED.set(TABLE_COUNT * SLOTS);
        assert_eq!(free_number(), Err(Refusal::Full));
        FREE.with_mut(|free| free.push(300));
        assert_eq!((free_number(), free_number()), (Ok(300), Err(Refusal::Full)));
    }

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let last = TABLE_COUNT * SLOTS - 1;
        let names = [0, 255, 256, last].map(|number| alloc::format!("{}", place(number)));
        assert_eq!(names, ["20/1/0", "20/1/255", "20/2/0", "20/255/255"]);
    }
}
