//! Operations that can be done, by the sketch of what the program finds.

use rand::RngExt;

use super::sketch::{Thing, has_path, reference};
use super::{FREE, FREE_SLOTS, Generator, MEMORY, SLOTS};
use crate::script::Request;
use crate::table::Operation;

/// Bytes of what REGS_GET writes, SELF writes, HASH writes, and of a mask.
const REGISTERS: u64 = 120;
const RECORD: u64 = 64;
const HASH: u64 = 32;

impl Generator {
    /// A place of what is wanted, most often a slot of its own: of what stands below less is certain.
    fn place(&mut self, wanted: impl Fn(u32, &Thing) -> bool) -> Option<u32> {
        let places = self.sketch.places(wanted);
        let own = places.partition_point(|&place| place < 256);
        let among = if own > 0 && !self.one_in(5) { &places[..own] } else { &places[..] };
        (!among.is_empty()).then(|| self.pick(among))
    }

    /// A place in which nothing stands.
    fn free(&mut self) -> u32 {
        let own = !self.one_in(4);
        let free = |slots: &super::sketch::Slots, slot: &u8| *slot > 1 && !slots.contains_key(slot);
        let mut places = Vec::new();
        for (hops, slots) in self.sketch.tables() {
            if own == hops.is_empty() {
                places.extend(SLOTS.iter().filter(|slot| free(slots, slot)).map(|&slot| reference(&hops, slot)));
            }
        }
        if places.is_empty() { FREE_SLOTS[0].into() } else { self.pick(&places) }
    }

    /// An address from which on the program may load, or store, so many bytes.
    pub(super) fn memory(&mut self, room: u64, store: bool) -> u64 {
        let slots = [None, Some(40), Some(41), Some(0)];
        let all = |index: usize| match slots[index] {
            None => true,
            Some(slot) => matches!(self.sketch.slots.get(&slot), Some(Thing::Data(pages)) if *pages >= MEMORY[index].1),
        };
        let usable: Vec<usize> =
            self.mapped.iter().copied().filter(|&index| all(index) && !(store && index == 2)).collect();
        // What a program keeps is where others see it.
        let often: Vec<usize> = usable.iter().flat_map(|&index| vec![index; if index == 0 { 3 } else { 1 }]).collect();
        let (first, pages) = if often.is_empty() { MEMORY[0] } else { MEMORY[self.pick(&often)] };
        let offset = self.pick(&[0, 0, 0, 1, 100, 4000, 4090, 4096, 8000]);
        u64::from(first) * 4096 + offset.min(u64::from(pages) * 4096 - room)
    }

    /// An operation that can be done; `None` if there is nothing for it.
    pub(super) fn aimed_request(&mut self, operation: Operation) -> Option<Request> {
        use Operation::*;
        let mut flags = 0;
        let operands = match operation {
            Copy | Move => {
                let source = self.place(|_, thing| operation == Copy || !thing.is_instance())?;
                if has_path(source) && self.sketch.at(source).is_some_and(Thing::is_instance) {
                    flags = self.rng.random_range(0..2);
                }
                [pair(source, self.free()), 0, 0, 0]
            }
            Swap => {
                let first = self.place(|_, _| true)?;
                let hop = first.to_le_bytes()[0];
                let second = self.place(|at, _| at != first && !at.to_le_bytes()[1..].contains(&hop))?;
                [pair(first, second), 0, 0, 0]
            }
            Drop => [self.place(|_, thing| !thing.is_instance())?.into(), 0, 0, 0],
            NewData => [self.pick(&[0, 1, 1, 2, 2, 3, 4]), self.free().into(), 0, 0],
            NewCNode => [self.free().into(), 0, 0, 0],
            Resize => {
                let place = self.place(|_, thing| matches!(thing, Thing::Data(_)))?;
                [place.into(), self.pick(&[0, 1, 2, 2, 3, 4]), 0, 0]
            }
            Read | Write => {
                let place = self.place(|_, thing| matches!(thing, Thing::Data(1..)))?;
                let length = self.pick(&[0, 1, 8, 100, 3000, 4096]);
                [place.into(), self.pick(&[0, 0, 1, 4096 - length]), self.memory(length, operation == Read), length]
            }
            Spawn => {
                let image = self.place(|_, thing| *thing == Thing::Image)?;
                let grants = self.place(|_, thing| matches!(thing, Thing::CNode(_)));
                flags = u8::from(grants.is_some() && !self.one_in(3));
                [pair(image, self.free()), grants.unwrap_or(0).into(), 0, 0]
            }
            Upgrade => {
                let instance = self.place(|_, thing| matches!(thing, Thing::Idle(_)))?;
                [pair(instance, self.place(|_, thing| *thing == Thing::Image)?), 0, 0, 0]
            }
            Mint => {
                let place = self.place(|at, thing| thing.is_instance() && has_path(at))?;
                let typedef = self.place(|_, thing| *thing == Thing::TypeDef);
                flags = self.pick(&[0, 0, 0, 1]) | if typedef.is_some() && self.one_in(3) { 2 } else { 0 };
                let mask = if self.one_in(3) { self.memory(HASH, false) } else { 0 };
                [
                    pair(place, self.free()),
                    u64::from(typedef.unwrap_or(0)) | mask << 32,
                    self.pick(&[50_000, u64::MAX, u64::MAX]),
                    self.rng.random(),
                ]
            }
            Attenuate => {
                let callable = self.place(|_, thing| *thing == Thing::Callable)?;
                let mask = if self.one_in(3) { self.memory(HASH, false) } else { 0 };
                [pair(callable, self.free()), mask, self.pick(&[50_000, u64::MAX, u64::MAX]), 0]
            }
            Map | Unmap if self.one_in(3) => {
                let stopped = self.place(|_, thing| matches!(thing, Thing::Suspended(_)))?;
                return self.stopped_request(operation, stopped);
            }
            Map => return Some(self.own_map()),
            Unmap => [0, self.own_page(), self.pick(&[1, 1, 2]), 0],
            Call => return self.aimed_call(),
            Resume | RegsGet | RegsSet => {
                let resumes = operation == Resume;
                let stopped =
                    self.place(|at, thing| matches!(thing, Thing::Suspended(_)) && (has_path(at) || !resumes))?;
                return self.stopped_request(operation, stopped);
            }
            Stat => [self.place(|_, _| true)?.into(), 0, 0, 0],
            Hash => {
                let place = self.place(|at, _| ![0, 40].contains(&at))?;
                [place.into(), self.memory(HASH, true), 0, 0]
            }
            SetQuota => {
                let instance = self.place(|_, thing| thing.is_instance())?;
                [instance.into(), self.pick(&[60, 100, 1 << 40, u64::MAX]), 0, 0]
            }
            SelfRecord => [self.memory(RECORD, true), 0, 0, 0],
            Gas | Quota => [0; 4],
            Yield => [self.rng.random(), 0, 0, 0],
        };
        let access = u64::from(self.rng.random::<bool>());
        Some(Request::new(operation, &operands).flags(flags).last(access))
    }

    /// A page of its own that MAP has mapped, or could.
    fn own_page(&mut self) -> u64 {
        let mapped: Vec<u32> = self.sketch.mapped.iter().copied().collect();
        let page = if mapped.is_empty() { FREE } else { self.pick(&mapped) };
        page.into()
    }

    /// MAP to its own space, where nothing is mapped.
    fn own_map(&mut self) -> Request {
        let slot = self.place(|at, thing| at < 256 && ![0, 40, 41].contains(&at) && matches!(thing, Thing::Data(_)));
        let slot = slot.unwrap_or(FREE_SLOTS[1].into());
        let page = (FREE..).find(|page| !self.sketch.mapped.contains(page)).unwrap_or(FREE);
        let request = Request::new(
            Operation::Map,
            &[slot.into(), page.into(), self.pick(&[0, 0, 0, 1, 2]), self.pick(&[1, 1, 1, 2, 4])],
        );
        request.last(self.pick(&[0, 1, 1]))
    }

    /// CALL of a Service with a range of the scratchpad, of a Callable, or of an Instance; now and then with little gas.
    fn aimed_call(&mut self) -> Option<Request> {
        let what = self.place(|at, thing| match thing {
            Thing::Idle(_) => has_path(at),
            Thing::Callable | Thing::Service => true,
            _ => false,
        })?;
        let thing = self.sketch.at(what).cloned();
        let arguments = match thing {
            Some(Thing::Service) => [self.pick(&[0, 0, 1]), self.pick(&[97, 97, 97, 100]), self.pick(&[0, 32]), 0],
            _ => [self.number(), self.number(), self.number(), self.number()],
        };
        let flags = match thing {
            Some(Thing::Service) => 1,
            _ => self.pick(&[0, 0, 0, 1, 2, 3, 4, 5]),
        };
        let endpoint = match thing {
            Some(Thing::Service) => self.pick(&[0, 0, 0, 0, 1]),
            _ => self.pick(&[0, 0, 0, 1]),
        };
        let last = match thing {
            Some(Thing::Idle(_)) => self.pick(&[0, 0, 0, 0, 1_000, 1_500, 3_000, 100_000]),
            _ => self.pick(&[0, 0, 0, 0, 0, 5_000, 100_000]),
        };
        Some(Request::call(what, endpoint, &arguments).flags(flags).last(last))
    }

    /// An operation on what is Suspended.
    pub(super) fn stopped_request(&mut self, operation: Operation, stopped: u32) -> Option<Request> {
        let [slot, hops @ ..] = stopped.to_le_bytes();
        let end = hops.iter().position(|&hop| hop == 0);
        // A slot of its table.
        let below = |below: u8| match end {
            Some(end) if slot != 0 => reference(&[&hops[..end], &[slot]].concat(), below),
            _ => stopped,
        };
        Some(match operation {
            Operation::Resume => {
                let has = [0, 1].map(|slot| self.sketch.slots.contains_key(&slot));
                let mut flags = self.pick(&[0, 0, 0, 0, 4]);
                flags |= if has[0] { 0 } else { self.pick(&[0, 0, 0, 0, 0, 0, 0, 1]) };
                flags |= if has[1] { 0 } else { self.pick(&[0, 0, 0, 0, 0, 0, 0, 2]) };
                Request::resume(stopped, self.rng.random()).flags(flags).last(self.pick(&[0, 0, 0, 1_500, 100_000]))
            }
            Operation::RegsGet => Request::new(operation, &[stopped.into(), self.memory(REGISTERS, true)]),
            Operation::RegsSet => {
                // Zeros are a block's start, too.
                let flags = self.pick(&[0, 0, 1]);
                Request::new(operation, &[stopped.into(), self.memory(REGISTERS, false)]).flags(flags)
            }
            Operation::Map => {
                let operands = [below(255).into(), u64::from(FREE) + self.rng.random_range(1..8), 0, 1];
                Request::new(operation, &operands).last(self.pick(&[0, 1]))
            }
            Operation::Unmap => {
                let operands = [u64::from(below(0)) & !0xff, u64::from(FREE) + self.rng.random_range(0..3), 1];
                Request::new(operation, &operands)
            }
            _ => return None,
        })
    }
}

/// Two references in one register.
fn pair(first: u32, second: u32) -> u64 {
    u64::from(first) | u64::from(second) << 32
}
