//! What a program finds in φ8 after a call or an operation.

use core::fmt;

macro_rules! statuses {
    ($($number:literal $name:ident $text:literal, $doc:literal;)*) => {
        /// The outcome of a call or an operation. The numbers are consensus: see `docs/spec/operations.md`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Status {
            $(
                #[doc = $doc]
                $name = $number,
            )*
        }

        impl Status {
            /// Every status that exists so far, in ascending order of the numbers.
            pub const ALL: &'static [Status] = &[$(Status::$name),*];

            /// Its name in messages and in the spec.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Status::$name => $text,)*
                }
            }

            /// What it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Status::$name => $doc,)*
                }
            }
        }
    };
}

statuses! {
    0 Halt "HALT", "The call ended; for an operation: it was done.";
    1 Panic "PANIC", "The callee trapped or broke a rule of the machine.";
    2 Fault "FAULT", "The callee touched a page that forbids it.";
    3 OutOfGas "OUT_OF_GAS", "The gas limit of the call was too low.";
    4 Yield "YIELD", "The callee stopped by itself, and can be resumed.";
    16 Empty "EMPTY", "Nothing stands in the slot that is named.";
    17 Kind "KIND", "What stands there is of another kind than the operation takes.";
    18 Busy "BUSY", "What stands there is on the call stack, holds what is, or is not in the run state that the operation takes.";
    19 Denied "DENIED", "The right for it is missing.";
    20 NoEndpoint "NO_ENDPOINT", "What stands there has no such endpoint or method.";
    21 Depth "DEPTH", "There are too many calls inside of each other.";
    22 Quota "QUOTA", "A bound on what may be kept would be passed.";
    23 Range "RANGE", "A range, offset or reference lies outside of what it is applied to.";
    24 Full "FULL", "Something stands already where there should be nothing.";
    25 Unknown "UNKNOWN", "There is no such operation.";
}

impl Status {
    /// The number that a program sees.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
