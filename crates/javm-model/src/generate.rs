//! Random worlds and what is called in them, from a seed. The same seed gives the same on every machine.
//!
//! What is generated is meant to hit: programs have few slots in use, so that references meet something; they reach
//! through tables and children, name themselves, what is live, what is empty and what is of another kind; operands stand
//! at the edges of their ranges; limits are low now and then.

use std::rc::Rc;

use javm_types::Method;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::hash;
use crate::image::{Image, Import, Mapping, Source, Wanted};
use crate::run::HALT_ADDRESS;
use crate::script::{Action, Request, Script};
use crate::service::{BLOCK, HASH, LOG, VERIFY};
use crate::state::{Parameters, Via};
use crate::table::{Operation, Status};
use crate::value::{CNode, Callable, Data, Dynamic, Hash, Instance, Path, Run, Service, Suspended, TypeDef, Value};
use crate::world::{HostCall, World};

/// A slot of the root that no reference of a generated program leads to: for what must not change.
pub const UNTOUCHED: u8 = 200;

/// The slots that programs use.
const SLOTS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, FREE_SLOTS[0], FREE_SLOTS[1], 40, 41, 255];
/// Those of them that are empty at first.
const FREE_SLOTS: [u8; 2] = [7, 8];
/// Where programs usually have an Image, a TypeDef, a child, a table, and the right to call something.
const IMAGE: u8 = 2;
const TYPEDEF: u8 = 3;
const CHILD: u8 = 4;
const TABLE: u8 = 5;
const RIGHT: u8 = 6;
/// First pages of what generated programs map, and pages of it: ephemeral, slot 40, slot 41 read-only, the scratchpad.
const MEMORY: [(u32, u32); 4] = [(0x20, 2), (0x30, 2), (0x40, 1), (0x50, 2)];
/// Where MAP finds room.
const FREE: u32 = 0x60;

/// A world and the calls that are made in it, one after the other.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed that it is from.
    pub seed: u64,
    /// The world before the first call.
    pub world: World,
    /// The calls.
    pub calls: Vec<HostCall>,
}

impl Plan {
    /// Has another Image wherever one of this hash is, also as the program of an Instance. A Suspended one stands where it stood,
    /// so both have the same actions at the same offsets, as far as they go.
    pub fn replace_image(&mut self, hash: &Hash, by: &Rc<Image>) {
        let gifts = self.calls.iter_mut().filter_map(|call| call.gift.as_mut());
        gifts.chain([&mut self.world.state.root]).for_each(|value| replace_image(value, hash, by));
    }
}

fn replace_image(value: &mut Value, hash: &Hash, by: &Rc<Image>) {
    match value {
        Value::Image(image) if image.hash == *hash => *image = by.clone(),
        Value::Instance(instance) if instance.image.hash == *hash => instance.image = by.clone(),
        _ => {}
    }
    value
        .table_mut()
        .into_iter()
        .flat_map(|table| table.slots.values_mut())
        .for_each(|below| replace_image(below, hash, by));
}

/// The plan of a seed.
#[must_use]
pub fn generate(seed: u64) -> Plan {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let mut generator = Generator { rng, images: Vec::new(), typedef: typedef(), mapped: Vec::new() };
    for _ in 0..4 {
        let image = generator.image();
        generator.images.push(image);
    }
    let root = generator.instance(3);
    let mut world = World::new(root);
    if let Value::Instance(root) = &mut world.state.root {
        let witness = generator.instance(2);
        root.table.slots.insert(UNTOUCHED, Value::Instance(Box::new(witness)));
        // It might pass it with the witness.
        root.quota = None;
    }
    world.parameters = generator.parameters();
    (world.height, world.prior_root) = (seed, [7; 32]);
    let reached = world.values().into_iter().filter(|(path, _)| path.first() != Some(&UNTOUCHED));
    let (instances, others): (Vec<_>, Vec<_>) = reached.partition(|(_, value)| matches!(value, Value::Instance(_)));
    let paths = [instances, others].map(|values| values.into_iter().map(|(path, _)| path).collect::<Vec<Path>>());
    let calls = (0..generator.rng.random_range(1..=4)).map(|_| generator.call(&paths)).collect();
    Plan { seed, world, calls }
}

fn typedef() -> Rc<TypeDef> {
    Rc::new(TypeDef::parse(
        "interface some { e0(a: u64, b: u64, c: u64, d: u64) -> u64; e1(a: u64, b: u64, c: u64, d: u64) -> u64; none(); }",
    ))
}

struct Generator {
    rng: ChaCha8Rng,
    images: Vec<Rc<Image>>,
    typedef: Rc<TypeDef>,
    /// What of [`MEMORY`] the Image that is being made maps.
    mapped: Vec<usize>,
}

impl Generator {
    fn one_in(&mut self, number: u32) -> bool {
        self.rng.random_ratio(1, number)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.rng).expect("there is one")
    }

    fn parameters(&mut self) -> Parameters {
        let normal = Parameters::default();
        if !self.one_in(4) {
            return normal;
        }
        Parameters {
            max_writable_pages: self.pick(&[7, 13, 20, normal.max_writable_pages]),
            max_changed_pages: self.pick(&[0, 1, 3, normal.max_changed_pages]),
            max_log_bytes: self.pick(&[20, 200, normal.max_log_bytes]),
            max_depth: self.pick(&[1, 2, 3, normal.max_depth]),
        }
    }

    /// A call of the root, now and then of another Instance, or of something else.
    fn call(&mut self, [instances, others]: &[Vec<Path>; 2]) -> HostCall {
        let from = if self.one_in(12) { others } else { instances };
        let path = if self.one_in(4) { from.choose(&mut self.rng).cloned().unwrap_or_default() } else { Path::new() };
        let gas = match self.rng.random_range(0..4) {
            0 => self.rng.random_range(0..20_000),
            1 => self.rng.random_range(0..500_000),
            _ => 5_000_000,
        };
        let scratchpad = if self.one_in(4) { None } else { Some(self.data()) };
        let gift = if self.one_in(3) { Some(self.value(1)) } else { None };
        let via = if self.one_in(3) { Via::Event([9; 32]) } else { Via::Host };
        let arguments = [self.number(), self.number(), self.number(), self.number()];
        HostCall { path, endpoint: self.rng.random_range(0..2), arguments, gas, scratchpad, gift, via }
    }

    fn data(&mut self) -> Data {
        let mut data = Data::new(self.rng.random_range(0..4));
        if data.pages > 0 {
            for _ in 0..3 {
                let offset = self.rng.random_range(0..data.bytes());
                data.set_byte(offset, self.rng.random());
            }
        }
        data
    }

    fn value(&mut self, depth: u32) -> Value {
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
            CHILD if depth > 0 => {
                let instance = self.instance(depth - 1);
                let instance = if self.one_in(4) { self.suspended(instance) } else { instance };
                Value::Instance(Box::new(instance))
            }
            TABLE => {
                let slots = [(IMAGE, self.value(0)), (CHILD, self.value(depth)), (RIGHT, self.value(0))];
                Value::CNode(CNode::of(slots))
            }
            RIGHT if self.rng.random() => Value::Callable(self.callable()),
            RIGHT => Value::Service(Service { id: self.pick(&[LOG, HASH, BLOCK, VERIFY]), parameter: 0 }),
            _ => Value::Data(self.data()),
        }
    }

    fn some_image(&mut self) -> Rc<Image> {
        self.images.choose(&mut self.rng).cloned().expect("there are some")
    }

    fn instance(&mut self, depth: u32) -> Instance {
        let mut instance = Instance::new(&self.some_image());
        for slot in [2, 3, 4, 5, 6, 255] {
            if !self.one_in(5) {
                let value = if self.one_in(3) { self.value(depth) } else { self.usual(slot, depth) };
                instance.table.slots.insert(slot, value);
            }
        }
        // What only a call would empty, and what may run there until then.
        for slot in [0, 1] {
            if self.one_in(6) {
                let value = self.value(depth);
                instance.table.slots.insert(slot, value);
            }
        }
        if self.one_in(5) {
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
            pc: instance.image.endpoints[0].entry,
            registers,
            detail: 0,
            ephemeral: Data::new(instance.image.ephemeral_pages()),
            dynamic,
        }));
        instance
    }

    /// A path at which something may well stand that can be called.
    fn path(&mut self) -> Path {
        if self.one_in(4) {
            return (0..self.rng.random_range(0..4)).map(|_| self.pick(&SLOTS)).collect();
        }
        let child: &[u8] = &[CHILD];
        self.pick(&[child, child, &[TABLE, CHILD], &[CHILD, CHILD], &[CHILD, TABLE, CHILD], &[]]).to_vec()
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

    /// A program of two endpoints. Its calls can reach themselves again by Callables only, which refuse.
    fn image(&mut self) -> Rc<Image> {
        self.mapped = (0..MEMORY.len()).filter(|_| !self.one_in(6)).collect();
        let script = Script::new([self.endpoint(), self.endpoint()].concat());
        let mut image = Image::of(script);
        for (endpoint, method) in image.endpoints.iter_mut().zip(&self.typedef.methods) {
            endpoint.signature = if self.rng.random() { Some(Method::clone(method)) } else { None };
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

    fn endpoint(&mut self) -> Vec<Action> {
        let mut actions = vec![Action::Block(self.rng.random_range(1..50))];
        for _ in 0..self.rng.random_range(2..14) {
            match self.rng.random_range(0..12) {
                0 => actions.extend([Action::Fallthrough, Action::Block(self.rng.random_range(1..3_000))]),
                1 => {
                    let address = self.address() as u32;
                    actions.extend([Action::Set(5, self.rng.random()), Action::Store(5, address)]);
                }
                2 => actions.push(Action::Load(6, self.address() as u32)),
                3 | 4 => {
                    let request = self.request(Operation::Call);
                    let reference = (request.word >> 32) as u32;
                    let ecalli = [
                        Action::Set(11, request.word & 0xffff_ff00),
                        Action::Set(12, request.last),
                        Action::Ecalli(reference),
                    ];
                    actions.extend(ecalli);
                }
                _ => {
                    let operation = self.operation();
                    actions.extend(self.request(operation).actions());
                    if self.one_in(6) {
                        actions.extend(self.hash_of_changes().actions());
                    }
                }
            }
        }
        actions.push(if self.one_in(8) { Action::Trap } else { Action::Return });
        actions
    }

    /// HASH, of what has likely been changed by now.
    fn hash_of_changes(&mut self) -> Request {
        let place = self.pick(&[CHILD, TABLE, TABLE, FREE_SLOTS[0], FREE_SLOTS[1], 0, 1]);
        let [(stack, _), ..] = MEMORY;
        Request::new(Operation::Hash, &[place.into(), u64::from(stack) * 4096])
    }

    fn operation(&mut self) -> Operation {
        if self.one_in(4) {
            return self.pick(&[
                Operation::Call,
                Operation::Call,
                Operation::Call,
                Operation::Resume,
                Operation::Yield,
            ]);
        }
        self.pick(Operation::ALL)
    }

    fn reference(&mut self) -> u32 {
        let hops = self.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]);
        let mut bytes = [self.pick(&SLOTS), 0, 0, 0];
        for hop in &mut bytes[1..=hops] {
            *hop = self.pick(&SLOTS[1..7]);
        }
        if self.one_in(40) {
            bytes[self.rng.random_range(1..4)] = self.rng.random();
        }
        u32::from_le_bytes(bytes)
    }

    /// A reference that often leads to what usually stands in this slot.
    fn likely(&mut self, slot: u8) -> u32 {
        let below = u32::from_le_bytes([slot, self.pick(&[CHILD, TABLE]), 0, 0]);
        let (own, any) = (slot.into(), self.reference());
        self.pick(&[own, own, own, own, below, any])
    }

    /// A reference to what may well be empty.
    fn destination(&mut self) -> u64 {
        let (free, any) = (self.pick(&FREE_SLOTS), self.reference());
        let below = u32::from_le_bytes([free, self.pick(&[CHILD, TABLE]), 0, 0]);
        self.pick(&[free.into(), free.into(), below, any]).into()
    }

    /// Two of them in a register, the second one often the beginning of the first one, below it, or the same.
    fn pair(&mut self) -> u64 {
        let first = self.reference();
        let second = match self.rng.random_range(0..8) {
            0 => first,
            1 if first.to_le_bytes()[3] == 0 => {
                // A slot of what the first one names: its slots become hops.
                let [slot, hops @ ..] = first.to_le_bytes();
                let end = hops.iter().position(|&hop| hop == 0).unwrap_or(3);
                let mut bytes = [self.pick(&SLOTS), 0, 0, 0];
                bytes[1..=end].copy_from_slice(&hops[..end]);
                if end < 3 {
                    bytes[end + 1] = slot;
                }
                u32::from_le_bytes(bytes)
            }
            _ => self.destination() as u32,
        };
        let (first, second) = if self.one_in(6) { (second, first) } else { (first, second) };
        u64::from(first) | u64::from(second) << 32
    }

    fn address(&mut self) -> u64 {
        let [stack, state, fixed, scratchpad] = MEMORY;
        let often: Vec<_> = [0, 0, 0, 1, 1, 3].into_iter().filter(|index| self.mapped.contains(index)).collect();
        let usual = often.choose(&mut self.rng).map_or(stack, |&index| MEMORY[index]);
        let rare = self.pick(&[state, fixed, scratchpad, (FREE, 4), (0, 1), ((1 << 20) - 1, 1)]);
        let (first, pages) = if self.one_in(20) { rare } else { usual };
        let offset = self.pick(&[0, 0, 1, 4000, 4090, 4096, 8188]);
        (u64::from(first) * 4096 + offset).min(u64::from(first + pages) * 4096 - 1)
    }

    fn number(&mut self) -> u64 {
        let near = self.rng.random_range(0..8);
        self.pick(&[0, 1, 2, near, near, 4096, u64::MAX])
    }

    fn pages(&mut self) -> u64 {
        self.pick(&[0, 1, 1, 2, 2, 3, 4, 1 << 20, (1 << 20) + 1])
    }

    fn request(&mut self, operation: Operation) -> Request {
        use Operation::*;
        let reference = |of: &mut Generator| u64::from(of.reference());
        let operands = match operation {
            Copy | Move | Swap => [self.pair(), 0, 0, 0],
            Upgrade => [u64::from(self.likely(CHILD)) | u64::from(self.likely(IMAGE)) << 32, 0, 0, 0],
            Drop | Stat => [reference(self), 0, 0, 0],
            NewCNode => [self.destination(), 0, 0, 0],
            NewData => [self.pages(), self.destination(), 0, 0],
            Resize => [reference(self), self.pages(), 0, 0],
            Read | Write => [
                u64::from(self.likely(40)),
                self.number(),
                self.address(),
                self.pick(&[0, 1, 8, 100, 4096, 5000, 1 << 33]),
            ],
            Spawn => [u64::from(self.likely(IMAGE)) | self.destination() << 32, self.likely(TABLE).into(), 0, 0],
            Mint => {
                let mask = self.pick(&[0, 0, 0, 0x2_0000, 0x8000]);
                let places = u64::from(self.likely(CHILD)) | self.destination() << 32;
                [
                    places,
                    u64::from(self.likely(TYPEDEF)) | mask << 32,
                    self.pick(&[0, 50_000, u64::MAX]),
                    self.rng.random(),
                ]
            }
            Attenuate => [
                u64::from(self.likely(RIGHT)) | self.destination() << 32,
                self.pick(&[0, 0, 0x2_0000, 0x3_0000, 1 << 32]),
                self.pick(&[0, 50_000, u64::MAX]),
                0,
            ],
            Map => {
                let page = self.pick(&[FREE, FREE, FREE + 1, FREE + 3, 0x30, 15, (1 << 20) - 2]);
                [reference(self), page.into(), self.pick(&[0, 0, 1, 2, 1 << 20]), self.pick(&[0, 1, 1, 2, 4])]
            }
            Unmap => {
                [reference(self) & !0xff, self.pick(&[FREE, FREE + 1, 0x30, 15]).into(), self.pick(&[0, 1, 2, 4]), 0]
            }
            Call => [self.number(), self.number(), self.number(), self.number()],
            Resume | Yield => [self.rng.random(), 0, 0, 0],
            RegsGet | RegsSet => [self.likely(CHILD).into(), self.address(), 0, 0],
            Hash => [reference(self), self.address(), 0, 0],
            SetQuota => {
                [self.likely(CHILD).into(), self.pick(&[0, 8, 10, 12, 20, 100, 1 << 40, (1 << 40) + 1, u64::MAX]), 0, 0]
            }
            SelfRecord => [self.address(), 0, 0, 0],
            Gas | Quota => [0; 4],
        };
        let mut flags = self.rng.random::<u8>() & operation.flags();
        if self.one_in(60) {
            flags = self.rng.random();
        }
        let mut request = Request::new(operation, &operands).flags(flags);
        if matches!(operation, Call | Resume) {
            let right = if operation == Call && self.rng.random() { RIGHT } else { CHILD };
            request.word |= u64::from(self.likely(right)) << 32;
            if operation == Call {
                request.word |= self.pick(&[0, 0, 0, 1, 1, 2, 300]) << 16;
            }
            request.last = self.pick(&[0, 0, 0, 500, 1_500, 5_000, 100_000]);
        } else if operation == Map {
            request.last = self.pick(&[0, 1, 1, 2]);
        }
        if self.one_in(60) {
            request.operands[self.rng.random_range(0..4)] = self.rng.random();
        }
        request
    }
}
