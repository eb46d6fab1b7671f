//! Which of the kernel's binaries this processor can run.

use std::sync::OnceLock;

use nub_arch_x86_abi::Privilege;

use crate::boot;
use crate::error::Error;
use crate::hypervisor::Hypervisor;
use crate::trial::Trial;

/// What a kernel was built for; `nub-build` has what that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Every processor of x86-64.
    Portable,
    /// Processors of the last ten years: vectors of AVX2, by which hashing takes less time, and newer operations on bits.
    Fast,
}

/// The features of the fast kernel, and whether this processor has them: one list for both.
macro_rules! features {
    ($($feature:tt)*) => {
        impl Level {
            /// What the fast kernel needs.
            pub const FAST_FEATURES: &[&str] = &[$($feature),*];

            /// The best level of this processor.
            #[must_use]
            pub fn of_processor() -> Level {
                if true $(&& std::arch::is_x86_feature_detected!($feature))* { Level::Fast } else { Level::Portable }
            }
        }
    };
}
features!("avx2" "bmi1" "bmi2" "lzcnt" "popcnt");

impl Level {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Fast => "fast",
        }
    }
}

/// One instruction of each feature.
const TRIAL: &[u8] = &[
    0xc5, 0xfd, 0xef, 0xc0, // vpxor ymm0, ymm0, ymm0
    0xc4, 0xe2, 0x78, 0xf2, 0xc0, // andn eax, eax, eax
    0xc4, 0xe3, 0x7b, 0xf0, 0xc0, 0x01, // rorx eax, eax, 1
    0xf3, 0x0f, 0xbd, 0xc0, // lzcnt eax, eax
    0xf3, 0x0f, 0xb8, 0xc0, // popcnt eax, eax
];

/// The level of a guest that is asked for this one: whether it may use what the processor has is the hypervisor's to say,
/// and what it says beforehand is not always so. Tried out once for each privilege.
///
/// # Errors
/// [`Error`]: there can be no virtual machine at all.
pub(crate) fn choose(hypervisor: &impl Hypervisor, asked: Level, privilege: Privilege) -> Result<Level, Error> {
    static FOUND: [OnceLock<Level>; 2] = [const { OnceLock::new() }; 2];
    if asked == Level::Portable {
        return Ok(Level::Portable);
    }
    let found = &FOUND[usize::from(privilege == Privilege::User)];
    if let Some(&level) = found.get() {
        return Ok(level);
    }
    let runs = Trial::new(hypervisor, privilege, boot::extended_state(), TRIAL)?.run().is_ok();
    let level = if runs { Level::Fast } else { Level::Portable };
    Ok(*found.get_or_init(|| level))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The processor is asked for exactly what the kernel was built with.
    #[test]
    fn the_build_has_the_same_list() {
        assert_eq!(env!("NUB_GUEST_FAST_FEATURES"), Level::FAST_FEATURES.join(" "));
    }
}
