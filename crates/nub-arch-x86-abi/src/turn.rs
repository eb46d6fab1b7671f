//! How the two sides of a slot take turns, sleep and wake each other: once, for the guest, for the host, and for the test
//! that runs every order in which their steps can happen.
//!
//! A side that is about to sleep says so and then looks once more; the other side gives the turn and then looks whether
//! anybody sleeps. Between the two stands a fence on both sides, so that one of them sees the other.

use core::sync::atomic::Ordering::{Acquire, Release, SeqCst};
use core::sync::atomic::fence;

use crate::port::Event;
use crate::slot::{Slot, SlotState};

/// What both sides look at while the other may write it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Word {
    /// [`Slot::state`].
    State,
    /// [`Slot::host_sleeps`].
    HostSleeps,
    /// [`Slot::guest_sleeps`].
    GuestSleeps,
}

/// The words of a slot. What a side wrote before it stores a word is there for whoever loads it.
pub trait Words {
    /// What a word is now.
    fn load(&self, word: Word) -> u32;
    /// Makes a word be this.
    fn store(&self, word: Word, value: u32);
    /// Everything before is visible to the other side before anything behind is loaded.
    fn fence(&self);
}

impl Words for Slot {
    #[inline(always)]
    fn load(&self, word: Word) -> u32 {
        self.word(word).load(Acquire)
    }

    #[inline(always)]
    fn store(&self, word: Word, value: u32) {
        self.word(word).store(value, Release);
    }

    #[inline(always)]
    fn fence(&self) {
        fence(SeqCst);
    }
}

/// Where a thread of the host sleeps until another rings.
pub trait Bell {
    /// Sleeps until it is over: looks whether it is, under a lock, and again whenever it rings.
    fn sleep(&self, is_over: impl FnMut() -> bool);
    /// Wakes whoever sleeps. One who has just looked and not slept yet is not missed.
    fn ring(&self);
}

/// Whether there is a request, or a part of one, that the guest has not answered yet.
#[inline(always)]
pub fn is_requested(words: &impl Words) -> bool {
    words.load(Word::State) == SlotState::Ready as u32
}

/// Whether the guest has answered what was last requested.
#[inline(always)]
pub fn is_answered(words: &impl Words) -> bool {
    words.load(Word::State) == SlotState::Done as u32
}

/// What the host does: the caller, and the thread of the lane's processor.
pub mod host {
    use super::{Bell, SlotState, Word, Words, is_answered, is_requested};

    /// The caller has written a part of a request: gives the turn to the guest, and wakes the lane where it sleeps.
    #[inline]
    pub fn submit(words: &impl Words, requested: &impl Bell) {
        words.store(Word::State, SlotState::Ready as u32);
        words.fence();
        if words.load(Word::GuestSleeps) != 0 {
            requested.ring();
        }
    }

    /// The caller sleeps until there is an answer, or `gives_up`, which whoever makes it true rings for.
    pub fn sleep(words: &impl Words, answered: &impl Bell, mut gives_up: impl FnMut() -> bool) {
        words.store(Word::HostSleeps, 1);
        words.fence();
        answered.sleep(|| is_answered(words) || gives_up());
        words.store(Word::HostSleeps, 0);
    }

    /// The lane has left the machine with [`crate::port::Event::Idle`]: its thread sleeps until there is a request, or
    /// `ends`, which whoever makes it true rings for.
    pub fn idle(words: &impl Words, requested: &impl Bell, mut ends: impl FnMut() -> bool) {
        requested.sleep(|| is_requested(words) || ends());
    }
}

/// What the guest does.
pub mod guest {
    use super::{Event, SlotState, Word, Words, is_requested};

    /// Waits for a part of a request: looks `spins()` times, which is asked anew whenever it has been in vain, then
    /// leaves the machine.
    #[inline]
    pub fn wait(words: &impl Words, spins: impl Fn() -> u32, leave: impl Fn(Event)) {
        'wait: loop {
            for _ in 0..spins() {
                if is_requested(words) {
                    break 'wait;
                }
                core::hint::spin_loop();
            }
            words.store(Word::GuestSleeps, 1);
            words.fence();
            let requested = is_requested(words);
            if !requested {
                leave(Event::Idle);
            }
            words.store(Word::GuestSleeps, 0);
            if requested || is_requested(words) {
                break;
            }
        }
    }

    /// A part of the reply is written: gives the turn to the host, and leaves the machine where it sleeps.
    #[inline]
    pub fn answer(words: &impl Words, leave: impl Fn(Event)) {
        words.store(Word::State, SlotState::Done as u32);
        words.fence();
        if words.load(Word::HostSleeps) != 0 {
            leave(Event::Answered);
        }
    }
}
