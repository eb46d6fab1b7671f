//! What stands between the kernel's call and the function: the code behind [`#[endpoint]`](macro@crate::endpoint).
//!
//! Everything here is written for the expansion of the attribute, in the order of a call.

use core::cell::OnceCell;
use core::fmt::{self, Display};

use javm_types::Encode;
use javm_types::typed::{LiftArguments, lift_arguments};

use crate::Scratchpad;

/// A call. It has the part of the scratchpad where the arguments stand, as long as something may borrow from them.
#[derive(Default)]
pub struct Entered {
    arguments: OnceCell<Scratchpad>,
}

impl Entered {
    /// The arguments, or the end of the call.
    pub fn arguments<'a, A: LiftArguments<'a>>(&'a self, name: &str, registers: [u64; 4]) -> A {
        let bytes: &[u8] = if A::IN_REGISTERS {
            &[]
        } else {
            let length = usize::try_from(registers[0]).ok();
            // What is not there is missed when the arguments are lifted, which says so.
            self.arguments.get_or_init(|| length.and_then(Scratchpad::take).unwrap_or_else(Scratchpad::take_rest))
        };
        match lift_arguments(registers, bytes) {
            Ok(arguments) => arguments,
            Err(error) => fail(format_args!("{name} was called with wrong arguments: {error}")),
        }
    }

    /// What goes to φ7, with the result at the start of the scratchpad if it does not fit there.
    pub fn deliver(self, result: Encoded) -> u64 {
        if let Some(room) = result.room {
            let (start, length) = (room.offset(), result.register as usize);
            if start > 0 {
                drop((room, self.arguments));
                Scratchpad::everything().copy_within(start..start + length, 0);
            }
        }
        result.register
    }
}

/// A result: a register, or its length and the encoding at the start of some part of the scratchpad.
pub struct Encoded {
    register: u64,
    room: Option<Scratchpad>,
}

/// Encodes a result behind the arguments, from which it may borrow.
pub fn encode<T: Encode>(name: &str, value: &T) -> Encoded {
    if const { T::SHAPE.is_unit() } {
        return Encoded { register: 0, room: None };
    }
    if let Some(register) = value.to_register() {
        return Encoded { register, room: None };
    }
    let mut room = Scratchpad::take_rest();
    match javm_types::encode_into(value, &mut room) {
        Ok(length) => Encoded { register: length as u64, room: Some(room) },
        Err(error) => {
            let mapped = Scratchpad::mapped();
            fail(format_args!("the result of {name} is too long for the scratchpad of {mapped} bytes: {error}"))
        }
    }
}

/// The `Result` that an endpoint returns. `Err` fails the call.
pub trait Fallible {
    /// What a caller gets.
    type Value;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
}

/// What a caller gets, or the end of the call.
pub fn or_fail<T, E: Display>(name: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(format_args!("{name} failed: {error}")),
    }
}

/// Says why and ends the call.
#[cold]
fn fail(why: fmt::Arguments<'_>) -> ! {
    #[cfg(target_os = "none")]
    {
        crate::log::last_line(why);
        crate::machine::trap()
    }
    #[cfg(not(target_os = "none"))]
    panic!("{why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn scalars_travel_in_registers() {
        let call = Entered::default();
        let (a, b): (i8, bool) = call.arguments("f", [(-3_i64) as u64, 1, 0, 0]);
        assert_eq!((a, b), (-3, true));
        let result = encode("f", &a);
        assert_eq!(call.deliver(result), (-3_i64) as u64);
    }

    #[test]
    #[should_panic(expected = "pay was called with wrong arguments: φ8: 0x2 is no bool; it must be 0 or 1")]
    fn registers_are_checked() {
        let _: (u64, bool) = Entered::default().arguments("pay", [1, 2, 0, 0]);
    }

    #[test]
    #[should_panic(
        expected = "pay was called with wrong arguments: φ7: 99 bytes of the scratchpad are meant, but it has 9"
    )]
    fn lengths_are_checked() {
        test::set_scratchpad(&[0; 9]);
        let _: (&str,) = Entered::default().arguments("pay", [99, 0, 0, 0]);
    }

    #[test]
    #[should_panic(expected = "a result that is an Err fails: failed: no")]
    fn an_error_fails() {
        or_fail::<(), _>("a result that is an Err fails:", Err("no"));
    }

    /// Encodes `arguments`, calls `f`, and decodes what is then in the scratchpad of `bytes` bytes.
    fn call<R: Encode>(bytes: usize, f: impl for<'a> FnOnce(&'a str, u16) -> R) -> String {
        let mut arguments = javm_types::encode(&("ab", 3_u16)).expect("it is short");
        let length = arguments.len();
        arguments.resize(bytes, 0xee);
        test::set_scratchpad(&arguments);
        let call = Entered::default();
        let result = {
            let (text, times): (&str, u16) = call.arguments("f", [length as u64, 0, 0, 0]);
            encode("f", &f(text, times))
        };
        let length = call.deliver(result) as usize;
        assert_eq!(Scratchpad::take_rest().offset(), 0, "all of the scratchpad was given back");
        javm_types::decode(&test::scratchpad()[..length]).expect("it was encoded")
    }

    #[test]
    fn what_does_not_fit_into_registers_stands_at_the_start_of_the_scratchpad() {
        // 8 bytes of arguments, 10 of result.
        assert_eq!(call(18, |text, times| text.repeat(times.into())), "ababab");
        assert_eq!(call(1000, |text, times| text.repeat(times.into())), "ababab");
    }

    #[test]
    fn a_log_line_goes_behind_the_arguments() {
        let logged = call(100, |text, _| {
            crate::log!("called with {text}");
            String::from(text)
        });
        assert_eq!((logged.as_str(), test::logs()), ("ab", Vec::from([String::from("called with ab")])));
    }

    #[test]
    #[should_panic(expected = "the result of f is too long for the scratchpad of 17 bytes")]
    fn a_result_needs_room_behind_the_arguments() {
        call(17, |text, times| text.repeat(times.into()));
    }

    #[test]
    fn a_result_may_borrow_from_the_arguments() {
        test::set_scratchpad(&[&javm_types::encode(&("abc",)).expect("it is short")[..], &[0; 7]].concat());
        let call = Entered::default();
        let result = {
            let (text,): (&str,) = call.arguments("f", [7, 0, 0, 0]);
            encode("f", &&text[1..])
        };
        assert_eq!(call.deliver(result), 6);
        assert_eq!(test::scratchpad()[..6], *b"\x02\0\0\0bc");
    }
}
