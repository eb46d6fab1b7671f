//! Generators: a child that yields values one by one, as an iterator of its owner's.
//!
//! The child is any program that stops with [`yield_`](crate::operation::yield_). Between two values it is a value like
//! any other: it can be copied, kept until a later block, proved, resumed on another machine.

use crate::{Call, Place, Reply, Resume, Status};

/// The values that a child yields.
///
/// ```no_run
/// use javm_guest::generator::Generator;
/// use javm_guest::{Call, Place};
///
/// const PRIMES: Place = Place::slot(20);
/// // Endpoint 0 of the child yields primes, from its argument on.
/// let mut primes = Generator::call(PRIMES, Call::method(0).arguments([100, 0, 0, 0]));
/// let some: Vec<u64> = primes.by_ref().take(3).collect();
/// // In a later call: it stands where it was stopped.
/// let next = Generator::resume(PRIMES).next();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    child: Place,
    call: Option<Call>,
    gas: u64,
    end: Option<Reply>,
}

impl Generator {
    /// The values of a call that is still to be made.
    #[must_use]
    pub const fn call(child: Place, call: Call) -> Generator {
        Generator { child, call: Some(call), gas: 0, end: None }
    }

    /// The values that are left of a call that was made before: the child stands Suspended.
    #[must_use]
    pub const fn resume(child: Place) -> Generator {
        Generator { child, call: None, gas: 0, end: None }
    }

    /// The same with at most `gas` for each value; 0 stands for all but a 64th of what is left.
    #[must_use]
    pub const fn gas(self, gas: u64) -> Generator {
        Generator { gas, ..self }
    }

    /// The next value, where `value` is what the child's `yield_` gives it, if it has yielded before. `None` when it has
    /// come to an end.
    pub fn send(&mut self, value: u64) -> Option<u64> {
        if self.end.is_some() {
            return None;
        }
        let reply = match self.call.take() {
            Some(call) => call.gas(self.gas).place(self.child),
            None => Resume::new().value(value).gas(self.gas).place(self.child),
        };
        if reply.status == Status::YIELD {
            return Some(reply.detail);
        }
        self.end = Some(reply);
        None
    }

    /// How the child has come to its end: its result, or why there is none. `None` before that. One that did not halt
    /// stands Suspended, unless the call was refused.
    #[must_use]
    pub fn end(&self) -> Option<Result<u64, Status>> {
        self.end.map(Reply::ok)
    }
}

impl Iterator for Generator {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.send(0)
    }
}
