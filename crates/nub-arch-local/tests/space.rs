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
    /// Which Data it is mapped from, by its number, and the page of that.
    source: Option<(usize, u32)>,
}

#[derive(Clone, Default)]
struct Model(BTreeMap<u32, ModelPage>);

/// Every Data that was mapped, in which forks share what they share; `None` for one that was changed.
#[derive(Default)]
struct Mapped(Vec<Option<Data>>);

impl Mapped {
    fn add(&mut self, data: Data) -> usize {
        self.0.push(Some(data));
        self.0.len() - 1
    }
}

impl Model {
    /// The pages around one that are mapped from one Data in a row: the first, how many, which Data, and from which page of it.
    fn run(&self, page: u32) -> Option<(u32, u32, usize, u32)> {
        let (number, index) = self.0.get(&page)?.source?;
        let source = |page: u32| self.0.get(&page).and_then(|page| page.source);
        let before = (1..=index).take_while(|back| source(page - back) == Some((number, index - back))).count() as u32;
        let (first, offset) = (page - before, index - before);
        let pages = (0..).take_while(|at| source(first + at) == Some((number, offset + at))).count() as u32;
        Some((first, pages, number, offset))
    }

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
    Collect { page: u32, shared: bool },
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
        4 => (page(), any::<bool>()).prop_map(|(page, shared)| Action::Collect { page, shared }),
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

/// Puts what was written to pages that are mapped from one Data in a row into that.
fn collect(
    space: &mut LocalSpace,
    model: &mut Model,
    mapped: &mut Mapped,
    page: u32,
    shared: bool,
) -> Result<(), TestCaseError> {
    let Some((first, pages, number, offset)) = model.run(page) else { return Ok(()) };
    let differs = |page: &u32| model.0[page].bytes != model.0[page].original;
    let expected = (first..first + pages).filter(differs).count() as u32;
    prop_assert_eq!(space.differing(first, pages), Some(expected));
    prop_assert_eq!(space.differing(first, pages), Some(expected), "asked again");
    for (_, page) in model.0.range_mut(range(first, pages)) {
        page.changed &= page.bytes != page.original;
    }
    if shared && expected == 0 {
        // Counting alone has changed nothing.
        return Ok(());
    }
    space.detach(first, pages);
    // Nobody else may be left who has it.
    let data = if shared { mapped.0[number].clone() } else { mapped.0[number].take() };
    let mut data = data.unwrap_or_else(|| {
        // It went that way before; what another range shows of it still is what it was.
        let mut data = Data::new(3).expect("three pages are possible");
        for page in first..first + pages {
            let at = u64::from(page - first + offset) * PAGE_SIZE as u64;
            data.write(at, &model.0[&page].original[..]).expect("in range");
        }
        data
    });
    space.collect(first, pages, &mut data, offset);
    space.attach(first, pages, &data);
    for page in first..first + pages {
        let found = model.0.get_mut(&page).expect("it is in the run");
        let mut bytes = [0; PAGE_SIZE];
        data.read(u64::from(page - first + offset) * PAGE_SIZE as u64, &mut bytes).expect("in range");
        prop_assert!(bytes == *found.bytes, "page {} was collected", page);
        prop_assert!(data.page(page - first + offset).is_none_or(|page| expected == 0 || !page.is_zero()));
        prop_assert!(space.changed_page(page).is_none());
        found.original = found.bytes.clone();
        found.changed = false;
    }
    let number = mapped.add(data);
    for page in first..first + pages {
        model.0.get_mut(&page).expect("it is in the run").source = Some((number, page - first + offset));
    }
    Ok(())
}

fn apply(space: &mut LocalSpace, model: &mut Model, mapped: &mut Mapped, action: &Action) -> Result<(), TestCaseError> {
    let access = |writable: bool| if writable { Access::ReadWrite } else { Access::ReadOnly };
    match *action {
        Action::MapData { first, pages, offset, writable } => {
            let data = &data();
            let number = mapped.add(data.clone());
            space.map_data(first, pages, data, offset, access(writable));
            for page in range(first, pages) {
                model.0.remove(&page);
                let index = page - first + offset;
                if index < data.pages() {
                    let mut bytes = Box::new([0; PAGE_SIZE]);
                    data.read(u64::from(index) * 4096, &mut bytes[..]).expect("in range");
                    let original = bytes.clone();
                    let (access, source) = (access(writable), Some((number, index)));
                    model.0.insert(page, ModelPage { bytes, original, access, changed: false, source });
                }
            }
        }
        Action::MapZero { first, pages } => {
            space.map_zero(first, pages);
            for page in range(first, pages) {
                let bytes = Box::new([0; PAGE_SIZE]);
                let original = bytes.clone();
                let access = Access::ReadWrite;
                model.0.insert(page, ModelPage { bytes, original, access, changed: false, source: None });
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
        Action::Collect { page, shared } => collect(space, model, mapped, page, shared)?,
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
        let mut mapped = Mapped::default();
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
                    apply(space, model, &mut mapped, action)?;
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

/// What is collected of a page that nobody shares goes where the Data has it, and the page stays for the next call, whose first
/// store needs no copy; where somebody shares it, the page itself goes into the Data.
#[test]
fn collecting_moves_no_page_that_nobody_shares() {
    let mut data = data();
    let mut space = LocalSpace::new();
    space.map_data(16, 3, &data, 0, Access::ReadWrite);
    let collect = |space: &mut LocalSpace, data: &mut Data, expected: u32| {
        assert_eq!(space.differing(16, 3), Some(expected));
        space.detach(16, 3);
        space.collect(16, 3, data, 0);
        space.attach(16, 3, data);
        assert!(!space.has_changed());
    };
    let place = |data: &Data, page: u32| data.page(page).map(|page| page.as_ptr());
    let before = place(&data, 0);
    for value in 1..4 {
        space.store_u8(16 * 4096 + 700, value).expect("mapped");
        collect(&mut space, &mut data, 1);
        assert_eq!((place(&data, 0), data.page(0).map(|page| page[700])), (before, Some(value)));
        assert_eq!((data.page(0).map(|page| page[699]), space.load_u8(16 * 4096 + 700)), (Some(0x11), Ok(value)));
    }
    // What was stored there before is no change.
    space.store_u8(16 * 4096 + 700, 3).expect("mapped");
    assert_eq!((space.differing(16, 3), space.has_changed()), (Some(0), false));

    let copy = data.clone();
    space.store_u8(16 * 4096 + 700, 9).expect("mapped");
    collect(&mut space, &mut data, 1);
    assert_ne!(place(&data, 0), before);
    assert_eq!((copy.page(0).map(|page| page[700]), data.page(0).map(|page| page[700])), (Some(3), Some(9)));

    // A page that becomes all zero is not stored any more.
    for at in (0..4096).step_by(8) {
        space.store_u64(18 * 4096 + at, 0).expect("mapped");
    }
    collect(&mut space, &mut data, 1);
    assert!(data.page(2).is_none());
    assert_eq!(space.load_u64(18 * 4096 + 8), Ok(0));
}

/// That a program could write to a page says nothing of what is mapped there later.
#[test]
fn a_page_that_was_writable_is_not_when_another_is_mapped_there() {
    for forbid in [
        |space: &mut LocalSpace| space.set_access(16, 1, Access::ReadOnly),
        |space: &mut LocalSpace| {
            space.withdraw(16, 1, |_, _| {});
            space.map_data(16, 1, &data(), 0, Access::ReadOnly);
        },
    ] {
        let mut space = LocalSpace::new();
        space.map_zero(16, 1);
        assert_eq!(space.store_u8(16 * 4096, 1), Ok(()));
        forbid(&mut space);
        assert!(space.set_page(16, PageRef::from(&[7; PAGE_SIZE])));
        assert_eq!(space.store_u8(16 * 4096, 2), Err(Fault::Page(16 * 4096)));
        assert_eq!(space.load_u8(16 * 4096), Ok(7));
    }
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
