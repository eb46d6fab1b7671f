//! Disturbing calls, for tests: failing in the middle of one, and losing all that is kept only to be fast.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};

use nub_arch_x86_abi::reply::Refused;
use nub_arch_x86_abi::request::{Disturbance, Failure};

use crate::fail;

/// Whether there is anything of this at all: the one thing that is looked at otherwise.
static IS_DISTURBED: AtomicBool = AtomicBool::new(false);
static EVICTS: AtomicBool = AtomicBool::new(false);
/// A failure's number, 0 for none, and how many steps it is away.
static FAILURE: AtomicU8 = AtomicU8::new(0);
static STEPS: AtomicU32 = AtomicU32::new(0);

/// Disturbs calls in this way from here on.
pub(crate) fn begin(disturbance: Disturbance) -> Result<(), Refused> {
    let Disturbance { evict, failure } = disturbance;
    if let Some((Failure::Garbage, _)) = failure {
        return Err(Refused::Malformed("garbage is a reply, and no failure in the middle of a call".into()));
    }
    EVICTS.store(evict, Relaxed);
    STEPS.store(failure.map_or(0, |(_, steps)| steps), Relaxed);
    FAILURE.store(failure.map_or(0, |(failure, _)| failure as u8), Relaxed);
    IS_DISTURBED.store(disturbance != Disturbance::default(), Relaxed);
    Ok(())
}

/// A step of a call: a program begins to run, or leaves the engine.
#[inline]
pub(crate) fn step() {
    if IS_DISTURBED.load(Relaxed) {
        count();
    }
}

#[cold]
fn count() {
    let number = FAILURE.load(Relaxed);
    let Some(failure) = Failure::ALL.into_iter().find(|&failure| failure as u8 == number) else { return };
    if STEPS.fetch_update(Relaxed, Relaxed, |steps| steps.checked_sub(1)).is_err() {
        FAILURE.store(0, Relaxed);
        fail::fail(failure);
    }
}

/// Whether all that is kept only to be fast is to be let go of.
#[inline]
pub(crate) fn evicts() -> bool {
    IS_DISTURBED.load(Relaxed) && EVICTS.load(Relaxed)
}
