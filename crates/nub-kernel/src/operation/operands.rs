//! What the registers say of an operation, and what can be told from them alone: its price and whether they are in range.

use javm_cap::{HASH_SIZE, MAX_DATA_PAGES, MAX_SIZE, PAGE_SIZE};
use javm_isa::Reg;

use super::{HOP_PRICE, Operation, Request, flag};
use crate::arch::AddressSpace;
use crate::frame::Frame;
use crate::reference::Reference;

/// Addresses are below this.
const ADDRESSES: u64 = 1 << 32;

/// The pages that may be mapped.
const FIRST_PAGE: u64 = javm_cap::image::limits::FIRST_PAGE as u64;
const END_PAGE: u64 = javm_cap::image::limits::END_PAGE as u64;

/// Bytes of the records that operations read and write.
pub(crate) const REGISTERS_RECORD: u64 = 120;
pub(crate) const SET_RECORD: u64 = 108;
pub(crate) const SELF_RECORD: u64 = 64;

/// The registers of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands {
    /// φ7 to φ10.
    values: [u64; 4],
    /// φ12.
    pub(crate) last: u64,
    /// φ11.
    pub(crate) request: Request,
}

/// What stands in bits 0 to 31.
pub(crate) fn low(operand: u64) -> u32 {
    operand as u32
}

/// What stands in bits 32 to 63.
pub(crate) fn high(operand: u64) -> u32 {
    (operand >> 32) as u32
}

/// How many pages a range of bytes touches.
fn pages_touched(offset: u64, length: u64) -> u64 {
    let page = PAGE_SIZE as u64;
    match length.checked_sub(1) {
        // The range is at most 2^32 bytes long, wherever it begins.
        Some(last) => (offset % page + last) / page + 1,
        None => 0,
    }
}

fn may_be_mapped(first: u64, pages: u64) -> bool {
    first >= FIRST_PAGE && pages >= 1 && first < END_PAGE && pages <= END_PAGE - first
}

impl Operands {
    pub(crate) fn new<S: AddressSpace>(frame: &Frame<S>, request: Request) -> Operands {
        Operands { values: frame.arguments(), last: frame.register(Reg::A5), request }
    }

    /// φ7.
    pub(crate) fn a(&self) -> u64 {
        self.values[0]
    }

    /// φ8.
    pub(crate) fn b(&self) -> u64 {
        self.values[1]
    }

    /// φ9.
    pub(crate) fn c(&self) -> u64 {
        self.values[2]
    }

    /// φ10.
    pub(crate) fn d(&self) -> u64 {
        self.values[3]
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.request.flags & flag != 0
    }
}

impl Operation {
    /// The references that are walked; 0, which has no hops, in the place of those that are not.
    #[inline(always)]
    fn references(self, operands: &Operands) -> [u32; 3] {
        let [a, b, ..] = operands.values;
        match self {
            Operation::Copy | Operation::Move | Operation::Swap | Operation::Upgrade | Operation::Attenuate => {
                [low(a), high(a), 0]
            }
            Operation::Spawn => [low(a), high(a), if operands.has(flag::GRANTS) { low(b) } else { 0 }],
            Operation::Mint => {
                let place = if operands.has(flag::ITSELF) { 0 } else { low(a) };
                [place, high(a), if operands.has(flag::TYPEDEF) { low(b) } else { 0 }]
            }
            Operation::NewData => [low(b), 0, 0],
            Operation::Call | Operation::Resume => [operands.request.reference, 0, 0],
            Operation::Gas | Operation::SelfRecord | Operation::Quota | Operation::Yield => [0; 3],
            Operation::Drop
            | Operation::NewCNode
            | Operation::Resize
            | Operation::Read
            | Operation::Write
            | Operation::Map
            | Operation::Unmap
            | Operation::RegsGet
            | Operation::RegsSet
            | Operation::Stat
            | Operation::Hash
            | Operation::SetQuota => [low(a), 0, 0],
        }
    }

    /// Whether the operands are in their ranges.
    #[inline(always)]
    pub(crate) fn are_in_range(self, operands: &Operands) -> bool {
        let Operands { values: [a, b, c, d], last, .. } = *operands;
        let reference = |operand: u64| operand < ADDRESSES;
        let record = |address: u64, length: u64| length <= ADDRESSES && address <= ADDRESSES - length;
        let pages = u64::from(MAX_DATA_PAGES);
        match self {
            Operation::Copy
            | Operation::Move
            | Operation::Swap
            | Operation::Upgrade
            | Operation::Mint
            | Operation::Call
            | Operation::Resume
            | Operation::Gas
            | Operation::Quota
            | Operation::Yield => true,
            Operation::Drop | Operation::NewCNode | Operation::Stat => reference(a),
            Operation::NewData => a <= pages && reference(b),
            Operation::Resize => reference(a) && b <= pages,
            Operation::Read | Operation::Write => reference(a) && record(c, d),
            Operation::Spawn => !operands.has(flag::GRANTS) || reference(b),
            Operation::Attenuate => b < ADDRESSES,
            Operation::Map => reference(a) && may_be_mapped(b, d) && c <= pages && c + d <= pages && last <= 1,
            Operation::Unmap => reference(a) && low(a) as u8 == 0 && may_be_mapped(b, c),
            Operation::RegsGet => reference(a) && record(b, REGISTERS_RECORD),
            Operation::RegsSet => reference(a) && record(b, SET_RECORD),
            Operation::Hash => reference(a) && record(b, HASH_SIZE as u64),
            Operation::SetQuota => reference(a) && (b <= MAX_SIZE || b == u64::MAX),
            Operation::SelfRecord => record(a, SELF_RECORD),
        }
    }

    /// Whether φ11 has nothing in it that the operation does not have, and the operands are in their ranges, as is known.
    #[inline(always)]
    pub(crate) fn are_valid(self, operands: &Operands, in_range: bool) -> bool {
        let Request { flags, endpoint, reference, .. } = operands.request;
        let (is_call, is_resume) = (self == Operation::Call, self == Operation::Resume);
        flags & !self.flags() == 0 && (endpoint == 0 || is_call) && (reference == 0 || is_call || is_resume) && in_range
    }

    /// What follows from the registers of its price. Operands out of their range add nothing.
    #[inline(always)]
    pub(crate) fn price_of(self, operands: &Operands, in_range: bool) -> u64 {
        let base = self.price();
        if !in_range {
            return base;
        }
        let references = self.references(operands);
        // Most have none.
        let hops: u64 = match references.iter().all(|&reference| reference <= u8::MAX.into()) {
            true => 0,
            false => references.into_iter().map(Reference::hops).sum(),
        };
        let part = match self {
            Operation::Read => READ_PAGE * pages_touched(operands.b(), operands.d()),
            Operation::Write => WRITE_PAGE * pages_touched(operands.b(), operands.d()),
            Operation::Map => MAP_PAGE * operands.d(),
            Operation::Unmap => MAP_PAGE * operands.c(),
            _ => 0,
        };
        base + HOP_PRICE * hops + part
    }

    /// The parts of its price that are for each of something: how much, and what for.
    #[must_use]
    pub const fn parts(self) -> &'static [(u64, &'static str)] {
        match self {
            Operation::Read => &[(READ_PAGE, "a page")],
            Operation::Write => &[(WRITE_PAGE, "a page")],
            Operation::Spawn => &[(SPAWN_SLOT, "a slot that is filled")],
            Operation::Map | Operation::Unmap => &[(MAP_PAGE, "a page")],
            Operation::Hash => &[(HASH_CHANGE, "a change"), (HASH_LEVEL, "a change and level")],
            _ => &[],
        }
    }
}

const READ_PAGE: u64 = 400;
const WRITE_PAGE: u64 = 1200;
const MAP_PAGE: u64 = 200;
/// For each change that HASH finds.
pub(crate) const HASH_CHANGE: u64 = 24_000;
/// For each of them and each level of the height.
pub(crate) const HASH_LEVEL: u64 = 5000;
/// For each slot that SPAWN fills.
pub(crate) const SPAWN_SLOT: u64 = 300;
