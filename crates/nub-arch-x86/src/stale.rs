//! The test of frames that another lane may still see: one lane has a window and looks at it, another one takes the page
//! back and uses every frame that is free for something else. What the first one sees must be its page, or nothing.

#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use javm_cap::PageRef;
use nub_arch_x86_abi::request::Watch;
use spin::Mutex;

use crate::frame::Frame;
use crate::space::view::{Released, Shown, View as _};
use crate::window::Window;
use crate::{access, processor, tlb};

/// The page, and where it is looked at.
const PAGE: u32 = 0x1234;
const ADDRESS: u32 = PAGE << 12;
/// What stands in the page, with the round in the upper half; and in every frame that is used for something else.
const OWN: u32 = 0x600d;
const OTHER: u64 = 0xbad_bad_bad_bad;

/// The round that each has come to: the page is shown; it was taken back; it was looked at for long enough.
static SHOWN: AtomicU32 = AtomicU32::new(0);
static REVOKED: AtomicU32 = AtomicU32::new(0);
static LOOKED: AtomicU32 = AtomicU32::new(0);

/// The looking lane's window, with the frame that it shows.
static WINDOW: Mutex<Option<(Window, Frame)>> = Mutex::new(None);

fn wait(count: &AtomicU32, round: u32) {
    while count.load(SeqCst) < round {
        core::hint::spin_loop();
    }
}

/// A frame that begins with a number.
fn frame_of(number: u64) -> Frame {
    let mut page = PageRef::zeroed();
    page.make_mut()[..8].copy_from_slice(&number.to_le_bytes());
    let mut frame = Frame::zeroed();
    frame.fill(&page);
    frame
}

/// Plays a part, so many rounds long.
pub(crate) fn play(part: Watch, rounds: u32) {
    match part {
        Watch::Look => look(rounds),
        Watch::Revoke => revoke(rounds),
    }
}

fn look(rounds: u32) {
    for round in 1..=rounds {
        // From here on what was taken back before is forgotten.
        tlb::enter();
        let own = u64::from(round) << 32 | u64::from(OWN);
        let Some(mut window) = Window::new(processor::lane()) else { panic!("no window left to look at") };
        let frame = frame_of(own);
        // SAFETY: the frame is reached by raw pointers only; it goes with the window, or is released to it.
        unsafe { window.map(PAGE, frame.pointer(), Shown::Writing) };
        window.settle(&mut Vec::new());
        window.reveal();
        let base = window.base();
        *WINDOW.lock() = Some((window, frame));
        let see = || {
            // SAFETY: a lane looks at a window of its own; that it was taken back meanwhile is what is tested.
            let seen = unsafe { access::load::<8>(base, ADDRESS) }.map(u64::from_le_bytes);
            assert!(seen.is_none_or(|seen| seen == own), "saw {seen:x?} in round {round}, not {own:#x}");
        };
        see();
        SHOWN.store(round, SeqCst);
        while REVOKED.load(SeqCst) < round {
            see();
        }
        (0..1000).for_each(|_| see());
        LOOKED.store(round, SeqCst);
    }
    tlb::enter();
}

fn revoke(rounds: u32) {
    for round in 1..=rounds {
        wait(&SHOWN, round);
        let Some((mut window, frame)) = WINDOW.lock().take() else { panic!("no window is shown") };
        let place = frame.pointer();
        window.unmap(PAGE);
        let mut released = alloc::vec![Released::Frame(frame)];
        window.settle(&mut released);
        assert!(released.is_empty(), "a frame of another lane's window is free at once");
        drop(window);
        REVOKED.store(round, SeqCst);
        while LOOKED.load(SeqCst) < round {
            let others: Vec<Frame> = (0..32).map(|_| frame_of(OTHER)).collect();
            // The other lane has not come to its next round: it has forgotten nothing.
            let is_free = others.iter().any(|other| other.pointer() == place);
            assert!(!is_free || LOOKED.load(SeqCst) >= round, "the frame is used while the other lane may see it");
        }
    }
    // Once the other lane has forgotten it all, nothing is kept.
    while !tlb::is_clean() {
        core::hint::spin_loop();
    }
    for count in [&SHOWN, &REVOKED, &LOOKED] {
        count.store(0, SeqCst);
    }
}
