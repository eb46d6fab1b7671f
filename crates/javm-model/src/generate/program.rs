//! Generated programs: two endpoints each, of operations, stores and loads.

use std::rc::Rc;

use javm_types::Method;
use rand::RngExt;

use super::sketch::{Sketch, Thing};
use super::{CHILD, FREE_SLOTS, Generator, MEMORY, TABLE};
use crate::hash;
use crate::image::{Image, Import, Mapping, Source, Wanted};
use crate::operate::high;
use crate::script::{Action, Request, Script};
use crate::service::LOG;
use crate::table::Operation;
use crate::value::Data;

impl Generator {
    /// A program of two endpoints. Its calls can reach themselves again by Callables only, which refuse.
    pub(super) fn image(&mut self, finds: &Sketch) -> Rc<Image> {
        self.mapped = (0..MEMORY.len()).filter(|_| !self.one_in(6)).collect();
        let script = Script::new([self.endpoint(finds), self.endpoint(finds)].concat());
        let mut image = Image::of(script);
        let typedef = self.typedef.clone();
        for (endpoint, method) in image.endpoints.iter_mut().zip(&typedef.methods) {
            endpoint.signature = (!self.one_in(8)).then(|| Method::clone(method));
        }
        let writable = [true, true, false, true];
        let sources = [Source::Ephemeral, Source::Slot(40, 0), Source::Slot(41, 0), Source::Slot(0, 0)];
        for &index in &self.mapped {
            let (first, pages) = MEMORY[index];
            image.memory.insert(first, Mapping { pages, writable: writable[index], source: sources[index] });
        }
        image.slots.insert(40, Data::new(2));
        let fixed = self.data();
        image.slots.insert(41, fixed);
        if self.one_in(2) {
            image.typedefs.insert(hash::of_typedef(&self.typedef));
        }
        if self.one_in(3) {
            let wanted =
                if self.rng.random() { Wanted::Service(LOG) } else { Wanted::TypeDef(hash::of_typedef(&self.typedef)) };
            image.imports.insert(self.pick(&[2, 3, 4]), Import { required: self.rng.random(), wanted });
        }
        image.bytes = self.rng.random_range(1..20_000);
        image.identified()
    }

    fn endpoint(&mut self, finds: &Sketch) -> Vec<Action> {
        self.sketch = finds.clone();
        let mut actions = vec![Action::Block(self.rng.random_range(1..50))];
        for _ in 0..self.rng.random_range(2..14) {
            match self.rng.random_range(0..12) {
                0 => actions.extend([Action::Fallthrough, Action::Block(self.rng.random_range(1..3_000))]),
                1 => {
                    let address = if self.one_in(12) { self.address() } else { self.memory(1, true) };
                    actions.extend([Action::Set(5, self.rng.random()), Action::Store(5, address as u32)]);
                }
                2 => {
                    let address = if self.one_in(12) { self.address() } else { self.memory(1, false) };
                    actions.push(Action::Load(6, address as u32));
                }
                3 if let Some(request) = self.some_call() => {
                    if !self.one_in(4) {
                        let arguments = (7..).zip(request.operands);
                        actions.extend(arguments.map(|(register, value)| Action::Set(register, value)));
                    }
                    let ecalli = [
                        Action::Set(11, request.word & 0xffff_ff00),
                        Action::Set(12, request.last),
                        Action::Ecalli(high(request.word)),
                    ];
                    actions.extend(ecalli);
                    self.go_on(&request, &mut actions);
                }
                _ => {
                    let request = self.request();
                    actions.extend(request.actions());
                    if request.word as u8 == Operation::Call.number() {
                        self.go_on(&request, &mut actions);
                    }
                    if self.one_in(6) {
                        actions.extend(self.hash_of_changes().actions());
                    }
                }
            }
            if self.one_in(80) {
                // A number that no operation has.
                let any = self.rng.random::<u64>() | 0x80;
                let word = self.pick(&[0, 27, 255, any]);
                actions.extend(Request { operands: [0; 4], word, last: 0 }.actions());
            }
        }
        actions.push(if self.one_in(12) { Action::Trap } else { Action::Return });
        actions
    }

    /// What an owner does with a callee that has likely stopped on its way.
    fn go_on(&mut self, call: &Request, actions: &mut Vec<Action>) {
        for _ in 0..self.rng.random_range(0..5) {
            if !matches!(self.sketch.at(high(call.word)), Some(Thing::Suspended(_))) {
                return;
            }
            let operation = self.pick(&[
                Operation::Resume,
                Operation::Resume,
                Operation::RegsGet,
                Operation::RegsSet,
                Operation::Map,
            ]);
            let request = self.stopped_request(operation, high(call.word));
            let request = request.unwrap_or_else(|| self.wild_request(operation));
            self.sketch.note(&request);
            actions.extend(request.actions());
        }
    }

    /// HASH, of what has likely been changed by now.
    fn hash_of_changes(&mut self) -> Request {
        let place = self.pick(&[CHILD, TABLE, TABLE, FREE_SLOTS[0], FREE_SLOTS[1], 0, 1]);
        let [(stack, _), ..] = MEMORY;
        Request::new(Operation::Hash, &[place.into(), u64::from(stack) * 4096])
    }

    fn operation(&mut self) -> Operation {
        if self.one_in(4) {
            return self.pick(&[Operation::Call, Operation::Call, Operation::Call, Operation::Resume]);
        }
        self.pick(Operation::ALL)
    }

    /// Most often one that can be done, as far as the sketch goes; `None` if there is nothing for it.
    fn some_call(&mut self) -> Option<Request> {
        let wild = self.one_in(8);
        self.ask(Operation::Call, wild)
    }

    /// As [`Generator::some_call`], of any operation for which there is something.
    fn request(&mut self) -> Request {
        let wild = self.one_in(5);
        loop {
            let operation = self.operation();
            if let Some(request) = self.ask(operation, wild) {
                return request;
            }
        }
    }

    fn ask(&mut self, operation: Operation, wild: bool) -> Option<Request> {
        let request = if wild { self.wild_request(operation) } else { self.aimed_request(operation)? };
        self.sketch.note(&request);
        Some(request)
    }
}
