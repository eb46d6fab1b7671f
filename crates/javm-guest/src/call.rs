//! Calls and operations, as the kernel has them: `docs/spec/operations.md`.

use core::fmt;

use crate::machine;

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

            /// Those that exist so far, with names and meanings.
            #[cfg(test)]
            const ALL: &'static [(Status, &'static str, &'static str)] =
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
    16 EMPTY "Nothing stands in the slot that is named.";
    17 KIND "What stands there is of another kind than the operation takes.";
    20 NO_ENDPOINT "What stands there has no such endpoint or method.";
    22 QUOTA "A bound on what may be kept would be passed.";
    23 RANGE "A range, offset or reference lies outside of what it is applied to.";
    25 UNKNOWN "There is no such operation.";
}

impl Status {
    /// The number that the kernel gives.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
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

/// A result and the status that says whether it is one.
fn outcome([result, status]: [u64; 2]) -> Result<u64, Status> {
    if status == Status::HALT.0 { Ok(result) } else { Err(Status(status)) }
}

/// The flag by which the scratchpad goes with a call.
const SCRATCH: u64 = 1;

/// A call of what stands in a slot.
///
/// [`mod@crate::log`] and [`crate::hash`] make the calls of the services that exist; this is for all others, declared
/// with [`import!`](crate::import).
///
/// ```
/// use javm_guest::{Call, Status};
/// // Nothing stands in slot 99.
/// assert_eq!(Call::method(0).arguments([1, 2, 0, 0]).slot::<99>(), Err(Status::EMPTY));
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Call {
    what: u64,
    gas: u64,
    arguments: [u64; 4],
}

impl Call {
    /// A call of method `method` without arguments, with all gas but a 64th.
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
        Call { what: self.what | SCRATCH << 8, ..self }
    }

    /// The same with at most `gas` for the callee; 0 stands for all but a 64th of what is left.
    #[inline(always)]
    pub const fn gas(self, gas: u64) -> Call {
        Call { gas, ..self }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// [`Status`]: how it ended if not well, or why it was refused.
    #[inline(always)]
    pub fn slot<const SLOT: u8>(self) -> Result<u64, Status> {
        outcome(machine::call::<SLOT>(self.what, self.gas, self.arguments))
    }

    /// Whether a service in the slot would do what is asked of it. Asked with one unit of gas, less than anything costs,
    /// it checks the arguments and then stops at the price, with nothing done.
    #[inline(always)]
    pub(crate) fn would_be_done<const SLOT: u8>(self) -> bool {
        self.gas(1).slot::<SLOT>() == Err(Status::OUT_OF_GAS)
    }
}

const GAS: u64 = 23;
const SELF: u64 = 24;

/// The gas that is left. As host code always [`test::GAS`](crate::test::GAS): nothing is metered there.
#[must_use]
pub fn gas() -> u64 {
    machine::operate(GAS, 0)[0]
}

/// Who is running, and how it was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    record: [u64; 8],
}

impl Identity {
    /// The call came from the host.
    pub const HOST: u8 = 3;

    /// What the kernel says about the present call.
    ///
    /// # Errors
    /// [`Status`] when the kernel refuses; it does not, so far.
    pub fn read() -> Result<Identity, Status> {
        let mut record = [0_u64; 8];
        outcome(machine::operate(SELF, record.as_mut_ptr().expose_provenance() as u64))?;
        Ok(Identity { record })
    }

    /// The 64 bytes as eight little-endian words.
    #[must_use]
    pub const fn words(&self) -> [u64; 8] {
        self.record
    }

    /// How the call came: [`Identity::HOST`], and whatever else there will be.
    #[must_use]
    pub const fn via(&self) -> u8 {
        self.record[0] as u8
    }

    /// The badge of the capability that was called.
    #[must_use]
    pub const fn badge(&self) -> u64 {
        self.record[1]
    }

    /// Whom the embedding chain has authenticated as the origin of the event that the call is.
    #[must_use]
    pub fn origin(&self) -> [u8; 32] {
        let mut origin = [0; 32];
        for (bytes, word) in origin.chunks_exact_mut(8).zip(&self.record[4..]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        origin
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    /// The statuses are among those of the spec, which the kernel's own tests compare with the kernel. The others are of
    /// operations, and of calls of programs, which nothing in this crate makes yet.
    #[test]
    fn statuses_are_those_of_the_spec() {
        let page = include_str!("../../../docs/spec/operations.md");
        let section = page.split("## Statuses").nth(1).expect("there is such a section");
        let rows = section.lines().skip_while(|line| !line.starts_with("| number")).skip(2);
        let rows: Vec<Vec<&str>> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
            .filter(|row| row[2] == "kernel")
            .map(|row| [row[0], row[1], row[3]].to_vec())
            .collect();
        for (status, name, meaning) in Status::ALL {
            assert_eq!(status.to_string(), *name);
            let ours = [&*status.number().to_string(), name, meaning];
            assert!(rows.iter().any(|row| row[..] == ours), "{ours:?}");
        }
        let operations = [("GAS", GAS), ("SELF", SELF)];
        for (name, number) in operations {
            assert!(page.contains(&std::format!("\n| {number} | {name} |")), "{name}");
        }
    }

    #[test]
    fn what_the_kernel_says_about_the_call() {
        let identity = Identity::read().expect("it is never refused");
        assert_eq!((identity.via(), identity.badge(), identity.origin()), (Identity::HOST, 0, [0; 32]));
        assert_eq!(gas(), crate::test::GAS);
        assert_eq!(Status(99).to_string(), "status 99");
    }
}
