//! The kinds of relocation, and what each asks for.

use crate::error::RelocationError;

/// What a supported relocation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Nothing: a hint for linkers that move code.
    Ignore,
    /// The target of a branch.
    Branch,
    /// The target of a `jal` or `c.j`.
    Jump,
    /// The target of an `auipc` and `jalr` pair.
    Call,
    /// The high part of an address relative to the instruction.
    RelativeHigh,
    /// The high part of the address of a pointer in the global offset table.
    TableHigh,
    /// The low part that belongs to the high part which stands where the symbol says.
    RelativeLow,
    /// The high part of an absolute address.
    AbsoluteHigh,
    /// The low part of an absolute address.
    AbsoluteLow,
    /// A value in data.
    Data(Store, Size),
}

/// How a value goes into data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Store {
    /// It replaces what is there and must fit.
    Set,
    /// It replaces what is there, cut to the size.
    SetLow,
    /// It replaces what is there, relative to the place.
    SetRelative,
    /// It is added.
    Add,
    /// It is subtracted.
    Subtract,
}

/// How much of data a value takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Size {
    /// The low six bits of a byte.
    SixBits,
    /// So many bytes.
    Bytes(u8),
}

impl Size {
    /// The bytes that are touched.
    pub fn bytes(self) -> u8 {
        match self {
            Size::SixBits => 1,
            Size::Bytes(bytes) => bytes,
        }
    }
}

use Action::{AbsoluteHigh, AbsoluteLow, Branch, Call, Data, Ignore, Jump, RelativeHigh, RelativeLow, TableHigh};
use RelocationError::{GlobalPointer, ThreadLocal, Unsupported};
use Size::{Bytes, SixBits};
use Store::{Add, Set, SetLow, SetRelative, Subtract};

/// A number of seven bits a byte is the symbol's value, or that is taken from it. Only debug information has them.
pub(crate) const SET_ULEB128: u32 = 60;
pub(crate) const SUB_ULEB128: u32 = 61;

type Row = (u32, &'static str, Result<Action, RelocationError>);

/// Every kind of the psABI: number, name, what it asks for or why it is refused.
const KINDS: &[Row] = &[
    (0, "NONE", Ok(Ignore)),
    (1, "32", Ok(Data(Set, Bytes(4)))),
    (2, "64", Ok(Data(Set, Bytes(8)))),
    (3, "RELATIVE", Err(Unsupported)),
    (4, "COPY", Err(Unsupported)),
    (5, "JUMP_SLOT", Err(Unsupported)),
    (6, "TLS_DTPMOD32", Err(ThreadLocal)),
    (7, "TLS_DTPMOD64", Err(ThreadLocal)),
    (8, "TLS_DTPREL32", Err(ThreadLocal)),
    (9, "TLS_DTPREL64", Err(ThreadLocal)),
    (10, "TLS_TPREL32", Err(ThreadLocal)),
    (11, "TLS_TPREL64", Err(ThreadLocal)),
    (12, "TLSDESC", Err(ThreadLocal)),
    (16, "BRANCH", Ok(Branch)),
    (17, "JAL", Ok(Jump)),
    (18, "CALL", Ok(Call)),
    (19, "CALL_PLT", Ok(Call)),
    (20, "GOT_HI20", Ok(TableHigh)),
    (21, "TLS_GOT_HI20", Err(ThreadLocal)),
    (22, "TLS_GD_HI20", Err(ThreadLocal)),
    (23, "PCREL_HI20", Ok(RelativeHigh)),
    (24, "PCREL_LO12_I", Ok(RelativeLow)),
    (25, "PCREL_LO12_S", Ok(RelativeLow)),
    (26, "HI20", Ok(AbsoluteHigh)),
    (27, "LO12_I", Ok(AbsoluteLow)),
    (28, "LO12_S", Ok(AbsoluteLow)),
    (29, "TPREL_HI20", Err(ThreadLocal)),
    (30, "TPREL_LO12_I", Err(ThreadLocal)),
    (31, "TPREL_LO12_S", Err(ThreadLocal)),
    (32, "TPREL_ADD", Err(ThreadLocal)),
    (33, "ADD8", Ok(Data(Add, Bytes(1)))),
    (34, "ADD16", Ok(Data(Add, Bytes(2)))),
    (35, "ADD32", Ok(Data(Add, Bytes(4)))),
    (36, "ADD64", Ok(Data(Add, Bytes(8)))),
    (37, "SUB8", Ok(Data(Subtract, Bytes(1)))),
    (38, "SUB16", Ok(Data(Subtract, Bytes(2)))),
    (39, "SUB32", Ok(Data(Subtract, Bytes(4)))),
    (40, "SUB64", Ok(Data(Subtract, Bytes(8)))),
    (41, "GOT32_PCREL", Err(Unsupported)),
    (43, "ALIGN", Ok(Ignore)),
    (44, "RVC_BRANCH", Ok(Branch)),
    (45, "RVC_JUMP", Ok(Jump)),
    (46, "RVC_LUI", Ok(AbsoluteHigh)),
    (47, "GPREL_I", Err(GlobalPointer)),
    (48, "GPREL_S", Err(GlobalPointer)),
    (49, "TPREL_I", Err(ThreadLocal)),
    (50, "TPREL_S", Err(ThreadLocal)),
    (51, "RELAX", Ok(Ignore)),
    (52, "SUB6", Ok(Data(Subtract, SixBits))),
    (53, "SET6", Ok(Data(SetLow, SixBits))),
    (54, "SET8", Ok(Data(SetLow, Bytes(1)))),
    (55, "SET16", Ok(Data(SetLow, Bytes(2)))),
    (56, "SET32", Ok(Data(SetLow, Bytes(4)))),
    (57, "32_PCREL", Ok(Data(SetRelative, Bytes(4)))),
    (58, "IRELATIVE", Err(RelocationError::IndirectFunction)),
    (59, "PLT32", Ok(Data(SetRelative, Bytes(4)))),
    (SET_ULEB128, "SET_ULEB128", Err(Unsupported)),
    (SUB_ULEB128, "SUB_ULEB128", Err(Unsupported)),
    (62, "TLSDESC_HI20", Err(ThreadLocal)),
    (63, "TLSDESC_LOAD_LO12", Err(ThreadLocal)),
    (64, "TLSDESC_ADD_LO12", Err(ThreadLocal)),
    (65, "TLSDESC_CALL", Err(ThreadLocal)),
    (191, "VENDOR", Err(Unsupported)),
];

fn row(kind: u32) -> Option<&'static Row> {
    KINDS.binary_search_by_key(&kind, |row| row.0).ok().map(|index| &KINDS[index])
}

/// What a kind of relocation asks for.
pub(crate) fn action(kind: u32) -> Result<Action, RelocationError> {
    row(kind).map_or(Err(Unsupported), |row| row.2.clone())
}

/// The name of a kind.
pub(crate) fn name(kind: u32) -> String {
    row(kind).map_or_else(|| format!("of type {kind}"), |row| format!("R_RISCV_{}", row.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(KINDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
