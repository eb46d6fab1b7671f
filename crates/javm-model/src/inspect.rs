//! STAT, HASH, SET_QUOTA, SELF, QUOTA.

use crate::hash;
use crate::measure::{self, MAX_SIZE};
use crate::operate::{Ask, Done};
use crate::state::{Place, Via};
use crate::table::{HASH_LEVEL_PRICE, Operation, Status};
use crate::value::{Run, Value};
use crate::world::World;

impl World {
    pub(crate) fn stat(&mut self, place: &Place) -> Result<Done, Status> {
        let value = self.state.present(place)?;
        let mut result = u64::from(value.tag()) | measure::height(value) << 24;
        if let Value::Instance(instance) = value {
            let (state, why) = match &instance.run {
                Run::Idle => (0, 0),
                Run::Suspended(suspended) => (1, suspended.why.number().into()),
                Run::Live => (2, 0),
            };
            result |= state << 8 | why << 16;
            result |= u64::from(instance.quota.is_some()) << 32 | u64::from(instance.home.is_some()) << 33;
        }
        Ok(Done { result, detail: measure::size(value), ..Done::default() })
    }

    pub(crate) fn hash(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        self.state.present(place)?;
        self.state.not_pinned(place)?;
        if place.own_slot().is_some_and(|slot| self.state.is_mapped_writable(slot)) {
            return Err(Status::Busy);
        }
        let address = ask.operands[1];
        if !self.state.allows(address, 32, true) {
            return Err(Status::Range);
        }
        self.state.collect_place(place);
        let value = self.state.present(place)?;
        let a_change = Operation::Hash.unit() + HASH_LEVEL_PRICE * measure::height(value);
        let price = measure::changes(value).saturating_mul(a_change);
        let hash = hash::of(value);
        self.state.store_range(address, &hash);
        Ok(Done { price, ..Done::default() })
    }

    pub(crate) fn set_quota(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        if !matches!(self.state.present(place)?, Value::Instance(_)) {
            return Err(Status::Kind);
        }
        self.state.not_pinned(place)?;
        if let Some(Value::Instance(instance)) = self.state.value_mut(place) {
            instance.quota = Some(ask.operands[1]).filter(|&pages| pages != u64::MAX);
            instance.table.changes += 1;
        }
        Ok(Done::default())
    }

    pub(crate) fn self_record(&mut self, ask: &Ask) -> Result<Done, Status> {
        let frame = self.state.frame();
        let path = self.state.written(&frame.path)?;
        let (via, distance, badge, origin) = match frame.via {
            Via::Owner => (0, 0, 0, [0; 32]),
            Via::Callable { badge, distance } => (1, distance, badge, [0; 32]),
            Via::Event(origin) => (2, 0, 0, origin),
            Via::Host => (3, 0, 0, [0; 32]),
        };
        let mut record = [0; 64];
        record[..3].copy_from_slice(&[via, distance, path.len() as u8]);
        record[8..16].copy_from_slice(&badge.to_le_bytes());
        record[16..16 + path.len()].copy_from_slice(&path);
        record[32..].copy_from_slice(&origin);
        let address = ask.operands[0];
        if !self.state.allows(address, 64, true) {
            return Err(Status::Range);
        }
        self.state.store_range(address, &record);
        Ok(Done::default())
    }

    pub(crate) fn quota_left(&self) -> u64 {
        let path = &self.state.frame().path;
        let above = (0..=path.len()).filter_map(|length| self.state.instance(&path[..length]));
        let left = above.filter_map(|instance| Some(instance.quota? - measure::size_of_instance(instance)));
        left.chain([MAX_SIZE - measure::size(&self.state.root)]).min().unwrap_or(0)
    }
}
