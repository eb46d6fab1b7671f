//! Pages a book in for a reader that runs in slot 20, as it touches it.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::operation::{self, Access};
use javm_guest::pager::{self, Mapping};
use javm_guest::{Call, Place, Status, Typed, endpoint, memory};

memory! { stack: 16 << 10, scratchpad: 4 << 10 }

/// The program that reads, and the book: a Data of any length.
const READER: Place = Place::slot(20);
const BOOK: Place = Place::slot(21);

/// Where the reader finds the book in its own table, and in its memory.
const ITS_BOOK: u8 = 20;
const FIRST_PAGE: u32 = 0x3000_0000 / 4096;

/// What was read.
#[derive(Typed, PartialEq, Debug)]
struct Read {
    sum: u64,
    /// How many pages of the book the reader has touched.
    pages: u32,
}

/// Has the reader add up `count` numbers of the book from number `first` on.
#[endpoint]
fn read(first: u64, count: u64) -> Result<Read, Status> {
    // A copy costs the same for a book of a page and of a gigabyte.
    operation::copy(BOOK, READER.at(ITS_BOOK))?;
    let length = operation::stat(BOOK)?.pages;
    let mut pages = 0;
    let reply = pager::call(READER, Call::method(0).arguments([first, count, 0, 0]), |page| {
        let offset = page.checked_sub(FIRST_PAGE).filter(|&offset| u64::from(offset) < length)?;
        pages += 1;
        Some(Mapping { slot: ITS_BOOK, offset, pages: 1, access: Access::ReadOnly })
    })?;
    let sum = reply.ok()?;
    operation::drop(READER.at(ITS_BOOK))?;
    Ok(Read { sum, pages })
}
