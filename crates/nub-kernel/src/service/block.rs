//! BLOCK: what a program may know about where it runs.
//!
//! Methods: 0 gives the height of the block; 1 writes the root before it to the scratchpad, to the offset that it takes.

use javm_cap::Hash;

use super::{Prepared, ScratchRange, Surroundings, Work};
use crate::status::Status;

const HEIGHT_PRICE: u64 = 100;
const PRIOR_PRICE: u64 = 150;

/// The block that a call is a part of. The default is that of a call outside of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Block {
    /// Its height; 0 outside of blocks.
    pub height: u64,
    /// The hash of the state before it; zeros outside of blocks.
    pub prior_root: Hash,
}

#[derive(Clone, Copy)]
pub(super) enum Question {
    Height,
    /// Where the root goes.
    Prior(ScratchRange),
}

pub(super) fn price(method: u16) -> Option<u64> {
    match method {
        0 => Some(HEIGHT_PRICE),
        1 => Some(PRIOR_PRICE),
        _ => None,
    }
}

pub(super) fn prepare(
    method: u16,
    [output, ..]: [u64; 4],
    surroundings: &mut impl Surroundings,
) -> Result<Prepared, Status> {
    let price = price(method).ok_or(Status::NoEndpoint)?;
    let question = match method {
        0 => Question::Height,
        _ => Question::Prior(ScratchRange::check(output, size_of::<Hash>() as u64, surroundings)?),
    };
    Ok(Prepared { price, work: Work::Block(question) })
}

pub(super) fn perform(question: Question, surroundings: &mut impl Surroundings) -> u64 {
    let block = surroundings.block();
    match question {
        Question::Height => block.height,
        Question::Prior(output) => {
            surroundings.write_scratchpad(output.offset, &block.prior_root);
            0
        }
    }
}
