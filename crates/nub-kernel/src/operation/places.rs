//! COPY, MOVE, SWAP, DROP, NEW_DATA, NEW_CNODE, RESIZE: what stands where.

use javm_cap::{CNode, Capability, Data, Measure, Path};

use super::operands::{high, low};
use super::{DONE, Operands, flag};
use crate::arch::{AddressSpace, Arch};
use crate::engine::Answer;
use crate::frame::Frame;
use crate::process::{Change, Process};
use crate::reference::Reference;
use crate::status::Status;
use crate::window::is_live;

/// How many nodes an operation lets go of at most; the rest waits.
const RECLAIMED: usize = 64;

impl<S: AddressSpace> Frame<S> {
    /// The table that a place is in, if it is not a slot of the frame's own, and the path in it.
    fn table_of<'a, 'b>(&'a mut self, place: &'b Reference) -> Option<(&'a mut Capability, &'b [u8])> {
        let (&first, rest) = place.slots().split_first()?;
        let live = self.live.get_mut(usize::from(first))?;
        Some((live.as_mut()?, rest))
    }
}

/// Puts a capability below another one, where there is nothing.
fn put_below(whole: &mut Capability, path: &[u8], capability: Capability) -> bool {
    match whole {
        Capability::CNode(table) => table.put_at(path, capability).is_ok(),
        Capability::Instance(instance) => instance.put_at(path, capability).is_ok(),
        _ => false,
    }
}

fn take_below(whole: &mut Capability, path: &[u8]) -> Option<Capability> {
    match whole {
        Capability::CNode(table) => table.take_at(path).ok(),
        Capability::Instance(instance) => instance.table_mut().take_at(path).ok(),
        _ => None,
    }
}

impl<A: Arch> Process<'_, A> {
    /// Puts a capability into a place that is vacant, after everything was checked.
    pub(crate) fn put(&mut self, place: &Reference, capability: Capability) {
        let frame = self.top();
        let put = match place.own_slot() {
            Some(slot) => {
                let put = match frame.live.get_mut(usize::from(slot)) {
                    Some(live) => {
                        *live = Some(capability);
                        true
                    }
                    None => frame.table.set(slot, capability).is_ok(),
                };
                frame.show(slot);
                put
            }
            None => match is_live(place.slots()[0]) {
                true => frame.table_of(place).is_some_and(|(whole, path)| put_below(whole, path, capability)),
                false => frame.table.put_at(place.slots(), capability).is_ok(),
            },
        };
        debug_assert!(put, "the bounds were checked");
        self.count_change_at(place);
    }

    /// Takes out what stands in a place. Stores to it that were not collected are dropped.
    pub(crate) fn take_out(&mut self, place: &Reference) -> Option<Capability> {
        let frame = self.top();
        let taken = match place.own_slot() {
            Some(slot) => {
                frame.forget_stores(slot);
                let taken = match frame.live.get_mut(usize::from(slot)) {
                    Some(live) => live.take(),
                    None => frame.table.take(slot),
                };
                frame.show(slot);
                taken
            }
            None => match is_live(place.slots()[0]) {
                true => frame.table_of(place).and_then(|(whole, path)| take_below(whole, path)),
                false => frame.table.take_at(place.slots()).ok(),
            },
        };
        if taken.is_some() {
            self.count_change_at(place);
        }
        taken
    }

    /// Counts a change of the table that a place is in; live slots are in none.
    fn count_change_at(&mut self, place: &Reference) {
        let epoch = self.epoch;
        let frame = self.top();
        match (is_live(place.slots()[0]), place.own_slot()) {
            (true, Some(_)) => {}
            (false, Some(_)) => frame.table.count_changes(epoch, 1),
            (false, None) => frame.table.count_changes_at(place.slots(), epoch, 1),
            (true, None) => match frame.table_of(place) {
                Some((Capability::CNode(table), path)) => table.count_changes_at(path, epoch, 1),
                Some((Capability::Instance(instance), path)) => instance.table_mut().count_changes_at(path, epoch, 1),
                _ => {}
            },
        }
    }

    /// Changes the Instance in a place, which counts that.
    pub(crate) fn change_instance<T>(
        &mut self,
        place: &Reference,
        change: impl FnOnce(&mut javm_cap::Instance) -> T,
    ) -> Option<T> {
        let epoch = self.epoch;
        let frame = self.top();
        let found = match (is_live(place.slots()[0]), place.own_slot()) {
            (false, _) => frame.table.instance_mut_at(place.slots()),
            (true, Some(slot)) => match frame.live.get_mut(usize::from(slot)) {
                Some(Some(Capability::Instance(instance))) => Some(instance),
                _ => None,
            },
            (true, None) => frame.table_of(place).and_then(|(whole, path)| match whole {
                Capability::CNode(table) => table.instance_mut_at(path),
                Capability::Instance(instance) => instance.table_mut().instance_mut_at(path),
                _ => None,
            }),
        };
        debug_assert!(found.is_some(), "it was looked at before");
        found.map(|instance| {
            instance.count_changes(epoch, 1);
            change(instance)
        })
    }

    /// Changes the Data in a place.
    fn change_data<T>(&mut self, place: &Reference, change: impl FnOnce(&mut Data) -> T) -> Option<T> {
        let frame = self.top();
        let found = match place.own_slot() {
            Some(slot) => frame.own_data_mut(slot),
            None => match is_live(place.slots()[0]) {
                false => frame.table.data_at(place.slots()).ok(),
                true => frame.table_of(place).and_then(|(whole, path)| match whole {
                    Capability::CNode(table) => table.data_at(path).ok(),
                    Capability::Instance(instance) => instance.table_mut().data_at(path).ok(),
                    _ => None,
                }),
            },
        };
        debug_assert!(found.is_some(), "it was looked at before");
        found.map(change)
    }

    /// [`Process::change_data`] of what its memory may show.
    pub(crate) fn change_shown_data<T>(&mut self, place: &Reference, change: impl FnOnce(&mut Data) -> T) -> Option<T> {
        if let Some(slot) = place.own_slot() {
            self.top().hide(slot);
        }
        let result = self.change_data(place, change);
        if let Some(slot) = place.own_slot() {
            self.top().show(slot);
        }
        result
    }

    /// Collects what was stored to these places, as far as they are slots of the running Instance's own.
    pub(crate) fn collect_places(&mut self, places: &[&Reference], others: u64) -> Result<(), Status> {
        let mut slots = [0; 2];
        let mut count = 0;
        for slot in places.iter().filter_map(|place| place.own_slot()) {
            slots[count] = slot;
            count += 1;
        }
        self.collect(&slots[..count], others)
    }

    /// The `home` that a copy of what stands in a place gets, if it gets one.
    fn rebased(&self, operands: &Operands, source: &Reference) -> Result<Option<Path>, Status> {
        if !operands.has(flag::REBASE) {
            return Ok(None);
        }
        let path = self.path_of(source).ok_or(Status::Range)?;
        self.written(&path).map(Some).ok_or(Status::Range)
    }

    /// What COPY and MOVE look at first.
    fn source(&self, operands: &Operands) -> Result<(Reference, Reference, Measure), Status> {
        let (source, destination) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let found = self.present(&source)?;
        if operands.has(flag::REBASE) && !matches!(found, Capability::Instance(_)) {
            return Err(Status::Kind);
        }
        let measure = found.measure();
        if self.is_pinned(&source) {
            return Err(Status::Busy);
        }
        self.vacant(&destination)?;
        Ok((source, destination, measure))
    }

    /// COPY.
    pub(crate) fn copy(&mut self, operands: &Operands) -> Answer {
        let (source, destination, measure) = self.source(operands)?;
        let home = self.rebased(operands, &source)?;
        self.check(&[Change { place: &destination, old: Measure::default(), new: measure }])?;
        self.collect_places(&[&source], 0)?;
        let copy = self.present(&source)?.clone();
        self.put(&destination, at_home(copy, home));
        DONE
    }

    /// MOVE.
    pub(crate) fn move_(&mut self, operands: &Operands) -> Answer {
        let (source, destination, measure) = self.source(operands)?;
        if destination.slots().starts_with(source.slots()) {
            return Err(Status::Range.into());
        }
        let home = self.rebased(operands, &source)?;
        let nothing = Measure::default();
        self.check(&[
            Change { place: &source, old: measure, new: nothing },
            Change { place: &destination, old: nothing, new: measure },
        ])?;
        self.collect_places(&[&source], 0)?;
        if let Some(moved) = self.take_out(&source) {
            self.put(&destination, at_home(moved, home));
        }
        DONE
    }

    /// SWAP.
    pub(crate) fn swap(&mut self, operands: &Operands) -> Answer {
        let (one, other) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let first = self.unpinned(&one)?.measure();
        let second = self.unpinned(&other)?.measure();
        if one.slots().starts_with(other.slots()) || other.slots().starts_with(one.slots()) {
            return Err(Status::Range.into());
        }
        self.check(&[
            Change { place: &one, old: first, new: second },
            Change { place: &other, old: second, new: first },
        ])?;
        self.collect_places(&[&one, &other], 0)?;
        if let (Some(first), Some(second)) = (self.take_out(&one), self.take_out(&other)) {
            self.put(&one, second);
            self.put(&other, first);
        }
        DONE
    }

    /// DROP.
    pub(crate) fn drop_(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        self.unpinned(&place)?;
        if let Some(dropped) = self.take_out(&place) {
            self.reclaim.add(dropped);
        }
        self.reclaim.work(RECLAIMED);
        DONE
    }

    /// Puts something new into a vacant place, within the bounds.
    pub(crate) fn make(&mut self, destination: &Reference, made: impl Into<Capability>) -> Answer {
        let made = made.into();
        self.check(&[Change { place: destination, old: Measure::default(), new: made.measure() }])?;
        self.put(destination, made);
        DONE
    }

    /// NEW_DATA.
    pub(crate) fn new_data(&mut self, operands: &Operands) -> Answer {
        let destination = self.walk(low(operands.b()))?;
        self.vacant(&destination)?;
        let mut data = Data::new(low(operands.a())).map_err(|_| Status::Range)?;
        data.count_changes(self.epoch, 1);
        self.make(&destination, data)
    }

    /// NEW_CNODE.
    pub(crate) fn new_cnode(&mut self, operands: &Operands) -> Answer {
        let destination = self.walk(low(operands.a()))?;
        self.vacant(&destination)?;
        let mut table = CNode::new();
        table.count_changes(self.epoch, 1);
        self.make(&destination, table)
    }

    /// The Data in a place.
    pub(crate) fn data(&self, place: &Reference) -> Result<&Data, Status> {
        match self.present(place)? {
            Capability::Data(data) => Ok(data),
            _ => Err(Status::Kind),
        }
    }

    /// RESIZE.
    pub(crate) fn resize(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let old = self.data(&place)?.measure();
        let pages = low(operands.b());
        self.check(&[Change { place: &place, old, new: Measure { size: pages.into(), height: 0 } }])?;
        self.collect_places(&[&place], 0)?;
        let mut reclaim = core::mem::take(&mut *self.reclaim);
        let epoch = self.epoch;
        let resized = self.change_shown_data(&place, |data| {
            data.count_changes(epoch, 1);
            data.resize_into(pages, &mut reclaim)
        });
        debug_assert!(matches!(resized, Some(Ok(()))), "the length was checked");
        *self.reclaim = reclaim;
        self.reclaim.work(RECLAIMED);
        DONE
    }
}

/// An Instance with this `home`, if it has none.
fn at_home(capability: Capability, home: Option<Path>) -> Capability {
    match (capability, home) {
        (Capability::Instance(mut instance), Some(home)) if instance.home().is_none() => {
            instance.set_home(Some(home));
            Capability::Instance(instance)
        }
        (capability, _) => capability,
    }
}
