//! Typed calls: another program, called as a trait is.

use core::fmt;
use core::marker::PhantomData;

use javm_types::typed::{LowerArguments, lift_result};
use javm_types::{Decode, DecodeError, EncodeError, LiftError};

use crate::operation::Reply;
use crate::{Call, Place, Status, exchange};

/// An interface, as [`#[interface]`](macro@crate::interface) makes it of a trait: `dyn Token` implements it for a trait
/// `Token`.
pub trait Interface {
    /// Its name and its methods: the TypeDef.
    const DEFINITION: javm_types::Interface;
}

/// A program with an interface, to be called: what stands in a place, a Callable, an Instance or a Service.
///
/// It implements the trait, and with `Try` before its name the trait of the same calls that may fail: see
/// [`#[interface]`](macro@crate::interface).
pub struct Callee<I: ?Sized> {
    place: Place,
    call: Call,
    interface: PhantomData<fn(&I)>,
}

impl<I: ?Sized> Clone for Callee<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: ?Sized> Copy for Callee<I> {}

impl<I: ?Sized> Callee<I> {
    /// What stands in a place, now or when it is called.
    ///
    /// Methods are called by their numbers. For a Callable, and for a Service, these are the interface's; for an
    /// Instance they are those of its endpoints, which are the same if the interface is the first that its program
    /// [`implements!`](crate::implements).
    #[must_use]
    pub const fn at(place: Place) -> Self {
        Callee { place, call: Call::method(0).atomic(), interface: PhantomData }
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The same, called with at most `gas`; 0 stands for all but a 64th of what is left.
    #[must_use]
    pub const fn gas(self, gas: u64) -> Self {
        Callee { call: self.call.gas(gas), ..self }
    }

    /// The same, and what stands in the [gift slot](Place::GIFT) goes with a call; what the callee leaves there comes back.
    #[must_use]
    pub const fn with_gift(self) -> Self {
        Callee { call: self.call.with_gift(), ..self }
    }
}

impl<I: Interface + ?Sized> Callee<I> {
    #[doc(hidden)]
    pub fn __try<A: LowerArguments, T: for<'a> Decode<'a>>(&self, method: u16, arguments: &A) -> Result<T, Failure> {
        let call = self.call.of_method(method);
        let returns_register = const { T::SHAPE.is_scalar() || T::SHAPE.is_unit() };
        if A::IN_REGISTERS && returns_register {
            let register = Failure::unless_halted(call.arguments(arguments.to_registers()).place(self.place))?;
            return lift_result(register, &[]).map_err(Failure::Result);
        }
        let lower: &dyn Fn(&mut [u8]) -> _ = &|room| javm_types::typed::lower_arguments(arguments, room);
        let (register, bytes) = exchange::call(call, self.place, A::IN_REGISTERS, lower, returns_register)?;
        lift_result(register, &bytes).map_err(Failure::Result)
    }

    /// The result of a call that has to succeed.
    #[doc(hidden)]
    pub fn __expect<T>(&self, method: &str, outcome: Result<T, Failure>) -> T {
        match outcome {
            Ok(value) => value,
            Err(failure) => failed(I::DEFINITION.name, method, self.place, &failure),
        }
    }
}

#[cold]
#[inline(never)]
fn failed(interface: &str, method: &str, place: Place, failure: &Failure) -> ! {
    panic!("{interface}.{method} at {place}: {failure}")
}

impl<I: Interface + ?Sized> fmt::Debug for Callee<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callee({} at {})", I::DEFINITION.name, self.place)
    }
}

/// Why a typed call has no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It was refused, or ended otherwise than by a halt: nothing has happened, but gas was used.
    Call(Reply),
    /// It halted, and what it gave is no value of the type: a callee that does not keep to its interface. What it did
    /// stays, unless whoever finds out panics.
    Result(LiftError<DecodeError>),
    /// There is no room for the arguments in what is left of the scratchpad. Nothing has happened.
    Arguments(EncodeError),
}

impl Failure {
    /// What the kernel says, where it says something else than HALT.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        match self {
            Failure::Call(reply) => Some(reply.status),
            Failure::Result(_) | Failure::Arguments(_) => None,
        }
    }

    /// The result of a call that halted.
    pub(crate) fn unless_halted(reply: Reply) -> Result<u64, Failure> {
        reply.ok().map_err(|_| Failure::Call(reply))
    }
}

/// A refusal of the kernel's.
impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Call(Reply { result: 0, status, detail: 0 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Call(reply) => write!(f, "{}", reply.status),
            Failure::Result(error) => write!(f, "the result is none of its type: {error}"),
            Failure::Arguments(error) => {
                write!(f, "the arguments do not fit into what is left of the scratchpad: {error}")
            }
        }
    }
}

impl core::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use javm_types::{Address, TypeDef};

    use super::*;
    use crate::{Scratchpad, interface, test};

    /// What is sold.
    #[interface]
    trait Shop {
        fn price(&self, thing: u8) -> u64;
        /// Buys so many.
        fn buy(&self, thing: &str, count: u16) -> Vec<Address>;
        #[method(name = "stock.list")]
        fn stock(&self) -> String;
        fn close(&self);
    }

    struct Fake;

    impl Shop for Fake {
        fn price(&self, thing: u8) -> u64 {
            assert!(thing < 100, "there is no such thing");
            u64::from(thing) * 2
        }
        fn buy(&self, thing: &str, count: u16) -> Vec<Address> {
            (0..count).map(|_| Address([thing.len() as u8; 32])).collect()
        }
        fn stock(&self) -> String {
            "pears".into()
        }
        fn close(&self) {}
    }

    const SHOP: Callee<dyn Shop> = Callee::at(Place::slot(40));

    #[test]
    fn an_interface_is_a_typedef() {
        const DEFINITION: javm_types::Interface = <dyn Shop as Interface>::DEFINITION;
        const BYTES: [u8; DEFINITION.encoded_len()] = match DEFINITION.encode() {
            Ok(bytes) => bytes,
            Err(error) => panic!("{}", error.message()),
        };
        let text = "interface shop { price(thing: u8) -> u64; buy(thing: string, count: u16) -> list<address32>; \
                    stock.list() -> string; close(); }";
        assert_eq!(TypeDef::decode(&BYTES), Ok(text.parse().expect("it is right")));
    }

    #[test]
    fn a_program_is_called_as_its_trait() {
        test::stand_in::<dyn Shop>(40, Box::new(Fake));
        assert_eq!((SHOP.price(4), SHOP.stock()), (8, "pears".to_string()));
        assert_eq!(SHOP.buy("abc", 2), [Address([3; 32]); 2]);
        SHOP.close();
        assert_eq!(SHOP.try_price(100), Err(Failure::from(Status::PANIC)));
        // Bytes that somebody has are as they were.
        let mut mine = Scratchpad::take(10).expect("there is room");
        mine.copy_from_slice(b"0123456789");
        let thing = core::str::from_utf8(&mine[..2]).expect("digits");
        assert_eq!(SHOP.buy(thing, 1), [Address([2; 32])]);
        assert_eq!(&*mine, b"0123456789");
    }

    #[test]
    fn arguments_need_room() {
        test::stand_in::<dyn Shop>(40, Box::new(Fake));
        test::set_scratchpad(&[0; 7]);
        assert!(matches!(SHOP.try_buy("ab", 1), Err(Failure::Arguments(_))));
        // The result does not fit.
        test::set_scratchpad(&[0; 8]);
        assert!(matches!(SHOP.try_buy("ab", 1), Err(Failure::Call(_))));
    }

    #[test]
    #[should_panic(expected = "shop.close at 40: EMPTY")]
    fn a_refusal_is_a_panic() {
        SHOP.close();
    }
}
