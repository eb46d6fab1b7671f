//! What the monitor said at boot.

#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

use nub_arch_x86_abi::boot::BOOT_MAGIC;
use nub_arch_x86_abi::layout::{self, LINEAR_BASE};
use nub_arch_x86_abi::{ABI_VERSION, BootInfo, Privilege, Slot};

/// Address of the boot information; 0 before a lane has started.
static BOOT: AtomicU64 = AtomicU64::new(0);

/// Takes note of where the boot information is.
///
/// # Safety
/// `address` is what the monitor started a lane with: a [`BootInfo`] in memory that is never written again.
pub unsafe fn announce(address: u64) {
    BOOT.store(address, Ordering::Release);
    let info = info();
    assert!(info.magic == BOOT_MAGIC && info.version == ABI_VERSION, "the monitor speaks another version");
}

/// The boot information.
pub fn info() -> &'static BootInfo {
    let address = BOOT.load(Ordering::Acquire);
    // SAFETY: `announce` was promised a boot information that nobody writes; lanes announce before anything else.
    unsafe { &*(address as *const BootInfo) }
}

/// Whether the kernel has no privilege of its own.
pub fn is_user() -> bool {
    info().privilege == Privilege::User as u32
}

/// Where a physical address is mapped.
pub fn linear(physical: u64) -> u64 {
    LINEAR_BASE + physical
}

/// The slot of a lane.
pub fn slot(lane: usize) -> &'static Slot {
    assert!(lane < info().lanes as usize);
    let address = linear(layout::slot(lane));
    // SAFETY: the monitor keeps a slot for each lane there, aligned, all of whose fields are atomic or never touched.
    unsafe { &*(address as *const Slot) }
}
