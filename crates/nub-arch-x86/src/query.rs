//! Queries: calls that leave everything as it is, on lanes beside the one that changes things.
//!
//! Each of these lanes has a kernel of its own, with windows of its own, that is shown snapshots of Instances. A lane never
//! waits for the kernel: where a snapshot has to come from it and it is busy, the host is told to ask its lane.

use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

use nub_arch_x86_abi::layout::MAX_LANES;
use nub_arch_x86_abi::reply::Refused;
use nub_arch_x86_abi::request::Invoke;
use nub_arch_x86_abi::wire::Writer;
use nub_kernel::query::{Onlooker, Wanted};
use nub_kernel::{InstanceId, InvokeError, Kernel, Snapshot};
use spin::Mutex;

use crate::machine::X86Arch;
use crate::serve::{self, KERNEL};

/// Taken after [`KERNEL`] where both are.
static WANTED: Mutex<Wanted> = Mutex::new(Wanted::new());

/// Each is used by its own lane only.
static LANES: [Mutex<Option<Onlooker<X86Arch>>>; MAX_LANES] = [const { Mutex::new(None) }; MAX_LANES];

/// Whether any is wanted. Written by who has [`KERNEL`] only: the kernel's lane asks for no lock where none is.
static IS_ANY_WANTED: AtomicBool = AtomicBool::new(false);

/// Keeps a snapshot up to date from now on.
fn keep(kernel: &Kernel<X86Arch>, instance: InstanceId) -> Result<Snapshot, InvokeError> {
    IS_ANY_WANTED.store(true, Relaxed);
    WANTED.lock().want(kernel, instance)
}

/// For the kernel's lane, after it has called or dropped an Instance: leaves a new snapshot, if any is wanted.
pub(crate) fn refresh(kernel: &Kernel<X86Arch>, instance: InstanceId) {
    if !IS_ANY_WANTED.load(Relaxed) {
        return;
    }
    // What was there is let go of when the lock is free again.
    let _old = WANTED.lock().refresh(kernel, instance);
}

/// For the kernel's lane, which has answered a query itself: has the next one find a snapshot.
pub(crate) fn want(kernel: &Kernel<X86Arch>, instance: InstanceId) {
    // Of an Instance that there is not, there is nothing to keep.
    let _ = keep(kernel, instance);
}

/// For the kernel's lane, where what all snapshots say has changed: takes none of them for what is now.
pub(crate) fn forget() {
    IS_ANY_WANTED.store(false, Relaxed);
    // What was there is let go of when the lock is free again.
    let _old = core::mem::take(&mut *WANTED.lock());
}

/// The snapshot of an Instance; `None` where the kernel would have to be waited for.
fn snapshot(instance: InstanceId) -> Option<Result<Snapshot, InvokeError>> {
    if let Some(snapshot) = WANTED.lock().get(instance) {
        return Some(Ok(snapshot.clone()));
    }
    let kernel = KERNEL.try_lock()?;
    Some(match &*kernel {
        Some(kernel) => keep(kernel, instance),
        None => Err(InvokeError::UnknownInstance(instance)),
    })
}

/// Answers a query on a lane that does not run the kernel.
pub(crate) fn answer(number: usize, invoke: &Invoke<'_>, to: &mut Writer) -> Result<(), Refused> {
    let mut lane = LANES[number].lock();
    let onlooker = lane.get_or_insert_with(|| Onlooker::new(X86Arch));
    let instance = InstanceId::from_number(invoke.place.instance);
    let snapshot = snapshot(instance).ok_or(Refused::Busy)?;
    serve::call(invoke, to, |instance, call| match snapshot {
        Ok(snapshot) => onlooker.query(instance, &snapshot, call),
        Err(error) => {
            onlooker.forget(instance);
            Err(error)
        }
    })
}
