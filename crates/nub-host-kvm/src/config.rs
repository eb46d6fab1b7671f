//! How a sandbox is set up.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use nub_arch_x86_abi::Privilege;
use nub_arch_x86_abi::layout::{LARGE_PAGE, MAX_LANES, MAX_MEMORY, MIN_MEMORY};

use crate::error::Error;
use crate::hashing::Hashing;

/// At which privilege the kernel is to run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PrivilegeChoice {
    /// Whichever is faster on this machine: measured once, then remembered.
    #[default]
    Auto,
    /// This one.
    Fixed(Privilege),
}

/// The settings of a sandbox. `Config::default()` is right for most.
#[derive(Clone, Debug)]
pub struct Config {
    /// The most memory that the guest may use, in bytes: a multiple of 2 MiB between 32 MiB and 512 GiB. What it does not
    /// use is not taken from the host.
    pub memory: u64,
    /// How many lanes there are: 1 to 64. One runs the kernel, the others answer queries. As many as there are cores but one,
    /// and at least 2, if not said. More than cores work.
    pub lanes: usize,
    /// At which privilege the kernel runs.
    pub privilege: PrivilegeChoice,
    /// By which code the kernel hashes, if the hypervisor lets it, otherwise by the portable one. [`Hashing::Avx2`] on a
    /// processor without AVX2 is refused.
    pub hashing: Hashing,
    /// The seed of everything random in the kernel. Nothing random reaches state. Another one by each default.
    pub seed: [u8; 32],
    /// How long a request without gas may take before the guest counts as hung.
    pub patience: Duration,
    /// How long a caller looks for its answer before it sleeps, at most: where answers take longer it looks less.
    pub host_spin: Duration,
    /// How long an idle lane looks for a request before it sleeps, at most: where requests come more seldom it looks less.
    pub guest_spin: Duration,
    /// Whether the guest answers requests that make it fail, which tests use.
    pub test_requests: bool,
    /// Whether the guest says on standard error what it does besides calls, a line for each. Each byte leaves the machine, which
    /// is some µs.
    pub log: bool,
}

/// How long both sides look before they sleep, at most. Several times what it takes to leave the machine and to be woken, up
/// to 100 µs where processors are emulated: with less a caller that sleeps once would sleep for ever, for the guest, on
/// its way back, would answer later than it looks.
const SPIN: Duration = Duration::from_micros(500);

/// Bytes that nobody can tell, from what the system gives the process for its hash maps.
fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    for (index, word) in seed.as_chunks_mut().0.iter_mut().enumerate() {
        *word = RandomState::new().hash_one(index).to_le_bytes();
    }
    seed
}

impl Default for Config {
    fn default() -> Config {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let alone = cores == 1;
        Config {
            memory: 4 << 30,
            lanes: (cores - 1).clamp(2, MAX_LANES),
            privilege: PrivilegeChoice::Auto,
            hashing: Hashing::of_processor(),
            seed: random_seed(),
            patience: Duration::from_secs(2),
            host_spin: if alone { Duration::ZERO } else { SPIN },
            guest_spin: if alone { Duration::ZERO } else { SPIN },
            test_requests: false,
            log: false,
        }
    }
}

impl Config {
    /// Whether a sandbox could be made of it.
    ///
    /// # Errors
    /// [`Error::Config`]: which setting is out of its range.
    pub fn check(&self) -> Result<(), Error> {
        if !(1..=MAX_LANES).contains(&self.lanes) {
            return Err(Error::Config(format!("{} lanes: there may be 1 to {MAX_LANES}", self.lanes)));
        }
        if self.hashing == Hashing::Avx2 && Hashing::of_processor() != Hashing::Avx2 {
            return Err(Error::Config("this processor has no AVX2 to hash with: take the portable code".into()));
        }
        if !(MIN_MEMORY..=MAX_MEMORY).contains(&self.memory) || !self.memory.is_multiple_of(LARGE_PAGE) {
            return Err(Error::Config(format!(
                "{} bytes of memory: it has to be a multiple of {LARGE_PAGE} from {MIN_MEMORY} to {MAX_MEMORY}",
                self.memory
            )));
        }
        Ok(())
    }
}
