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
//! from one processor to the other, which takes longer than all else that a side does with a short message. So the buffer
//! begins in that line, behind the state: the first [`IN_ONE_LINE`] bytes of a message go with it.
//!
//! A message longer than the buffer goes in parts. Every part is a turn of its own: while [`Slot::rest`] is not 0 the
//! other side answers with an empty part and waits for the next one.
//!
//! How the sides take turns, sleep and wake each other is in [`crate::turn`].

use core::sync::atomic::AtomicU32;

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
///
/// What one side writes and the other seldom looks at has lines of its own, before that of the state.
#[repr(C, align(16))]
#[derive(Debug, Default)]
pub struct Slot {
    /// Whether the host sleeps until the state is [`SlotState::Done`]: 0 or 1. The host writes it.
    pub host_sleeps: AtomicU32,
    /// How often the guest is to look for a request before it sleeps. The host writes it, and changes it by what it sees.
    pub idle_spins: AtomicU32,
    reserved_host: [u32; 14],
    /// Whether the guest sleeps until the state is [`SlotState::Ready`]: 0 or 1. The guest writes it.
    pub guest_sleeps: AtomicU32,
    /// In the first lane's slot: how many large pages the guest has taken, from the beginning of memory on. The guest writes
    /// it, on any lane.
    pub taken: AtomicU32,
    reserved_guest: [u32; 14],
    /// A [`SlotState`] as its number.
    pub state: AtomicU32,
    /// How many bytes of the buffer this part of the message has.
    pub length: AtomicU32,
    /// How many bytes of the message follow in later parts.
    pub rest: AtomicU32,
    /// Which request of this slot the message belongs to; the reply repeats it.
    pub sequence: AtomicU32,
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

/// Where the buffer begins, in bytes from the beginning of the slot: right behind the head.
pub const BUFFER_OFFSET: u64 = size_of::<Slot>() as u64;
/// The length of the buffer in bytes.
pub const BUFFER_SIZE: usize = (REPORT_OFFSET - BUFFER_OFFSET) as usize;
/// How many bytes of a message share the line of the state.
pub const IN_ONE_LINE: usize = LINE - (BUFFER_OFFSET as usize - core::mem::offset_of!(Slot, state));
/// The longest message, all parts together: what a scratchpad of 64 MiB and its log may take.
pub const MAX_MESSAGE: u64 = 160 << 20;

/// The size of a line of the cache in bytes.
const LINE: usize = 64;

const _: () = {
    assert!(size_of::<Slot>() == 144);
    assert!(core::mem::offset_of!(Slot, idle_spins) == 4);
    assert!(core::mem::offset_of!(Slot, guest_sleeps) == LINE);
    assert!(core::mem::offset_of!(Slot, taken) == LINE + 4);
    // The processor fetches lines by pairs: that of the state goes with the one behind it.
    assert!(core::mem::offset_of!(Slot, state) == 2 * LINE);
    assert!(core::mem::offset_of!(Slot, length) == 132);
    assert!(core::mem::offset_of!(Slot, rest) == 136);
    assert!(core::mem::offset_of!(Slot, sequence) == 140);
    assert!(IN_ONE_LINE == 48);
    assert!(layout::SLOT_STRIDE.is_multiple_of(4096));
    assert!(MAX_MESSAGE <= u32::MAX as u64);
};
