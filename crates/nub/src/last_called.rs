//! The Instance that was called last: calling it again looks nothing up and waits for nobody.

use std::sync::{Arc, Weak};

use nub_kernel::InstanceId;

use crate::supervisor::Live;

/// Where an Instance was found. Good as long as the machine lives and the Instance was not dropped.
#[derive(Default)]
pub(crate) struct LastCalled(Option<Found>);

struct Found {
    instance: InstanceId,
    /// Weak: the memory of a machine that has ended is not kept for a handle that nobody uses.
    live: Weak<Live>,
    number: u64,
}

impl LastCalled {
    /// The machine and its number of this Instance, if that is the one, and the machine is there.
    #[inline]
    pub(crate) fn find(&self, instance: InstanceId) -> Option<(Arc<Live>, u64)> {
        let found = self.0.as_ref().filter(|found| found.instance == instance)?;
        let live = found.live.upgrade()?;
        // One that has not ended is the one that there is; and its beginning was told when it was found.
        live.backend.end().is_none().then_some((live, found.number))
    }

    /// It was found here.
    pub(crate) fn keep(&mut self, instance: InstanceId, live: &Arc<Live>, number: u64) {
        self.0 = Some(Found { instance, live: Arc::downgrade(live), number });
    }

    /// An Instance is no more.
    pub(crate) fn forget(&mut self, instance: InstanceId) {
        if self.0.as_ref().is_some_and(|found| found.instance == instance) {
            self.0 = None;
        }
    }
}
