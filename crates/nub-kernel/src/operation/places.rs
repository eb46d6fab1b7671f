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

/// How many nodes an operation lets go of at most; the rest waits.
const RECLAIMED: usize = 64;

/// Where a place is, to be changed.
enum Found<'a> {
    /// Slot 0 or 1 of a frame, which is in no table.
    Live(&'a mut Option<Capability>),
    /// A slot of a table.
    Slot(&'a mut CNode, u8),
}

impl<S: AddressSpace> Frame<S> {
    /// Finds a place; `None` where nothing with slots stands on the way.
    #[inline(always)]
    fn find(&mut self, place: &Reference) -> Option<Found<'_>> {
        if let Some(slot) = place.own_slot() {
            return Some(match self.live.get_mut(usize::from(slot)) {
                None => Found::Slot(&mut self.table, slot),
                Some(live) => Found::Live(live),
            });
        }
        let (slot, way) = (place.slot(), place.way());
        let first = way.first().copied().unwrap_or(slot);
        let (table, rest) = match self.live.get_mut(usize::from(first)) {
            None => (&mut *self.table, way),
            Some(live) => (live.as_mut()?.table_mut()?, &way[1..]),
        };
        Some(Found::Slot(table.table_at_mut(rest).ok()?, slot))
    }
}

impl<A: Arch> Process<'_, A> {
    /// Puts a capability into a place that is vacant, after everything was checked.
    pub(crate) fn put(&mut self, place: &Reference, capability: Capability) {
        let epoch = self.epoch;
        let frame = self.top();
        let put = match frame.find(place) {
            Some(Found::Live(live)) => {
                *live = Some(capability);
                true
            }
            Some(Found::Slot(table, slot)) => {
                table.count_changes(epoch, 1);
                table.set_unchecked(slot, capability).is_none()
            }
            None => false,
        };
        debug_assert!(put, "the place was looked at before");
        if let Some(slot) = place.own_slot() {
            frame.show(slot);
        }
    }

    /// Takes out what stands in a place. Stores to it that were not collected are dropped.
    pub(crate) fn take_out(&mut self, place: &Reference) -> Option<Capability> {
        let epoch = self.epoch;
        let frame = self.top();
        if let Some(slot) = place.own_slot() {
            frame.forget_stores(slot);
        }
        let taken = match frame.find(place) {
            Some(Found::Live(live)) => live.take(),
            Some(Found::Slot(table, slot)) => {
                let taken = table.take(slot);
                table.count_changes(epoch, taken.is_some().into());
                taken
            }
            None => None,
        };
        if let Some(slot) = place.own_slot() {
            frame.show(slot);
        }
        taken
    }

    /// Changes the Instance in a place, which counts that.
    pub(crate) fn change_instance<T>(
        &mut self,
        place: &Reference,
        change: impl FnOnce(&mut javm_cap::Instance) -> T,
    ) -> Option<T> {
        let epoch = self.epoch;
        let found = match self.top().find(place)? {
            Found::Live(Some(Capability::Instance(instance))) => Some(instance),
            Found::Live(_) => None,
            Found::Slot(table, slot) => table.instance_mut_at(&[slot]),
        };
        debug_assert!(found.is_some(), "it was looked at before");
        found.map(|instance| {
            instance.count_changes(epoch, 1);
            change(instance)
        })
    }

    /// Changes the Data in a place.
    fn change_data<T>(&mut self, place: &Reference, change: impl FnOnce(&mut Data) -> T) -> Option<T> {
        let found = match self.top().find(place)? {
            Found::Live(Some(Capability::Data(data))) => Some(data),
            Found::Live(_) => None,
            Found::Slot(table, slot) => table.data_mut(slot),
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
            if self.running().may_have_stores(slot) {
                slots[count] = slot;
                count += 1;
            }
        }
        match count {
            0 => self.count_changed(others),
            _ => self.collect(&slots[..count], others),
        }
    }

    /// The `home` that what is copied or moved from a place gets, if it gets one.
    #[inline(always)]
    fn rebased(&self, operands: &Operands, source: &Reference) -> Result<Option<Path>, Status> {
        operands.has(flag::REBASE).then(|| self.home_at(source)).transpose()
    }

    /// The `home` of what is built for a place.
    #[cold]
    fn home_at(&self, source: &Reference) -> Result<Path, Status> {
        let path = self.path_of(source).ok_or(Status::Range)?;
        self.written(&path).ok_or(Status::Range)
    }

    /// What COPY and MOVE look at first: the places, and what stands in the first.
    #[inline(always)]
    fn source(&self, operands: &Operands) -> Result<(Reference, Reference, &Capability), Status> {
        let (source, destination) = (self.walk(low(operands.a()))?, self.walk(high(operands.a()))?);
        let found = self.present(&source)?;
        if operands.has(flag::REBASE) && !matches!(found, Capability::Instance(_)) {
            return Err(Status::Kind);
        }
        if self.is_pinned(&source) {
            return Err(Status::Busy);
        }
        self.vacant(&destination)?;
        Ok((source, destination, found))
    }

    /// COPY.
    pub(crate) fn copy(&mut self, operands: &Operands) -> Answer {
        let (source, destination, found) = self.source(operands)?;
        let home = self.rebased(operands, &source)?;
        self.check(&[Change { place: &destination, old: Measure::default(), new: found.measure() }])?;
        let mut copy = match source.own_slot() {
            Some(slot) if self.running().may_have_stores(slot) => {
                self.collect(&[slot], 0)?;
                self.present(&source)?.clone()
            }
            _ => found.clone(),
        };
        if let Some(home) = home {
            rebase(&mut copy, home);
        }
        self.put(&destination, copy);
        DONE
    }

    /// MOVE.
    pub(crate) fn move_(&mut self, operands: &Operands) -> Answer {
        let (source, destination, found) = self.source(operands)?;
        let measure = found.measure();
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
        if let Some(mut moved) = self.take_out(&source) {
            if let Some(home) = home {
                rebase(&mut moved, home);
            }
            self.put(&destination, moved);
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
            self.reclaim.let_go(dropped, RECLAIMED);
        }
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

/// Has an Instance this `home`, if it has none.
#[cold]
fn rebase(capability: &mut Capability, home: Path) {
    if let Capability::Instance(instance) = capability
        && instance.home().is_none()
    {
        instance.set_home(Some(home));
    }
}
