//! COPY, MOVE, SWAP, DROP, RESIZE, READ, WRITE.

use crate::operate::{Ask, Done, pages_touched};
use crate::state::{Place, State};
use crate::table::Status;
use crate::value::{Path, Value};
use crate::world::World;

/// The flag of COPY and MOVE.
const REBASE: u8 = 1;

impl State {
    /// What stands in a place.
    pub(crate) fn present(&self, place: &Place) -> Result<&Value, Status> {
        self.value(place).ok_or(Status::Empty)
    }

    pub(crate) fn not_pinned(&self, place: &Place) -> Result<(), Status> {
        if self.is_pinned(place) { Err(Status::Busy) } else { Ok(()) }
    }

    pub(crate) fn free(&self, place: &Place) -> Result<(), Status> {
        if self.value(place).is_some() { Err(Status::Full) } else { Ok(()) }
    }

    /// Counts what was stored to a place of the running Instance's own table.
    pub(crate) fn collect_place(&mut self, place: &Place) {
        if let Some(slot) = place.own_slot() {
            self.collect(slot);
        }
    }

    fn data_bytes(&self, place: &Place) -> Result<u64, Status> {
        match self.present(place)? {
            Value::Data(data) => Ok(data.bytes()),
            _ => Err(Status::Kind),
        }
    }
}

fn set_home(value: &mut Value, home: Option<Path>) {
    if let (Value::Instance(instance), Some(home)) = (value, home) {
        instance.home.get_or_insert(home);
    }
}

impl World {
    /// What COPY and MOVE look at first.
    fn source(&self, ask: &Ask, source: &Place, destination: &Place) -> Result<(), Status> {
        let value = self.state.present(source)?;
        if ask.has(REBASE) && !matches!(value, Value::Instance(_)) {
            return Err(Status::Kind);
        }
        self.state.not_pinned(source)?;
        self.state.free(destination)
    }

    fn home(&self, ask: &Ask, source: &Place) -> Result<Option<Path>, Status> {
        if !ask.has(REBASE) {
            return Ok(None);
        }
        let path = self.state.path(source).ok_or(Status::Range)?;
        self.state.written(&path).map(Some)
    }

    pub(crate) fn copy(&mut self, ask: &Ask, source: &Place, destination: &Place) -> Result<Done, Status> {
        self.source(ask, source, destination)?;
        let home = self.home(ask, source)?;
        self.state.collect_place(source);
        let mut value = self.state.present(source)?.clone();
        set_home(&mut value, home);
        self.state.put(destination, value);
        Ok(Done::default())
    }

    pub(crate) fn r#move(&mut self, ask: &Ask, source: &Place, destination: &Place) -> Result<Done, Status> {
        self.source(ask, source, destination)?;
        if destination.0.starts_with(&source.0) {
            return Err(Status::Range);
        }
        let home = self.home(ask, source)?;
        self.state.collect_place(source);
        let mut value = self.state.take(source).ok_or(Status::Empty)?;
        set_home(&mut value, home);
        self.state.put(destination, value);
        Ok(Done::default())
    }

    pub(crate) fn swap(&mut self, a: &Place, b: &Place) -> Result<Done, Status> {
        for place in [a, b] {
            self.state.present(place)?;
            self.state.not_pinned(place)?;
        }
        if a.0.starts_with(&b.0) || b.0.starts_with(&a.0) {
            return Err(Status::Range);
        }
        self.state.collect_place(a);
        self.state.collect_place(b);
        let (value_a, value_b) = (self.state.take(a), self.state.take(b));
        self.state.put(a, value_b.ok_or(Status::Empty)?);
        self.state.put(b, value_a.ok_or(Status::Empty)?);
        Ok(Done::default())
    }

    pub(crate) fn drop(&mut self, place: &Place) -> Result<Done, Status> {
        self.state.present(place)?;
        self.state.not_pinned(place)?;
        self.state.take(place);
        if let Some(slot) = place.own_slot() {
            self.state.discard(slot);
        }
        Ok(Done::default())
    }

    pub(crate) fn resize(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        self.state.data_bytes(place)?;
        self.state.collect_place(place);
        if let Some(Value::Data(data)) = self.state.value_mut(place) {
            data.resize(ask.operands[1] as u32);
            data.changes += 1;
        }
        Ok(Done::default())
    }

    /// Offset, address and length of a READ or WRITE.
    fn range(&self, ask: &Ask, place: &Place, own_store: bool) -> Result<(u64, u64, u64), Status> {
        let [_, offset, address, length] = ask.operands;
        let bytes = self.state.data_bytes(place)?;
        if offset.checked_add(length).is_none_or(|end| end > bytes) {
            return Err(Status::Range);
        }
        if !self.state.allows(address, length, own_store) {
            return Err(Status::Range);
        }
        Ok((offset, address, length))
    }

    pub(crate) fn read(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let (offset, address, length) = self.range(ask, place, true)?;
        if let Value::Data(data) = self.state.present(place)? {
            let bytes = data.read(offset, length);
            self.state.store_range(address, &bytes);
        }
        Ok(Done::default())
    }

    pub(crate) fn write(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let (offset, address, length) = self.range(ask, place, false)?;
        let bytes = self.state.load_range(address, length);
        self.state.collect_place(place);
        let changed = pages_touched(offset, length);
        if let Some(Value::Data(data)) = self.state.value_mut(place) {
            for (offset, byte) in (offset..).zip(bytes) {
                data.set_byte(offset, byte);
            }
            data.changes += changed;
        }
        self.state.changed_pages += changed;
        Ok(Done::default())
    }
}
