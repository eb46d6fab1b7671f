//! A page of memory and the shared reference to one.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use triomphe::Arc;

use crate::hash::{Hash, HashCache, hash_message, hash_messages};
use crate::many::BATCH;
use crate::tag::Tag;

/// The bytes of a page. All memory is mapped, hashed and stored by pages.
pub const PAGE_SIZE: usize = 4096;

/// 4096 bytes.
///
/// With the feature `frame-aligned` pages are aligned to their size, so that a kernel can put one into a page table
/// as it is. Without it they are not: general-purpose allocators spend up to three times the memory on such alignment.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "frame-aligned", repr(C, align(4096)))]
#[cfg_attr(not(feature = "frame-aligned"), repr(C, align(16)))]
pub struct Page([u8; PAGE_SIZE]);

/// The page that absent pages read as.
static ZERO: Page = Page([0; PAGE_SIZE]);

impl Page {
    /// A page of zeros that lives for ever: what a page that is not stored reads as.
    #[must_use]
    pub fn zero() -> &'static Page {
        &ZERO
    }

    /// Whether every byte is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == ZERO.0
    }

    /// The number of its bytes up to the last one that is not zero.
    #[must_use]
    pub fn used(&self) -> usize {
        // A loop that leaves at each byte looks at one at a time; this one compiles to a few wide instructions a block.
        const BLOCK: usize = 64;
        let is_used = |block: &[u8]| block.iter().fold(0, |bits, byte| bits | byte) != 0;
        let blocks = self.0.chunks_exact(BLOCK).rposition(is_used).map_or(0, |last| last + 1);
        self.0[..blocks * BLOCK].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
    }

    /// The hash of its content as a leaf of a Data.
    pub(crate) fn hash(&self) -> Hash {
        let mut message = [Tag::Page.number(); 1 + PAGE_SIZE];
        message[1..].copy_from_slice(&self.0);
        hash_message(Tag::Page, &message)
    }
}

impl Deref for Page {
    type Target = [u8; PAGE_SIZE];

    #[inline]
    fn deref(&self) -> &[u8; PAGE_SIZE] {
        &self.0
    }
}

impl DerefMut for Page {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8; PAGE_SIZE] {
        &mut self.0
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({} bytes, then zeros)", self.used())
    }
}

/// A shared page: copying it counts one up. It is changed in place while nobody shares it and copied first otherwise,
/// so that a holder never sees another's changes. It remembers the hash of its content.
///
/// ```
/// use javm_cap::{PAGE_SIZE, PageRef};
/// let first = PageRef::from(&[7; PAGE_SIZE]);
/// let mut second = first.clone();
/// second.make_mut()[0] = 8;
/// assert_eq!((first[0], second[0]), (7, 8));
/// ```
#[derive(Clone)]
pub struct PageRef(Arc<Stored>);

/// The page stands in an allocation of its own so that counts and hash do not spoil its size or alignment.
#[derive(Clone)]
struct Stored {
    page: Box<Page>,
    hash: HashCache,
}

impl PageRef {
    /// A new page of zeros, not shared with anything.
    #[must_use]
    pub fn zeroed() -> PageRef {
        PageRef::from(&ZERO)
    }

    /// A page that starts with `bytes` and goes on with zeros; bytes past the first 4096 do not matter.
    pub(crate) fn from_prefix(bytes: &[u8]) -> PageRef {
        if let Some(whole) = bytes.first_chunk::<PAGE_SIZE>() {
            return PageRef::from(whole);
        }
        let mut page = Box::new(Page([0; PAGE_SIZE]));
        page.0[..bytes.len()].copy_from_slice(bytes);
        PageRef::from(page)
    }

    /// The page to write to: itself when nobody shares it, a copy that takes its place otherwise.
    #[must_use]
    pub fn make_mut(&mut self) -> &mut Page {
        let stored = Arc::make_mut(&mut self.0);
        stored.hash.clear();
        &mut stored.page
    }

    /// The page to write to, unless somebody shares it.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut Page> {
        let stored = Arc::get_mut(&mut self.0)?;
        stored.hash.clear();
        Some(&mut stored.page)
    }

    /// Whether somebody else holds this page too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.0.is_unique()
    }

    /// Whether both are the same page in memory. Equal content in different places is not.
    #[must_use]
    pub fn ptr_eq(&self, other: &PageRef) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The hash of its content as a leaf of a Data, computed when it is not remembered.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash.get_or_fill(|| self.0.page.hash())
    }

    /// Its hash, if it is remembered.
    pub(crate) fn known_hash(&self) -> Option<Hash> {
        self.0.hash.get()
    }

    /// Remembers the hashes of all of `pages`, side by side where the machine can.
    pub(crate) fn hash_all(pages: &[&PageRef]) {
        if let [page] = pages {
            _ = page.hash();
            return;
        }
        let mut messages = vec![[Tag::Page.number(); 1 + PAGE_SIZE]; pages.len().min(BATCH)];
        for chunk in pages.chunks(BATCH) {
            for (message, page) in messages.iter_mut().zip(chunk) {
                message[1..].copy_from_slice(&page[..]);
            }
            hash_messages(Tag::Page, &messages[..chunk.len()], |index, hash| chunk[index].0.hash.fill(&hash));
        }
    }
}

impl Deref for PageRef {
    type Target = Page;

    #[inline]
    fn deref(&self) -> &Page {
        &self.0.page
    }
}

impl From<Box<Page>> for PageRef {
    fn from(page: Box<Page>) -> PageRef {
        PageRef(Arc::new(Stored { page, hash: HashCache::empty() }))
    }
}

impl From<&Page> for PageRef {
    fn from(page: &Page) -> PageRef {
        PageRef::from(&page.0)
    }
}

impl From<&[u8; PAGE_SIZE]> for PageRef {
    fn from(bytes: &[u8; PAGE_SIZE]) -> PageRef {
        PageRef::from(Box::new(Page(*bytes)))
    }
}

/// Equal content, wherever it stands.
impl PartialEq for PageRef {
    fn eq(&self, other: &PageRef) -> bool {
        self.ptr_eq(other) || **self == **other
    }
}

impl Eq for PageRef {}

impl fmt::Debug for PageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_bytes_and_nothing_else() {
        assert_eq!(size_of::<Page>(), PAGE_SIZE);
        assert_eq!(align_of::<Page>(), if cfg!(feature = "frame-aligned") { 4096 } else { 16 });
    }

    #[test]
    fn a_copy_does_not_see_changes_and_an_unshared_page_is_changed_in_place() {
        let mut first = PageRef::from_prefix(b"abc");
        let hash = first.hash();
        let second = first.clone();
        assert!(first.is_shared() && first.ptr_eq(&second) && first.get_mut().is_none());
        first.make_mut()[1] = b'X';
        assert_eq!((&first[..4], &second[..4]), (&b"aXc\0"[..], &b"abc\0"[..]));
        assert_ne!(first.hash(), hash);
        assert_eq!(second.hash(), hash);
        let place: *const Page = &*first;
        first.make_mut()[1] = b'b';
        assert!(core::ptr::eq(place, &*first));
        assert_eq!(first.hash(), hash);
        assert_eq!(first, second);
    }

    #[test]
    fn hashing_many_pages_gives_the_hash_of_each() {
        let pages: alloc::vec::Vec<PageRef> = (0..21u8).map(|i| PageRef::from_prefix(&[i, 1, i])).collect();
        PageRef::hash_all(&pages.iter().collect::<alloc::vec::Vec<_>>());
        for page in &pages {
            assert!(page.known_hash().is_some());
            assert_eq!(page.hash(), page.deref().hash());
        }
    }
}
