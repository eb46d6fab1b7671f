//! The operations that a program asks of the kernel with `ecall`: one table of numbers, names and prices.
//!
//! The numbers that the table does not have yet belong to the operations on capabilities that a single program has no
//! use for; `docs/spec/operations.md` has them all. Asking for one gives [`Status::Unknown`].
//!
//! [`Status::Unknown`]: crate::Status::Unknown

macro_rules! operations {
    ($($number:literal $name:ident $text:literal $price:literal, $doc:literal;)*) => {
        /// An operation of the kernel.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Operation {
            $(
                #[doc = $doc]
                $name = $number,
            )*
        }

        impl Operation {
            /// Every operation that exists so far.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),*];

            /// The operation of this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Operation> {
                match number {
                    $($number => Some(Operation::$name),)*
                    _ => None,
                }
            }

            /// Its name in the spec.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => $text,)*
                }
            }

            /// Gas that it costs beyond the `ecall` instruction, taken before anything is done.
            #[must_use]
            pub const fn price(self) -> u64 {
                match self {
                    $(Operation::$name => $price,)*
                }
            }
        }
    };
}

operations! {
    16 Call "CALL" 50, "Calls what stands in a slot; `ecalli` is the same with the reference in the code.";
    23 Gas "GAS" 5, "Gives the gas that is left, after its own price.";
    24 SelfRecord "SELF" 60, "Writes who is running and who called to memory.";
}

/// Gas that each hop of each reference costs.
pub const HOP_PRICE: u64 = 100;

/// Gas that an `ecall` with a number that the table does not have costs.
pub const UNKNOWN_OPERATION_PRICE: u64 = 5;

/// φ11 of an `ecall`: what is asked for and of whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Bits 0 to 7: the operation.
    pub operation: u8,
    /// Bits 8 to 15: flags, see [`flag`].
    pub flags: u8,
    /// Bits 16 to 31: the endpoint or method of a call.
    pub endpoint: u16,
    /// Bits 32 to 63: the reference to a slot.
    pub reference: u32,
}

impl Request {
    /// Whether everything but the operation is zero, as those want it that have neither flags nor a callee.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        self.flags == 0 && self.endpoint == 0 && self.reference == 0
    }

    /// Takes φ11 apart.
    #[must_use]
    pub const fn from_register(value: u64) -> Request {
        Request {
            operation: value as u8,
            flags: (value >> 8) as u8,
            endpoint: (value >> 16) as u16,
            reference: (value >> 32) as u32,
        }
    }
}

/// The flags of a call.
pub mod flag {
    /// The scratchpad goes with the call and comes back with the reply.
    pub const SCRATCH: u8 = 1;
    /// What stands in slot 1 goes with the call and comes back with the reply.
    pub const GIFT: u8 = 2;
    /// Unless the call ends in a halt it is undone.
    pub const ATOMIC: u8 = 4;
    /// Those that there are.
    pub const ALL: u8 = SCRATCH | GIFT | ATOMIC;
}
