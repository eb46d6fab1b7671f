//! What other lanes may still see: the [quarantine](crate::revocation) of this machine.

use alloc::vec::Vec;

use nub_arch_x86_abi::layout::MAX_LANES;
use spin::Mutex;

use crate::processor;
use crate::revocation::epochs::Epochs;
use crate::revocation::quarantine::{Batch, Quarantine};
use crate::space::view::Released;

static EPOCHS: Epochs<MAX_LANES> = Epochs::new();
static QUARANTINE: Mutex<Quarantine<Released>> = Mutex::new(Quarantine::new());

/// Has this lane forget what others took back from its windows. Called before it uses any, and with each request.
#[inline]
pub fn enter() {
    let lane = processor::lane();
    if EPOCHS.is_wanted(lane) {
        EPOCHS.pass(lane, processor::flush_all);
        release();
    }
}

/// Keeps what was taken back from a window of another lane until that has forgotten it.
pub fn retire(lane: usize, released: Vec<Released>) {
    let batch = Batch::new(EPOCHS.want(lane), released);
    QUARANTINE.lock().admit(batch);
    // Others may have passed meanwhile.
    release();
}

/// Frees what is not remembered any more.
fn release() {
    let mut waiting = QUARANTINE.lock().take();
    waiting.sort(|ticket| EPOCHS.has_passed(ticket), drop);
    QUARANTINE.lock().join(waiting);
}

/// Whether nothing is kept.
pub fn is_clean() -> bool {
    release();
    QUARANTINE.lock().is_empty()
}
