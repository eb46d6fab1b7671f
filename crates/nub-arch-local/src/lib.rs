//! The kernel's machine inside an ordinary process: memory paged in software, programs interpreted.
//!
//! Native code is never made here: translating untrusted programs inside the host's process is what nub avoids.
//!
//! # How to read this crate
//! - [`LocalArch`]: the machine, a few lines.
//! - [`space`]: which pages a program may touch; copy-on-write.
//! - `table`: the pages that it has written.
//! - `lookup`: the cache in front of both, and the crate's only unsafe code besides the promises made to it.

mod lookup;
pub mod space;
mod table;

use std::hash::{BuildHasher as _, RandomState};

use nub_kernel::Arch;
use nub_kernel::random::Seed;
pub use space::LocalSpace;

/// The machine of an ordinary process.
#[derive(Clone, Copy, Default, Debug)]
pub struct LocalArch;

impl Arch for LocalArch {
    type Space = LocalSpace;

    const NAME: &'static str = "local";

    /// Another one each time, from what the system gives the process for its hash maps.
    fn seed(&mut self) -> Seed {
        let mut seed = Seed::default();
        for (index, word) in seed.as_chunks_mut().0.iter_mut().enumerate() {
            *word = RandomState::new().hash_one(index).to_le_bytes();
        }
        seed
    }

    fn create_space(&mut self) -> LocalSpace {
        LocalSpace::new()
    }
}
