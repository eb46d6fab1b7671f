//! Memory that is found for the guest before the guest touches it.
//!
//! The first touch of a page that the host has found nothing for stops the guest in the middle of a request until the host
//! has; where the host emulates ring 0 that takes forty times as long as the first touch of one that is there. So the guest
//! says how much it has taken, and a thread of its own keeps a little more than that ready.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;

use nub_arch_x86_abi::layout::LARGE_PAGE;
use nub_arch_x86_abi::turn::Bell as _;

use crate::bell::Bell;
use crate::memory::GuestMemory;

/// How many large pages are kept ready: two are what an Image of a megabyte takes at most, with what is made of it.
const AHEAD: u64 = 2;

/// The thread, and what it is to do.
pub(crate) struct Ahead {
    work: Arc<Work>,
    thread: Option<JoinHandle<()>>,
}

struct Work {
    memory: Arc<GuestMemory>,
    /// Counted from the beginning of memory, in large pages: what the guest has taken, and up to where there is to be memory.
    taken: AtomicU64,
    wanted: AtomicU64,
    asked: Bell,
    is_over: AtomicBool,
}

impl Ahead {
    /// Begins with nothing ready. Where there can be no thread, nothing ever is.
    pub(crate) fn start(memory: &Arc<GuestMemory>) -> Ahead {
        let work = Arc::new(Work {
            memory: memory.clone(),
            taken: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            asked: Bell::default(),
            is_over: AtomicBool::new(false),
        });
        let worker = work.clone();
        let thread = std::thread::Builder::new().name("nub-memory".into()).spawn(move || worker.run());
        Ahead { work, thread: thread.ok() }
    }

    /// The guest says that it has taken so many large pages. It may say anything: more than there is is never found.
    #[inline]
    pub(crate) fn follow(&self, taken: u32) {
        let taken = u64::from(taken);
        if taken + AHEAD > self.work.wanted.load(Relaxed) {
            self.ask(taken);
        }
    }

    #[cold]
    fn ask(&self, taken: u64) {
        self.work.taken.fetch_max(taken, Relaxed);
        self.work.wanted.fetch_max(taken + AHEAD, SeqCst);
        self.work.asked.ring();
    }
}

impl Work {
    fn run(&self) {
        let most = self.memory.size() / LARGE_PAGE;
        let mut found = 0;
        loop {
            self.asked.sleep(|| self.is_over.load(SeqCst) || found < self.wanted.load(SeqCst));
            while found < self.wanted.load(SeqCst) {
                if self.is_over.load(SeqCst) {
                    return;
                }
                // What the guest has taken it touches itself, and mostly has.
                found = found.max(self.taken.load(Relaxed));
                // Where the system does not know the advice, or has no memory, the guest finds out by itself.
                if found >= most || !self.memory.populate(found * LARGE_PAGE, LARGE_PAGE) {
                    return;
                }
                found += 1;
            }
            if self.is_over.load(SeqCst) {
                return;
            }
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.work.is_over.store(true, SeqCst);
        self.work.asked.ring();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told on standard error.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    const SIZE: u64 = 8;

    /// Waits until so much is there; `false` where the thread has ended before.
    fn wait_for(ahead: &Ahead, memory: &GuestMemory, pages: u64) -> bool {
        let begun = Instant::now();
        while memory.touched().expect("Linux tells") < pages * LARGE_PAGE {
            let has_ended = ahead.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if has_ended && memory.touched().expect("Linux tells") < pages * LARGE_PAGE {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is found");
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[test]
    fn what_the_guest_takes_next_is_there_and_nothing_else() {
        let memory = Arc::new(GuestMemory::new(SIZE * LARGE_PAGE).expect("there is memory"));
        if !memory.populate(0, LARGE_PAGE) {
            eprintln!("skipped: this Linux finds no memory ahead");
            return;
        }
        let ahead = Ahead::start(&memory);
        ahead.follow(2);
        assert!(wait_for(&ahead, &memory, 1 + AHEAD));
        assert_eq!(memory.touched().ok(), Some((1 + AHEAD) * LARGE_PAGE), "the guest's own are its own");
        ahead.follow(1);
        ahead.follow(3);
        assert!(wait_for(&ahead, &memory, 2 + AHEAD));
        assert_eq!(memory.touched().ok(), Some((2 + AHEAD) * LARGE_PAGE));
        // To the end, and no further, whatever the guest says.
        ahead.follow(SIZE as u32 - 1);
        wait_for(&ahead, &memory, SIZE);
        ahead.follow(u32::MAX);
        drop(ahead);
        assert!(memory.touched().expect("Linux tells") <= SIZE * LARGE_PAGE);
    }

    #[test]
    fn only_what_is_the_guests_is_populated() {
        let memory = GuestMemory::new(LARGE_PAGE).expect("there is memory");
        for (start, length) in [(LARGE_PAGE, LARGE_PAGE), (u64::MAX, LARGE_PAGE), (0, u64::MAX)] {
            assert!(!memory.populate(start, length));
        }
        assert_eq!(memory.touched().ok(), Some(0));
    }
}
