//! Queries beside the kernel that changes things: other kernels, which are shown snapshots of its Instances.
//!
//! The first query of an Instance takes its snapshot from the kernel itself; from then on the kernel leaves a new one
//! whenever it has changed that Instance, so that no query waits for a call. Both are constant work.

use alloc::collections::{BTreeMap, VecDeque};

use crate::arch::Arch;
use crate::kernel::{Call, InstanceId, InvokeError, Kernel, Outcome, Snapshot};

/// How many Instances an onlooker is shown at a time: no more than it has windows for.
const MOST_SHOWN: usize = 16;

/// The Instances that queries have asked for, as they are now.
#[derive(Default, Debug)]
pub struct Wanted(BTreeMap<InstanceId, Snapshot>);

impl Wanted {
    /// None.
    #[must_use]
    pub const fn new() -> Wanted {
        Wanted(BTreeMap::new())
    }

    /// The snapshot of an Instance that was asked for before.
    #[must_use]
    pub fn get(&self, instance: InstanceId) -> Option<&Snapshot> {
        self.0.get(&instance)
    }

    /// The snapshot of an Instance, which is kept up to date from now on.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn want<A: Arch>(&mut self, kernel: &Kernel<A>, instance: InstanceId) -> Result<Snapshot, InvokeError> {
        let snapshot = kernel.snapshot(instance)?;
        self.0.insert(instance, snapshot.clone());
        Ok(snapshot)
    }

    /// The kernel has called or dropped an Instance: keeps what it is now, if it is wanted. Gives what was kept, for
    /// whoever calls to let go of outside of a lock.
    pub fn refresh<A: Arch>(&mut self, kernel: &Kernel<A>, instance: InstanceId) -> Option<Snapshot> {
        let kept = self.0.get_mut(&instance)?;
        match kernel.snapshot(instance) {
            Ok(snapshot) => Some(core::mem::replace(kept, snapshot)),
            Err(_) => self.0.remove(&instance),
        }
    }
}

/// A kernel that answers queries of another one's Instances, with windows of its own.
pub struct Onlooker<A: Arch> {
    kernel: Kernel<A>,
    /// What it is shown, the oldest first.
    shown: VecDeque<InstanceId>,
}

impl<A: Arch> Onlooker<A> {
    /// One that was shown nothing yet.
    #[must_use]
    pub fn new(arch: A) -> Onlooker<A> {
        Onlooker { kernel: Kernel::new(arch), shown: VecDeque::new() }
    }

    /// Calls an endpoint of an Instance as the snapshot has it, and leaves nothing. All snapshots that an onlooker is
    /// shown are those of one other kernel.
    ///
    /// # Errors
    /// Those of [`Kernel::query`].
    pub fn query(
        &mut self,
        instance: InstanceId,
        snapshot: &Snapshot,
        call: &Call<'_>,
    ) -> Result<Outcome, InvokeError> {
        self.kernel.show(instance, snapshot);
        if !self.shown.contains(&instance) {
            self.shown.push_back(instance);
        }
        if self.shown.len() > MOST_SHOWN
            && let Some(oldest) = self.shown.pop_front()
        {
            self.kernel.drop_instance(oldest);
        }
        self.kernel.query(instance, call)
    }

    /// An Instance is no more: lets go of what was shown of it.
    pub fn forget(&mut self, instance: InstanceId) {
        self.kernel.drop_instance(instance);
        self.shown.retain(|&other| other != instance);
    }
}
