//! What a space asks of the window that shows it.

use alloc::vec::Vec;
use core::ptr::NonNull;

use javm_cap::{Page, PageRef};

use crate::frame::Frame;

/// How a page is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// For reading.
    Reading,
    /// For writing.
    Writing,
    /// For writing, and the window notes whether it ever was written to.
    Watched,
}

/// What a window showed, and nobody else has: free once it is forgotten.
pub enum Released {
    /// A frame of the space's own.
    Frame(Frame),
    /// A reference to a page of a Data.
    Page(PageRef),
}

/// A window: where a program sees its memory. [`crate::window`] has the one that there is; tests have one in software.
///
/// Taking a page back takes effect when that is *settled*: until then the program must be kept from the window by
/// [`View::hide`], unless the page was not shown before.
pub trait View: Sized {
    /// Names the place where a page is entered. Stays valid until the page is unmapped.
    type Entry: Copy;

    /// Reads `N` bytes, if what is shown allows it.
    fn load<const N: usize>(&self, address: u32) -> Option<[u8; N]>;

    /// Writes `N` bytes, if what is shown allows it.
    fn store<const N: usize>(&self, address: u32, value: [u8; N]) -> bool;

    /// From now on no access succeeds.
    fn hide(&mut self);

    /// Accesses succeed again. Everything is settled.
    fn reveal(&mut self);

    /// Shows `frame` at a page.
    ///
    /// # Safety
    /// Until the page is mapped anew or unmapped, and that is settled, the frame stays where it is and, unless it is shown
    /// for reading, is reached by raw pointers only.
    unsafe fn map(&mut self, page: u32, frame: NonNull<Page>, shown: Shown) -> Self::Entry;

    /// Shows nothing at a page.
    fn unmap(&mut self, page: u32);

    /// Whether a page that is shown as [`Shown::Watched`] was written to since it was mapped. True for
    /// [`Shown::Writing`].
    fn was_written(&self, entry: Self::Entry) -> bool;

    /// Forgets what was taken back. Keeps of `released` what is not free yet because another processor has to forget it:
    /// what stands in there afterwards is free.
    fn settle(&mut self, released: &mut Vec<Released>);

    /// Whether this processor is the one that uses the window, so that what was taken back is forgotten when it is settled.
    fn is_here(&self) -> bool;

    /// Another window for the same processor, with nothing mapped; `None` when it has no more.
    fn sibling(&self) -> Option<Self>;
}
