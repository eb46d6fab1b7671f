//! Queries: calls that leave everything as it is, on lanes beside the one that changes things.
//!
//! Each of these lanes has a kernel of its own, with windows of its own, that is shown snapshots of Instances. The first
//! query of an Instance takes its snapshot from the kernel itself, and waits for it; from then on the kernel's lane
//! leaves a new snapshot whenever it has changed that Instance, so that no query waits for a call.

use alloc::collections::{BTreeMap, VecDeque};

use nub_arch_x86_abi::layout::MAX_LANES;
use nub_arch_x86_abi::reply::{Outcome, Refused};
use nub_arch_x86_abi::request::Invoke;
use nub_kernel::{InstanceId, InvokeError, Kernel, Snapshot};
use spin::Mutex;

use crate::machine::X86Arch;
use crate::serve::{self, KERNEL};

/// How many Instances a lane is shown at a time: no more than it has windows for.
const MOST_SHOWN: usize = 16;

/// The Instances that queries have asked for, as they are now. Taken after [`KERNEL`] where both are.
static WANTED: Mutex<BTreeMap<InstanceId, Snapshot>> = Mutex::new(BTreeMap::new());

/// What a lane has to run queries.
struct Lane {
    kernel: Kernel<X86Arch>,
    /// What it is shown, the oldest first.
    shown: VecDeque<InstanceId>,
}

/// Each is used by its own lane only.
static LANES: [Mutex<Option<Lane>>; MAX_LANES] = [const { Mutex::new(None) }; MAX_LANES];

/// For the kernel's lane, after it has called or dropped an Instance: leaves a new snapshot, if any is wanted.
pub(crate) fn refresh(kernel: &Kernel<X86Arch>, instance: InstanceId) {
    // What was there is let go of when the lock is free again.
    let _old = {
        let mut wanted = WANTED.lock();
        match (wanted.contains_key(&instance), kernel.snapshot(instance)) {
            (true, Ok(snapshot)) => wanted.insert(instance, snapshot),
            (true, Err(_)) => wanted.remove(&instance),
            (false, _) => None,
        }
    };
}

fn snapshot(instance: InstanceId) -> Result<Snapshot, InvokeError> {
    if let Some(snapshot) = WANTED.lock().get(&instance) {
        return Ok(snapshot.clone());
    }
    let kernel = KERNEL.lock();
    let snapshot = kernel.as_ref().ok_or(InvokeError::UnknownInstance(instance))?.snapshot(instance)?;
    WANTED.lock().insert(instance, snapshot.clone());
    Ok(snapshot)
}

/// Answers a query on a lane that does not run the kernel.
pub(crate) fn answer(number: usize, invoke: &Invoke<'_>) -> Result<Outcome, Refused> {
    let mut lane = LANES[number].lock();
    let new = || Lane { kernel: Kernel::new(X86Arch), shown: VecDeque::new() };
    let Lane { kernel, shown } = lane.get_or_insert_with(new);
    serve::call(invoke, |instance, call| {
        let snapshot = match snapshot(instance) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                kernel.drop_instance(instance);
                shown.retain(|&other| other != instance);
                return Err(error);
            }
        };
        kernel.show(instance, &snapshot);
        if !shown.contains(&instance) {
            shown.push_back(instance);
        }
        if shown.len() > MOST_SHOWN
            && let Some(oldest) = shown.pop_front()
        {
            kernel.drop_instance(oldest);
        }
        kernel.query(instance, call)
    })
}
