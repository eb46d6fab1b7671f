//! Which window is taken, when one goes, and that one that is used again shows nothing of who had it before.

use alloc::collections::BTreeMap;
use alloc::vec;

use javm_cap::{Access, Backing, Image, Mapping, PageRef};
use javm_interpreter::{Fault, Memory};
use javm_isa::CostModel;

use super::*;

const STATE: u8 = 3;
const STATE_PAGE: u32 = 0x20;
const STACK_PAGE: u32 = 0x40;

/// Knows what is mapped, and nothing else.
#[derive(Default)]
struct Shows {
    /// Which one it is.
    number: usize,
    /// What each page shows; `None` for zeros.
    pages: BTreeMap<u32, Option<PageRef>>,
    /// What is mapped from each first page on.
    data: BTreeMap<u32, Data>,
    /// How often a Data was mapped.
    mapped: usize,
}

impl Memory for Shows {
    fn load<const N: usize>(&mut self, address: u32) -> Result<[u8; N], Fault> {
        Err(Fault::Page(address))
    }

    fn store<const N: usize>(&mut self, address: u32, _: [u8; N]) -> Result<(), Fault> {
        Err(Fault::Page(address))
    }
}

impl AddressSpace for Shows {
    fn map_data(&mut self, first_page: u32, pages: u32, data: &Data, offset: u32, _: Access) {
        self.mapped += 1;
        self.unmap(first_page, pages);
        let within = (0..pages).filter(|page| offset + page < data.pages());
        self.data.insert(first_page, data.clone());
        self.pages.extend(within.map(|page| (first_page + page, data.page(offset + page).cloned())));
    }

    fn mapped(&self, page: u32) -> Option<&Data> {
        self.data.get(&page)
    }

    fn map_zero(&mut self, first_page: u32, pages: u32) {
        self.pages.extend((first_page..first_page + pages).map(|page| (page, None)));
    }

    fn unmap(&mut self, first_page: u32, pages: u32) {
        self.pages.retain(|page, _| !(first_page..first_page + pages).contains(page));
        self.data.retain(|page, _| !(first_page..first_page + pages).contains(page));
    }

    fn set_access(&mut self, _: u32, _: u32, _: Access) {}

    fn has_changed(&mut self) -> bool {
        false
    }

    fn changed_page(&mut self, _: u32) -> Option<PageRef> {
        None
    }

    fn set_page(&mut self, _: u32, _: PageRef) -> bool {
        false
    }

    fn withdraw(&mut self, _: u32, _: u32, _: impl FnMut(u32, PageRef)) {}

    fn discard(&mut self, _: u32, _: u32) {}

    fn fork(&mut self) -> Shows {
        Shows { number: self.number, pages: self.pages.clone(), data: self.data.clone(), mapped: self.mapped }
    }

    fn clear(&mut self) {
        self.data.clear();
        self.pages.clear();
    }
}

/// A program whose Instances begin with this in their state, of two pages.
fn program(first: u8) -> Arc<Published> {
    let mapping = |pages, backing| Mapping { pages, access: Access::ReadWrite, backing };
    let program = javm_isa::assemble("trap").expect("it is right");
    let image = Image {
        memory: BTreeMap::from([
            (STATE_PAGE, mapping(2, Backing::Persistent { slot: STATE, offset_pages: 0 })),
            (STACK_PAGE, mapping(1, Backing::Ephemeral)),
        ]),
        slots: BTreeMap::from([(STATE, state(first))]),
        ..Image::new(CostModel::Flat, program.blob().to_vec(), Vec::new())
    };
    Published::new(image.validate().expect("it is valid"))
}

fn state(first: u8) -> Data {
    Data::from_bytes(&[[first; 4096], [0; 4096]].concat()).expect("small")
}

fn table(first: u8) -> CNode {
    CNode::from_slots([(STATE, state(first))]).expect("small")
}

/// The windows of a kernel, and how many spaces were made for them.
struct Pool {
    windows: Windows<Shows>,
    made: usize,
}

impl Pool {
    fn new() -> Pool {
        Pool { windows: Windows::new(), made: 0 }
    }

    fn take(&mut self, program: &Arc<Published>, table: &CNode) -> (Box<Frame<Shows>>, bool) {
        let Pool { windows, made } = self;
        windows.take(program.clone(), table, || {
            *made += 1;
            Shows { number: *made, ..Shows::default() }
        })
    }

    /// Has a window show a table, as a call does, and gives its number and how often a Data had to be mapped.
    fn call(&mut self, program: &Arc<Published>, table: &CNode) -> (usize, usize) {
        let (mut frame, shows) = self.take(program, table);
        let before = frame.window.space.mapped;
        if !shows {
            frame.window.mount(program, |slot| data_in(table, slot));
        }
        let Shows { number, mapped, pages, .. } = &frame.window.space;
        let page = data_in(table, STATE).and_then(|data| data.page(0).cloned());
        let expected = BTreeMap::from([(STATE_PAGE, page), (STATE_PAGE + 1, None), (STACK_PAGE, None)]);
        assert_eq!(*pages, expected, "it shows the table and nothing else");
        let came = (*number, mapped - before);
        frame.window.has_come_to_show(table);
        self.windows.put(frame);
        came
    }
}

#[test]
fn a_table_finds_its_window_again_and_so_does_a_copy() {
    let (program, table, mut pool) = (program(1), table(2), Pool::new());
    assert_eq!(pool.call(&program, &table), (1, 1));
    assert_eq!(pool.call(&program, &table.clone()), (1, 0));
    assert_eq!(pool.made, 1);
}

#[test]
fn a_window_stays_with_a_table_that_somebody_has() {
    let (program, table, mut pool) = (program(1), table(2), Pool::new());
    pool.call(&program, &table);
    let mut changed = table.clone();
    changed.data_mut(STATE).expect("a Data").write(0, b"new").expect("inside");
    assert_eq!(pool.call(&program, &changed), (2, 1));
    assert_eq!((pool.call(&program, &table), pool.call(&program, &changed)), ((1, 0), (2, 0)));
    // Another program over the same table maps it otherwise.
    assert_eq!(pool.call(&self::program(9), &table).0, 3);
}

#[test]
fn a_window_of_nobody_is_left_to_the_next_instance_of_its_program() {
    let (program, mut pool) = (program(1), Pool::new());
    let gone = table(2);
    pool.call(&program, &gone);
    drop(gone);
    pool.windows.sweep();
    let initial = program.valid().initial_table();
    let resting = &pool.windows.idle[0].frame.window;
    assert!(resting.table.is_none() && resting.space.mapped(STATE_PAGE) == data_in(initial, STATE));
    // What a new Instance has is mounted by now.
    assert_eq!(pool.call(&program, initial), (1, 0));
    assert_eq!(pool.made, 1);
}

#[test]
fn the_window_that_was_not_used_for_the_longest_time_goes() {
    let (program, mut pool) = (program(1), Pool::new());
    let tables: Vec<CNode> = (0..MOST_IDLE as u8).map(table).collect();
    tables.iter().for_each(|table| _ = pool.call(&program, table));
    // All are there, and the first is the one that was used last.
    for (index, table) in tables.iter().enumerate().rev() {
        assert_eq!(pool.call(&program, table), (index + 1, 0));
    }
    let (last, other) = (MOST_IDLE, table(77));
    assert_eq!(pool.call(&program, &other), (last, 1), "used before all others");
    assert_eq!((pool.made, pool.windows.idle.len()), (MOST_IDLE, MOST_IDLE));
    assert_eq!(pool.call(&program, &tables[0]), (1, 0));
    assert_ne!(pool.call(&program, &tables[last - 1]), (last, 0));
}

#[test]
fn nobodys_window_goes_before_an_older_one_that_somebody_has() {
    let (program, other, mut pool) = (program(1), self::program(9), Pool::new());
    let mut tables: Vec<CNode> = (0..MOST_IDLE as u8).map(table).collect();
    tables.iter().for_each(|table| _ = pool.call(&program, table));
    tables.remove(5);
    assert_eq!(pool.call(&other, &table(50)), (6, 1), "with what it showed unmounted");
    assert_eq!(pool.call(&program, &tables[0]), (1, 0));
}

#[test]
fn more_windows_than_are_kept_are_given_back() {
    let (program, mut pool) = (program(1), Pool::new());
    let tables: Vec<CNode> = (0..3 + MOST_IDLE as u8).map(table).collect();
    // As many calls inside of each other.
    let mut frames = vec![];
    for table in &tables {
        let (mut frame, shows) = pool.take(&program, table);
        assert!(!shows);
        frame.window.mount(&program, |slot| data_in(table, slot));
        frame.window.has_come_to_show(table);
        frames.push(frame);
    }
    frames.into_iter().for_each(|frame| pool.windows.put(frame));
    assert_eq!((pool.made, pool.windows.idle.len()), (3 + MOST_IDLE, MOST_IDLE));
    for (index, table) in tables.iter().enumerate().skip(3) {
        assert_eq!(pool.call(&program, table), (index + 1, 0));
    }
}

#[test]
fn nothing_is_kept_of_a_program_that_is_gone() {
    let (program, other, mut pool) = (program(1), self::program(9), Pool::new());
    let (one, two) = (table(2), table(3));
    pool.call(&program, &one);
    pool.call(&other, &two);
    pool.windows.forget(&program);
    assert_eq!((pool.windows.idle.len(), Arc::strong_count(&program)), (1, 1));
    assert_eq!(pool.call(&other, &two), (2, 0));
}

#[test]
fn zeros_are_mapped_once_whichever_data_they_are_of() {
    let (program, mut pool) = (program(1), Pool::new());
    let zeros = |pages| Data::new(pages).expect("short");
    let (mut frame, _) = pool.take(&program, &table(1));
    let window = &mut frame.window;
    window.mount(&program, |_| None);
    let shows = |window: &Window<Shows>| (window.space.mapped, window.space.mapped(STATE_PAGE).cloned());
    window.show(STATE, Some(&zeros(2)));
    window.show(STATE, Some(&zeros(2)));
    window.hide_content(STATE);
    assert_eq!(shows(window), (1, Some(zeros(2))));
    // Others as soon as there are more or fewer of them.
    window.show(STATE, Some(&zeros(1)));
    assert_eq!(shows(window), (2, Some(zeros(1))));
    window.show(STATE, Some(&state(3)));
    assert_eq!(shows(window), (3, Some(state(3))));
    window.hide_content(STATE);
    assert_eq!(shows(window), (3, None));
    // What was stored to zeros and put into their Data does not count as zeros.
    window.show(STATE, Some(&zeros(2)));
    window.collect(STATE, &mut state(4));
    window.show(STATE, Some(&zeros(2)));
    assert_eq!(shows(window), (5, Some(zeros(2))));
}
