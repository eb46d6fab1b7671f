//! The software-paged memory against a model that keeps every byte by itself, through random sequences of everything
//! that a kernel and a program may do to it, forks included.

use std::collections::BTreeMap;

use javm_cap::{Access, Data, PAGE_SIZE, PageRef};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory};
use nub_arch_local::LocalSpace;
use nub_kernel::AddressSpace;
use proptest::prelude::*;

/// Pages that the tests play with: around the lowest address, the end of a leaf of the table, and the end of memory.
const PAGES: [u32; 9] = [14, 15, 16, 17, 18, 1023, 1024, (1 << 20) - 2, (1 << 20) - 1];

#[derive(Clone)]
struct ModelPage {
    bytes: Box<[u8; PAGE_SIZE]>,
    /// As it was mapped.
    original: Box<[u8; PAGE_SIZE]>,
    access: Access,
    changed: bool,
}

#[derive(Clone, Default)]
struct Model(BTreeMap<u32, ModelPage>);

impl Model {
    fn allowed(&self, address: u32, length: u32, write: bool) -> Result<(), Fault> {
        let last = address.checked_add(length - 1).ok_or(Fault::Panic)?;
        if address < LOWEST_ADDRESS {
            return Err(Fault::Panic);
        }
        for page in address / 4096..=last / 4096 {
            match self.0.get(&page) {
                Some(found) if !write || found.access == Access::ReadWrite => {}
                _ => return Err(Fault::Page(page * 4096)),
            }
        }
        Ok(())
    }

    fn load(&self, address: u32, length: u32) -> Result<u64, Fault> {
        self.allowed(address, length, false)?;
        let byte = |index: u32| {
            let at = address + index;
            u64::from(self.0[&(at / 4096)].bytes[at as usize % 4096]) << (8 * index)
        };
        Ok((0..length).map(byte).sum())
    }

    fn store(&mut self, address: u32, length: u32, value: u64) -> Result<(), Fault> {
        self.allowed(address, length, true)?;
        for index in 0..length {
            let at = address + index;
            let page = self.0.get_mut(&(at / 4096)).expect("allowed");
            page.bytes[at as usize % 4096] = (value >> (8 * index)) as u8;
            page.changed = true;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Action {
    MapData { first: u32, pages: u32, offset: u32, writable: bool },
    MapZero { first: u32, pages: u32 },
    Unmap { first: u32, pages: u32 },
    SetAccess { first: u32, pages: u32, writable: bool },
    Load { address: u32, width: u8 },
    Store { address: u32, width: u8, value: u64 },
    ChangedPage { page: u32 },
    SetPage { page: u32, fill: u8 },
    Discard { first: u32, pages: u32 },
    Withdraw { first: u32, pages: u32 },
    Fork,
    Switch { to: usize },
    Clear,
}

fn page() -> impl Strategy<Value = u32> {
    prop::sample::select(&PAGES[..])
}

fn address() -> impl Strategy<Value = u32> {
    // Mostly around a page's borders, so that many accesses cross one.
    (page(), prop_oneof![3 => -9..9_i32, 1 => 0..4096_i32])
        .prop_map(|(page, offset)| (page * 4096).wrapping_add_signed(offset))
}

fn action() -> impl Strategy<Value = Action> {
    let width = || prop::sample::select(&[1_u8, 2, 4, 8][..]);
    prop_oneof![
        2 => (page(), 0..4_u32, 0..4_u32, any::<bool>())
            .prop_map(|(first, pages, offset, writable)| Action::MapData { first, pages, offset, writable }),
        2 => (page(), 0..3_u32).prop_map(|(first, pages)| Action::MapZero { first, pages }),
        1 => (page(), 0..3_u32).prop_map(|(first, pages)| Action::Unmap { first, pages }),
        1 => (page(), 0..3_u32, any::<bool>())
            .prop_map(|(first, pages, writable)| Action::SetAccess { first, pages, writable }),
        12 => (address(), width()).prop_map(|(address, width)| Action::Load { address, width }),
        12 => (address(), width(), any::<u64>()).prop_map(|(address, width, value)| Action::Store { address, width, value }),
        1 => page().prop_map(|page| Action::ChangedPage { page }),
        1 => (page(), any::<u8>()).prop_map(|(page, fill)| Action::SetPage { page, fill }),
        2 => (page(), 0..4_u32).prop_map(|(first, pages)| Action::Discard { first, pages }),
        2 => (page(), 0..4_u32).prop_map(|(first, pages)| Action::Withdraw { first, pages }),
        1 => Just(Action::Fork),
        2 => (0..4_usize).prop_map(|to| Action::Switch { to }),
        1 => prop::bool::weighted(0.05).prop_map(|clear| if clear { Action::Clear } else { Action::Fork }),
    ]
}

/// Three pages of which the middle one is not stored.
fn data() -> Data {
    let mut data = Data::new(3).expect("three pages are possible");
    data.write(0, &[0x11; PAGE_SIZE]).expect("in range");
    data.write(2 * PAGE_SIZE as u64, &[0x33; PAGE_SIZE]).expect("in range");
    data
}

fn range(first: u32, pages: u32) -> std::ops::Range<u32> {
    first..(first + pages).min(1 << 20)
}

/// Every page that was handed out is what the program sees, and every changed one was.
fn check_taken(model: &mut Model, taken: &[(u32, PageRef)], first: u32, pages: u32) -> Result<(), TestCaseError> {
    prop_assert!(taken.windows(2).all(|pair| pair[0].0 < pair[1].0), "in ascending order");
    for (page, content) in taken {
        prop_assert!(range(first, pages).contains(page));
        prop_assert_eq!(&content[..], &model.0[page].bytes[..]);
    }
    for page in range(first, pages) {
        if let Some(found) = model.0.get_mut(&page)
            && std::mem::take(&mut found.changed)
        {
            prop_assert!(taken.iter().any(|(number, _)| *number == page), "page {} was not handed out", page);
        }
    }
    Ok(())
}

fn apply(space: &mut LocalSpace, model: &mut Model, data: &Data, action: &Action) -> Result<(), TestCaseError> {
    let access = |writable: bool| if writable { Access::ReadWrite } else { Access::ReadOnly };
    match *action {
        Action::MapData { first, pages, offset, writable } => {
            space.map_data(first, pages, data, offset, access(writable));
            for page in range(first, pages) {
                model.0.remove(&page);
                let index = page - first + offset;
                if index < data.pages() {
                    let mut bytes = Box::new([0; PAGE_SIZE]);
                    data.read(u64::from(index) * 4096, &mut bytes[..]).expect("in range");
                    let original = bytes.clone();
                    model.0.insert(page, ModelPage { bytes, original, access: access(writable), changed: false });
                }
            }
        }
        Action::MapZero { first, pages } => {
            space.map_zero(first, pages);
            for page in range(first, pages) {
                let bytes = Box::new([0; PAGE_SIZE]);
                let original = bytes.clone();
                model.0.insert(page, ModelPage { bytes, original, access: Access::ReadWrite, changed: false });
            }
        }
        Action::Unmap { first, pages } => {
            space.unmap(first, pages);
            model.0.retain(|page, _| !range(first, pages).contains(page));
        }
        Action::SetAccess { first, pages, writable } => {
            space.set_access(first, pages, access(writable));
            for page in range(first, pages) {
                if let Some(found) = model.0.get_mut(&page) {
                    found.access = access(writable);
                }
            }
        }
        Action::Load { address, width } => {
            let found = match width {
                1 => space.load_u8(address).map(u64::from),
                2 => space.load_u16(address).map(u64::from),
                4 => space.load_u32(address).map(u64::from),
                _ => space.load_u64(address),
            };
            prop_assert_eq!(found, model.load(address, width.into()));
        }
        Action::Store { address, width, value } => {
            let found = match width {
                1 => space.store_u8(address, value as u8),
                2 => space.store_u16(address, value as u16),
                4 => space.store_u32(address, value as u32),
                _ => space.store_u64(address, value),
            };
            prop_assert_eq!(found, model.store(address, width.into(), value));
        }
        Action::ChangedPage { page } => {
            let found = space.changed_page(page);
            let expected = model.0.get(&page).filter(|found| found.changed);
            // A store that failed on the second of two pages may have opened the first; its content is as it was.
            if let Some(expected) = expected {
                prop_assert_eq!(&found.expect("changed")[..], &expected.bytes[..]);
            } else if let Some(found) = found {
                prop_assert_eq!(&found[..], &model.0[&page].bytes[..]);
            }
        }
        Action::SetPage { page, fill } => {
            let set = space.set_page(page, PageRef::from(&[fill; PAGE_SIZE]));
            prop_assert_eq!(set, model.0.contains_key(&page));
            if let Some(found) = model.0.get_mut(&page) {
                found.bytes.fill(fill);
                found.changed = true;
            }
        }
        Action::Withdraw { first, pages } => {
            let mut taken = Vec::new();
            space.withdraw(first, pages, |page, content| taken.push((page, content)));
            check_taken(model, &taken, first, pages)?;
            for page in range(first, pages) {
                if let Some(found) = model.0.get_mut(&page) {
                    found.bytes.copy_from_slice(&found.original[..]);
                }
            }
            // A page that nobody else has may be written over.
            taken.into_iter().for_each(|(_, page)| space.reuse(page));
        }
        Action::Discard { first, pages } => {
            space.discard(first, pages);
            for page in range(first, pages) {
                if let Some(found) = model.0.get_mut(&page) {
                    found.bytes.copy_from_slice(&found.original[..]);
                    found.changed = false;
                }
                prop_assert!(space.changed_page(page).is_none());
            }
        }
        Action::Clear => {
            space.clear();
            model.0.clear();
        }
        Action::Fork | Action::Switch { .. } => {}
    }
    if model.0.values().any(|page| page.changed) {
        prop_assert!(space.has_changed());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_what_the_model_says(actions in prop::collection::vec(action(), 1..200)) {
        let data = data();
        let before = data.hash();
        let mut pairs = vec![(LocalSpace::new(), Model::default())];
        let mut current = 0;
        for action in &actions {
            match *action {
                Action::Fork if pairs.len() < 4 => {
                    let (space, model) = &mut pairs[current];
                    let fork = (space.fork(), model.clone());
                    pairs.push(fork);
                }
                Action::Switch { to } => current = to % pairs.len(),
                _ => {
                    let (space, model) = &mut pairs[current];
                    apply(space, model, &data, action)?;
                }
            }
        }
        // At the end every page of every fork reads as the model says.
        for (space, model) in &mut pairs {
            for page in PAGES {
                for address in (page * 4096..).step_by(8).take(PAGE_SIZE / 8) {
                    prop_assert_eq!(space.load_u64(address), model.load(address, 8));
                }
            }
        }
        prop_assert_eq!(data.hash(), before, "what was mapped has not changed");
    }
}

#[test]
fn a_fork_copies_no_page() {
    let mut space = LocalSpace::new();
    space.map_zero(16, 1000);
    for page in 16..1016 {
        space.store_u8(page * 4096, 1).expect("mapped");
    }
    let mut fork = space.fork();
    for page in 16..1016 {
        let (mine, its) = (space.changed_page(page).expect("written"), fork.changed_page(page).expect("written"));
        assert!(mine.ptr_eq(&its), "page {page} was copied by the fork");
    }
    fork.store_u8(16 * 4096, 2).expect("mapped");
    assert_eq!(space.load_u8(16 * 4096), Ok(1));
    assert_eq!(fork.load_u8(16 * 4096), Ok(2));
    let (mine, its) = (space.changed_page(17).expect("written"), fork.changed_page(17).expect("written"));
    assert!(mine.ptr_eq(&its), "only the written page is copied");
}

#[test]
fn reading_copies_nothing() {
    let data = data();
    let mut space = LocalSpace::new();
    space.map_data(16, 3, &data, 0, Access::ReadWrite);
    assert_eq!(space.load_u8(16 * 4096), Ok(0x11));
    assert!(space.changed_page(16).is_none());
    let mut taken = 0;
    space.withdraw(16, 3, |_, _| taken += 1);
    assert_eq!(taken, 0);
}
