//! What is not free yet.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::epochs::Ticket;

/// What was taken back at one time from one lane.
pub struct Batch<T> {
    ticket: Ticket,
    items: Vec<T>,
    next: Option<Box<Batch<T>>>,
}

impl<T> Batch<T> {
    /// These, free once the ticket's lane has passed.
    #[must_use]
    pub fn new(ticket: Ticket, items: Vec<T>) -> Box<Batch<T>> {
        Box::new(Batch { ticket, items, next: None })
    }
}

/// What waits for lanes to forget it. Nothing here allocates or frees, so that it may stand behind a spin lock: what is
/// admitted comes in its box, and what may be free is taken out as a whole and looked through outside.
pub struct Quarantine<T> {
    first: Option<Box<Batch<T>>>,
}

impl<T> Default for Quarantine<T> {
    fn default() -> Self {
        Quarantine::new()
    }
}

impl<T> Quarantine<T> {
    /// Nothing waits.
    #[must_use]
    pub const fn new() -> Quarantine<T> {
        Quarantine { first: None }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Keeps what was taken back.
    pub fn admit(&mut self, mut batch: Box<Batch<T>>) {
        batch.next = self.first.take();
        self.first = Some(batch);
    }

    /// All that waits, to be looked through.
    #[must_use]
    pub fn take(&mut self) -> Quarantine<T> {
        Quarantine { first: self.first.take() }
    }

    /// Keeps all that waits elsewhere, too.
    pub fn join(&mut self, mut other: Quarantine<T>) {
        let mut rest = other.first.take();
        while let Some(mut batch) = rest {
            rest = batch.next.take();
            self.admit(batch);
        }
    }

    /// Parts with what is free: hands it to `free`.
    pub fn sort(&mut self, is_free: impl Fn(Ticket) -> bool, mut free: impl FnMut(T)) {
        let mut rest = self.first.take();
        while let Some(mut batch) = rest {
            rest = batch.next.take();
            if is_free(batch.ticket) {
                batch.items.drain(..).for_each(&mut free);
            } else {
                self.admit(batch);
            }
        }
    }
}

/// A long chain is not dropped by recursion.
impl<T> Drop for Quarantine<T> {
    fn drop(&mut self) {
        let mut rest = self.first.take();
        while let Some(mut batch) = rest {
            rest = batch.next.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::super::epochs::Epochs;
    use super::*;

    const LANES: usize = 3;
    const PAGES: usize = 4;

    #[derive(Clone, Debug)]
    enum Step {
        /// A lane touches a page of its own window.
        Touch { lane: usize, page: usize },
        /// Somebody takes a page of a lane's window back.
        Revoke { lane: usize, page: usize },
        /// A lane forgets its translations; what others do meanwhile, they do after it has begun.
        Flush { lane: usize, meanwhile: Vec<(usize, usize)> },
        /// Somebody looks what is free.
        Sort,
    }

    fn step() -> impl Strategy<Value = Step> {
        let (lane, page) = (0..LANES, 0..PAGES);
        prop_oneof![
            3 => (lane.clone(), page.clone()).prop_map(|(lane, page)| Step::Touch { lane, page }),
            3 => (lane.clone(), page.clone()).prop_map(|(lane, page)| Step::Revoke { lane, page }),
            2 => (lane.clone(), prop::collection::vec((lane, page), 0..3))
                .prop_map(|(lane, meanwhile)| Step::Flush { lane, meanwhile }),
            2 => Just(Step::Sort),
        ]
    }

    /// Lanes with windows and what their processors remember of them.
    #[derive(Default)]
    struct Model {
        tables: [BTreeMap<usize, u32>; LANES],
        remembered: [BTreeMap<usize, u32>; LANES],
        free: BTreeSet<u32>,
        made: u32,
    }

    impl Model {
        fn touch(&mut self, lane: usize, page: usize) {
            let frame = *self.tables[lane].entry(page).or_insert_with(|| {
                self.free.pop_first().unwrap_or_else(|| {
                    self.made += 1;
                    self.made
                })
            });
            self.remembered[lane].entry(page).or_insert(frame);
        }

        fn revoke(&mut self, epochs: &Epochs<LANES>, quarantine: &mut Quarantine<u32>, lane: usize, page: usize) {
            if let Some(frame) = self.tables[lane].remove(&page) {
                quarantine.admit(Batch::new(epochs.want(lane), vec![frame]));
            }
        }

        fn no_free_frame_is_remembered(&self) {
            for remembered in &self.remembered {
                assert!(remembered.values().all(|frame| !self.free.contains(frame)));
            }
        }
    }

    proptest! {
        #[test]
        fn a_frame_is_free_only_when_no_lane_remembers_it(steps in prop::collection::vec(step(), 1..200)) {
            let epochs = Epochs::<LANES>::new();
            let (mut model, mut quarantine) = (Model::default(), Quarantine::new());
            for step in steps {
                match step {
                    Step::Touch { lane, page } => {
                        // What was taken back may be remembered, but a lane forgets before it uses a window again.
                        if epochs.is_wanted(lane) {
                            epochs.pass(lane, || model.remembered[lane].clear());
                        }
                        model.touch(lane, page);
                        prop_assert_eq!(&model.remembered[lane][&page], &model.tables[lane][&page]);
                    }
                    Step::Revoke { lane, page } => model.revoke(&epochs, &mut quarantine, lane, page),
                    Step::Flush { lane, meanwhile } => epochs.pass(lane, || {
                        model.remembered[lane].clear();
                        for (other, page) in meanwhile {
                            // The worst case: it was remembered again just before it was taken back.
                            if let Some(&frame) = model.tables[other].get(&page) {
                                model.remembered[other].insert(page, frame);
                            }
                            model.revoke(&epochs, &mut quarantine, other, page);
                        }
                    }),
                    Step::Sort => {
                        let mut waiting = quarantine.take();
                        waiting.sort(|ticket| epochs.has_passed(ticket), |frame| {
                            assert!(model.free.insert(frame), "freed twice");
                        });
                        quarantine.join(waiting);
                    }
                }
                model.no_free_frame_is_remembered();
            }
            // Nothing waits for ever.
            (0..LANES).for_each(|lane| epochs.pass(lane, || model.remembered[lane].clear()));
            quarantine.sort(|ticket| epochs.has_passed(ticket), |frame| assert!(model.free.insert(frame)));
            prop_assert!(quarantine.is_empty());
            let shown: usize = model.tables.iter().map(BTreeMap::len).sum();
            prop_assert_eq!(model.free.len() + shown, model.made as usize);
        }
    }
}
