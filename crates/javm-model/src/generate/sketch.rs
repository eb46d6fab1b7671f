//! What the program that is being made likely finds where, so that its operations find what they take.
//!
//! It begins as the usual Instance is ([`standing`](super::standing)), and goes on as if each operation were done. The world knows
//! better: Instances differ from the usual one, and operations are refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::operate::{high, low};
use crate::script::Request;
use crate::table::Operation;

/// What stands in a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Thing {
    /// So many pages.
    Data(u32),
    Image,
    TypeDef,
    Service,
    Callable,
    CNode(Slots),
    /// An Instance that can be called.
    Idle(Slots),
    /// One that can be resumed.
    Suspended(Slots),
}

pub(super) type Slots = BTreeMap<u8, Thing>;

impl Thing {
    fn slots(&self) -> Option<&Slots> {
        match self {
            Thing::CNode(slots) | Thing::Idle(slots) | Thing::Suspended(slots) => Some(slots),
            _ => None,
        }
    }

    fn slots_mut(&mut self) -> Option<&mut Slots> {
        match self {
            Thing::CNode(slots) | Thing::Idle(slots) | Thing::Suspended(slots) => Some(slots),
            _ => None,
        }
    }

    pub(super) fn is_instance(&self) -> bool {
        matches!(self, Thing::Idle(_) | Thing::Suspended(_))
    }
}

/// A gas limit below which a call likely ends for want of gas.
const LOW: u64 = 5_000;

/// What stands in the slots of the running Instance, live ones included, and below; and what it has mapped.
#[derive(Clone, Default, Debug)]
pub(super) struct Sketch {
    pub(super) slots: Slots,
    /// Pages of its own space that MAP has mapped.
    pub(super) mapped: BTreeSet<u32>,
}

/// The slots from the running Instance down to a place.
fn path(reference: u32) -> Vec<u8> {
    let [slot, hops @ ..] = reference.to_le_bytes();
    hops.into_iter().take_while(|&hop| hop != 0).chain([slot]).collect()
}

/// The reference with these hops.
pub(super) fn reference(hops: &[u8], slot: u8) -> u32 {
    let mut bytes = [slot, 0, 0, 0];
    bytes[1..=hops.len()].copy_from_slice(hops);
    u32::from_le_bytes(bytes)
}

/// Whether what stands there can have a path.
pub(super) fn has_path(reference: u32) -> bool {
    path(reference)[0] > 1
}

impl Sketch {
    /// What is there for who has only what its Image gave it.
    pub(super) fn initial() -> Sketch {
        Sketch { slots: super::standing::initial(), ..Sketch::default() }
    }

    /// What stands in a place.
    pub(super) fn at(&self, reference: u32) -> Option<&Thing> {
        let path = path(reference);
        let (slot, hops) = path.split_last()?;
        hops.iter().try_fold(&self.slots, |slots, hop| slots.get(hop)?.slots())?.get(slot)
    }

    fn table_of(&mut self, reference: u32) -> Option<(u8, &mut Slots)> {
        let path = path(reference);
        let (&slot, hops) = path.split_last()?;
        let table = hops.iter().try_fold(&mut self.slots, |slots, hop| slots.get_mut(hop)?.slots_mut())?;
        Some((slot, table))
    }

    fn put(&mut self, reference: u32, thing: Option<Thing>) {
        let Some((slot, table)) = self.table_of(reference) else { return };
        match thing {
            Some(thing) => table.insert(slot, thing),
            None => table.remove(&slot),
        };
    }

    fn take(&mut self, reference: u32) -> Option<Thing> {
        let (slot, table) = self.table_of(reference)?;
        table.remove(&slot)
    }

    /// The places of what is wanted, those with fewer hops first.
    pub(super) fn places(&self, wanted: impl Fn(u32, &Thing) -> bool) -> Vec<u32> {
        let mut found = Vec::new();
        let mut tables = vec![(Vec::new(), &self.slots)];
        while let Some((hops, slots)) = tables.pop() {
            for (&slot, thing) in slots {
                let here = reference(&hops, slot);
                if wanted(here, thing) {
                    found.push(here);
                }
                if let (Some(slots), true) = (thing.slots(), hops.len() < 3 && slot != 0) {
                    tables.push(([&hops[..], &[slot]].concat(), slots));
                }
            }
        }
        found.sort_by_key(|&reference| path(reference).len());
        found
    }

    /// The tables that a reference can end in, by their hops, and what stands in them.
    pub(super) fn tables(&self) -> Vec<(Vec<u8>, &Slots)> {
        let below = self.slots.iter().filter(|&(&slot, _)| slot > 1);
        let below = below.filter_map(|(&slot, thing)| Some((vec![slot], thing.slots()?)));
        [(Vec::new(), &self.slots)].into_iter().chain(below).collect()
    }

    /// Has it be as it is once this is done.
    pub(super) fn note(&mut self, request: &Request) {
        let Some(operation) = Operation::from_number(request.word as u8) else { return };
        let [a, b, c, d] = request.operands;
        let (first, second) = (low(a), high(a));
        match operation {
            Operation::Copy => {
                let copy = self.at(first).cloned();
                self.put(second, copy);
            }
            Operation::Move => {
                let moved = self.take(first);
                self.put(second, moved);
            }
            Operation::Swap => {
                let (one, other) = (self.take(first), self.take(second));
                self.put(first, other);
                self.put(second, one);
            }
            Operation::Drop => self.put(first, None),
            Operation::NewData => self.put(low(b), Some(Thing::Data(low(a)))),
            Operation::NewCNode => self.put(first, Some(Thing::CNode(Slots::new()))),
            Operation::Resize => self.put(first, Some(Thing::Data(low(b)))),
            Operation::Spawn => self.put(second, Some(Thing::Idle(super::standing::initial()))),
            Operation::Mint | Operation::Attenuate => self.put(second, Some(Thing::Callable)),
            Operation::Map if path(first).len() == 1 => {
                self.mapped.extend((b..b.saturating_add(d.min(8))).map(|page| page as u32));
            }
            Operation::Unmap if first == 0 => {
                self.mapped.retain(|&page| u64::from(page) < b || u64::from(page) >= b + c)
            }
            Operation::Call | Operation::Resume => {
                let what = high(request.word);
                let stops = (1..LOW).contains(&request.last);
                let undone = request.word >> 8 & 4 != 0;
                let ended = match self.at(what).cloned() {
                    Some(Thing::Idle(slots)) if stops && !undone => Thing::Suspended(slots),
                    Some(Thing::Suspended(slots)) if operation == Operation::Resume && !stops => Thing::Idle(slots),
                    _ => return,
                };
                self.put(what, Some(ended));
            }
            _ => {}
        }
    }
}
