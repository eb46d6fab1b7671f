//! Data: bytes in pages, sparse, persistent.
//!
//! The normative text is `docs/spec/data.md`.

mod encoding;
mod rehash;
mod tree;
mod zeros;

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

pub(crate) use self::tree::Tree;
use crate::changes::{Changes, Epoch, Tally};
use crate::hash::{CapHash, Hash, hash_parts};
use crate::measure::Measure;
use crate::page::{PAGE_SIZE, Page, PageRef};
use crate::reclaim::Reclaim;
use crate::tag::Tag;

/// The most pages that a Data has: 4 GiB, as much as a program can address.
pub const MAX_DATA_PAGES: u32 = 1 << 20;

/// Up to 4 GiB in pages of 4096 bytes, of which only those are stored that are not all zero (or once were not).
///
/// A copy costs one count and shares everything; a change copies what is shared on the way to the page, and is never
/// seen in a copy. Which pages are stored cannot be told from the hash, from `==` or from the encoding: only length and
/// content count.
///
/// ```
/// use javm_cap::Data;
/// let mut first = Data::new(1 << 20)?; // 4 GiB of zeros
/// let second = first.clone();
/// first.write(0x1234_5678, b"hello")?;
/// let mut bytes = [0; 5];
/// first.read(0x1234_5678, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// second.read(0x1234_5678, &mut bytes)?;
/// assert_eq!(bytes, [0; 5]);
/// assert_ne!(first.hash(), second.hash());
/// # Ok::<(), javm_cap::DataError>(())
/// ```
#[derive(Clone)]
pub struct Data {
    pages: u32,
    changes: Changes,
    tree: Tree,
}

/// Why an access to a Data is not possible. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DataError {
    /// More pages than [`MAX_DATA_PAGES`], or bytes that need more.
    #[error("{pages} pages are more than a Data can have ({MAX_DATA_PAGES})")]
    TooLong {
        /// How many were asked for.
        pages: u64,
    },
    /// A page behind the end.
    #[error("page {index} is not in a Data of {pages} pages")]
    NoPage {
        /// The page asked for.
        index: u32,
        /// The length of the Data.
        pages: u32,
    },
    /// A range of bytes that is not all inside.
    #[error("bytes {offset} to {offset} + {length} are not in a Data of {pages} pages ({size} bytes)", size = *pages as u64 * PAGE_SIZE as u64)]
    NoRange {
        /// The first byte asked for.
        offset: u64,
        /// The number of bytes.
        length: u64,
        /// The length of the Data in pages.
        pages: u32,
    },
}

/// The height of the tree over so many pages: the least whose leaves are enough.
fn height(pages: u32) -> u32 {
    pages.next_power_of_two().trailing_zeros()
}

impl Data {
    /// So many pages of zeros. Takes no memory for them.
    ///
    /// # Errors
    /// [`DataError::TooLong`] for more than [`MAX_DATA_PAGES`].
    pub fn new(pages: u32) -> Result<Data, DataError> {
        if pages > MAX_DATA_PAGES {
            return Err(DataError::TooLong { pages: u64::from(pages) });
        }
        Ok(Data { pages, changes: Changes::NONE, tree: Tree::Empty })
    }

    /// The bytes, and zeros up to the end of the last page.
    ///
    /// # Errors
    /// [`DataError::TooLong`] for more bytes than [`MAX_DATA_PAGES`] hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Data, DataError> {
        let pages = bytes.len().div_ceil(PAGE_SIZE) as u64;
        let mut data = Data::new(u32::try_from(pages).map_err(|_| DataError::TooLong { pages })?)?;
        let height = data.height();
        for (index, chunk) in (0..).zip(bytes.chunks(PAGE_SIZE)) {
            if chunk.iter().any(|&byte| byte != 0) {
                data.tree.insert(height, index, PageRef::from_prefix(chunk));
            }
        }
        Ok(data)
    }

    /// Whether both are one value that nobody has changed since it was copied: told without looking at the pages. What is
    /// not may still be equal.
    #[must_use]
    #[inline]
    pub fn ptr_eq(&self, other: &Data) -> bool {
        self.pages == other.pages && self.tree.ptr_eq(&other.tree)
    }

    /// Counts so many changes in an epoch. They go with copies, and are no part of its content.
    pub fn count_changes(&mut self, epoch: Epoch, changes: u64) {
        self.changes.add(epoch, changes);
    }

    pub(crate) fn tally(&self) -> Tally {
        self.changes.tally()
    }

    /// Whether no page of it holds anything, or has held anything that it still has room for.
    #[must_use]
    #[inline]
    pub fn is_blank(&self) -> bool {
        matches!(self.tree, Tree::Empty)
    }

    fn height(&self) -> u32 {
        height(self.pages)
    }

    /// The length in pages.
    #[must_use]
    #[inline]
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// The length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::from(self.pages) * PAGE_SIZE as u64
    }

    /// The page, if it is stored. One that is not reads as zeros, and so does every page behind the end.
    #[must_use]
    pub fn page(&self, index: u32) -> Option<&PageRef> {
        if index < self.pages { self.tree.get(self.height(), index) } else { None }
    }

    /// Every stored page with its index, in order. Some may be all zero.
    pub fn stored_pages(&self) -> impl Iterator<Item = (u32, &PageRef)> + '_ {
        self.tree.leaves(self.height())
    }

    /// Puts a page in the place of what stood there. It is shared from here on.
    ///
    /// # Errors
    /// [`DataError::NoPage`] when `index` is not below [`pages`](Data::pages).
    pub fn set_page(&mut self, index: u32, page: PageRef) -> Result<(), DataError> {
        self.check_page(index)?;
        if self.page(index).is_some_and(|present| present.ptr_eq(&page)) {
            return Ok(());
        }
        self.replace_page(index, page).map(drop)
    }

    /// [`set_page`](Data::set_page) of one that does not stand there; gives what stood there, if that was stored.
    ///
    /// # Errors
    /// As there.
    pub fn replace_page(&mut self, index: u32, page: PageRef) -> Result<Option<PageRef>, DataError> {
        self.check_page(index)?;
        let height = height(self.pages);
        Ok(if page.is_zero() { self.tree.remove(height, index) } else { self.tree.insert(height, index, page) })
    }

    /// Has `change` change what stands in the place of a page: `None` is a page of zeros that is not stored. It is found there
    /// alone where nobody shares it, so that it can be changed in place.
    ///
    /// # Errors
    /// [`DataError::NoPage`] when `index` is not below [`pages`](Data::pages).
    pub fn change_page<R>(
        &mut self,
        index: u32,
        change: impl FnOnce(&mut Option<PageRef>) -> R,
    ) -> Result<R, DataError> {
        self.check_page(index)?;
        Ok(self.tree.change(height(self.pages), index, change))
    }

    /// Makes a page all zero.
    ///
    /// # Errors
    /// [`DataError::NoPage`] when `index` is not below [`pages`](Data::pages).
    pub fn clear_page(&mut self, index: u32) -> Result<(), DataError> {
        self.check_page(index)?;
        self.tree.remove(height(self.pages), index);
        Ok(())
    }

    /// The page to be written to. It is stored from here on.
    ///
    /// # Errors
    /// [`DataError::NoPage`] when `index` is not below [`pages`](Data::pages).
    pub fn page_mut(&mut self, index: u32) -> Result<&mut Page, DataError> {
        self.check_page(index)?;
        Ok(self.tree.get_or_insert_with(height(self.pages), index, PageRef::zeroed).make_mut())
    }

    fn check_page(&self, index: u32) -> Result<(), DataError> {
        if index < self.pages { Ok(()) } else { Err(DataError::NoPage { index, pages: self.pages }) }
    }

    fn check_range(&self, offset: u64, length: usize) -> Result<(), DataError> {
        let length = length as u64;
        match offset.checked_add(length) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(DataError::NoRange { offset, length, pages: self.pages }),
        }
    }

    /// Copies the bytes from `offset` on to `bytes`.
    ///
    /// # Errors
    /// [`DataError::NoRange`] when they are not all inside.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DataError> {
        self.check_range(offset, bytes.len())?;
        let mut rest = bytes;
        let mut place = Place::of(offset);
        while !rest.is_empty() {
            let (part, behind) = rest.split_at_mut(place.room(rest.len()));
            match self.page(place.page) {
                Some(page) => part.copy_from_slice(&page[place.byte..place.byte + part.len()]),
                None => part.fill(0),
            }
            rest = behind;
            place = place.next_page();
        }
        Ok(())
    }

    /// Replaces the bytes from `offset` on.
    ///
    /// # Errors
    /// [`DataError::NoRange`] when they are not all inside.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), DataError> {
        self.check_range(offset, bytes.len())?;
        let mut rest = bytes;
        let mut place = Place::of(offset);
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(place.room(rest.len()));
            if part.len() == PAGE_SIZE {
                self.set_page(place.page, PageRef::from_prefix(part))?;
            } else if self.page(place.page).is_some() || part.iter().any(|&byte| byte != 0) {
                self.page_mut(place.page)?[place.byte..place.byte + part.len()].copy_from_slice(part);
            }
            rest = behind;
            place = place.next_page();
        }
        Ok(())
    }

    /// Cuts off pages at the end or adds pages of zeros there. What is cut off is freed here, which is work for each page:
    /// [`resize_into`](Data::resize_into) puts that off.
    ///
    /// # Errors
    /// [`DataError::TooLong`] for more than [`MAX_DATA_PAGES`].
    pub fn resize(&mut self, pages: u32) -> Result<(), DataError> {
        self.resize_into(pages, &mut Reclaim::new())
    }

    /// Cuts off pages at the end, which go to `reclaim`, or adds pages of zeros there. Work for each level of the tree.
    ///
    /// # Errors
    /// [`DataError::TooLong`] for more than [`MAX_DATA_PAGES`].
    pub fn resize_into(&mut self, pages: u32, reclaim: &mut Reclaim) -> Result<(), DataError> {
        if pages > MAX_DATA_PAGES {
            return Err(DataError::TooLong { pages: u64::from(pages) });
        }
        let (old, new) = (height(self.pages), height(pages));
        if pages < self.pages {
            self.tree.truncate(old, pages, &mut |cut| reclaim.add_tree(cut));
        }
        self.tree.raise(new.saturating_sub(old));
        self.tree.lower(old.saturating_sub(new));
        self.pages = pages;
        Ok(())
    }

    /// What it counts for in bounds: its length in pages, stored or not.
    #[must_use]
    pub fn measure(&self) -> Measure {
        Measure::pages(self.pages.into())
    }

    /// Appends the hashes that lead from a range of pages up to the root, as they come from left to right.
    pub(crate) fn prove_pages(&self, first: u32, last: u32, out: &mut Vec<u8>) {
        self.tree.prove(self.height(), 0, &(first..=last), out);
    }

    /// What holds its pages, and the height of that.
    pub(crate) fn tree(&self) -> (&Tree, u32) {
        (&self.tree, self.height())
    }

    /// The Data of at most [`MAX_DATA_PAGES`] pages that this holds, if it has the height for them and none behind.
    pub(crate) fn from_tree(pages: u32, content: Option<(Tree, u32)>) -> Option<Data> {
        match content {
            None => Data::new(pages).ok(),
            Some((tree, above)) => {
                let fits = above == height(pages) && tree.ends_before(above, pages);
                fits.then_some(Data { pages, tree, changes: Changes::NONE })
            }
        }
    }

    pub(crate) fn into_tree(self) -> Tree {
        self.tree
    }

    /// The root of the tree over the pages. Says nothing of the length: [`hash`](Data::hash) does.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.hash(self.height())
    }

    /// The hash of this capability. Costs one hash for each page and node that changed since it was last asked for.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        Data::hash_of(self.pages, &self.root())
    }

    /// The hash of the Data of so many pages whose tree has this root.
    #[must_use]
    pub fn hash_of(pages: u32, root: &Hash) -> CapHash {
        CapHash(hash_parts(Tag::Data, &[&pages.to_le_bytes(), root]))
    }
}

/// A byte's page and place in it.
#[derive(Clone, Copy)]
struct Place {
    page: u32,
    byte: usize,
}

impl Place {
    /// For offsets inside of a Data, which has less than 2^32 pages.
    fn of(offset: u64) -> Place {
        Place { page: (offset / PAGE_SIZE as u64) as u32, byte: (offset % PAGE_SIZE as u64) as usize }
    }

    /// How many of `length` bytes the page holds.
    fn room(self, length: usize) -> usize {
        length.min(PAGE_SIZE - self.byte)
    }

    fn next_page(self) -> Place {
        Place { page: self.page + 1, byte: 0 }
    }
}

/// No pages.
impl Default for Data {
    fn default() -> Data {
        Data { pages: 0, changes: Changes::NONE, tree: Tree::Empty }
    }
}

/// Equal length and content.
impl PartialEq for Data {
    fn eq(&self, other: &Data) -> bool {
        self.pages == other.pages && self.root() == other.root()
    }
}

impl Eq for Data {}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data").field("pages", &self.pages).field("hash", &self.hash()).finish()
    }
}
