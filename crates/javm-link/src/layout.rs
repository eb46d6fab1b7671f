//! Where everything stands in memory.
//!
//! ```text
//! 0x0001_0000  constants           slot 2, read-only
//!              ... at least 64 KiB of nothing ...
//! n * 64 KiB   persistent variables slot 3
//!              scratchpad           slot 0
//!              ephemeral variables
//!              heap
//!              ... nothing: a stack that overflows ends here ...
//!              stack, down from 0x7FFF_F000
//! ```
//! At least one unmapped page lies between any two of them. What is read-only and what can be written share no 64 KiB
//! and do not touch, so that a machine with larger pages or with one range for each kind can arrange memory in the same
//! way. All addresses are below 2^31, so that they are the same
//! number whether 32 bits are sign-extended or not.

use javm_cap::PAGE_SIZE;
use javm_cap::image::limits::{FIRST_PAGE, GUARD_PAGES, MAX_EPHEMERAL_PAGES};

use crate::elf::{Class, Object};
use crate::error::{LinkError, SectionError};
use crate::flow::is_data;
use crate::resolve::{Edge, Target};
use crate::symbols::Range;

/// The end of the stack's pages. The page behind it stays unmapped.
const STACK_END: u32 = 0x7FFF_F000;

/// No section and no symbol can be larger, in bytes.
pub(crate) const MAX_ADDRESS: u64 = STACK_END as u64;

/// The least distance between the stack and what lies below it, in bytes. A frame would have to be larger than this to
/// reach from the stack into other memory.
const STACK_GAP: u32 = 1 << 28;

/// Bytes at the end of the stack that the linker keeps for registers which it must free for a moment.
pub(crate) const SAVE_BYTES: u32 = 16;

/// The largest alignment of a section, in bytes.
const MAX_ALIGNMENT: u64 = 1 << 16;

/// Bytes of stack if nobody says otherwise.
pub const DEFAULT_STACK: u32 = 64 << 10;

/// How much memory a program gets besides its variables, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sizes {
    pub stack: u32,
    pub heap: u32,
    pub scratchpad: u32,
}

/// The places of everything. Ranges are whole pages; an empty one is not mapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// The address of each section; `None` for those that are not in memory.
    pub sections: Vec<Option<u32>>,
    /// The sections that hold constants for instructions, by address.
    pub pools: Vec<(u32, usize)>,
    pub constants: Range,
    pub persistent: Range,
    pub scratchpad: Range,
    pub ephemeral: Range,
    pub heap: Range,
    pub stack: Range,
}

const PAGE: u64 = PAGE_SIZE as u64;

/// What can be written begins at a multiple of this many bytes, with as many free before it.
const ACCESS_BOUNDARY: u64 = 1 << 16;

/// Hands out addresses from low to high.
struct Cursor {
    next: u64,
}

impl Cursor {
    fn align(&mut self, alignment: u64) {
        self.next = self.next.next_multiple_of(alignment);
    }

    /// The pages from `start` to here; a guard follows them unless there are none.
    fn close(&mut self, start: u64) -> Range {
        self.align(PAGE);
        // What lies too high is refused before anybody looks at the range.
        let clip = |address: u64| u32::try_from(address).unwrap_or(u32::MAX);
        let range = Range { start: clip(start), end: clip(self.next) };
        if self.next > start {
            self.next += u64::from(GUARD_PAGES) * PAGE;
        }
        range
    }
}

/// Lays out the sections that are needed.
pub(crate) fn lay_out(object: &Object, needed: &[bool], sizes: Sizes) -> Result<Layout, LinkError> {
    let mut sections = vec![None; object.sections.len()];
    let mut cursor = Cursor { next: u64::from(FIRST_PAGE) * PAGE };
    let constants = place_class(object, needed, Class::ReadOnly, &mut cursor, &mut sections)?;
    cursor.align(ACCESS_BOUNDARY);
    cursor.next += ACCESS_BOUNDARY;
    let persistent = place_class(object, needed, Class::Persistent, &mut cursor, &mut sections)?;
    let region = |cursor: &mut Cursor, bytes: u32| {
        let start = cursor.next;
        cursor.next += u64::from(bytes);
        cursor.close(start)
    };
    let scratchpad = region(&mut cursor, sizes.scratchpad);
    let ephemeral = place_class(object, needed, Class::Ephemeral, &mut cursor, &mut sections)?;
    let heap = region(&mut cursor, sizes.heap);
    let stack_bytes = u64::from(sizes.stack.max(SAVE_BYTES)).next_multiple_of(PAGE);
    check_ephemeral(&[ephemeral.bytes(), heap.bytes(), stack_bytes])?;
    let limit = u64::from(STACK_END) - stack_bytes - u64::from(STACK_GAP);
    if cursor.next > limit {
        let first = u64::from(FIRST_PAGE) * PAGE;
        return Err(LinkError::TooBig {
            what: "constants, variables, scratchpad and heap",
            bytes: cursor.next - first,
            limit: limit - first,
        });
    }
    let mut pools: Vec<(u32, usize)> = Vec::new();
    for (index, section) in object.sections.iter().enumerate() {
        if let Some(address) = sections[index]
            && section.is_pool
            && section.relocations.is_empty()
        {
            pools.push((address, index));
        }
    }
    pools.sort_unstable();
    let stack = Range { start: STACK_END - stack_bytes as u32, end: STACK_END };
    Ok(Layout { sections, pools, constants, persistent, scratchpad, ephemeral, heap, stack })
}

fn check_ephemeral(parts: &[u64]) -> Result<(), LinkError> {
    let bytes = parts.iter().sum();
    let limit = u64::from(MAX_EPHEMERAL_PAGES) * PAGE;
    if bytes > limit {
        return Err(LinkError::TooBig { what: "stack, heap and ephemeral variables", bytes, limit });
    }
    Ok(())
}

/// Places the sections of a class: those with contents first, so that the zeros come last.
fn place_class(
    object: &Object,
    needed: &[bool],
    class: Class,
    cursor: &mut Cursor,
    sections: &mut [Option<u32>],
) -> Result<Range, LinkError> {
    debug_assert!(is_data(class));
    let start = cursor.next;
    for with_contents in [true, false] {
        for (index, section) in object.sections.iter().enumerate() {
            if !needed[index] || section.class != class || section.data.is_empty() == with_contents {
                continue;
            }
            let refuse = |why| LinkError::Section { section: section.name.clone(), why };
            if !section.alignment.is_power_of_two() || section.alignment > MAX_ALIGNMENT {
                return Err(refuse(SectionError::Alignment { found: section.alignment, limit: MAX_ALIGNMENT }));
            }
            let is_zero = section.relocations.is_empty() && section.data.iter().all(|&byte| byte == 0);
            if class == Class::Ephemeral && !is_zero {
                return Err(refuse(SectionError::EphemeralContents));
            }
            cursor.align(section.alignment);
            sections[index] = Some(u32::try_from(cursor.next).unwrap_or(u32::MAX));
            cursor.next += section.size;
            if cursor.next > MAX_ADDRESS {
                return Err(LinkError::TooBig {
                    what: "constants and variables",
                    bytes: cursor.next,
                    limit: MAX_ADDRESS,
                });
            }
        }
    }
    Ok(cursor.close(start))
}

impl Layout {
    /// The address that a target has in memory; `None` for code, which is not in memory.
    pub fn address(&self, target: Target) -> Option<i64> {
        match target {
            Target::Code(_) => None,
            Target::Data { section, offset } => {
                Some(i64::from(self.sections[section].unwrap_or(0)).wrapping_add(offset))
            }
            Target::Region { edge, addend } => Some(i64::from(self.edge(edge)).wrapping_add(addend)),
            Target::Number(number) => Some(number),
        }
    }

    /// The `bytes` bytes at an address, if they are a constant that the compiler has put there for an instruction.
    pub fn constant<'a>(&self, object: &Object<'a>, address: u32, bytes: u8) -> Option<&'a [u8]> {
        let behind = self.pools.partition_point(|&(start, _)| start <= address);
        let &(start, section) = self.pools.get(behind.checked_sub(1)?)?;
        let offset = (address - start) as usize;
        object.sections[section].data.get(offset..offset + usize::from(bytes))
    }

    fn edge(&self, edge: Edge) -> u32 {
        match edge {
            Edge::HeapStart => self.heap.start,
            Edge::HeapEnd => self.heap.end,
            Edge::StackBottom => self.stack.start,
            Edge::StackTop => self.initial_sp(),
            Edge::ScratchStart => self.scratchpad.start,
            Edge::ScratchEnd => self.scratchpad.end,
        }
    }

    /// What the stack pointer is at the start of a call.
    pub fn initial_sp(&self) -> u32 {
        self.stack.end - SAVE_BYTES
    }

    /// Where register number `index` (0 or 1) can be kept for a moment.
    pub fn save_place(&self, index: u32) -> u32 {
        self.initial_sp() + 8 * index
    }
}
