//! The memory map: where things stand in physical and in virtual memory.
//!
//! ```text
//! virtual                                      physical
//! 0x0000_0040_0000  kernel image, W^X          0x0000_1000  boot information
//! 0x1000_0000_0000  windows, 1 TiB a lane      0x0020_0000  slots, one a lane
//! 0x5000_0000_0000  all physical memory        behind them  tables of the processor, page tables, stacks, kernel image
//! 0x6000_0000_0000  stacks, 1 GiB a lane       2 MiB border free memory, up to the configured size
//! ```
//!
//! All of it is in the lower half, so that one map serves both privileges: where nub runs beneath a hypervisor without
//! hardware virtualization, the upper half is not the guest's.

/// The size of a page and of a page frame, in bytes.
pub const PAGE: u64 = 4096;
/// The size of a large page, in bytes. Memory is taken into use in steps of this size.
pub const LARGE_PAGE: u64 = 2 << 20;

/// Most lanes that a machine may have.
pub const MAX_LANES: usize = 64;
/// The least memory that a machine may have, in bytes.
pub const MIN_MEMORY: u64 = 32 << 20;
/// The most memory that a machine may have, in bytes: what one entry of the root page table maps.
pub const MAX_MEMORY: u64 = 512 << 30;

/// Where the kernel image is linked to; all of it lies below [`IMAGE_END`].
pub const IMAGE_BASE: u64 = 0x40_0000;
/// Where the kernel image has to end.
pub const IMAGE_END: u64 = 0x4000_0000;

/// Where the first lane's windows are.
pub const WINDOWS_BASE: u64 = 0x1000_0000_0000;
/// From one lane's windows to the next one's: two entries of the root page table.
pub const LANE_WINDOWS_STRIDE: u64 = 1 << 40;
/// From one window to the next: 4 GiB of the program's memory and as much that is never mapped.
pub const WINDOW_STRIDE: u64 = 8 << 30;
/// How many windows a lane has room for: those of all frames on a call stack, those that the kernel keeps beside them, and
/// as many again.
pub const WINDOWS_PER_LANE: usize = (LANE_WINDOWS_STRIDE / WINDOW_STRIDE) as usize;

/// Where physical memory is mapped, all of it, writable.
pub const LINEAR_BASE: u64 = 0x5000_0000_0000;

/// Where the first lane's stacks are.
pub const STACKS_BASE: u64 = 0x6000_0000_0000;
/// From one lane's stacks to the next one's.
pub const LANE_STACKS_STRIDE: u64 = 1 << 30;

/// Physical address of the boot information.
pub const BOOT_INFO: u64 = 0x1000;
/// Physical address of the first lane's slot.
pub const SLOTS: u64 = 0x20_0000;
/// From one slot to the next, in bytes.
pub const SLOT_STRIDE: u64 = 256 << 10;

/// The stacks of a lane. Each is followed downwards by pages that are never mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stack {
    /// What the kernel runs on.
    Main,
    /// Page faults and all other traps but the two below.
    Trap,
    /// Double faults.
    DoubleFault,
    /// Non-maskable interrupts and machine checks.
    Machine,
    /// What a trap that ends the guest is reported on.
    Report,
}

impl Stack {
    /// All of them.
    pub const ALL: [Stack; 5] = [Stack::Main, Stack::Trap, Stack::DoubleFault, Stack::Machine, Stack::Report];

    /// Its size in bytes.
    #[must_use]
    pub const fn size(self) -> u64 {
        match self {
            Stack::Main => 512 << 10,
            Stack::Trap | Stack::DoubleFault | Stack::Machine => 8 << 10,
            Stack::Report => 32 << 10,
        }
    }

    /// Where it begins, at its upper end, for a lane.
    #[must_use]
    pub const fn top(self, lane: usize) -> u64 {
        // Room for 16 MiB each, the most of it unmapped.
        const ROOM: u64 = 16 << 20;
        STACKS_BASE + lane as u64 * LANE_STACKS_STRIDE + (self as u64 + 1) * ROOM
    }

    /// The stack of a lane whose unmapped pages below it hold this address.
    #[must_use]
    pub fn overflown(lane: usize, address: u64) -> Option<Stack> {
        Stack::ALL.into_iter().find(|stack| {
            let end = stack.top(lane) - stack.size();
            (stack.top(lane) - (16 << 20)..end).contains(&address)
        })
    }
}

/// Where a lane's windows begin.
#[must_use]
pub const fn lane_windows(lane: usize) -> u64 {
    WINDOWS_BASE + lane as u64 * LANE_WINDOWS_STRIDE
}

/// Physical address of a lane's slot.
#[must_use]
pub const fn slot(lane: usize) -> u64 {
    SLOTS + lane as u64 * SLOT_STRIDE
}

const _: () = {
    assert!(LANE_WINDOWS_STRIDE.is_multiple_of(WINDOW_STRIDE));
    assert!(WINDOWS_BASE + MAX_LANES as u64 * LANE_WINDOWS_STRIDE <= LINEAR_BASE);
    assert!(LINEAR_BASE + MAX_MEMORY <= STACKS_BASE);
    assert!(STACKS_BASE + MAX_LANES as u64 * LANE_STACKS_STRIDE < 1 << 47);
    assert!(SLOTS.is_multiple_of(LARGE_PAGE) && SLOTS + MAX_LANES as u64 * SLOT_STRIDE < MIN_MEMORY);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_runs_over_is_told_by_the_address() {
        for lane in [0, 5, MAX_LANES - 1] {
            for stack in Stack::ALL {
                let end = stack.top(lane) - stack.size();
                assert_eq!(Stack::overflown(lane, end - 1), Some(stack));
                assert_eq!(Stack::overflown(lane, end), None);
                assert_eq!(Stack::overflown(lane, stack.top(lane) - 1), None);
            }
        }
    }
}
