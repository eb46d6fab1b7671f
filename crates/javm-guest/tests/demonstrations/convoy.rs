//! A scratchpad of 64 MiB through three programs.

use nub::cap::Capability;
use nub::{Data, InvokeOptions, Nub};

use crate::tree::{Tree, loud};

/// Pages of 64 MiB.
const PAGES: u32 = 16384;

#[test]
fn a_scratchpad_goes_through_three_programs() {
    let last = loud("convoy", []);
    let middle = loud("convoy", [(20, last.into())]);
    let mut tree = Tree::new(loud("convoy", [(20, middle.into())]));
    let mut bytes = vec![0; 64 << 20];
    let offset = (64 << 20) - 3;
    bytes[offset..].copy_from_slice(&[1, 10, 100]);
    let options = InvokeOptions { scratchpad: Some(bytes), ..InvokeOptions::default() };
    let outcome = tree.nub.invoke(tree.root, "carry", &[offset as u64], &options).expect("it is called");
    assert_eq!((outcome.ended, outcome.value), (nub::Ended::Halt, 111));
    let back = outcome.scratchpad.expect("it comes back");
    let mut end = [0; 3];
    back.read(offset as u64, &mut end).expect("inside");
    assert_eq!((back.size(), end), (64 << 20, [1, 10, 100]));
}

/// A Data of 64 MiB whose pages all hold something.
fn cargo() -> Data {
    let mut data = Data::new(PAGES).expect("not too long");
    for page in 0..PAGES {
        data.write(u64::from(page) * 4096, &[1]).expect("inside");
    }
    data
}

/// How many pages are not the very same memory.
fn copied(before: &Data, after: &Data) -> usize {
    assert_eq!((before.pages(), after.pages()), (PAGES, PAGES));
    let place = |data: &Data, page| data.page(page).map(|page| &raw const **page);
    (0..PAGES).filter(|&page| place(before, page) != place(after, page)).count()
}

/// In this process a gift is the very Data that the host has, and what comes back can be compared with it page by page.
#[test]
fn no_page_is_copied_on_the_way() {
    let middle = loud("convoy", [(20, loud("convoy", []).into())]);
    let mut nub = Nub::new_local();
    let root = nub.load(loud("convoy", [(20, middle.into())])).expect("it is a tree");
    let cargo = cargo();
    let mut call = |endpoint: &str, arguments: &[u64]| {
        let options = InvokeOptions { gift: Some(cargo.clone().into()), ..InvokeOptions::default() };
        let outcome = nub.invoke(root, endpoint, arguments, &options).expect("it is called");
        assert_eq!(outcome.ended, nub::Ended::Halt, "{endpoint}");
        let Some(Capability::Data(back)) = outcome.gift else { panic!("it comes back") };
        (outcome.value, copied(&cargo, &back))
    };
    assert_eq!(call("deliver", &[4096]), (1, 0), "three programs, no page");
    // What is written to is another page, and only that.
    assert_eq!(call("stamp", &[4096, 7]), (0, 1));
}
