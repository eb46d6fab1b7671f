//! LOG: lines for people and programs that look on.
//!
//! A log is no part of state. It is kept from calls that fail, too: that is where a panic says why.

use core::fmt::{self, Write};

use crate::machine::{import, per_call};
use crate::{Call, Scratchpad, Status};

/// The slot in which this crate wants LOG. A creator who does not grant it gets a program that is silent.
pub const SLOT: u8 = 16;

/// The id of the service.
pub const SERVICE: u32 = crate::service::LOG;

per_call! {
    // Whether a line can be logged in this call: not known yet, yes, no.
    static HEARD: u8;
}

const YES: u8 = 1;
const NO: u8 = 2;

/// Logs a line: `log!("{n} of {all}")`, or under a topic, a number that the reader knows: `log!(topic: 7, "…")`.
///
/// It takes the room that is left of the scratchpad, and cuts what is longer. Where nobody listens — LOG is not granted,
/// the caller has given no scratchpad — or where no room is left or the log is full, nothing happens, and nothing
/// is formatted. [`Scratchpad::log`] says what came of it.
///
/// ```
/// javm_guest::log!("{} of {}", 3, 4);
/// javm_guest::log!(topic: 7, "seven");
/// assert_eq!(javm_guest::test::logs(), ["3 of 4", "seven"]);
/// ```
#[macro_export]
macro_rules! log {
    (topic: $topic:expr, $($text:tt)+) => { $crate::log::line($topic, ::core::format_args!($($text)+)) };
    ($($text:tt)+) => { $crate::log::line(0, ::core::format_args!($($text)+)) };
}

/// Logs a line. See [`log!`].
pub fn line(topic: u64, text: fmt::Arguments<'_>) {
    if !is_heard() {
        return;
    }
    write_line(Scratchpad::take_rest(), topic, text);
}

fn write_line(mut room: Scratchpad, topic: u64, text: fmt::Arguments<'_>) {
    let length = format(&mut room, text);
    if length > 0 {
        // A full log is no reason to fail.
        let _ = room.log(0..length, topic);
    }
}

/// Writes as much of `text` as there is room for, and returns how much that is.
fn format(room: &mut [u8], text: fmt::Arguments<'_>) -> usize {
    let mut line = Line { room, length: 0 };
    // It ends early where the room does.
    let _ = line.write_fmt(text);
    line.length
}

/// How long the last words of a call are where no more of the scratchpad is left.
#[cfg(any(test, target_os = "none"))]
const LAST_BYTES: usize = 256;

/// The last words of a call, wherever there is room, whoever has it. What they tell of may stand in the scratchpad itself,
/// as arguments do: if they have to overwrite what somebody has, they are made elsewhere first.
#[cfg(any(test, target_os = "none"))]
pub(crate) fn last_line(text: fmt::Arguments<'_>) {
    if !is_heard() {
        return;
    }
    let left = Scratchpad::take_rest();
    if left.len() >= LAST_BYTES {
        return write_line(left, 0, text);
    }
    let mut aside = [0; LAST_BYTES];
    let length = format(&mut aside[..LAST_BYTES.min(Scratchpad::mapped())], text);
    let mut room = Scratchpad::everything();
    room[..length].copy_from_slice(&aside[..length]);
    if length > 0 {
        let _ = room.log(0..length, 0);
    }
}

/// Whether LOG is granted and the caller has given all of the scratchpad that is mapped: writing to it would fault
/// otherwise.
fn is_heard() -> bool {
    if HEARD.get() == 0 {
        let mapped = Scratchpad::mapped() as u64;
        import!(slot SLOT, service SERVICE, required false);
        // The last byte: those before it are there, too.
        let heard = mapped > 0 && call(mapped - 1, 1, 0).would_be_done::<SLOT>();
        HEARD.set(if heard { YES } else { NO });
    }
    HEARD.get() == YES
}

/// What is known about the listener is not true any more.
#[cfg(not(target_os = "none"))]
pub(crate) fn forget() {
    HEARD.set(0);
}

fn call(offset: u64, length: u64, topic: u64) -> Call {
    // SAFETY: LOG only reads.
    unsafe { Call::method(0).arguments([offset, length, topic, 0]).with_scratchpad() }
}

/// Logs bytes of the scratchpad by their place in it.
pub(crate) fn bytes(offset: u64, length: u64, topic: u64) -> Result<u64, Status> {
    import!(slot SLOT, service SERVICE, required false);
    call(offset, length, topic).slot::<SLOT>()
}

/// Text that is cut between characters where the room ends.
struct Line<'a> {
    room: &'a mut [u8],
    length: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = &mut self.room[self.length..];
        let whole = text.len() <= left.len();
        let length = if whole { text.len() } else { text.floor_char_boundary(left.len()) };
        left[..length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        if whole { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn a_line_is_cut_where_the_room_ends_between_characters() {
        test::set_scratchpad(&[0; 8]);
        log!("0123456é9");
        log!("01234567 and more");
        assert_eq!(test::logs(), ["0123456", "01234567"]);
    }

    #[test]
    fn without_room_nothing_happens() {
        test::set_scratchpad(&[1; 8]);
        let all = Scratchpad::take_rest();
        log!("{}", 1);
        assert_eq!((&all[..], test::logs().len()), ([1; 8].as_slice(), 0));
        drop(all);
        log!("{}", 2);
        assert_eq!(test::logs(), ["2"]);
    }

    #[test]
    fn last_words_may_tell_of_what_is_in_the_scratchpad() {
        for (rest, told) in [(1000, 400), (300, 300), (100, 256), (0, 256)] {
            let bytes: Vec<u8> = b"0123456789".iter().copied().cycle().take(400 + rest).collect();
            let expected = String::from_utf8(bytes[..told].to_vec()).expect("digits");
            let said = test::fresh(move || {
                test::set_scratchpad(&bytes);
                let arguments = Scratchpad::take(400).expect("there are more");
                let text = core::str::from_utf8(&arguments).expect("digits");
                last_line(format_args!("{text}"));
                test::logs()
            });
            assert_eq!(said, [expected], "{rest} bytes left");
        }
    }

    #[test]
    fn nothing_is_formatted_where_nobody_listens() {
        struct Loud;
        impl fmt::Display for Loud {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("it was formatted")
            }
        }
        test::revoke(SLOT);
        log!("{Loud}");
        test::grant(SLOT, SERVICE);
        test::set_scratchpad(&[]);
        log!("{Loud}");
        assert!(test::logs().is_empty());
    }

    #[test]
    fn a_line_logged_while_a_line_is_made_finds_no_room() {
        struct Inner;
        impl fmt::Display for Inner {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                log!("inner");
                f.write_str("made")
            }
        }
        log!("{Inner}");
        assert_eq!(test::logs(), ["made"]);
    }
}
