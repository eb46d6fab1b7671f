//! The bounds of an Image, each with its reason.

use javm_isa::Opcode;
use javm_types::limits::MAX_TYPEDEF_BYTES;

/// Code, in bytes. A compiler handles it in well under a second, and the cost of one block stays below 2^31.
pub const MAX_CODE_BYTES: u32 = 16 << 20;

/// Entries of the jump table: one for every four bytes of the longest code. A call takes one for its return address.
pub const MAX_JUMP_TABLE_ENTRIES: u32 = MAX_CODE_BYTES / 4;

/// The gas of one block: engines charge it with one 32-bit immediate. Code within [`MAX_CODE_BYTES`] cannot exceed it.
pub const MAX_BLOCK_COST: u32 = (1 << 31) - 1;

/// The gas that one instruction adds to its block at most, for that to hold: it has a byte at least.
const MAX_INSTRUCTION_COST: u32 = MAX_BLOCK_COST / MAX_CODE_BYTES;

// Even alone in the machine an instruction is done after it was decoded, one slot a cycle, and executed.
const _: () = {
    let mut index = 0;
    while index < Opcode::ALL.len() {
        let cost = &Opcode::ALL[index].row().cost;
        // One slot more for the copy that some need, one cycle more to start.
        assert!(cost.latency as u32 + cost.slots as u32 + 2 <= MAX_INSTRUCTION_COST);
        index += 1;
    }
};

/// Endpoints. A right to call some of them is a mask with a bit for each, which must stay small.
pub const MAX_ENDPOINTS: usize = 256;

/// The signatures of all endpoints, in bytes: what a TypeDef of them may have.
pub const MAX_SIGNATURE_BYTES: usize = MAX_TYPEDEF_BYTES;

/// An endpoint's name, in bytes. It fits a table row and a fixed record of an object file.
pub use javm_types::limits::MAX_NAME_BYTES;

/// Scalar arguments: those that travel in registers, φ7 to φ10.
pub const MAX_ARITY: u8 = 4;

/// Mappings. Every call walks them all.
pub const MAX_MAPPINGS: usize = 256;

/// The first page that can be mapped: an access to the first 64 KiB is a panic, so that null pointers are found.
pub const FIRST_PAGE: u32 = 16;

/// The page behind the last one that can be mapped. The topmost page stays a guard, so that no access inside of a
/// mapping reaches address 2^32.
pub const END_PAGE: u32 = (1 << 20) - 1;

/// Pages between two mappings, so that running off one is a fault and never lands in the next.
pub const GUARD_PAGES: u32 = 1;

/// Ephemeral pages, 16 MiB. They are zeroed at each call, which pays for each.
pub const MAX_EPHEMERAL_PAGES: u32 = 4096;

/// Pages of initial Data that are not all zero, 64 MiB. Six bytes of an encoding can stand for 4096 of memory: this
/// bounds what decoding one takes.
pub const MAX_STORED_PAGES: u32 = 1 << 14;

/// The first slot that an Image can fill or ask to be filled. Those before it are the scratchpad and the gift slot,
/// which are emptied at each call.
pub const FIRST_FREE_SLOT: u8 = 2;

/// TypeDefs that it implements. Each call through a Callable looks for one among them.
pub const MAX_TYPEDEFS: usize = 256;
