//! Work whose cost the host measures.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::hint::black_box;

use nub_arch_x86_abi::port::Event;
use nub_arch_x86_abi::request::Work;

use crate::frame::Frame;
use crate::processor;
use crate::space::view::{Shown, View as _};
use crate::window::Window;

/// Does it so often, at most [`Work::MOST`] times.
pub(crate) fn perform(work: Work, times: u32) {
    let times = times.min(Work::MOST);
    match work {
        Work::Fault => fault(times),
        Work::Copy => {
            let (from, mut to) = (Frame::zeroed(), Frame::zeroed());
            // Otherwise the compiler leaves the copies out.
            (0..times).for_each(|_| black_box(&mut to).copy_from(black_box(&from)));
        }
        Work::Map => map(times),
        Work::Exit => (0..times).for_each(|_| processor::leave(Event::Nothing)),
    }
}

/// A window of this lane, for a while.
fn window() -> Window {
    match Window::new(processor::lane()) {
        Some(window) => window,
        None => panic!("no window left to measure with"),
    }
}

fn fault(times: u32) {
    let window = window();
    for _ in 0..times {
        let loaded = window.load::<1>(0);
        assert!(loaded.is_none(), "a window that was never revealed shows nothing");
    }
}

/// Pages that are mapped in turn, so that no page table is made while that is measured for the second time.
const PAGES: u32 = 64;

fn map(times: u32) {
    let mut window = window();
    for number in 0..times {
        let page = number % PAGES;
        // SAFETY: the page of zeros is only ever read, and lives for ever.
        unsafe { window.map(page, Frame::zero(), Shown::Reading) };
        window.unmap(page);
    }
    window.settle(&mut Vec::new());
}
