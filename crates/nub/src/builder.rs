//! How a [`Nub`] is set up.

use core::fmt;

use nub_arch_local::LocalArch;
use nub_kernel::Kernel;

use crate::error::Error;
use crate::handle::Nub;

/// The machine that the kernel runs on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum ArchChoice {
    /// The best one that this computer has. So far that is always [`ArchChoice::Local`].
    #[default]
    Auto,
    /// This process: memory paged in software, programs interpreted.
    Local,
}

impl fmt::Display for ArchChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ArchChoice::Auto => "auto",
            ArchChoice::Local => "local",
        })
    }
}

/// Collects settings for a [`Nub`].
///
/// ```
/// # fn main() -> Result<(), nub::Error> {
/// let nub = nub::Nub::builder().arch(nub::ArchChoice::Local).build()?;
/// assert_eq!(nub.arch(), "local");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Default, Debug)]
#[must_use]
pub struct Builder {
    arch: ArchChoice,
}

impl Builder {
    /// The machine that the kernel runs on; [`ArchChoice::Auto`] if not said.
    pub fn arch(mut self, arch: ArchChoice) -> Builder {
        self.arch = arch;
        self
    }

    /// Starts the kernel.
    ///
    /// # Errors
    /// None so far: the local machine needs nothing that could be missing.
    pub fn build(self) -> Result<Nub, Error> {
        match self.arch {
            ArchChoice::Auto | ArchChoice::Local => Ok(Nub::over(Kernel::new(LocalArch))),
        }
    }
}
