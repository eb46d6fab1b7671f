//! How a [`Nub`] is set up.

use core::fmt;
use std::time::Duration;

use nub_kernel::Parameters;

use crate::error::Error;
use crate::handle::Nub;
use crate::supervisor::Supervisor;

/// The machine that the kernel runs on. Results are the same on all of them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum ArchChoice {
    /// A virtual machine where that is possible, else this process: [`Nub::why_local`] says why then.
    #[default]
    Auto,
    /// This process: memory paged in software, programs interpreted.
    Local,
    /// A virtual machine under KVM: programs run where they cannot reach this process.
    Kvm,
    /// Both: everything is done twice, and a difference is [`Error::Differs`]. For tests.
    Both,
}

impl ArchChoice {
    /// Its name: `auto`, `local`, `kvm` or `both`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ArchChoice::Auto => "auto",
            ArchChoice::Local => "local",
            ArchChoice::Kvm => "kvm",
            ArchChoice::Both => "both",
        }
    }
}

impl fmt::Display for ArchChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// At which privilege of the processor the kernel runs inside a virtual machine. Results are the same at both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Privilege {
    /// Ring 0: for hardware virtualization.
    Supervisor,
    /// Ring 3: for hosts whose KVM emulates ring 0.
    User,
}

impl Privilege {
    /// Its name: `supervisor` or `user`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Privilege::Supervisor => "supervisor",
            Privilege::User => "user",
        }
    }
}

/// Which privilege is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum PrivilegeSetting {
    #[default]
    Auto,
    Fixed(Privilege),
}

/// What makes a guest fail: [`Nub::fail`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Its kernel panics.
    Panic,
    /// Its processor finds no way to deliver a trap.
    TripleFault,
    /// It never answers.
    Hang,
    /// It answers what is no answer.
    Garbage,
    /// It finds no memory any more, for anything. What needs none goes on.
    OutOfMemory,
}

/// What goes wrong in the middle of a guest's calls: [`Nub::disturb`]. The default is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Disturbance {
    /// Whether it lets go, before each run of a program, of all that it keeps only to be fast: windows, programs that are ready. No
    /// result depends on it.
    pub evict: bool,
    /// Fail in this way, once, after so many steps: a program begins to run, or asks for an operation or ends. Not by
    /// [`Failure::Garbage`].
    pub failure: Option<(Failure, u32)>,
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
    privilege: PrivilegeSetting,
    pub(crate) lanes: Option<usize>,
    pub(crate) memory: Option<u64>,
    pub(crate) patience: Option<Duration>,
    pub(crate) seed: Option<[u8; 32]>,
    pub(crate) parameters: Parameters,
    failures: bool,
    pub(crate) guest_log: bool,
}

impl Builder {
    /// The machine that the kernel runs on; [`ArchChoice::Auto`] if not said.
    pub fn arch(mut self, arch: ArchChoice) -> Builder {
        self.arch = arch;
        self
    }

    /// At which privilege the kernel runs inside a virtual machine. If not said, the faster one on this computer, which is
    /// measured once for each of its starts. Nothing in this process.
    pub fn privilege(mut self, privilege: Privilege) -> Builder {
        self.privilege = PrivilegeSetting::Fixed(privilege);
        self
    }

    /// How many lanes, each a virtual processor, a virtual machine has: 1 to 64. One runs what changes things, the others
    /// run [queries](crate::Reader); one that nobody asks sleeps. If not said, one less than there are cores, and at
    /// least 2. Nothing in this process.
    pub fn lanes(mut self, lanes: usize) -> Builder {
        self.lanes = Some(lanes);
        self
    }

    /// The most memory that a virtual machine may use, in bytes: a multiple of 2 MiB from 32 MiB to 512 GiB, 4 GiB if not
    /// said. What it does not use is not taken from the host. Nothing in this process.
    pub fn memory(mut self, bytes: u64) -> Builder {
        self.memory = Some(bytes);
        self
    }

    /// How long a virtual machine may take for a request beyond the time that its gas allows, before it counts as hung; 2
    /// seconds if not said. Nothing in this process.
    pub fn patience(mut self, patience: Duration) -> Builder {
        self.patience = Some(patience);
        self
    }

    /// The seed of everything random in a virtual machine's kernel; another at each start if not said. It changes no
    /// result, gas figure or hash.
    pub fn seed(mut self, seed: [u8; 32]) -> Builder {
        self.seed = Some(seed);
        self
    }

    /// What the chain has fixed that calls are made in: bounds on what they may take. [`Parameters::default`] if not said.
    pub fn parameters(mut self, parameters: Parameters) -> Builder {
        self.parameters = parameters;
        self
    }

    /// Lets [`Nub::fail`] do what it says: for tests of those who have to notice.
    pub fn failures(mut self, allowed: bool) -> Builder {
        self.failures = allowed;
        self
    }

    /// Whether a virtual machine's kernel says on standard error what it does besides calls, a line for each: starts, requests,
    /// refusals, memory that it takes, its end. Not if not said: each byte is some µs. Nothing in this process.
    pub fn guest_log(mut self, wanted: bool) -> Builder {
        self.guest_log = wanted;
        self
    }

    /// Starts the kernel.
    ///
    /// # Errors
    /// [`Error::Setting`]: a setting is out of its range. No other for [`ArchChoice::Auto`] and [`ArchChoice::Local`]; for the
    /// others [`Error::NoKvm`]: what this computer lacks, and what to do about it; [`Error::NotStarted`]: all is there, and
    /// still the virtual machine did not start.
    pub fn build(self) -> Result<Nub, Error> {
        let (supervisor, why_local) = match self.arch {
            ArchChoice::Auto => match Supervisor::start(ArchChoice::Kvm, &self) {
                Ok(supervisor) => (supervisor, None),
                // A mistake is one wherever the kernel would run.
                Err(error @ Error::Setting(_)) => return Err(error),
                Err(error) => (Supervisor::start(ArchChoice::Local, &self)?, Some(error)),
            },
            arch => (Supervisor::start(arch, &self)?, None),
        };
        Ok(Nub::over(supervisor, why_local))
    }

    #[cfg_attr(
        not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")),
        expect(dead_code, reason = "only a guest has one")
    )]
    pub(crate) fn privilege_setting(&self) -> PrivilegeSetting {
        self.privilege
    }

    #[cfg_attr(
        not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")),
        expect(dead_code, reason = "only a guest fails")
    )]
    pub(crate) fn fails(&self) -> bool {
        self.failures
    }
}
