//! The domain tags: the first byte of everything that is hashed, so that no two kinds of content share a hash.

use core::fmt;

macro_rules! tags {
    ($($number:literal $name:ident $text:literal;)*) => {
        /// What a hash is of. Its number is the first byte that goes into the hash.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Tag {
            $(
                #[doc = concat!("`", stringify!($number), "`: ", $text, ".")]
                $name = $number,
            )*
        }

        impl Tag {
            /// Every tag, in the order of their numbers.
            pub const ALL: &'static [Tag] = &[$(Tag::$name),*];

            /// The byte that stands for it.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The tag that a byte stands for, if it does for one.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Tag> {
                match number {
                    $($number => Some(Tag::$name),)*
                    _ => None,
                }
            }

            /// What it is for, in a few words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Tag::$name => $text,)* }
            }
        }
    };
}

tags! {
    0x00 Page        "page of a Data";
    0x01 DataNode    "inner node of a Data";
    0x02 CNodeNode   "inner node of a CNode";
    0x10 Data        "Data";
    0x11 CNode       "CNode";
    0x12 Image       "Image";
    0x13 TypeDef     "TypeDef";
    0x14 Instance    "Instance";
    0x15 Callable    "Callable";
    0x16 Service     "Service";
    0x20 Code        "program blob of an Image";
    0x21 RunState    "run state of an Instance";
    0x22 Interface   "interface of an Image";
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
