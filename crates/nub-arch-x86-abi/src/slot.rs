//! A lane's slot: the place in shared memory where it takes a request and leaves the reply.
//!
//! ```text
//!          host: fills the buffer          guest: takes the buffer, works, fills it again
//!   Empty ───────────────────────► Ready ──────────────────────────────────────────────────► Done
//!                                    ▲                                                        │
//!                                    └──────── host: takes the buffer, fills it again ────────┘
//! ```
//!
//! There is no state for each moment: the state is in a line of the cache that both sides look at, and each change of it goes
//! from one processor to the other, which takes longer than all else that a side does with a short message.
//!
//! A message longer than the buffer goes in parts. Every part is a turn of its own: while [`Slot::rest`] is not 0 the
//! other side answers with an empty part and waits for the next one.
//!
//! How the sides take turns, sleep and wake each other is in [`crate::turn`].

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::layout;
use crate::trap::REPORT_OFFSET;
use crate::turn::Word;

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum SlotState {
    /// The host's: there was no request yet.
    Empty = 0,
    /// The guest's: there is a request, or a part of one.
    Ready = 1,
    /// The host's: there is a reply, or a part of one; or there was.
    Done = 2,
}

impl SlotState {
    /// The state of this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<SlotState> {
        match number {
            0 => Some(SlotState::Empty),
            1 => Some(SlotState::Ready),
            2 => Some(SlotState::Done),
            _ => None,
        }
    }
}

/// The head of a slot. Whoever's turn it is may write what is not a flag; the other side may read it at any time.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Slot {
    /// A [`SlotState`] as its number.
    pub state: AtomicU32,
    /// How many bytes of the buffer this part of the message has.
    pub length: AtomicU32,
    /// How many bytes of the message follow in later parts.
    pub rest: AtomicU64,
    /// Which request of this slot the message belongs to; the reply repeats it.
    pub sequence: AtomicU64,
    /// How often the guest is to look for a request before it sleeps. The host writes it, and changes it by what it sees.
    pub idle_spins: AtomicU32,
    reserved: [u32; 9],
    /// Whether the host sleeps until the state is [`SlotState::Done`]: 0 or 1. The host writes it.
    pub host_sleeps: AtomicU32,
    reserved_host: [u32; 15],
    /// Whether the guest sleeps until the state is [`SlotState::Ready`]: 0 or 1. The guest writes it.
    pub guest_sleeps: AtomicU32,
    reserved_guest: [u32; 15],
}

impl Slot {
    /// The word that this names.
    #[inline(always)]
    pub(crate) fn word(&self, word: Word) -> &AtomicU32 {
        match word {
            Word::State => &self.state,
            Word::HostSleeps => &self.host_sleeps,
            Word::GuestSleeps => &self.guest_sleeps,
        }
    }
}

/// Where the buffer begins, in bytes from the beginning of the slot.
pub const BUFFER_OFFSET: u64 = 8192;
/// The length of the buffer in bytes.
pub const BUFFER_SIZE: usize = (layout::SLOT_STRIDE - BUFFER_OFFSET) as usize;
/// The longest message, all parts together: what a scratchpad of 64 MiB and its log may take.
pub const MAX_MESSAGE: u64 = 160 << 20;

const _: () = {
    assert!(size_of::<Slot>() == 192);
    assert!(core::mem::offset_of!(Slot, length) == 4);
    assert!(core::mem::offset_of!(Slot, rest) == 8);
    assert!(core::mem::offset_of!(Slot, sequence) == 16);
    assert!(core::mem::offset_of!(Slot, idle_spins) == 24);
    assert!(core::mem::offset_of!(Slot, host_sleeps) == 64);
    assert!(core::mem::offset_of!(Slot, guest_sleeps) == 128);
    assert!(size_of::<Slot>() as u64 <= REPORT_OFFSET);
};
