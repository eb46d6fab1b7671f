//! The note in the guest's binary.

/// Which definition of everything in this crate a binary was built with. Counts up with every change.
pub const ABI_VERSION: u32 = 11;

/// The owner's name in the note's header, with its terminating zero.
pub const NOTE_OWNER: [u8; 4] = *b"nub\0";
/// The type in the note's header.
pub const NOTE_TYPE: u32 = 1;

/// The ELF note of the guest's binary, header included: what the monitor needs to start it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// Length of the owner's name: 4.
    pub owner_size: u32,
    /// Length of what follows the name: [`Note::DESCRIPTION`].
    pub description_size: u32,
    /// [`NOTE_TYPE`].
    pub kind: u32,
    /// [`NOTE_OWNER`].
    pub owner: [u8; 4],
    /// [`ABI_VERSION`].
    pub version: u32,
    /// 0.
    pub reserved: u32,
}

impl Note {
    /// The bytes behind the owner's name.
    pub const DESCRIPTION: usize = size_of::<Note>() - 16;

    /// The note of this version.
    #[must_use]
    pub const fn current() -> Note {
        Note {
            owner_size: NOTE_OWNER.len() as u32,
            description_size: Note::DESCRIPTION as u32,
            kind: NOTE_TYPE,
            owner: NOTE_OWNER,
            version: ABI_VERSION,
            reserved: 0,
        }
    }
}

/// The symbol of the code that a lane starts in: `extern "C" fn(boot_info: u64, lane: u64) -> !`.
pub const ENTRY_SYMBOL: &str = "_start";
/// The symbol of the trap stubs of privilege `supervisor`, see [`crate::trap`].
pub const SUPERVISOR_STUBS_SYMBOL: &str = "nub_supervisor_stubs";
/// The symbol of the trap stubs of privilege `user`.
pub const USER_STUBS_SYMBOL: &str = "nub_user_stubs";

const _: () = {
    assert!(size_of::<Note>() == 24);
    assert!(core::mem::offset_of!(Note, version) == 16);
};
