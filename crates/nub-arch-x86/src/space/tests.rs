//! A space over a window in software, which remembers translations as a processor does, against a table of pages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::vec::Vec;

use javm_cap::{Data, PAGE_SIZE};
use javm_interpreter::{Fault, Memory};
use nub_kernel::AddressSpace;
use proptest::prelude::*;

use super::policy::Costs;
use super::*;

#[derive(Clone, Copy)]
struct Translation {
    frame: NonNull<Page>,
    writable: bool,
    written: bool,
}

/// A window whose processor remembers whatever it has used until it is told to forget it.
#[derive(Default)]
struct Fake {
    table: RefCell<BTreeMap<u32, Translation>>,
    remembered: RefCell<BTreeMap<u32, Translation>>,
    unsettled: Vec<u32>,
    hidden: bool,
    /// Whether another processor uses it; then what was taken back is kept here.
    elsewhere: bool,
    kept: Vec<Released>,
}

impl Fake {
    fn translate(&self, page: u32, write: bool) -> Option<NonNull<Page>> {
        if self.hidden {
            return None;
        }
        assert!(self.unsettled.is_empty(), "the window is used before it is settled");
        let (mut table, mut remembered) = (self.table.borrow_mut(), self.remembered.borrow_mut());
        let known = match remembered.get(&page) {
            Some(known) if !write || known.writable => *known,
            // A processor looks again before it faults.
            _ => *table.get(&page)?,
        };
        if write && !known.writable {
            return None;
        }
        let mut known = known;
        if write && !known.written {
            known.written = true;
            table.get_mut(&page)?.written = true;
        }
        remembered.insert(page, known);
        Some(known.frame)
    }

    /// The bytes of an access, if all of its pages allow it.
    fn places<const N: usize>(&self, address: u32, write: bool) -> Option<[*mut u8; N]> {
        let mut places = [std::ptr::null_mut(); N];
        for (index, place) in (0..).zip(&mut places) {
            let at = address.checked_add(index)?;
            let frame = self.translate(at / PAGE_SIZE as u32, write)?;
            *place = frame.as_ptr().cast::<u8>().wrapping_add(at as usize % PAGE_SIZE);
        }
        Some(places)
    }
}

impl View for Fake {
    type Entry = u32;

    fn load<const N: usize>(&self, address: u32) -> Option<[u8; N]> {
        // SAFETY: what is shown is alive, as `map` was promised; a violation is what the test looks for.
        self.places::<N>(address, false).map(|places| places.map(|place| unsafe { place.read() }))
    }

    fn store<const N: usize>(&self, address: u32, value: [u8; N]) -> bool {
        let Some(places) = self.places::<N>(address, true) else { return false };
        // SAFETY: see above.
        places.iter().zip(value).for_each(|(place, byte)| unsafe { place.write(byte) });
        true
    }

    fn hide(&mut self) {
        self.hidden = true;
    }

    fn reveal(&mut self) {
        assert!(self.unsettled.is_empty(), "the window is revealed before it is settled");
        self.hidden = false;
    }

    unsafe fn map(&mut self, page: u32, frame: NonNull<Page>, shown: Shown) -> u32 {
        let translation = Translation { frame, writable: shown != Shown::Reading, written: shown == Shown::Writing };
        if self.table.get_mut().insert(page, translation).is_some() {
            self.unsettled.push(page);
        }
        page
    }

    fn unmap(&mut self, page: u32) {
        if self.table.get_mut().remove(&page).is_some() {
            self.unsettled.push(page);
        }
    }

    fn was_written(&self, entry: u32) -> bool {
        self.table.borrow()[&entry].written
    }

    fn settle(&mut self, released: &mut Vec<Released>) {
        if self.unsettled.is_empty() {
            return;
        }
        if self.elsewhere {
            self.kept.append(released);
        }
        for page in self.unsettled.drain(..) {
            self.remembered.get_mut().remove(&page);
        }
    }

    fn is_here(&self) -> bool {
        !self.elsewhere
    }

    fn sibling(&self) -> Option<Fake> {
        Some(Fake::default())
    }
}

/// Pages that steps are about, from this one on; more than stay resident.
const FIRST: u32 = 32;
const PAGES: u32 = 80;

/// A page of the model: what was mapped, what is there now, what is allowed.
#[derive(Clone, PartialEq, Debug)]
struct Known {
    original: [u8; 4],
    now: [u8; 4],
    access: Access,
    /// Which Data it is mapped from, by its number, and the page of that.
    source: Option<(usize, u32)>,
}

type Model = BTreeMap<u32, Known>;

#[derive(Clone, Debug)]
enum Step {
    MapData { first: u32, pages: u32, offset: u32, access: Access },
    MapZero { first: u32, pages: u32 },
    Unmap { first: u32, pages: u32 },
    SetAccess { first: u32, pages: u32, access: Access },
    Store { page: u32, byte: u32, value: u8 },
    Sweep { first: u32, pages: u32, value: u8 },
    Load { page: u32 },
    SetPage { page: u32, value: u8 },
    Withdraw { first: u32, pages: u32, map_again: bool },
    Discard { first: u32, pages: u32 },
    Collect { page: u32, shared: bool },
    Fork { swap: bool },
    Move,
    Elsewhere(bool),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let access = || prop_oneof![1 => Just(Access::ReadOnly), 3 => Just(Access::ReadWrite)];
    let page = || FIRST..FIRST + PAGES;
    let range = || (page(), prop_oneof![3 => 1..6u32, 1 => 1..PAGES]);
    prop_oneof![
        6 => (range(), 0..PAGES, access())
            .prop_map(|((first, pages), offset, access)| Step::MapData { first, pages, offset, access }),
        3 => range().prop_map(|(first, pages)| Step::MapZero { first, pages }),
        2 => range().prop_map(|(first, pages)| Step::Unmap { first, pages }),
        2 => (range(), access()).prop_map(|((first, pages), access)| Step::SetAccess { first, pages, access }),
        12 => (page(), 0..4u32, 0..3u8).prop_map(|(page, byte, value)| Step::Store { page, byte, value }),
        4 => (range(), 0..3u8).prop_map(|((first, pages), value)| Step::Sweep { first, pages, value }),
        8 => page().prop_map(|page| Step::Load { page }),
        2 => (page(), any::<u8>()).prop_map(|(page, value)| Step::SetPage { page, value }),
        4 => (range(), any::<bool>())
            .prop_map(|((first, pages), map_again)| Step::Withdraw { first, pages, map_again }),
        3 => range().prop_map(|(first, pages)| Step::Discard { first, pages }),
        6 => (page(), any::<bool>()).prop_map(|(page, shared)| Step::Collect { page, shared }),
        2 => any::<bool>().prop_map(|swap| Step::Fork { swap }),
        1 => Just(Step::Move),
        1 => any::<bool>().prop_map(Step::Elsewhere),
        1 => Just(Step::Clear),
    ]
}

/// The Data that is mapped: every second page begins with its number.
fn data() -> Data {
    let mut data = Data::new(2 * PAGES).expect("small");
    for page in (0..2 * PAGES).step_by(2) {
        data.page_mut(page).expect("it is there")[0] = page as u8 + 1;
    }
    data
}

fn original(data: &Data, page: u32) -> [u8; 4] {
    data.page(page).map_or([0; 4], |page| [page[0], page[1], page[2], page[3]])
}

/// A space with what it should be.
struct Pair {
    space: Space<Fake>,
    model: Model,
}

impl Pair {
    fn store(&mut self, page: u32, byte: u32, value: u8) {
        let address = page * PAGE_SIZE as u32 + byte;
        let stored = self.space.store(address, [value]);
        match self.model.get_mut(&page).filter(|known| known.access == Access::ReadWrite) {
            Some(known) => {
                assert_eq!(stored, Ok(()));
                known.now[byte as usize] = value;
            }
            None => assert_eq!(stored, Err(Fault::Page(page * PAGE_SIZE as u32))),
        }
    }

    fn load(&mut self, page: u32) {
        let loaded = self.space.load::<4>(page * PAGE_SIZE as u32);
        let expected = self.model.get(&page).map(|known| known.now).ok_or(Fault::Page(page * PAGE_SIZE as u32));
        assert_eq!(loaded, expected, "page {page}");
    }

    fn is_as_known(&mut self) {
        let any = self.model.values().any(|known| known.now != known.original);
        assert!(self.space.has_changed() || !any);
        for page in FIRST - 1..FIRST + 2 * PAGES {
            let known = self.model.get(&page).filter(|known| known.now != known.original).map(|known| known.now);
            let changed = self.space.changed_page(page).map(|page| [page[0], page[1], page[2], page[3]]);
            assert_eq!(changed, known, "page {page}");
        }
        (FIRST - 1..FIRST + 2 * PAGES).for_each(|page| self.load(page));
        // Each page that is shown for reading is held.
        for (page, shown) in &self.space.shared {
            let frame = shown.as_ref().map_or_else(Frame::zero, |shown| NonNull::from(&**shown));
            assert_eq!(self.space.view.table.borrow()[page].frame, frame);
        }
    }

    /// Puts what was written to the pages around one that are mapped from one Data in a row into that, if the space can.
    fn collect(&mut self, mapped: &mut Vec<Option<Data>>, page: u32, shared: bool) {
        let Pair { space, model } = self;
        let source = |page: u32| model.get(&page).and_then(|known| known.source);
        let Some((number, index)) = source(page) else { return };
        let before = (1..=index).take_while(|back| source(page - back) == Some((number, index - back))).count() as u32;
        let (first, offset) = (page - before, index - before);
        let pages = (0..).take_while(|at| source(first + at) == Some((number, offset + at))).count() as u32;
        let Some(count) = space.differing(first, pages) else {
            assert!(!space.written.is_empty() || space.residents.len() > RESIDENT_PAGES);
            return;
        };
        let changed = model.range(first..first + pages).filter(|(_, known)| known.now != known.original);
        assert_eq!(count as usize, changed.count());
        space.detach(first, pages);
        // Nobody else may be left who has it. Where it went that way before, what another range shows of it is what it was.
        let data = if shared { mapped[number].clone() } else { mapped[number].take() };
        let mut data = data.unwrap_or_else(|| {
            let mut data = Data::new(2 * PAGES).expect("small");
            for (at, known) in model.range(first..first + pages) {
                data.write(u64::from(at - first + offset) * PAGE_SIZE as u64, &known.original).expect("in range");
            }
            data
        });
        space.collect(first, pages, &mut data, offset);
        space.attach(first, pages, &data);
        for (at, known) in model.range_mut(first..first + pages) {
            assert_eq!(original(&data, at - first + offset), known.now, "page {at} was collected");
            (known.original, known.source) = (known.now, Some((mapped.len(), at - first + offset)));
        }
        mapped.push(Some(data));
    }

    fn take(&mut self, mapped: &mut Vec<Option<Data>>, step: Step) -> Option<Pair> {
        let Pair { space, model } = self;
        match step {
            Step::MapData { first, pages, offset, access } => {
                let data = data();
                space.map_data(first, pages, &data, offset, access);
                for page in first..first + pages {
                    let (index, number) = (page - first + offset, mapped.len());
                    let original = original(&data, index);
                    model.insert(page, Known { original, now: original, access, source: Some((number, index)) });
                }
                mapped.push(Some(data));
            }
            Step::MapZero { first, pages } => {
                space.map_zero(first, pages);
                let zero = Known { original: [0; 4], now: [0; 4], access: Access::ReadWrite, source: None };
                model.extend((first..first + pages).map(|page| (page, zero.clone())));
            }
            Step::Unmap { first, pages } => {
                space.unmap(first, pages);
                model.retain(|page, _| !(first..first + pages).contains(page));
            }
            Step::SetAccess { first, pages, access } => {
                space.set_access(first, pages, access);
                model.range_mut(first..first + pages).for_each(|(_, known)| known.access = access);
            }
            Step::Store { page, byte, value } => self.store(page, byte, value),
            Step::Sweep { first, pages, value } => {
                (first..first + pages).for_each(|page| self.store(page, 1, value));
            }
            Step::Load { page } => self.load(page),
            Step::SetPage { page, value } => {
                let content = [value, value, 0, 0];
                let mut new = PageRef::zeroed();
                new.make_mut()[..4].copy_from_slice(&content);
                assert_eq!(space.set_page(page, new), model.contains_key(&page));
                if let Some(known) = model.get_mut(&page) {
                    known.now = content;
                }
            }
            Step::Withdraw { first, pages, map_again } => {
                let mut taken = Vec::new();
                space.withdraw(first, pages, |page, content| taken.push((page, content)));
                let changed = model.range_mut(first..first + pages).filter(|(_, known)| known.now != known.original);
                let changed: Vec<(u32, [u8; 4])> =
                    changed.map(|(&page, known)| (page, std::mem::replace(&mut known.now, known.original))).collect();
                let seen: Vec<_> = taken.iter().map(|(page, at)| (*page, [at[0], at[1], at[2], at[3]])).collect();
                assert_eq!(seen, changed);
                if map_again {
                    // As the kernel does: what was written becomes the Data.
                    for (page, content) in taken {
                        let mut data = Data::new(1).expect("small");
                        data.set_page(0, content).expect("it is there");
                        let Some(known) = model.get_mut(&page) else { panic!("page {page} is not mapped") };
                        known.original = original(&data, 0);
                        (known.now, known.source) = (known.original, Some((mapped.len(), 0)));
                        space.map_data(page, 1, &data, 0, known.access);
                        mapped.push(Some(data));
                    }
                }
            }
            Step::Discard { first, pages } => {
                space.discard(first, pages);
                model.range_mut(first..first + pages).for_each(|(_, known)| known.now = known.original);
            }
            Step::Collect { page, shared } => self.collect(mapped, page, shared),
            Step::Fork { swap } => {
                let mut fork = Pair { space: space.fork(), model: model.clone() };
                if swap {
                    std::mem::swap(self, &mut fork);
                }
                return Some(fork);
            }
            Step::Move => {
                space.move_to(Fake::default());
            }
            Step::Elsewhere(elsewhere) => space.view.elsewhere = elsewhere,
            Step::Clear => {
                space.clear();
                model.clear();
            }
        }
        None
    }
}

fn costs() -> impl Strategy<Value = Costs> {
    prop_oneof![Just(0), Just(1000), Just(15_000)].prop_map(|fault| Costs { fault, copy: 30, map: 60 })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_space_is_a_table_of_pages(costs in costs(), kept in 60..90usize, steps in prop::collection::vec(step(), 1..80)) {
        let mut mapped = Vec::new();
        let mut pairs = vec![Pair { space: Space::new(Fake::default(), Policy::new(costs).keeping(kept)), model: Model::new() }];
        for (number, step) in steps.into_iter().enumerate() {
            let at = number % pairs.len();
            let fork = pairs[at].take(&mut mapped, step);
            if pairs.len() < 3 {
                pairs.extend(fork);
            }
        }
        pairs.iter_mut().for_each(Pair::is_as_known);
    }
}

#[test]
fn calling_again_changes_no_entry_and_compares_only_what_was_written() {
    let data = data();
    let policy = Policy::new(Costs { fault: 15_000, copy: 30, map: 60 });
    let mut space = Space::new(Fake::default(), policy);
    space.map_data(FIRST, 8, &data, 0, Access::ReadWrite);
    space.map_zero(FIRST + 8, 8);
    space.refresh();
    // All of it was prepared, and nothing counts as written.
    assert_eq!(space.view.table.borrow().len(), 16);
    assert!(!space.has_changed());
    for round in 1..5u8 {
        let before = faults();
        space.store((FIRST + 8) * PAGE_SIZE as u32, [round]).expect("it is writable");
        assert_eq!(faults(), before, "it was there");
        assert!(space.has_changed());
        let touched = space.residents.values().filter(|resident| resident.is_touched(&space.view)).count();
        assert_eq!(touched, 1);
        space.discard(FIRST, 16);
        space.refresh();
        assert!(space.view.unsettled.is_empty());
        assert_eq!(space.load((FIRST + 8) * PAGE_SIZE as u32), Ok([0u8]));
    }
}

/// What is collected of a page that nobody shares goes where the Data has it. The window stays as it is, and is not brought up to
/// date before the next access.
#[test]
fn collecting_moves_no_page_that_nobody_shares() {
    let mut data = data();
    let mut space = Space::new(Fake::default(), Policy::new(Costs { fault: 15_000, copy: 30, map: 60 }));
    space.map_data(FIRST, 8, &data, 0, Access::ReadWrite);
    let collect = |space: &mut Space<Fake>, data: &mut Data, expected: u32| {
        assert_eq!(space.differing(FIRST, 8), Some(expected));
        space.detach(FIRST, 8);
        space.collect(FIRST, 8, data, 0);
        space.attach(FIRST, 8, data);
        space.discard(FIRST, 8);
        assert!(!space.stale);
    };
    let place = |data: &Data| data.page(2).map(|page| page.as_ptr());
    let (before, address) = (place(&data), (FIRST + 2) * PAGE_SIZE as u32);
    for value in 1..4u8 {
        space.store(address + 700, [value]).expect("it is writable");
        collect(&mut space, &mut data, 1);
        assert_eq!((place(&data), data.page(2).map(|page| (page[0], page[700]))), (before, Some((3, value))));
        assert_eq!(space.load(address + 700), Ok([value]));
    }
    let copy = data.clone();
    space.store(address + 700, [9]).expect("it is writable");
    collect(&mut space, &mut data, 1);
    assert_eq!((copy.page(2).map(|page| page[700]), data.page(2).map(|page| page[700])), (Some(3), Some(9)));

    // A page that becomes all zero is not stored any more.
    space.store(address, [0]).expect("it is writable");
    space.store(address + 700, [0]).expect("it is writable");
    collect(&mut space, &mut data, 1);
    assert!(data.page(2).is_none());
    // And one that is dropped is as it was.
    space.store(address + 4095, [1]).expect("it is writable");
    assert_eq!(space.differing(FIRST, 8), Some(1));
    space.discard(FIRST, 8);
    assert_eq!((space.differing(FIRST, 8), space.load(address + 4095)), (Some(0), Ok([0u8])));
}

#[test]
fn what_a_program_writes_to_again_and_again_stays_and_goes_when_it_does_not() {
    let count = 2 * RESIDENT_PAGES as u32;
    let mut space = Space::new(Fake::default(), Policy::new(Costs { fault: 0, copy: 30, map: 60 }));
    space.map_data(FIRST, count, &Data::new(count).expect("small"), 0, Access::ReadWrite);
    let call = |space: &mut Space<Fake>, pages: u32, value: u8| {
        (0..pages).for_each(|page| space.store((FIRST + page) * PAGE_SIZE as u32, [value]).expect("it is writable"));
        let mut changed = 0;
        space.withdraw(FIRST, count, |_, _| changed += 1);
        assert_eq!(changed, pages);
    };
    for value in 1..5 {
        call(&mut space, count, value);
        assert_eq!(space.residents.len(), count as usize);
    }
    for value in 5..5 + policy::MOST_IN_VAIN {
        call(&mut space, 1, value);
    }
    assert_eq!(space.residents.len(), count as usize);
    call(&mut space, 1, 100);
    assert_eq!(space.residents.len(), RESIDENT_PAGES);
    assert!(space.view.unsettled.is_empty() || space.stale);
}

#[test]
fn a_fork_copies_no_page() {
    let mut space = Space::new(Fake::default(), Policy::new(Costs { fault: 0, copy: 30, map: 60 }));
    space.map_zero(FIRST, 8);
    (0..8).for_each(|page| space.store((FIRST + page) * PAGE_SIZE as u32, [7]).expect("it is writable"));
    let mut fork = space.fork();
    for page in FIRST..FIRST + 8 {
        assert!(space.written[&page].ptr_eq(&fork.written[&page]));
    }
    fork.store(FIRST * PAGE_SIZE as u32, [8]).expect("it is writable");
    assert_eq!((space.load(FIRST * PAGE_SIZE as u32), fork.load(FIRST * PAGE_SIZE as u32)), (Ok([7u8]), Ok([8u8])));
}
