//! The world, and a step in time.

use alloc::format;
use alloc::string::String;

use super::body::{Body, Shape};
use super::contact::{self, Contact};
use super::fixed::{Fixed, ONE, Vector, ZERO};
use super::{Motion, Settings};

/// How many bodies a world holds, and how many touches of one step are looked at.
pub const BODIES: usize = 64;
const CONTACTS: usize = 256;

/// A step, in seconds.
const SPAN: Fixed = Fixed::ratio(1, 60);

/// How often all touches are gone through in a step.
const ROUNDS: usize = 8;

#[derive(Clone, Copy)]
pub struct World {
    bodies: [Body; BODIES],
    count: usize,
    gravity: Fixed,
    bounce: Fixed,
    friction: Fixed,
    /// How many there were.
    pub steps: u64,
}

impl World {
    /// Nothing is in it, not even gravity.
    pub const fn new() -> World {
        World { bodies: [Body::NONE; BODIES], count: 0, gravity: ZERO, bounce: ZERO, friction: ZERO, steps: 0 }
    }

    pub fn with(settings: Settings) -> Result<World, String> {
        let number = |what: &str, thousandths: u32, most: u32| {
            if thousandths > most {
                return Err(format!("{what} is at most {most} thousandths, not {thousandths}"));
            }
            Ok(Fixed::ratio(thousandths.into(), 1000))
        };
        Ok(World {
            gravity: number("gravity", settings.gravity, 100_000)?,
            bounce: number("bounce", settings.bounce, 1000)?,
            friction: number("friction", settings.friction, 1000)?,
            ..World::new()
        })
    }

    pub fn bodies(&self) -> &[Body] {
        &self.bodies[..self.count]
    }

    /// Puts a body in, and returns its number.
    pub fn add(&mut self, body: Body) -> Result<u32, String> {
        let place = self.bodies.get_mut(self.count).ok_or_else(|| format!("a world holds {BODIES} bodies"))?;
        *place = body;
        self.count += 1;
        Ok(self.count as u32 - 1)
    }

    /// Floor, walls, a slope, and so many bodies above.
    pub fn scene(bodies: u32, seed: u64) -> Result<World, String> {
        let mut world = World::with(Settings { gravity: 9810, bounce: 300, friction: 500 })?;
        let still = Motion { x: 0, y: 0, cosine: 1000, sine: 0, vx: 0, vy: 0, spin: 0 };
        for (x, y, width, height) in
            [(16_000, 500, 32_000, 1000), (500, 16_000, 1000, 32_000), (31_500, 16_000, 1000, 32_000)]
        {
            let at = Motion { x, y, ..still };
            world.add(Body::new(Shape::rectangle(width, height, true)?, &at, true)?)?;
        }
        let slope = Motion { x: 11_000, y: 10_000, cosine: 940, sine: -342, ..still };
        world.add(Body::new(Shape::rectangle(12_000, 600, true)?, &slope, true)?)?;

        let mut random = Random(seed);
        for i in 0..bodies {
            // Rows of eight, each above the one before.
            let (column, row) = (i as i32 % 8, i as i32 / 8);
            let motion = Motion {
                x: 4000 + 3400 * column + random.below(800) as i32,
                y: 16_000 + 3000 * row,
                vx: random.below(4000) as i32 - 2000,
                ..still
            };
            let shape = if random.below(2) == 0 {
                Shape::circle(500 + random.below(700), false)?
            } else {
                Shape::rectangle(1000 + random.below(1000), 1000 + random.below(1000), false)?
            };
            world.add(Body::new(shape, &motion, false)?)?;
        }
        Ok(world)
    }

    /// Goes on by a sixtieth of a second.
    pub fn step(&mut self) {
        let bodies = &mut self.bodies[..self.count];
        for body in bodies.iter_mut().filter(|body| !body.is_fixed()) {
            body.speed -= Vector::new(ZERO, self.gravity * SPAN);
        }

        let mut contacts = [Contact::NONE; CONTACTS];
        let mut count = 0;
        for (j, b) in bodies.iter().enumerate() {
            for (i, a) in bodies[..j].iter().enumerate() {
                if a.is_fixed() && b.is_fixed() {
                    continue;
                }
                contact::touches(a, b, &mut |touch| {
                    if let Some(place) = contacts.get_mut(count) {
                        *place = Contact::new([i, j], a, b, &touch, self.bounce);
                        count += 1;
                    }
                });
            }
        }
        for _ in 0..ROUNDS {
            for contact in &mut contacts[..count] {
                contact.push(bodies, self.friction);
            }
        }
        for body in bodies.iter_mut().filter(|body| !body.is_fixed()) {
            body.go_on(SPAN);
        }
        self.steps += 1;
    }
}

/// Numbers that look random: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % u64::from(end)) as u32
    }
}

const _: () = assert!(ONE.thousandths() == 1000);
