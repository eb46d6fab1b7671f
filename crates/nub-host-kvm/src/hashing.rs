//! By which code the kernel in the virtual machine hashes pages and tree nodes.

use std::sync::OnceLock;

use nub_arch_x86_abi::Privilege;

use crate::boot;
use crate::error::Error;
use crate::hypervisor::Hypervisor;
use crate::trial::Trial;

/// Code that hashes. All of it gives the same hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hashing {
    /// For every processor of x86-64.
    Portable,
    /// For processors with AVX2, which most since 2013 have: several messages side by side, in about half the time.
    Avx2,
}

impl Hashing {
    /// The best of this processor.
    #[must_use]
    pub fn of_processor() -> Hashing {
        if std::arch::is_x86_feature_detected!("avx2") { Hashing::Avx2 } else { Hashing::Portable }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Hashing::Portable => "portable",
            Hashing::Avx2 => "avx2",
        }
    }
}

/// An instruction of AVX2: vpxor ymm0, ymm0, ymm0.
const TRIAL: &[u8] = &[0xc5, 0xfd, 0xef, 0xc0];

/// How a guest hashes that is asked for this: whether it may use what the processor has is the hypervisor's to say, and
/// what it says beforehand is not always so. Tried out once for each privilege.
///
/// # Errors
/// [`Error`]: there can be no virtual machine at all.
pub(crate) fn choose(hypervisor: &impl Hypervisor, asked: Hashing, privilege: Privilege) -> Result<Hashing, Error> {
    static FOUND: [OnceLock<Hashing>; 2] = [const { OnceLock::new() }; 2];
    if asked == Hashing::Portable {
        return Ok(Hashing::Portable);
    }
    let found = &FOUND[usize::from(privilege == Privilege::User)];
    if let Some(&hashing) = found.get() {
        return Ok(hashing);
    }
    let runs = Trial::new(hypervisor, privilege, boot::extended_state(), TRIAL)?.run().is_ok();
    let hashing = if runs { Hashing::Avx2 } else { Hashing::Portable };
    Ok(*found.get_or_init(|| hashing))
}
