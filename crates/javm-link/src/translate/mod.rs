//! From RISC-V items to machine instructions, block by block.
//!
//! - [`ir`]: blocks of machine instructions whose jump targets are still blocks instead of offsets.
//! - [`facts`]: what is known of each register while a block is translated.
//! - [`lower`]: one item to instructions; [`arithmetic`]: the operations; [`memory`]: loads and stores.
//! - [`liveness`]: which values anybody reads; dead ones go, free registers are lent.
//! - [`cold`]: ways that only lead to a trap. [`graph`]: which block may come after which.

mod arithmetic;
mod cold;
mod facts;
mod graph;
pub(crate) mod ir;
mod liveness;
mod lower;
mod memory;

use crate::elf::Object;
use crate::error::LinkError;
use crate::flow::Flow;
use crate::layout::Layout;

/// Translates everything that is reachable.
pub(crate) fn translate(object: &Object, flow: &Flow, layout: &Layout) -> Result<ir::Code, LinkError> {
    let mut code = lower::lower(object, flow, layout)?;
    liveness::clean(&mut code, layout);
    cold::mark(&mut code);
    Ok(code)
}
