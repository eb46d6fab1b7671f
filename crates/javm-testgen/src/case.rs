//! A program with what it starts with.

use std::fmt::{self, Display, Formatter};

use javm_isa::{Listing, Mode, Program, REG_COUNT, Reg};

use crate::config::Region;

/// A generated program and the machine it starts on. It starts at code offset 0. Its `Display` is assembly text with
/// everything else in comments.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The seed that it comes from.
    pub seed: u64,
    /// The mode that it is meant for.
    pub mode: Mode,
    /// The program.
    pub listing: Listing,
    /// The registers at the start.
    pub registers: [u64; REG_COUNT],
    /// The mapped memory; zeroes, but for `contents`.
    pub memory: Vec<Region>,
    /// What memory holds at the start: address and bytes, inside of one region each.
    pub contents: Vec<(u32, Vec<u8>)>,
    /// The gas at the start.
    pub gas: u64,
}

impl Case {
    /// The program.
    ///
    /// # Panics
    /// If `listing` was edited into something that does not assemble.
    #[must_use]
    pub fn program(&self) -> Program {
        match self.listing.assemble() {
            Ok(program) => program,
            Err(error) => panic!("a case that does not assemble: {error}\n{self}"),
        }
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "; seed {} ({} programs), gas {}", self.seed, mode_name(self.mode), self.gas)?;
        for (register, value) in Reg::all().zip(self.registers).filter(|(_, value)| *value != 0) {
            writeln!(f, "; {register} = {value:#x}")?;
        }
        for region in &self.memory {
            let access = if region.writable { "read-write" } else { "read-only" };
            writeln!(f, "; {:#010x}, {} bytes: {access}", region.address, region.length)?;
        }
        for (address, bytes) in &self.contents {
            write!(f, "; {address:#010x}:")?;
            bytes.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
            writeln!(f)?;
        }
        write!(f, "{}", self.listing)
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Bare => "bare",
        Mode::Image => "Image",
    }
}
