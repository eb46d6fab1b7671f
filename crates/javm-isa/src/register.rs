//! The thirteen registers.

use core::fmt;

/// One of the 13 registers φ0..φ12. Holding one proves that the number is in range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Reg(u8);

/// How many registers the machine has.
pub const REG_COUNT: usize = 13;

/// The names of the calling convention, in register order: φ0 is `ra`, φ12 is `a5`.
const NAMES: [&str; REG_COUNT] = ["ra", "sp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5"];

impl Reg {
    /// Return address, φ0.
    pub const RA: Reg = Reg(0);
    /// Stack pointer, φ1.
    pub const SP: Reg = Reg(1);
    /// First temporary, φ2.
    pub const T0: Reg = Reg(2);
    /// Second temporary, φ3.
    pub const T1: Reg = Reg(3);
    /// Third temporary, φ4.
    pub const T2: Reg = Reg(4);
    /// First saved register, φ5.
    pub const S0: Reg = Reg(5);
    /// Second saved register, φ6.
    pub const S1: Reg = Reg(6);
    /// First argument and result, φ7.
    pub const A0: Reg = Reg(7);
    /// Second argument, φ8.
    pub const A1: Reg = Reg(8);
    /// Third argument, φ9.
    pub const A2: Reg = Reg(9);
    /// Fourth argument, φ10.
    pub const A3: Reg = Reg(10);
    /// Fifth argument, φ11.
    pub const A4: Reg = Reg(11);
    /// Sixth argument, φ12.
    pub const A5: Reg = Reg(12);

    /// The register of this number, if it is below 13.
    #[must_use]
    pub const fn new(number: u8) -> Option<Reg> {
        if number < REG_COUNT as u8 { Some(Reg(number)) } else { None }
    }

    /// The register that an operand nibble names: numbers above 12 mean 12, and all but the low four bits are ignored.
    #[must_use]
    pub const fn from_nibble(nibble: u8) -> Reg {
        let number = nibble & 15;
        Reg(if number > 12 { 12 } else { number })
    }

    /// Its number, 0 to 12.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its number as an index into an array of [`REG_COUNT`] values.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its name in assembly text, for example `a0`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NAMES[self.0 as usize]
    }

    /// The register with this name, for example `a0`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Reg> {
        NAMES.iter().position(|&known| known == name).map(|number| Reg(number as u8))
    }

    /// Every register, φ0 first.
    pub fn all() -> impl Iterator<Item = Reg> {
        (0..REG_COUNT as u8).map(Reg)
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
