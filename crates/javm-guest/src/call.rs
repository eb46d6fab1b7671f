//! CALL and RESUME: `docs/spec/calls.md`.

use crate::operation::{Operation, Reply, flag};
use crate::{Place, Status, machine};

/// A call of what stands in a slot.
///
/// [`mod@crate::log`] and [`crate::hash`] make the calls of services, and [`Callee`](crate::Callee) those by an interface;
/// this is for all others.
///
/// ```
/// use javm_guest::{Call, Place, Status};
/// // Nothing stands in slot 99.
/// let call = Call::method(0).arguments([1, 2, 0, 0]);
/// assert_eq!(call.slot::<99>(), Err(Status::EMPTY));
/// assert_eq!(call.atomic().place(Place::slot(99)).status, Status::EMPTY);
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Call {
    what: u64,
    gas: u64,
    arguments: [u64; 4],
}

impl Call {
    /// A call of method `method` of a Callable or a Service, or of endpoint `method` of an Instance, without arguments,
    /// with all gas but a 64th.
    #[inline(always)]
    pub const fn method(method: u16) -> Call {
        Call { what: (method as u64) << 16, gas: 0, arguments: [0; 4] }
    }

    /// The same with these arguments.
    #[inline(always)]
    pub const fn arguments(self, arguments: [u64; 4]) -> Call {
        Call { arguments, ..self }
    }

    /// The same, and the scratchpad goes with it and comes back.
    ///
    /// # Safety
    /// The callee must not change bytes of the scratchpad to which there are references: not to a
    /// [`Scratchpad`](crate::Scratchpad) that is borrowed, not to arguments that borrow from it.
    #[inline(always)]
    pub const unsafe fn with_scratchpad(self) -> Call {
        self.with(flag::SCRATCH)
    }

    /// The same, and what stands in the [gift slot](Place::GIFT) goes with it; what the callee leaves there comes back.
    #[inline(always)]
    pub const fn with_gift(self) -> Call {
        self.with(flag::GIFT)
    }

    /// The same, undone unless it halts. A call through a Callable always is.
    #[inline(always)]
    pub const fn atomic(self) -> Call {
        self.with(flag::ATOMIC)
    }

    /// The same with at most `gas` for the callee; 0 stands for all but a 64th of what is left.
    #[inline(always)]
    pub const fn gas(self, gas: u64) -> Call {
        Call { gas, ..self }
    }

    /// The same of another method.
    #[inline(always)]
    pub(crate) const fn of_method(self, method: u16) -> Call {
        Call { what: self.what & !(0xffff << 16) | (method as u64) << 16, ..self }
    }

    #[inline(always)]
    const fn with(self, flag: u8) -> Call {
        Call { what: self.what | (flag as u64) << 8, ..self }
    }

    /// Makes the call of what stands in a slot of the program's own table that is known when it is compiled.
    ///
    /// # Errors
    /// [`Status`]: how it ended if not well, or why it was refused.
    #[inline(always)]
    pub fn slot<const SLOT: u8>(self) -> Result<u64, Status> {
        let [result, status] = machine::call::<SLOT>(self.what, self.gas, self.arguments);
        Reply::of([result, status, 0]).ok()
    }

    /// Makes the call of what stands in any place. An Instance that ends otherwise than by a halt stays
    /// [Suspended](crate::operation::RunState::Suspended) there, unless the call is [atomic](Call::atomic).
    #[inline(always)]
    pub fn place(self, place: Place) -> Reply {
        let what = self.what | Operation::Call as u64 | u64::from(place.reference()) << 32;
        // SAFETY: a callee changes nothing of the caller's but the scratchpad, for which whoever sent it has promised.
        Reply::of(unsafe { machine::operate(what, self.gas, self.arguments) })
    }

    /// Whether a service in the slot would do what is asked of it. Asked with one unit of gas, less than anything costs,
    /// it checks the arguments and then stops at the price, with nothing done.
    #[inline(always)]
    pub(crate) fn would_be_done<const SLOT: u8>(self) -> bool {
        self.gas(1).slot::<SLOT>() == Err(Status::OUT_OF_GAS)
    }
}

/// Goes on with a Suspended child.
///
/// ```no_run
/// use javm_guest::{Place, Resume, Status};
///
/// const CHILD: Place = Place::slot(20);
/// let reply = Resume::new().gas(100_000).place(CHILD);
/// if reply.status == Status::OUT_OF_GAS {
///     // It stands where it was stopped, and can be resumed again.
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Resume {
    flags: u8,
    gas: u64,
    value: u64,
}

impl Default for Resume {
    fn default() -> Resume {
        Resume::new()
    }
}

impl Resume {
    /// With all gas but a 64th.
    #[inline(always)]
    pub const fn new() -> Resume {
        Resume { flags: 0, gas: 0, value: 0 }
    }

    /// The same; a child that has yielded gets `value` as the result of its [`yield_`](crate::operation::yield_).
    #[inline(always)]
    pub const fn value(self, value: u64) -> Resume {
        Resume { value, ..self }
    }

    /// The same with at most `gas` for the child; 0 stands for all but a 64th of what is left.
    #[inline(always)]
    pub const fn gas(self, gas: u64) -> Resume {
        Resume { gas, ..self }
    }

    /// The same; when the child halts, what it leaves in its scratchpad slot becomes the program's, whose own has to be
    /// empty.
    ///
    /// # Safety
    /// There are no references to bytes of the scratchpad.
    #[inline(always)]
    pub const unsafe fn with_scratchpad(self) -> Resume {
        Resume { flags: self.flags | flag::SCRATCH, ..self }
    }

    /// The same; when the child halts, what it leaves in its gift slot becomes the program's, whose own has to be empty.
    #[inline(always)]
    pub const fn with_gift(self) -> Resume {
        Resume { flags: self.flags | flag::GIFT, ..self }
    }

    /// The same, undone unless the child halts.
    #[inline(always)]
    pub const fn atomic(self) -> Resume {
        Resume { flags: self.flags | flag::ATOMIC, ..self }
    }

    /// Goes on with the child in a place.
    #[inline(always)]
    pub fn place(self, place: Place) -> Reply {
        let what = Operation::Resume as u64 | (self.flags as u64) << 8 | u64::from(place.reference()) << 32;
        // SAFETY: a child changes nothing of the program's but the scratchpad, for which whoever wants it has promised.
        Reply::of(unsafe { machine::operate(what, self.gas, [self.value, 0, 0, 0]) })
    }
}
