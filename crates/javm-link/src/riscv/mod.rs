//! RISC-V instructions: RV64E with M, C and Zbb, Zicond, the two conditional moves of XTheadCondMov, and one word of
//! custom-0 that stands for `ecalli`.
//!
//! Compressed instructions decode to what they are short for. Registers are those of the target machine from the start:
//! the decoder refuses what has no counterpart there.

mod alu;
mod compressed;
mod decode;
mod display;

use javm_isa::Reg;
use thiserror::Error;

pub(crate) use alu::{Binary, Unary};
pub(crate) use decode::decode;

/// A register of RV64E that the machine has: `None` is x0, which reads as zero and forgets what is written.
pub(crate) type X = Option<Reg>;

/// The second operand of a [`Binary`] operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    Register(X),
    Immediate(i32),
}

/// How a branch compares its two registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    GreaterEqual,
    LessUnsigned,
    GreaterEqualUnsigned,
}

/// Bytes of a memory access, and whether a load extends the sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Width {
    /// 1, 2, 4 or 8.
    pub bytes: u8,
    pub signed: bool,
}

/// A decoded instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rv {
    /// `lui`: the value is already shifted.
    Lui {
        rd: X,
        value: i32,
    },
    /// `auipc`: the value is already shifted.
    Auipc {
        rd: X,
        value: i32,
    },
    Jal {
        rd: X,
        offset: i32,
    },
    Jalr {
        rd: X,
        base: X,
        offset: i32,
    },
    Branch {
        compare: Compare,
        left: X,
        right: X,
        offset: i32,
    },
    Load {
        width: Width,
        rd: X,
        base: X,
        offset: i32,
    },
    Store {
        bytes: u8,
        source: X,
        base: X,
        offset: i32,
    },
    Binary {
        op: Binary,
        rd: X,
        left: X,
        right: Operand,
    },
    Unary {
        op: Unary,
        rd: X,
        source: X,
    },
    /// `rd = source` if `condition` is zero (or, with `if_zero` false, if it is not).
    ConditionalMove {
        if_zero: bool,
        rd: X,
        source: X,
        condition: X,
    },
    /// `rd = source`, or 0 if `condition` is zero (or, with `if_zero` false, if it is not).
    ConditionalZero {
        if_zero: bool,
        rd: X,
        source: X,
        condition: X,
    },
    Fence,
    Ecall,
    /// Call of what stands in a slot: the custom word.
    Ecalli {
        slot: u16,
    },
    /// `ebreak`, `unimp` and the all-zero halfword.
    Trap,
}

/// The bits of an instruction, for messages: with its text where it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// The bits, as many as `bytes` says.
    pub bits: u32,
    /// Its length in bytes: 2 or 4; less if the section ends before.
    pub bytes: u8,
}

/// Why a word is no instruction that can be translated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not an instruction of RV64 with the supported extensions.
    #[error("not an instruction of RV64E with M, C and Zbb; compile with -march=rv64emc_zbb")]
    Unknown,
    /// Longer than 32 bits.
    #[error("instructions longer than 32 bits are not supported")]
    Long,
    /// An atomic instruction.
    #[error("atomic instructions are not supported; compile without the A extension")]
    Atomic,
    /// A floating-point instruction.
    #[error("floating-point instructions are not supported; compile for soft float (-march=rv64emc_zbb -mabi=lp64e)")]
    Float,
    /// A vector instruction.
    #[error("vector instructions are not supported; compile without the V extension")]
    Vector,
    /// Control and status registers.
    #[error("control and status registers are not supported (no clocks, no counters: a program is deterministic)")]
    Csr,
    /// An instruction of the privileged machine or of the caches.
    #[error("privileged and cache instructions are not supported")]
    Privileged,
    /// A custom-0 word other than the known ones.
    #[error("a custom-0 word that is neither a slot call (.insn i 0x0B, 0, x0, x0, SLOT) nor th.mveqz or th.mvnez")]
    Custom,
    /// The global pointer.
    #[error("register gp (x3) does not exist on this machine; link with --no-relax-gp and do not use it in assembly")]
    GlobalPointer,
    /// The thread pointer.
    #[error(
        "register tp (x4) does not exist on this machine: there are no threads; use plain statics instead of thread-local ones"
    )]
    ThreadPointer,
    /// A register that RV64E does not have.
    #[error("register x{0} does not exist in RV64E; compile with -march=rv64emc_zbb -mabi=lp64e")]
    Register(u8),
}

/// The register with a number of RISC-V.
fn register(number: u32) -> Result<X, DecodeError> {
    match number & 31 {
        0 => Ok(None),
        1 => Ok(Some(Reg::RA)),
        2 => Ok(Some(Reg::SP)),
        3 => Err(DecodeError::GlobalPointer),
        4 => Err(DecodeError::ThreadPointer),
        // x5 (t0) to x15 (a5) are φ2 to φ12.
        number => Reg::new(number as u8 - 3).map(Some).ok_or(DecodeError::Register(number as u8)),
    }
}

/// The field of `width` bits from bit `start` on.
const fn field(word: u32, start: u32, width: u32) -> u32 {
    word >> start & ((1 << width) - 1)
}

/// The low `width` bits, the highest of them as the sign.
const fn extend(value: u32, width: u32) -> i32 {
    (value << (32 - width)) as i32 >> (32 - width)
}
