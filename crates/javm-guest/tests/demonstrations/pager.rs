//! A pager: a child's memory comes when the child touches it.

use javm_guest::Typed;
use nub::Data;

use crate::tree::{Tree, loud, program};

#[derive(Typed, PartialEq, Debug)]
struct Read {
    sum: u64,
    pages: u32,
}

/// A book of so many pages, of which number n has the value 3n + 1.
fn book(pages: u32) -> Data {
    let mut book = Data::new(pages).expect("not too long");
    for page in 0..pages {
        let numbers = u64::from(page) * 512..u64::from(page + 1) * 512;
        let bytes: Vec<u8> = numbers.flat_map(|number| (3 * number + 1).to_le_bytes()).collect();
        book.write(u64::from(page) * 4096, &bytes).expect("inside");
    }
    book
}

fn sum(numbers: std::ops::Range<u64>) -> u64 {
    numbers.map(|number| 3 * number + 1).sum()
}

#[test]
fn pages_come_when_they_are_touched() {
    let mut tree = Tree::new(loud("pager", [(20, program("reader", []).into()), (21, book(16).into())]));
    let before = tree.hash(&[]);
    for (first, count, pages) in [(0_u64, 1_u64, 1_u32), (0, 512, 1), (511, 2, 2), (0, 16 * 512, 16), (7000, 0, 0)] {
        let read: Read = tree.call(&[], "read", &(first, count));
        assert_eq!(read, Read { sum: sum(first..first + count), pages }, "{count} from {first}");
    }
    // The reader has its own memory only, and nobody sees that it had more.
    assert_eq!(tree.hash(&[]), before);
    // Behind the book there is nothing.
    assert_eq!(tree.refusal::<_, Read>(&[], "read", &(16 * 512 - 1_u64, 2_u64)), "read failed: FAULT");
    assert_eq!(tree.hash(&[]), before);
}
