//! σ, the call stack and what else an undone call takes back: one value that is copied before each call.

use std::collections::BTreeMap;

use crate::measure::{self, MAX_HEIGHT, MAX_SIZE};
use crate::table::{Status, writable_pages};
use crate::value::{Data, Dynamic, Instance, PAGE_SIZE, Path, Run, Value};

/// What a chain may fix otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// Pages that are mapped read-write in all live frames.
    pub max_writable_pages: u64,
    /// Pages that a block changes.
    pub max_changed_pages: u64,
    /// Bytes of log entries.
    pub max_log_bytes: u64,
    /// Frames on the call stack.
    pub max_depth: usize,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { max_writable_pages: 1 << 16, max_changed_pages: 1 << 17, max_log_bytes: 1 << 16, max_depth: 64 }
    }
}

/// How a call came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    /// Through the slot that holds the Instance.
    Owner,
    /// Through a Callable.
    Callable {
        /// Its badge.
        badge: u64,
        /// Its distance.
        distance: u8,
    },
    /// By an event of a block, from this origin.
    Event([u8; 32]),
    /// From the host.
    Host,
}

/// A program on the call stack.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// Where its Instance stands.
    pub path: Path,
    /// φ0 to φ12.
    pub registers: [u64; 13],
    /// The action that comes next.
    pub index: usize,
    /// Whether the block that it belongs to is paid.
    pub paid: bool,
    /// Gas that is left.
    pub gas: u64,
    /// The live slots 0 and 1.
    pub live: [Option<Value>; 2],
    /// The ephemeral pages, one mapping behind the other.
    pub ephemeral: Data,
    /// What MAP has mapped.
    pub dynamic: Dynamic,
    /// How the call came.
    pub via: Via,
    /// What pages of slots were when last collected, if they were stored to since.
    pub before: BTreeMap<(u8, u32), [u8; PAGE_SIZE]>,
}

/// A log entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// The topic.
    pub topic: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Everything that an undone call takes back.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    /// σ, an Instance.
    pub root: Value,
    /// The call stack, the running program last.
    pub frames: Vec<Frame>,
    /// Log entries of the call from the host.
    pub logs: Vec<LogEntry>,
    /// Pages that were changed in this block.
    pub changed_pages: u64,
}

/// The slots from the running Instance's table down to a place; with 0 or 1 in front a live slot or what lies below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place(pub Vec<u8>);

impl Place {
    /// Whether it has no path.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0[0] < 2
    }

    /// The slot, if it is one of the running Instance's own table.
    #[must_use]
    pub fn own_slot(&self) -> Option<u8> {
        match self.0[..] {
            [slot] => Some(slot),
            _ => None,
        }
    }
}

fn below<'a>(mut value: &'a Value, slots: &[u8]) -> Option<&'a Value> {
    for slot in slots {
        value = value.table()?.slots.get(slot)?;
    }
    Some(value)
}

fn below_mut<'a>(mut value: &'a mut Value, slots: &[u8]) -> Option<&'a mut Value> {
    for slot in slots {
        value = value.table_mut()?.slots.get_mut(slot)?;
    }
    Some(value)
}

impl State {
    /// The running program's frame.
    ///
    /// # Panics
    /// If none runs.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        self.frames.last().expect("a program runs")
    }

    pub(crate) fn frame_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a program runs")
    }

    /// What stands at a path.
    #[must_use]
    pub fn at(&self, path: &[u8]) -> Option<&Value> {
        below(&self.root, path)
    }

    /// The Instance at a path.
    #[must_use]
    pub fn instance(&self, path: &[u8]) -> Option<&Instance> {
        match self.at(path)? {
            Value::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    pub(crate) fn instance_mut(&mut self, path: &[u8]) -> &mut Instance {
        match below_mut(&mut self.root, path) {
            Some(Value::Instance(instance)) => instance,
            _ => panic!("an Instance on the call stack stays where it is: {path:?}"),
        }
    }

    /// The running Instance.
    #[must_use]
    pub fn running(&self) -> &Instance {
        self.instance(&self.frame().path).expect("an Instance on the call stack stays where it is")
    }

    /// What stands in a place.
    #[must_use]
    pub fn value(&self, place: &Place) -> Option<&Value> {
        let frame = self.frame();
        match place.0[..] {
            [slot @ (0 | 1), ref rest @ ..] => below(frame.live[usize::from(slot)].as_ref()?, rest),
            ref slots => below(self.at(&frame.path)?, slots),
        }
    }

    pub(crate) fn value_mut(&mut self, place: &Place) -> Option<&mut Value> {
        let path = self.frame().path.clone();
        match place.0[..] {
            [slot @ (0 | 1), ref rest @ ..] => below_mut(self.frame_mut().live[usize::from(slot)].as_mut()?, rest),
            ref slots => below_mut(below_mut(&mut self.root, &path)?, slots),
        }
    }

    /// Empties a place.
    pub(crate) fn take(&mut self, place: &Place) -> Option<Value> {
        if let Some(slot @ (0 | 1)) = place.own_slot() {
            return self.frame_mut().live[usize::from(slot)].take();
        }
        let (slot, table) = self.table_of(place)?;
        table.take(slot)
    }

    /// Puts something into an empty place.
    pub(crate) fn put(&mut self, place: &Place, value: Value) {
        if let Some(slot @ (0 | 1)) = place.own_slot() {
            self.frame_mut().live[usize::from(slot)] = Some(value);
        } else if let Some((slot, table)) = self.table_of(place) {
            table.put(slot, Some(value));
        }
    }

    fn table_of(&mut self, place: &Place) -> Option<(u8, &mut crate::value::CNode)> {
        let (&slot, container) = place.0.split_last()?;
        let table = if container.is_empty() {
            let path = self.frame().path.clone();
            &mut self.instance_mut(&path).table
        } else {
            self.value_mut(&Place(container.to_vec()))?.table_mut()?
        };
        Some((slot, table))
    }

    /// The place that a reference names.
    pub(crate) fn walk(&self, reference: u32) -> Result<Place, Status> {
        let [slot, hops @ ..] = reference.to_le_bytes();
        let end = hops.iter().position(|&hop| hop == 0).unwrap_or(hops.len());
        if hops[end..].iter().any(|&byte| byte != 0) {
            return Err(Status::Range);
        }
        let mut place = Place(Vec::new());
        for &hop in &hops[..end] {
            place.0.push(hop);
            match self.value(&place).ok_or(Status::Empty)? {
                Value::CNode(_) => {}
                Value::Instance(instance) if instance.run == Run::Live => return Err(Status::Busy),
                Value::Instance(_) => {}
                _ => return Err(Status::Kind),
            }
        }
        place.0.push(slot);
        Ok(place)
    }

    /// The path of a place.
    pub(crate) fn path(&self, place: &Place) -> Option<Path> {
        (!place.is_live()).then(|| [&self.frame().path[..], &place.0].concat())
    }

    /// Whether a place is pinned.
    pub(crate) fn is_pinned(&self, place: &Place) -> bool {
        self.path(place).is_some_and(|path| self.is_path_pinned(&path))
    }

    fn is_path_pinned(&self, path: &[u8]) -> bool {
        self.frames.iter().any(|frame| frame.path.starts_with(path))
    }

    /// Whether slots 0 and 1 of an Instance can become live ones: nothing that is on the call stack stands there.
    pub(crate) fn may_enter(&self, path: &[u8]) -> bool {
        (0..2).all(|slot| !self.is_path_pinned(&[path, &[slot]].concat()))
    }

    /// A path in the coordinates of the running Instance.
    ///
    /// # Errors
    /// RANGE if it would be too long.
    pub(crate) fn written(&self, path: &[u8]) -> Result<Path, Status> {
        let running = &self.frame().path;
        for length in (0..=running.len()).rev() {
            let home = self.instance(&running[..length]).and_then(|instance| instance.home.clone());
            if let Some(home) = home {
                let written = [&home[..], &path[length..]].concat();
                return if written.len() as u64 > MAX_HEIGHT { Err(Status::Range) } else { Ok(written) };
            }
        }
        Ok(path.to_vec())
    }

    /// The path that is meant by one that is held in a place.
    pub(crate) fn read(&self, holder: &Place, path: &[u8]) -> Path {
        let running = &self.frame().path;
        // The tables that the place is in, from the innermost one out to the root.
        let mut containers = Vec::new();
        if !holder.is_live() {
            containers.extend((1..holder.0.len()).rev().map(|length| [&running[..], &holder.0[..length]].concat()));
        }
        containers.extend((0..=running.len()).rev().map(|length| running[..length].to_vec()));
        for container in containers {
            let home = self.instance(&container).and_then(|instance| instance.home.as_ref());
            if let Some(rest) = home.and_then(|home| path.strip_prefix(&home[..])) {
                return [&container[..], rest].concat();
            }
        }
        path.to_vec()
    }

    /// Whether everything is within its bounds.
    pub(crate) fn check_bounds(&self, parameters: &Parameters) -> Result<(), Status> {
        let live = || self.frames.iter().flat_map(|frame| frame.live.iter().flatten());
        if measure::height(&self.root) > MAX_HEIGHT || live().any(|value| 1 + measure::height(value) > MAX_HEIGHT) {
            return Err(Status::Range);
        }
        if measure::size(&self.root) > MAX_SIZE || live().any(|value| measure::size(value) > MAX_SIZE) {
            return Err(Status::Range);
        }
        if !quotas_hold(&self.root) || !live().all(quotas_hold) {
            return Err(Status::Quota);
        }
        if self.writable_pages() > parameters.max_writable_pages || self.changed_pages > parameters.max_changed_pages {
            return Err(Status::Quota);
        }
        Ok(())
    }

    fn writable_pages(&self) -> u64 {
        let of = |frame: &Frame| {
            self.instance(&frame.path).map_or(0, |instance| writable_pages(&instance.image, &frame.dynamic))
        };
        self.frames.iter().map(of).sum()
    }

    /// Counts the pages of a slot of the running Instance that differ from what they were when last collected.
    pub(crate) fn collect(&mut self, slot: u8) {
        let place = Place(vec![slot]);
        let before = std::mem::take(&mut self.frame_mut().before);
        let (of_slot, others) = before.into_iter().partition(|((of, _), _)| *of == slot);
        self.frame_mut().before = others;
        let of_slot: BTreeMap<(u8, u32), [u8; PAGE_SIZE]> = of_slot;
        if let Some(Value::Data(data)) = self.value_mut(&place) {
            let changed = of_slot.iter().filter(|((_, page), before)| data.page(*page) != **before).count() as u64;
            data.changes += changed;
            self.changed_pages += changed;
        }
    }

    /// Forgets what was stored to a slot whose content is gone.
    pub(crate) fn discard(&mut self, slot: u8) {
        self.frame_mut().before.retain(|(of, _), _| *of != slot);
    }
}

fn quotas_hold(value: &Value) -> bool {
    let own = match value {
        Value::Instance(instance) => instance.quota.is_none_or(|quota| measure::size_of_instance(instance) <= quota),
        _ => true,
    };
    own && value.table().is_none_or(|table| table.slots.values().all(quotas_hold))
}
