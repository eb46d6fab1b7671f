//! The types without parts, one table.

use core::fmt;

/// An integer type by what it can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Integer {
    /// Whether it holds negative numbers, in two's complement.
    pub signed: bool,
    /// Its width: 8, 16, 32, 64 or 128.
    pub bits: u32,
}

const fn unsigned(bits: u32) -> Option<Integer> {
    Some(Integer { signed: false, bits })
}

const fn signed(bits: u32) -> Option<Integer> {
    Some(Integer { signed: true, bits })
}

impl Integer {
    /// The greatest value.
    #[must_use]
    pub const fn max(self) -> u128 {
        u128::MAX >> (128 - self.bits + self.signed as u32)
    }

    /// The least value.
    #[must_use]
    pub const fn min(self) -> i128 {
        if self.signed { i128::MIN >> (128 - self.bits) } else { 0 }
    }

    /// The width in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bits as usize / 8
    }
}

macro_rules! primitives {
    ($($(#[$doc:meta])+ $name:ident = $number:literal, $text:literal, $least:literal, $integer:expr;)*) => {
        /// A type without parts.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Primitive {
            $($(#[$doc])+ $name = $number,)*
        }

        impl Primitive {
            /// All of them, by number.
            pub const ALL: &'static [Primitive] = &[$(Primitive::$name),*];

            /// What it is called in the language.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Primitive::$name => $text,)*
                }
            }

            /// The primitive with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Primitive> {
                match number {
                    $($number => Some(Primitive::$name),)*
                    _ => None,
                }
            }

            /// The primitive with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Primitive> {
                match name {
                    $($text => Some(Primitive::$name),)*
                    _ => None,
                }
            }

            /// What integers it holds, when it is an integer type.
            #[must_use]
            pub const fn integer(self) -> Option<Integer> {
                match self {
                    $(Primitive::$name => $integer,)*
                }
            }

            /// The bytes that every value of it takes at least.
            #[must_use]
            pub const fn min_bytes(self) -> usize {
                match self {
                    $(Primitive::$name => $least,)*
                }
            }
        }
    };
}

// number, name, bytes that a value takes at least, integer type
primitives! {
    /// True or false.
    Bool = 0x01, "bool", 1, None;
    /// 32 bytes that name somebody or something.
    Address = 0x02, "address32", 32, None;
    /// Any number of bytes.
    Bytes = 0x03, "bytes", 4, None;
    /// UTF-8 text.
    String = 0x04, "string", 4, None;
    /// 0 to 2^8 - 1.
    U8 = 0x10, "u8", 1, unsigned(8);
    /// 0 to 2^16 - 1.
    U16 = 0x11, "u16", 2, unsigned(16);
    /// 0 to 2^32 - 1.
    U32 = 0x12, "u32", 4, unsigned(32);
    /// 0 to 2^64 - 1.
    U64 = 0x13, "u64", 8, unsigned(64);
    /// 0 to 2^128 - 1.
    U128 = 0x14, "u128", 16, unsigned(128);
    /// -2^7 to 2^7 - 1.
    I8 = 0x18, "i8", 1, signed(8);
    /// -2^15 to 2^15 - 1.
    I16 = 0x19, "i16", 2, signed(16);
    /// -2^31 to 2^31 - 1.
    I32 = 0x1a, "i32", 4, signed(32);
    /// -2^63 to 2^63 - 1.
    I64 = 0x1b, "i64", 8, signed(64);
    /// -2^127 to 2^127 - 1.
    I128 = 0x1c, "i128", 16, signed(128);
}

impl Primitive {
    /// Its number in encodings.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether a register holds any value of it: integers of up to 64 bits, and bool.
    #[must_use]
    pub const fn is_scalar(self) -> bool {
        match self.integer() {
            Some(integer) => integer.bits <= 64,
            None => matches!(self, Primitive::Bool),
        }
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
