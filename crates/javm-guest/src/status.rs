//! How calls end, and why the kernel refuses something.

use core::fmt;

/// How a call ended, or why the kernel refused it or an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Status(u64);

macro_rules! statuses {
    ($($number:literal $name:ident $meaning:literal;)*) => {
        impl Status {
            $(
                #[doc = $meaning]
                pub const $name: Status = Status($number);
            )*

            /// All of them, with names and meanings.
            #[cfg(test)]
            pub(crate) const ALL: &'static [(Status, &'static str, &'static str)] =
                &[$((Status($number), stringify!($name), $meaning)),*];

            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    0 HALT "The call ended; for an operation: it was done.";
    1 PANIC "The callee trapped or broke a rule of the machine.";
    2 FAULT "The callee touched a page that forbids it.";
    3 OUT_OF_GAS "The gas limit of the call was too low.";
    4 YIELD "The callee stopped by itself, and can be resumed.";
    16 EMPTY "Nothing stands in the slot that is named.";
    17 KIND "What stands there is of another kind than the operation takes.";
    18 BUSY "What stands there is on the call stack, holds what is, or is not in the run state that the operation takes.";
    19 DENIED "The right for it is missing.";
    20 NO_ENDPOINT "What stands there has no such endpoint or method.";
    21 DEPTH "There are too many calls inside of each other.";
    22 QUOTA "A bound on what may be kept would be passed.";
    23 RANGE "A range, offset or reference lies outside of what it is applied to.";
    24 FULL "Something stands already where there should be nothing.";
    25 UNKNOWN "There is no such operation.";
}

impl Status {
    /// The status of this number, which a kernel newer than this crate may have given.
    #[must_use]
    pub const fn from_number(number: u64) -> Status {
        Status(number)
    }

    /// The number that the kernel gives.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Whether a program ran and ended otherwise than by a halt: PANIC, FAULT, OUT_OF_GAS or YIELD. All others say that
    /// nothing ran, except that OUT_OF_GAS is also the limit being too low for the call to begin.
    #[must_use]
    pub const fn is_end(self) -> bool {
        self.0 >= 1 && self.0 <= 4
    }
}

/// Its name, or its number if this crate does not know it.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "status {}", self.0),
        }
    }
}

impl core::error::Error for Status {}
