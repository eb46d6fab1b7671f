//! The tables of `docs/spec/operations.md` and of the entry in `docs/spec/calls.md`.

use crate::image::{Image, Source};
use crate::measure;
use crate::value::Dynamic;

/// Gas of each hop of each reference.
pub const HOP_PRICE: u64 = 500;
/// Gas of an operation that does not exist.
pub const UNKNOWN_PRICE: u64 = 5;

macro_rules! numbered {
    ($(#[$meta:meta])* $type:ident: $($number:literal $name:ident $text:literal;)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $type {
            $(#[doc = $text] $name = $number,)*
        }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$type] = &[$($type::$name),*];

            /// The one with this number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<$type> {
                $type::ALL.iter().copied().find(|row| *row as u8 == number)
            }

            /// Its number.
            #[must_use]
            pub fn number(self) -> u8 {
                self as u8
            }

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($type::$name => $text,)* }
            }
        }
    };
}

/// Number, name, base; what the further part of the price follows from, and that part in words.
macro_rules! operations {
    ($($number:literal $name:ident $text:literal $base:literal $part:literal $of:literal;)*) => {
        numbered! {
            /// What a program asks of the kernel.
            Operation: $($number $name $text;)*
        }

        impl Operation {
            fn row(self) -> (u64, &'static str, &'static str) {
                match self { $(Operation::$name => ($base, $part, $of),)* }
            }
        }
    };
}

operations! {
    1 Copy "COPY" 300 "" "";
    2 Move "MOVE" 300 "" "";
    3 Swap "SWAP" 400 "" "";
    4 Drop "DROP" 300 "" "";
    5 NewData "NEW_DATA" 300 "" "";
    6 NewCNode "NEW_CNODE" 300 "" "";
    7 Resize "RESIZE" 400 "" "";
    8 Read "READ" 200 "operands" "400 a page";
    9 Write "WRITE" 200 "operands" "1200 a page";
    10 Spawn "SPAWN" 2000 "state" "300 a slot that is filled";
    11 Upgrade "UPGRADE" 500 "" "";
    12 Mint "MINT" 600 "" "";
    13 Attenuate "ATTENUATE" 400 "" "";
    14 Map "MAP" 1000 "operands" "200 a page";
    15 Unmap "UNMAP" 1000 "operands" "200 a page";
    16 Call "CALL" 50 "" "";
    17 Resume "RESUME" 50 "" "";
    18 RegsGet "REGS_GET" 200 "" "";
    19 RegsSet "REGS_SET" 300 "" "";
    20 Stat "STAT" 150 "" "";
    21 Hash "HASH" 1000 "state" "24000 a change, 5000 a change and level";
    22 SetQuota "SET_QUOTA" 200 "" "";
    23 Gas "GAS" 5 "" "";
    24 SelfRecord "SELF" 60 "" "";
    25 Quota "QUOTA" 100 "" "";
    26 Yield "YIELD" 100 "" "";
}

impl Operation {
    /// Gas of it, before hops and parts.
    #[must_use]
    pub fn base(self) -> u64 {
        self.row().0
    }

    /// What the further part of its price follows from, and that part in words.
    #[must_use]
    pub fn part(self) -> (&'static str, &'static str) {
        (self.row().1, self.row().2)
    }

    /// The number at the start of the part: gas a unit.
    pub(crate) fn unit(self) -> u64 {
        let digits: String = self.row().2.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }

    /// The flags that it has.
    #[must_use]
    pub fn flags(self) -> u8 {
        match self {
            Operation::Copy | Operation::Move | Operation::Spawn | Operation::RegsSet => 1,
            Operation::Mint => 3,
            Operation::Call | Operation::Resume => 7,
            _ => 0,
        }
    }
}

/// Gas of a change and level of HASH.
pub(crate) const HASH_LEVEL_PRICE: u64 = 5000;

numbered! {
    /// The outcome of a call or an operation.
    Status:
    0 Halt "HALT";
    1 Panic "PANIC";
    2 Fault "FAULT";
    3 OutOfGas "OUT_OF_GAS";
    4 Yield "YIELD";
    16 Empty "EMPTY";
    17 Kind "KIND";
    18 Busy "BUSY";
    19 Denied "DENIED";
    20 NoEndpoint "NO_ENDPOINT";
    21 Depth "DEPTH";
    22 Quota "QUOTA";
    23 Range "RANGE";
    24 Full "FULL";
    25 Unknown "UNKNOWN";
}

/// What entering a program costs, taken from its limit.
#[must_use]
pub fn entry_price(image: &Image, dynamic: &Dynamic, through_callable: bool) -> u64 {
    let entries = measure::entries(dynamic);
    let mappings = image.memory.len() + entries.len();
    let dynamic_writable: u32 = entries.iter().filter(|entry| entry.writable).map(|entry| entry.pages).sum();
    let callable = if through_callable { 600 } else { 0 };
    400 + callable
        + 30 * mappings as u64
        + 120 * u64::from(image.ephemeral_pages())
        + 20 * u64::from(image.persistent_writable_pages() + dynamic_writable)
}

/// Pages that a program has mapped read-write.
pub(crate) fn writable_pages(image: &Image, dynamic: &Dynamic) -> u64 {
    let fixed: u64 = image
        .memory
        .values()
        .filter(|mapping| mapping.writable || mapping.source == Source::Ephemeral)
        .map(|mapping| u64::from(mapping.pages))
        .sum();
    fixed + dynamic.values().filter(|(_, _, writable)| *writable).count() as u64
}
