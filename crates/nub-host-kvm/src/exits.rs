//! How often, and why, processors left the machine.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nub_arch_x86_abi::port::{EVENT_PORT, Event};

use crate::hypervisor::Exit;

/// How often the guest left the machine, by reason. No call causes one by itself: both sides look at shared memory.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Exits {
    /// An idle lane had looked for a request long enough, and slept.
    pub slept: u64,
    /// A lane had an answer for a caller that slept, having looked long enough.
    pub woke_caller: u64,
    /// The host took the processor back: a signal, as a kick is, or whatever else ends a time slice. Nothing that the
    /// guest did.
    pub interrupted: u64,
    /// Something that the guest did itself: its log, measuring, its end.
    pub other: u64,
}

impl Exits {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.slept + self.woke_caller + self.interrupted + self.other
    }

    /// Those of both.
    #[must_use]
    pub(crate) fn and(self, other: Exits) -> Exits {
        Exits {
            slept: self.slept + other.slept,
            woke_caller: self.woke_caller + other.woke_caller,
            interrupted: self.interrupted + other.interrupted,
            other: self.other + other.other,
        }
    }

    /// Those since there were so many.
    #[must_use]
    pub fn since(self, before: Exits) -> Exits {
        Exits {
            slept: self.slept.saturating_sub(before.slept),
            woke_caller: self.woke_caller.saturating_sub(before.woke_caller),
            interrupted: self.interrupted.saturating_sub(before.interrupted),
            other: self.other.saturating_sub(before.other),
        }
    }
}

/// The exits of a lane, as its processor's thread counts them.
#[derive(Default, Debug)]
pub(crate) struct Counters {
    slept: AtomicU64,
    woke_caller: AtomicU64,
    interrupted: AtomicU64,
    other: AtomicU64,
}

impl Counters {
    pub(crate) fn count(&self, exit: &Exit) {
        let counter = match exit {
            Exit::Port(EVENT_PORT, number) => match Event::from_number(*number) {
                Some(Event::Idle) => &self.slept,
                Some(Event::Answered) => &self.woke_caller,
                _ => &self.other,
            },
            Exit::Kicked => &self.interrupted,
            _ => &self.other,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn now(&self) -> Exits {
        Exits {
            slept: self.slept.load(Relaxed),
            woke_caller: self.woke_caller.load(Relaxed),
            interrupted: self.interrupted.load(Relaxed),
            other: self.other.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_counter() {
        let counters = Counters::default();
        let before = counters.now();
        let event = |event: Event| Exit::Port(EVENT_PORT, event as u32);
        for exit in [event(Event::Idle), event(Event::Answered), Exit::Kicked, event(Event::Nothing), Exit::Shutdown] {
            counters.count(&exit);
        }
        let now = counters.now().since(before);
        assert_eq!(now, Exits { slept: 1, woke_caller: 1, interrupted: 1, other: 2 });
        assert_eq!((now.total(), now.and(now).total(), before.since(now).total()), (5, 10, 0));
    }
}
