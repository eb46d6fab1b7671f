//! Random worlds and what is called in them, from a seed. The same seed gives the same on every machine.
//!
//! What is generated is meant to hit: programs have few slots in use, so that references meet something. Most operations are
//! asked for as they can be done, by a sketch of what likely stands where; the others reach through tables and children, name
//! themselves, what is live, what is empty and what is of another kind, with operands at the edges of their ranges. Limits are
//! low now and then.
//!
//! - `standing`: what stands in a world. `program`: what its programs ask for, one thing after the other.
//! - `sketch`: what such a program likely finds. `aimed`: operations that can be done, by the sketch. `wild`: any.

mod aimed;
mod program;
mod sketch;
mod standing;
mod wild;

use std::rc::Rc;

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use self::sketch::Sketch;
use crate::image::Image;
use crate::state::{Parameters, Via};
use crate::value::{Hash, Path, TypeDef, Value};
use crate::world::{HostCall, World};

/// A slot of the root that no reference of a generated program leads to: for what must not change.
pub const UNTOUCHED: u8 = 200;

/// The slots that programs use.
const SLOTS: [u8; 15] =
    [0, 1, IMAGE, TYPEDEF, CHILD, TABLE, CALLABLE, FREE_SLOTS[0], FREE_SLOTS[1], STOPPED, FRIEND, SERVICE, 40, 41, 255];
/// Those of them that are empty at first.
const FREE_SLOTS: [u8; 2] = [7, 8];
/// Where programs usually have an Image, a TypeDef, a child, a table, and the right to call something.
const IMAGE: u8 = 2;
const TYPEDEF: u8 = 3;
const CHILD: u8 = 4;
const TABLE: u8 = 5;
const CALLABLE: u8 = 6;
/// A child that is Suspended, one that Callables lead to, and a Service.
const STOPPED: u8 = 9;
const FRIEND: u8 = 10;
const SERVICE: u8 = 11;
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
    let mut generator = Generator {
        rng,
        images: Vec::new(),
        typedef: typedef(),
        small_image: None,
        mapped: Vec::new(),
        sketch: Sketch::default(),
    };
    for _ in 0..4 {
        let finds = generator.usual_sketch();
        let image = generator.image(&finds);
        generator.images.push(image);
    }
    generator.small_image = Some(generator.image(&Sketch::initial()));
    let depth = generator.pick(&[1, 2, 2, 3]);
    let root = generator.instance(depth);
    let mut world = World::new(root);
    if let Value::Instance(root) = &mut world.state.root {
        let witness = generator.instance(1);
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
    /// That of Instances that have nothing but what it gave them.
    small_image: Option<Rc<Image>>,
    typedef: Rc<TypeDef>,
    /// What of [`MEMORY`] the Image that is being made maps.
    mapped: Vec<usize>,
    /// What the program that is being made likely finds by now.
    sketch: Sketch,
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
}
