//! What the guest is told when it starts.

use crate::layout;

/// What the first eight bytes of the boot information have to be.
pub const BOOT_MAGIC: u64 = u64::from_le_bytes(*b"nub boot");

/// At which privilege level the kernel runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Privilege {
    /// Ring 0, as hardware virtualization has it.
    Supervisor = 0,
    /// Ring 3, with a stub in ring 0 that bounces traps: for hosts that emulate ring 0 instruction by instruction.
    User = 3,
}

impl Privilege {
    /// The name that people use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Privilege::Supervisor => "supervisor",
            Privilege::User => "user",
        }
    }
}

/// At [`layout::BOOT_INFO`]; the guest reads it and never writes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BootInfo {
    /// [`BOOT_MAGIC`].
    pub magic: u64,
    /// [`crate::ABI_VERSION`].
    pub version: u32,
    /// A [`Privilege`], as its number.
    pub privilege: u32,
    /// How many lanes there are, from 1 on.
    pub lanes: u32,
    /// Whether requests are answered that exist for tests: 0 or 1.
    pub test_requests: u32,
    /// The size of physical memory in bytes, a multiple of [`layout::LARGE_PAGE`].
    pub memory: u64,
    /// Physical address of the first free byte, a multiple of [`layout::LARGE_PAGE`].
    pub free: u64,
    /// Physical address of the root page table.
    pub root: u64,
    /// Physical address of the interrupt descriptors.
    pub interrupts: u64,
    /// The XCR0 that the processors run with, 0 where they have no XSAVE.
    pub xcr0: u64,
    /// The seed of everything random in the kernel.
    pub seed: [u8; 32],
    /// Whether the guest writes its log: 0 or 1.
    pub log: u32,
    /// Whether the processors have AVX2, and it works: 0 or 1.
    pub has_avx2: u32,
}

impl BootInfo {
    /// Its bytes, as they stand in memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; size_of::<BootInfo>()] {
        let mut bytes = [0; size_of::<BootInfo>()];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&self.magic.to_le_bytes());
        for field in [self.version, self.privilege, self.lanes, self.test_requests] {
            put(&field.to_le_bytes());
        }
        for field in [self.memory, self.free, self.root, self.interrupts, self.xcr0] {
            put(&field.to_le_bytes());
        }
        put(&self.seed);
        for field in [self.log, self.has_avx2] {
            put(&field.to_le_bytes());
        }
        bytes
    }
}

const _: () = {
    assert!(size_of::<BootInfo>() == 104);
    assert!(core::mem::offset_of!(BootInfo, lanes) == 16);
    assert!(core::mem::offset_of!(BootInfo, memory) == 24);
    assert!(core::mem::offset_of!(BootInfo, seed) == 64);
    assert!(core::mem::offset_of!(BootInfo, log) == 96);
    assert!(size_of::<BootInfo>() as u64 <= layout::PAGE);
};
