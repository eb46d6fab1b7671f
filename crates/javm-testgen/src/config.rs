//! What programs a test wants.

use std::ops::RangeInclusive;

use javm_isa::Mode;

/// What generated programs may hold. The default is the bare machine, valid code, everything on.
#[derive(Clone, Debug)]
pub struct Config {
    /// The mode that the program is meant for.
    pub mode: Mode,
    /// Only code that every engine has to take alike, and that `polkavm` loads: each instruction start holds an opcode
    /// of the mode, no byte lies outside of instructions, register bytes are below 16, and the last instruction does
    /// not run past the end. Without it anything goes: unknown opcodes, gaps, truncated instructions, bytes that are no
    /// code at all.
    pub only_valid: bool,
    /// Whether static jumps and jump table entries may point to what is not a block start.
    pub stray_targets: bool,
    /// Whether `ecalli` (and `ecall` in Images) occur.
    pub host_calls: bool,
    /// Whether `sbrk` occurs (bare programs only).
    pub sbrk: bool,
    /// Whether memory is accessed where an access may reach 2^32 and go on at 0.
    pub wrapping_accesses: bool,
    /// How many basic blocks, about.
    pub blocks: RangeInclusive<usize>,
    /// How many steps a basic block has before its terminator; a step is one to four instructions.
    pub steps: RangeInclusive<usize>,
    /// The mapped memory. Accesses aim at it, at its borders, and around them.
    pub memory: Vec<Region>,
    /// Gas that the program starts with.
    pub gas: u64,
}

/// Mapped pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// The first address, page-aligned and at least 2^16.
    pub address: u32,
    /// Bytes, a multiple of the page size.
    pub length: u32,
    /// Whether they may be written.
    pub writable: bool,
}

impl Default for Config {
    /// A read-only page with two writable ones right behind it, one writable page alone, one high in memory.
    fn default() -> Config {
        let region = |address, pages: u32, writable| Region { address, length: pages * PAGE, writable };
        Config {
            mode: Mode::Bare,
            only_valid: true,
            stray_targets: true,
            host_calls: true,
            sbrk: true,
            wrapping_accesses: true,
            blocks: 1..=12,
            steps: 0..=6,
            memory: vec![
                region(0x2_0000, 1, false),
                region(0x2_1000, 2, true),
                region(0x3_0000, 1, true),
                region(0xFEFD_F000, 1, true),
            ],
            gas: 10_000,
        }
    }
}

/// Bytes of a page.
pub(crate) const PAGE: u32 = 4096;
