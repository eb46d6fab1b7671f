//! What a program asks of the kernel: every operation of `docs/spec/operations.md`, a function each.
//!
//! ```
//! use javm_guest::{Place, Status, operation};
//!
//! const TEMPLATE: Place = Place::slot(20);
//! const WORKING: Place = Place::slot(21);
//!
//! /// Begins anew with a copy of what stands in the template.
//! fn begin() -> Result<(), Status> {
//!     match operation::drop(WORKING) {
//!         Ok(()) | Err(Status::EMPTY) => operation::copy(TEMPLATE, WORKING),
//!         refused => refused,
//!     }
//! }
//! # let _ = begin;
//! ```
//!
//! - `places`: [`copy`], [`move_`], [`swap`], [`drop()`], [`new_data`], [`new_cnode`], [`resize`], [`read`], [`write()`].
//! - `programs`: [`spawn`], [`upgrade`], [`Mint`], [`attenuate`].
//! - `memory`: [`map`], [`unmap`].
//! - `inspect`: [`stat`], [`registers`], [`set_registers`], [`hash`], [`set_quota`], [`quota`], [`gas`], [`Identity`],
//!   [`yield_`].
//! - CALL and RESUME are [`Call`](crate::Call) and [`Resume`](crate::Resume).
//!
//! A refused operation has changed nothing; the page says each status and when it is given. As host code there is nothing
//! to operate on: but for [`gas`], [`quota`] and [`Identity::read`] they panic and say so.

mod inspect;
mod memory;
mod places;
mod programs;

pub use self::inspect::{
    Identity, Kind, Registers, RunState, Stat, Via, Why, gas, hash, quota, registers, set_quota, set_registers,
    set_registers_and_pc, stat, yield_,
};
pub use self::memory::{Access, map, unmap};
pub use self::places::{copy, copy_rebased, drop, move_, move_rebased, new_cnode, new_data, read, resize, swap, write};
pub use self::programs::{Mask, Mint, attenuate, spawn, spawn_with, upgrade};

use crate::Status;
use crate::machine;

macro_rules! operations {
    ($($number:literal $name:ident $text:literal;)*) => {
        /// The number of an operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Operation {
            $(
                #[doc = $text]
                $name = $number,
            )*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),*];

            /// Its name in the spec.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => $text,)*
                }
            }
        }
    };
}

operations! {
    1 Copy "COPY";
    2 Move "MOVE";
    3 Swap "SWAP";
    4 Drop "DROP";
    5 NewData "NEW_DATA";
    6 NewCNode "NEW_CNODE";
    7 Resize "RESIZE";
    8 Read "READ";
    9 Write "WRITE";
    10 Spawn "SPAWN";
    11 Upgrade "UPGRADE";
    12 Mint "MINT";
    13 Attenuate "ATTENUATE";
    14 Map "MAP";
    15 Unmap "UNMAP";
    16 Call "CALL";
    17 Resume "RESUME";
    18 RegsGet "REGS_GET";
    19 RegsSet "REGS_SET";
    20 Stat "STAT";
    21 Hash "HASH";
    22 SetQuota "SET_QUOTA";
    23 Gas "GAS";
    24 SelfRecord "SELF";
    25 Quota "QUOTA";
    26 Yield "YIELD";
}

/// The flags of operations, bits 8 to 15 of φ11.
pub mod flag {
    /// CALL, RESUME: the scratchpad goes with the call and comes back with the reply.
    pub const SCRATCH: u8 = 1;
    /// CALL, RESUME: what stands in slot 1 goes with the call and comes back with the reply.
    pub const GIFT: u8 = 2;
    /// CALL, RESUME: unless the call ends in a halt it is undone.
    pub const ATOMIC: u8 = 4;
    /// COPY, MOVE: the Instance gets the path that it came from as its `home`.
    pub const REBASE: u8 = 1;
    /// SPAWN: there is a table of grants.
    pub const GRANTS: u8 = 1;
    /// MINT: the place is the running Instance itself.
    pub const ITSELF: u8 = 1;
    /// MINT: the interface is that of a TypeDef.
    pub const TYPEDEF: u8 = 2;
    /// REGS_SET: the program counter is set, too.
    pub const PC: u8 = 1;
}

/// What the kernel answers: φ7, φ8, φ9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Reply {
    /// The result; 0 after a refusal, and where a program ended otherwise than by a halt.
    pub result: u64,
    /// How it went.
    pub status: Status,
    /// What there is to say beside: after FAULT the address of the page, after YIELD the value; the size for STAT.
    pub detail: u64,
}

impl Reply {
    pub(crate) const fn of([result, status, detail]: [u64; 3]) -> Reply {
        Reply { result, status: Status::from_number(status), detail }
    }

    /// The result, if all went well.
    ///
    /// # Errors
    /// The [`Status`], if it is another than [`Status::HALT`].
    #[inline(always)]
    pub fn ok(self) -> Result<u64, Status> {
        if self.status.number() == Status::HALT.number() { Ok(self.result) } else { Err(self.status) }
    }
}

/// Asks for an operation: φ11 has its number and flags, φ7 to φ10 are the operands, φ12 is `last`.
///
/// # Safety
/// What the operation does to the program's own memory is for the caller to know: an address is of as much memory as the
/// operation reads or writes there, and what is mapped from a place that changes nobody has a reference to.
#[inline(always)]
unsafe fn ask(operation: Operation, flags: u8, operands: [u64; 4], last: u64) -> Reply {
    // SAFETY: the caller's promise.
    Reply::of(unsafe { machine::operate(operation as u64 | (flags as u64) << 8, last, operands) })
}

/// Two references in one register, the first in the low half.
const fn both(first: crate::Place, second: crate::Place) -> u64 {
    first.reference() as u64 | (second.reference() as u64) << 32
}

const fn one(place: crate::Place) -> u64 {
    place.reference() as u64
}

/// Where something is, as operations take addresses.
fn address<T: ?Sized>(memory: *const T) -> u64 {
    memory.cast::<u8>().expose_provenance() as u64
}

fn done(reply: Reply) -> Result<(), Status> {
    reply.ok().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const PAGE: &str = include_str!("../../../../docs/spec/operations.md");
    const HEADER: &str = include_str!("../../include/javm.h");

    /// The first two cells of the rows of the table below a heading.
    fn table(heading: &str) -> Vec<Vec<&'static str>> {
        let section = PAGE.split(heading).nth(1).expect("there is such a section");
        let rows = section.lines().skip_while(|line| !line.starts_with("| number")).skip(2);
        rows.take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect()
    }

    /// What `javm.h` says of all names with a prefix, as its lines `PREFIX_NAME = NUMBER,` and `#define PREFIX_NAME NUMBERu`.
    fn header(prefix: &str) -> BTreeMap<String, u64> {
        let line = |line: &'static str| {
            let line = line.trim();
            let line = line.strip_prefix("#define ").unwrap_or(line);
            let (name, number) = line.strip_prefix(prefix)?.split_once(' ')?;
            let number = number.trim_start_matches("= ").split([',', ' ']).next()?.trim_end_matches('u');
            Some((name.to_string(), number.parse().ok()?))
        };
        HEADER.lines().filter_map(line).collect()
    }

    #[test]
    fn operations_are_those_of_the_spec_in_both_languages() {
        let spec: BTreeMap<String, u64> = table("## Operations\n")
            .iter()
            .map(|row| (row[1].to_string(), row[0].parse().expect("a number")))
            .collect();
        let here: BTreeMap<String, u64> =
            Operation::ALL.iter().map(|operation| (operation.name().to_string(), *operation as u64)).collect();
        assert_eq!(here, spec);
        assert_eq!(header("JAVM_OP_"), spec);
    }

    #[test]
    fn statuses_are_those_of_the_spec_in_both_languages() {
        let rows = table("## Statuses\n");
        assert_eq!(rows.len(), Status::ALL.len());
        for (row, (status, name, meaning)) in rows.iter().zip(Status::ALL) {
            assert_eq!([row[0], row[1], row[2]], [&*status.number().to_string(), name, meaning]);
            assert_eq!(status.to_string(), *name);
            assert!(HEADER.contains(&format!("    JAVM_{name} = {},\n", status.number())), "javm.h lacks {name}");
        }
        assert_eq!(Status::from_number(99).to_string(), "status 99");
    }

    #[test]
    fn flags_are_those_of_the_spec_in_both_languages() {
        for (operation, flag, name) in [
            ("COPY", flag::REBASE, "REBASE"),
            ("SPAWN", flag::GRANTS, "GRANTS"),
            ("MINT", flag::ITSELF, "ITSELF"),
            ("MINT", flag::TYPEDEF, "TYPEDEF"),
            ("CALL", flag::SCRATCH, "SCRATCH"),
            ("CALL", flag::GIFT, "GIFT"),
            ("CALL", flag::ATOMIC, "ATOMIC"),
            ("RESUME", flag::ATOMIC, "ATOMIC"),
            ("REGS_SET", flag::PC, "PC"),
        ] {
            let section = PAGE.split(&format!("\n### {operation}\n")).nth(1).expect("there is such a section");
            let section = section.split("\n###").next().unwrap_or_default();
            assert!(section.contains(&format!("{flag} {name}")), "{operation}: {name}");
            assert_eq!(header("JAVM_FLAG_").get(name).copied(), Some(flag.into()), "javm.h: {name}");
        }
        // Both sides of the kernel: its own constants.
        use nub_kernel::operation::flag as kernel;
        assert_eq!(
            [kernel::SCRATCH, kernel::GIFT, kernel::ATOMIC, kernel::REBASE],
            [flag::SCRATCH, flag::GIFT, flag::ATOMIC, flag::REBASE]
        );
        assert_eq!(
            [kernel::GRANTS, kernel::ITSELF, kernel::TYPEDEF, kernel::PC],
            [flag::GRANTS, flag::ITSELF, flag::TYPEDEF, flag::PC]
        );
    }

    #[test]
    fn kinds_are_the_tags_of_the_spec_in_both_languages() {
        let page = include_str!("../../../../docs/spec/hashes.md");
        for (kind, name) in Kind::ALL {
            let number = kind.number();
            assert!(page.contains(&format!("| `{number:#04x}` | {name} |")), "{name}");
            let constant = name.to_uppercase();
            assert_eq!(header("JAVM_KIND_").get(&constant).copied(), Some(number.into()), "javm.h: {name}");
        }
        assert_eq!(header("JAVM_KIND_").len(), Kind::ALL.len());
    }

    #[test]
    fn services_are_those_of_the_spec_in_both_languages() {
        let page = include_str!("../../../../docs/spec/services.md");
        let rows: Vec<Vec<&str>> = page
            .lines()
            .skip_while(|line| !line.starts_with("| id"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let here = [("LOG", crate::service::LOG), ("HASH", crate::service::HASH)];
        let more = [("BLOCK", crate::service::BLOCK), ("VERIFY", crate::service::VERIFY)];
        let here: Vec<_> = here.into_iter().chain(more).collect();
        assert_eq!(rows.len(), here.len());
        for (row, (name, id)) in rows.iter().zip(here) {
            assert_eq!([row[0], row[1]], [&*id.to_string(), name]);
            assert_eq!(header("JAVM_SERVICE_").get(name).copied(), Some(id.into()), "javm.h: {name}");
        }
    }

    #[test]
    #[should_panic(expected = "COPY is an operation of the kernel, and this is host code")]
    fn host_code_says_what_it_does_not_have() {
        let _ = copy(crate::Place::slot(20), crate::Place::slot(21));
    }
}
