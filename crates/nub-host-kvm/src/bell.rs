//! Where a lane's threads sleep.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nub_arch_x86_abi::turn;

/// A lock whose holder panicked is as good as any: nothing here is ever half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of the places where a thread sleeps until another rings.
#[derive(Default)]
pub(crate) struct Bell {
    lock: Mutex<()>,
    rung: Condvar,
}

impl turn::Bell for Bell {
    fn sleep(&self, mut is_over: impl FnMut() -> bool) {
        let mut guard = lock(&self.lock);
        while !is_over() {
            guard = self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ring(&self) {
        // Whoever sleeps looks while it holds the lock, so that it cannot miss this.
        drop(lock(&self.lock));
        self.rung.notify_all();
    }
}

/// A bell at which nobody sleeps longer than until then.
pub(crate) struct Until<'a>(pub(crate) &'a Bell, pub(crate) Instant);

impl turn::Bell for Until<'_> {
    fn sleep(&self, mut is_over: impl FnMut() -> bool) {
        let Until(Bell { lock: mutex, rung }, deadline) = self;
        let mut guard = lock(mutex);
        while !is_over() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            guard = rung.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ring(&self) {
        turn::Bell::ring(self.0);
    }
}
