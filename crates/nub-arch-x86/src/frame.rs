//! Frames that a window shows as writable: pages that are reached by raw pointers only, because the program writes to
//! them behind the compiler's back.

#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::ptr::NonNull;

use javm_cap::{PAGE_SIZE, Page};
use spin::Once;

use crate::bytes::{LINE, different_line};

/// A frame, owned.
pub struct Frame {
    /// `None` once it was taken out.
    page: Option<NonNull<Page>>,
}

// SAFETY: the frame belongs to this value alone; moving it to another lane moves that.
unsafe impl Send for Frame {}
// SAFETY: what is written is written through `&mut`, or by the program that the window shows the frame to.
unsafe impl Sync for Frame {}

impl Frame {
    /// A frame of zeros.
    pub fn zeroed() -> Frame {
        Frame::of(Box::new(Page::zero().clone()))
    }

    fn of(page: Box<Page>) -> Frame {
        Frame { page: NonNull::new(Box::into_raw(page)) }
    }

    /// A page of zeros for reading, always the same.
    pub fn zero() -> NonNull<Page> {
        static ZERO: Once<Frame> = Once::new();
        ZERO.call_once(Frame::zeroed).pointer()
    }

    /// Where it is.
    pub fn pointer(&self) -> NonNull<Page> {
        match self.page {
            Some(page) => page,
            None => unreachable!("a frame that was taken out is not used"),
        }
    }

    fn bytes(&self) -> *mut u8 {
        self.pointer().as_ptr().cast()
    }

    /// Makes it hold this content.
    pub fn fill(&mut self, content: &Page) {
        // SAFETY: both are pages, and the frame is none that a reference leads to.
        unsafe { self.bytes().copy_from_nonoverlapping(content.as_ptr(), PAGE_SIZE) };
    }

    /// Makes it hold what another one holds.
    pub fn copy_from(&mut self, other: &Frame) {
        // SAFETY: both are pages, and two different ones.
        unsafe { self.bytes().copy_from_nonoverlapping(other.bytes(), PAGE_SIZE) };
    }

    /// Copies what it holds.
    pub fn copy_to(&self, page: &mut Page) {
        // SAFETY: both are pages, and two different ones.
        unsafe { page.as_mut_ptr().copy_from_nonoverlapping(self.bytes(), PAGE_SIZE) };
    }

    /// A second frame that holds the same.
    pub fn duplicate(&self) -> Frame {
        let mut frame = Frame::zeroed();
        frame.copy_from(self);
        frame
    }

    /// Whether it holds this content.
    pub fn is(&self, content: &Page) -> bool {
        self.difference(content, 0).is_none()
    }

    /// The first [`LINE`] that holds something else than this content does there, from this one on.
    pub fn difference(&self, content: &Page, from: usize) -> Option<usize> {
        // SAFETY: both are pages.
        unsafe { different_line(self.bytes(), content.as_ptr(), from..PAGE_SIZE / LINE) }
    }

    /// Copies what it holds from a [`LINE`] on; before that the page holds the same.
    pub fn copy_rest_to(&self, line: usize, page: &mut Page) {
        let rest = &mut page[line * LINE..];
        // SAFETY: both are pages, and two different ones; the rest of either is as long.
        unsafe { rest.as_mut_ptr().copy_from_nonoverlapping(self.bytes().add(line * LINE), rest.len()) };
    }

    /// Whether all of it is zero, of which it holds something new from a [`LINE`] on.
    pub fn is_zero(&self, line: usize) -> bool {
        // What is new is looked at first: it seldom is zero.
        self.difference(Page::zero(), line).is_none() && self.is(Page::zero())
    }

    /// The page itself. No window may show it as writable any more.
    pub fn into_page(mut self) -> Box<Page> {
        match self.page.take() {
            // SAFETY: the pointer came from a box, which nobody else has made one of again.
            Some(page) => unsafe { Box::from_raw(page.as_ptr()) },
            None => unreachable!("a frame that was taken out is not used"),
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let Some(page) = self.page.take() {
            // SAFETY: as in `into_page`.
            drop(unsafe { Box::from_raw(page.as_ptr()) });
        }
    }
}

// A page is a frame: windows show it as it is.
const _: () = assert!(!cfg!(nub_guest) || align_of::<Page>() == PAGE_SIZE);
