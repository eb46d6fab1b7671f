//! Programs without an Image: code, registers, and ranges of memory, as the public test vectors have them. No operation and
//! no service is answered, and the cost model is the flat one.

use alloc::vec::Vec;

use javm_cap::{Access, Data};
use javm_interpreter::{Code, Exit, State};
use javm_isa::{CostModel, Mode, Program};

use crate::arch::{AddressSpace, Arch};

/// A range of a program's memory, a whole number of pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// Its first page; below 2^20.
    pub first_page: u32,
    /// What may be done with it.
    pub access: Access,
    /// What it holds.
    pub content: Data,
}

/// Runs a program on a machine until something ends it. `state` and `ranges` become what it has left. Later ranges take
/// precedence where they overlap.
pub fn run<A: Arch>(arch: &mut A, program: &Program, state: &mut State, ranges: &mut [Range]) -> Exit {
    let code = Code::new(program, Mode::Bare, CostModel::Flat);
    let mut space = arch.create_space();
    for range in ranges.iter() {
        space.map_data(range.first_page, range.content.pages(), &range.content, 0, range.access);
    }
    let exit = arch.run(&code, state, &mut space);
    for range in ranges {
        let mut changed = Vec::new();
        space.withdraw(range.first_page, range.content.pages(), |page, content| changed.push((page, content)));
        for (page, content) in changed {
            // Pages are handed over for the range that was asked about, all of which the Data has.
            let _ = range.content.set_page(page - range.first_page, content);
        }
    }
    exit
}
