//! The software-paged memory: bytes say what a kernel and a program do to it, forks included; a model that keeps every
//! byte by itself says what has to come of it.

use std::collections::BTreeMap;

use javm_cap::{Access, Data, PAGE_SIZE, PageRef};
use javm_interpreter::{Fault, LOWEST_ADDRESS, Memory};
use nub_arch_local::LocalSpace;
use nub_kernel::AddressSpace;
use rand::RngExt;

use crate::input::Input;
use crate::{Random, Reached, Target, mutation};

/// This target. Whatever the bytes, they are a sequence of actions: all are accepted.
pub const TARGET: Target =
    Target { name: "memory", run, generate, mutate: mutation::bytes, repair: |_| {}, least_accepted: 100 };

/// Pages that actions are about: around the lowest address, two that share a place in the lookup cache with others, the
/// end of a leaf of the table, the end of memory.
const PAGES: [u32; 12] = [14, 15, 16, 17, 18, 272, 273, 1023, 1024, 1025, (1 << 20) - 2, (1 << 20) - 1];
/// How many forks there are at most.
const FORKS: usize = 4;
/// Actions beyond these are not done, so that an input takes bounded time.
const ACTIONS: usize = 2_000;

const PAGE: u32 = PAGE_SIZE as u32;

#[derive(Clone)]
struct ModelPage {
    bytes: Box<[u8; PAGE_SIZE]>,
    /// What was mapped.
    original: Box<[u8; PAGE_SIZE]>,
    access: Access,
    /// Written, and not withdrawn since.
    changed: bool,
    /// Perhaps marked as written, though nothing was: a store was refused because of the page behind it.
    touched: bool,
}

#[derive(Clone, Default)]
struct Model(BTreeMap<u32, ModelPage>);

impl Model {
    fn map(&mut self, page: u32, bytes: [u8; PAGE_SIZE], access: Access) {
        let original = Box::new(bytes);
        self.0.insert(page, ModelPage { bytes: original.clone(), original, access, changed: false, touched: false });
    }

    /// The places of an access, as page and offset, if all of it is allowed.
    fn places(&mut self, address: u32, length: u32, write: bool) -> Result<Vec<(u32, usize)>, Fault> {
        let end = u64::from(address) + u64::from(length);
        if address < LOWEST_ADDRESS || end > 1 << 32 {
            return Err(Fault::Panic);
        }
        let places: Vec<(u32, usize)> =
            (0..length).map(|index| ((address + index) / PAGE, ((address + index) % PAGE) as usize)).collect();
        for &(page, _) in &places {
            match self.0.get_mut(&page) {
                Some(found) if !write || found.access == Access::ReadWrite => found.touched |= write,
                _ => return Err(Fault::Page(page * PAGE)),
            }
        }
        Ok(places)
    }

    fn load(&mut self, address: u32, length: u32) -> Result<u64, Fault> {
        let places = self.places(address, length, false)?;
        Ok(places.iter().rev().fold(0, |value, (page, at)| value << 8 | u64::from(self.0[page].bytes[*at])))
    }

    fn store(&mut self, address: u32, length: u32, value: u64) -> Result<(), Fault> {
        for ((page, at), byte) in self.places(address, length, true)?.into_iter().zip(value.to_le_bytes()) {
            if let Some(found) = self.0.get_mut(&page) {
                found.bytes[at] = byte;
                found.changed = true;
            }
        }
        Ok(())
    }
}

/// A memory and what it should be.
struct Pair {
    space: LocalSpace,
    model: Model,
}

fn run(bytes: &[u8]) -> Reached {
    let data = data();
    let root = data.as_ref().map(Data::hash);
    let mut input = Input::new(bytes);
    let mut pairs = vec![Pair { space: LocalSpace::new(), model: Model::default() }];
    let mut current = 0;
    for _ in 0..ACTIONS {
        if input.is_empty() {
            break;
        }
        match input.below(24) {
            0 if pairs.len() < FORKS => {
                let pair = &mut pairs[current];
                let fork = Pair { space: pair.space.fork(), model: pair.model.clone() };
                pairs.push(fork);
            }
            0 | 1 => current = input.below(pairs.len() as u16),
            2 if pairs.len() > 1 => {
                // The others go on without it.
                pairs.remove(current);
                current = 0;
            }
            action => act(&mut pairs[current], action, &mut input, data.as_ref()),
        }
    }
    for pair in &mut pairs {
        PAGES.into_iter().for_each(|page| check_page(pair, page));
    }
    assert_eq!(data.as_ref().map(Data::hash), root, "what was mapped has changed");
    Reached::Accepted
}

/// Every word of a page.
fn check_page(pair: &mut Pair, page: u32) {
    let mapped = pair.model.0.get(&page).filter(|_| page * PAGE >= LOWEST_ADDRESS);
    match mapped.map(|mapped| mapped.bytes.as_chunks::<8>().0) {
        Some(words) => {
            for (index, word) in (0..).zip(words) {
                let address = page * PAGE + 8 * index;
                assert_eq!(pair.space.load_u64(address), Ok(u64::from_le_bytes(*word)), "at the end, {address:#x}");
            }
        }
        None => assert!(pair.space.load_u8(page * PAGE).is_err(), "at the end, page {page:#x} can be read"),
    }
}

/// Four pages, the third of which is not stored.
fn data() -> Option<Data> {
    let mut data = Data::new(4).ok()?;
    for (index, fill) in [(0, 0x11), (1, 0x22), (3, 0x44)] {
        data.write(index * PAGE_SIZE as u64, &[fill; PAGE_SIZE]).ok()?;
    }
    Some(data)
}

fn page(input: &mut Input<'_>) -> u32 {
    input.choose(&PAGES)
}

/// Mostly near a border of a page.
fn address(input: &mut Input<'_>) -> u32 {
    let page = page(input);
    let offset = input.u8();
    let offset = if offset < 224 { i32::from(offset % 24) - 12 } else { i32::from(input.u16() % 4096) };
    (page * PAGE).wrapping_add_signed(offset)
}

fn access(input: &mut Input<'_>) -> Access {
    input.choose(&[Access::ReadOnly, Access::ReadWrite])
}

fn range(input: &mut Input<'_>) -> (u32, u32) {
    (page(input), input.below(5) as u32)
}

/// The pages of a range that exist.
fn pages_of((first, pages): (u32, u32)) -> std::ops::Range<u32> {
    first..(first + pages).min(1 << 20)
}

fn act(pair: &mut Pair, action: usize, input: &mut Input<'_>, data: Option<&Data>) {
    let Pair { space, model } = pair;
    match action {
        2 | 3 => {
            let Some(data) = data else { return };
            let (range, offset, access) = (range(input), input.below(6) as u32, access(input));
            space.map_data(range.0, range.1, data, offset, access);
            for (index, page) in (offset..).zip(pages_of(range)) {
                model.0.remove(&page);
                let mut bytes = [0; PAGE_SIZE];
                if index < data.pages() && data.read(u64::from(index) * PAGE_SIZE as u64, &mut bytes).is_ok() {
                    model.map(page, bytes, access);
                }
            }
        }
        4 | 5 => {
            let range = range(input);
            space.map_zero(range.0, range.1);
            pages_of(range).for_each(|page| model.map(page, [0; PAGE_SIZE], Access::ReadWrite));
        }
        6 => {
            let range = range(input);
            space.unmap(range.0, range.1);
            model.0.retain(|page, _| !pages_of(range).contains(page));
        }
        7 => {
            let (range, access) = (range(input), access(input));
            space.set_access(range.0, range.1, access);
            model.0.range_mut(pages_of(range)).for_each(|(_, found)| found.access = access);
        }
        8 => check_changed_page(space, model, page(input)),
        9 => {
            let (page, fill) = (page(input), input.u8());
            let set = space.set_page(page, PageRef::from(&[fill; PAGE_SIZE]));
            assert_eq!(set, model.0.contains_key(&page), "whether page {page:#x} could be set");
            if let Some(found) = model.0.get_mut(&page) {
                found.bytes.fill(fill);
                found.changed = true;
            }
        }
        10 => check_withdrawn(space, model, range(input)),
        11 if input.below(8) == 0 => {
            space.clear();
            model.0.clear();
        }
        11..=16 => {
            let (address, width) = (address(input), input.choose(&[1, 2, 4, 8]));
            let found = match width {
                1 => space.load_u8(address).map(u64::from),
                2 => space.load_u16(address).map(u64::from),
                4 => space.load_u32(address).map(u64::from),
                _ => space.load_u64(address),
            };
            assert_eq!(found, model.load(address, width), "load of {width} bytes at {address:#x}");
        }
        _ => {
            let (address, width, value) = (address(input), input.choose(&[1, 2, 4, 8]), input.u64());
            let found = match width {
                1 => space.store_u8(address, value as u8),
                2 => space.store_u16(address, value as u16),
                4 => space.store_u32(address, value as u32),
                _ => space.store_u64(address, value),
            };
            assert_eq!(found, model.store(address, width, value), "store of {width} bytes at {address:#x}");
        }
    }
}

fn check_changed_page(space: &mut LocalSpace, model: &Model, page: u32) {
    let found = space.changed_page(page);
    match model.0.get(&page) {
        Some(expected) => {
            assert!(found.is_some() || !expected.changed, "page {page:#x} was written");
            assert!(found.is_none() || expected.changed || expected.touched, "page {page:#x} was not written");
            assert!(found.is_none_or(|found| **found == *expected.bytes), "the content of page {page:#x}");
        }
        None => assert!(found.is_none(), "page {page:#x} is not mapped"),
    }
}

fn check_withdrawn(space: &mut LocalSpace, model: &mut Model, range: (u32, u32)) {
    let mut taken = BTreeMap::new();
    let mut last = None;
    space.withdraw(range.0, range.1, |page, content| {
        assert!(last.is_none_or(|last| last < page), "pages come in ascending order");
        last = Some(page);
        taken.insert(page, content);
    });
    assert!(taken.keys().all(|page| pages_of(range).contains(page)), "pages come from the range");
    for page in pages_of(range) {
        let found = taken.get(&page);
        match model.0.get_mut(&page) {
            Some(expected) => {
                assert!(found.is_some() || !expected.changed, "page {page:#x} was written");
                assert!(found.is_none() || expected.changed || expected.touched, "page {page:#x} was not written");
                assert!(found.is_none_or(|found| ***found == *expected.bytes), "the content of page {page:#x}");
                expected.bytes.clone_from(&expected.original);
                (expected.changed, expected.touched) = (false, false);
            }
            None => assert!(found.is_none(), "page {page:#x} is not mapped"),
        }
    }
}

fn generate(random: &mut Random) -> Vec<u8> {
    (0..random.random_range(0..600)).map(|_| random.random()).collect()
}
