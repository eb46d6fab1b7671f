//! Cost models: how much gas a basic block is charged at its entry.

/// How gas is computed; a property of an Image, part of its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum CostModel {
    /// One unit an instruction.
    Flat = 0,
    /// The cycles of a simulated 4-wide out-of-order machine, all memory accesses hitting the first cache.
    Pipeline = 1,
}

/// What the pipeline model needs to know of one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Cycles from the start of execution to the result.
    pub latency: u8,
    /// Decode slots, of which a cycle has four.
    pub slots: u8,
    /// When one decode slot more is taken.
    pub extra: Extra,
    /// The execution unit it occupies in its first cycle.
    pub unit: Unit,
}

impl Cost {
    pub(crate) const fn new(latency: u8, slots: u8, extra: Extra, unit: Unit) -> Cost {
        Cost { latency, slots, extra, unit }
    }
}

/// When an instruction takes one decode slot more than its row says, because two-operand hardware first has to copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extra {
    /// Never.
    Never,
    /// When the destination is none of the source registers.
    DestinationIsNoSource,
    /// When the destination is not the first source register.
    DestinationIsNotFirstSource,
}

/// The execution units that an instruction occupies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// None.
    Nothing,
    /// One of the four ALUs.
    Alu,
    /// Two of the four ALUs.
    TwoAlus,
    /// An ALU and the multiplier.
    Mul,
    /// An ALU and the divider.
    Div,
    /// An ALU and one of the four load ports.
    Load,
    /// An ALU and one of the four store ports.
    Store,
}
