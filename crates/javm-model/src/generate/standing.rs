//! What stands in generated worlds.

use std::rc::Rc;

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::sketch::{Sketch, Slots, Thing};
use super::{CALLABLE, CHILD, FREE, FRIEND, Generator, IMAGE, SERVICE, SLOTS, STOPPED, TABLE, TYPEDEF};
use crate::hash;
use crate::image::Image;
use crate::run::HALT_ADDRESS;
use crate::service::{BLOCK, HASH, LOG, VERIFY};
use crate::table::Status;
use crate::value::{CNode, Callable, Data, Dynamic, Instance, Path, Run, Service, Suspended, Value};

/// Slots in which something usually stands, besides those that Images fill.
const USUAL: [u8; 9] = [IMAGE, TYPEDEF, CHILD, TABLE, CALLABLE, STOPPED, FRIEND, SERVICE, 255];

/// What stands in an Instance that was just made.
pub(super) fn initial() -> Slots {
    [(40, Thing::Data(2)), (41, Thing::Data(1))].into()
}

/// What usually stands in an Instance that was made with so many levels below it ([`Generator::instance`]).
fn usual_slots(depth: u32) -> Slots {
    let mut slots = initial();
    slots.extend([(IMAGE, Thing::Image), (TYPEDEF, Thing::TypeDef), (SERVICE, Thing::Service)]);
    slots.extend([(CALLABLE, Thing::Callable), (255, Thing::Data(1))]);
    slots.insert(TABLE, Thing::CNode([(IMAGE, Thing::Image), (SERVICE, Thing::Service)].into()));
    let below = |depth: u32| if depth == 0 { initial() } else { usual_slots(depth - 1) };
    slots.insert(CHILD, Thing::Idle(below(depth)));
    slots.insert(STOPPED, Thing::Suspended(below(depth.min(1))));
    slots.insert(FRIEND, Thing::Idle(below(depth.min(1))));
    slots
}

impl Generator {
    /// What a program usually finds when it is called.
    pub(super) fn usual_sketch(&mut self) -> Sketch {
        let mut sketch = Sketch { slots: usual_slots(1), ..Sketch::default() };
        if !self.one_in(4) {
            sketch.slots.insert(0, Thing::Data(2));
        }
        sketch
    }

    pub(super) fn data(&mut self) -> Data {
        let mut data = Data::new(self.pick(&[0, 1, 1, 2, 2, 3]));
        if data.pages > 0 {
            for _ in 0..3 {
                // Most at the start of a page: what is written down of it stays short.
                let page = u64::from(self.rng.random_range(0..data.pages)) * 4096;
                let within = if self.one_in(8) { 4096 } else { 32 };
                let offset = page + self.rng.random_range(0..within);
                data.set_byte(offset, self.rng.random());
            }
        }
        data
    }

    pub(super) fn value(&mut self, depth: u32) -> Value {
        match self.rng.random_range(0..if depth == 0 { 7 } else { 14 }) {
            0 | 1 => Value::Data(self.data()),
            2 => Value::Image(self.some_image()),
            3 => Value::TypeDef(self.typedef.clone()),
            4 => Value::Callable(self.callable()),
            5 | 6 => Value::Service(Service { id: self.pick(&[LOG, HASH, BLOCK, VERIFY, 9]), parameter: 0 }),
            7..=9 => {
                let count = self.rng.random_range(0..4);
                Value::CNode(CNode::of(
                    (0..count).map(|_| (self.pick(&SLOTS), self.value(depth - 1))).collect::<Vec<_>>(),
                ))
            }
            _ => Value::Instance(Box::new(self.instance(depth - 1))),
        }
    }

    /// What stands in a slot more often than anything else.
    fn usual(&mut self, slot: u8, depth: u32) -> Value {
        match slot {
            IMAGE => Value::Image(self.some_image()),
            TYPEDEF => Value::TypeDef(self.typedef.clone()),
            CHILD => Value::Instance(Box::new(self.below(depth))),
            STOPPED => {
                let instance = self.below(depth.min(1));
                Value::Instance(Box::new(self.suspended(instance)))
            }
            FRIEND => Value::Instance(Box::new(self.below(depth.min(1)))),
            TABLE => {
                let granted = if self.rng.random() { self.usual(SERVICE, 0) } else { self.value(0) };
                let slots = [(IMAGE, self.usual(IMAGE, 0)), (TYPEDEF, granted), (SERVICE, self.usual(SERVICE, 0))];
                let child = if self.one_in(3) { Some((CHILD, self.value(depth))) } else { None };
                Value::CNode(CNode::of(slots.into_iter().chain(child)))
            }
            CALLABLE => Value::Callable(self.callable()),
            SERVICE => Value::Service(Service { id: self.pick(&[LOG, HASH, BLOCK, VERIFY]), parameter: 0 }),
            _ => Value::Data(self.data()),
        }
    }

    /// The first one more often than any other, so that interfaces match.
    fn some_image(&mut self) -> Rc<Image> {
        let often = if self.one_in(3) { &self.images[..1] } else { &self.images[..] };
        often.choose(&mut self.rng).cloned().expect("there are some")
    }

    /// An Instance in one that was made with so many levels; below the last one it has what its Image gave it.
    fn below(&mut self, depth: u32) -> Instance {
        match depth {
            0 => Instance::new(&self.small_image.clone().expect("it is made before there are Instances")),
            _ => self.instance(depth - 1),
        }
    }

    /// An Instance with so many levels of usual ones below.
    pub(super) fn instance(&mut self, depth: u32) -> Instance {
        let mut instance = Instance::new(&self.some_image());
        for slot in USUAL {
            if !self.one_in(10) {
                let value = if self.one_in(8) { self.value(depth) } else { self.usual(slot, depth) };
                instance.table.slots.insert(slot, value);
            }
        }
        // What only a call would empty, and what may run there until then.
        for slot in [0, 1] {
            if self.one_in(8) {
                let value = self.value(depth);
                instance.table.slots.insert(slot, value);
            }
        }
        if self.one_in(6) {
            let path = self.path();
            instance.home = Some(path);
        }
        if self.one_in(8) {
            let size = crate::measure::size_of_instance(&instance);
            instance.quota = Some(size + self.rng.random_range(0..6));
        }
        instance
    }

    /// One that has stopped at the start of an endpoint.
    fn suspended(&mut self, mut instance: Instance) -> Instance {
        let mut registers = [0; 13];
        registers[0] = HALT_ADDRESS;
        let why = self.pick(&[Status::Panic, Status::Fault, Status::OutOfGas, Status::Yield]);
        let dynamic = if self.rng.random() { Dynamic::new() } else { [(FREE, (2, 0, true))].into_iter().collect() };
        instance.quota = None;
        instance.run = Run::Suspended(Box::new(Suspended {
            why,
            paid: self.rng.random(),
            pc: self.pick(&[0, 1].map(|endpoint: usize| instance.image.endpoints[endpoint].entry)),
            registers,
            detail: 0,
            ephemeral: Data::new(instance.image.ephemeral_pages()),
            dynamic,
        }));
        instance
    }

    /// A path at which something may well stand that can be called.
    pub(super) fn path(&mut self) -> Path {
        if self.one_in(6) {
            return (0..self.rng.random_range(0..4)).map(|_| self.pick(&SLOTS)).collect();
        }
        let friend: &[u8] = &[FRIEND];
        self.pick(&[
            friend,
            friend,
            friend,
            friend,
            friend,
            &[CHILD],
            &[CHILD],
            &[CHILD, FRIEND],
            &[CHILD, CHILD],
            &[TABLE, CHILD],
            &[],
        ])
        .to_vec()
    }

    fn callable(&mut self) -> Callable {
        let typed = self.one_in(3);
        let image = self.some_image();
        Callable {
            interface: if typed { hash::of_typedef(&self.typedef) } else { image.interface() },
            typedef: typed.then(|| self.typedef.clone()),
            mask: if self.one_in(6) { [0; 32] } else { [&[3][..], &[0; 31]].concat().try_into().expect("32 bytes") },
            ceiling: if self.one_in(4) { self.rng.random_range(0..100_000) } else { u64::MAX },
            badge: self.rng.random(),
            distance: self.rng.random_range(0..3),
            path: self.path(),
        }
    }
}
