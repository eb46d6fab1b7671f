//! What the guest leaves the virtual machine for: writes of 32 bits to one port.

/// The port of events: the value is an [`Event`].
pub const EVENT_PORT: u16 = 0x5e0;
/// The port of the debug log: each byte written is a byte of it, each line ends with a line feed.
pub const DEBUG_PORT: u16 = 0xe9;

/// Why a lane leaves the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Event {
    /// Its slot has had no request for long: wake it when there is one.
    Idle = 1,
    /// It has answered, and the host sleeps.
    Answered = 2,
    /// The guest has come to an end; why is in the slot's [`crate::trap::Report`].
    Dead = 3,
    /// Nothing: it shows what leaving costs.
    Nothing = 4,
}

impl Event {
    /// The event of this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Event> {
        match number {
            1 => Some(Event::Idle),
            2 => Some(Event::Answered),
            3 => Some(Event::Dead),
            4 => Some(Event::Nothing),
            _ => None,
        }
    }
}
