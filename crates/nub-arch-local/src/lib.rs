//! The kernel's machine inside an ordinary process: memory paged in software, programs interpreted.
//!
//! Native code is never made here: translating untrusted programs inside the host's process is what nub avoids.
//!
//! # How to read this crate
//! - [`LocalArch`]: the machine, three lines.
//! - [`space`]: which pages a program may touch; copy-on-write.
//! - `table`: the pages that it has written.
//! - `lookup`: the cache in front of both, and the crate's only unsafe code besides the promises made to it.

mod lookup;
pub mod space;
mod table;

use nub_kernel::Arch;
pub use space::LocalSpace;

/// The machine of an ordinary process.
#[derive(Clone, Copy, Default, Debug)]
pub struct LocalArch;

impl Arch for LocalArch {
    type Space = LocalSpace;

    const NAME: &'static str = "local";

    fn create_space(&mut self) -> LocalSpace {
        LocalSpace::new()
    }
}
