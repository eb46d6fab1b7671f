//! What a host can know of the machine that its kernel runs on.

use std::time::Duration;

use crate::builder::Privilege;

/// How the machine is: [`Nub::health`](crate::Nub::health).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The machine's name: `local`, `kvm`, or `both`.
    pub arch: &'static str,
    /// At which privilege the guest's kernel runs; `None` in this process.
    pub privilege: Option<Privilege>,
    /// How many lanes the guest has: one for what changes things, the others for queries. `None` in this process, and while
    /// there is no guest.
    pub lanes: Option<usize>,
    /// Whether it takes requests. One that has ended is started again by the next request, though not before
    /// `next_start_in` is over.
    pub is_alive: bool,
    /// Why the last guest that ended did.
    pub last_end: Option<String>,
    /// How many guests were started instead of one that had ended.
    pub restarts: u64,
    /// How many guests in a row have ended, or not even started, before they had run for 10 seconds; 1 after one that had.
    pub ends_in_a_row: u32,
    /// How long it is until the next guest may be started, where there is none: zero for the first 3 ends in a row, then
    /// 100 ms, and twice as long with each further one, up to 10 seconds.
    pub next_start_in: Option<Duration>,
    /// How long the guest took from its start to its first reply; `None` in this process.
    pub boot_time: Option<Duration>,
}

/// What is there, and what it takes: [`Nub::stats`](crate::Nub::stats). What only a guest has is `None` in this process.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Images that are published.
    pub images: u64,
    /// Instances that the kernel holds, those kept for [`Nub::invoke_cached`](crate::Nub::invoke_cached) among them.
    pub instances: u64,
    /// Those of them that are kept for [`Nub::invoke_cached`](crate::Nub::invoke_cached).
    pub kept_instances: u64,
    /// Programs that are kept ready, though nobody has published their Images: of Instances that came with something else.
    pub found_programs: u64,
    /// Windows, which are address spaces, that are kept mounted for the next calls.
    pub idle_windows: u64,
    /// Bytes in use on the guest's heap.
    pub heap_used: Option<u64>,
    /// Bytes that the guest's heap has taken.
    pub heap_size: Option<u64>,
    /// Page frames in use.
    pub frames_used: Option<u64>,
    /// Bytes of memory that the guest has ever taken into use.
    pub memory_used: Option<u64>,
    /// Windows of all lanes, in use or not.
    pub windows: Option<u64>,
    /// Accesses of programs that found no page at first.
    pub window_faults: Option<u64>,
    /// Pages that were copied into windows and out of them into Data, zeros not counted.
    pub window_copies: Option<u64>,
    /// Times that the guest's processor forgot translations.
    pub flushes: Option<u64>,
    /// How often the guest left the virtual machine.
    pub exits: Option<u64>,
}
