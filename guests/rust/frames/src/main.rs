//! Circles and boxes that fall, collide and roll, 60 steps a second, drawn into the scratchpad. The world is state: every
//! call goes on where the one before has ended. All numbers are fixed-point, so that every machine computes the same.
//!
//! # How to read this program
//! - `fixed`: numbers and vectors.
//! - `body`: what there is in the world. `contact`: where two of them touch, and what they do to each other there.
//! - `world`: a step in time. `picture`: what it looks like.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

mod body;
mod contact;
mod fixed;
mod picture;
mod world;

use alloc::string::String;
use alloc::vec::Vec;

use javm_guest::{Scratchpad, Typed, endpoint, memory, state};

use self::body::{Body, Shape};
use self::fixed::Fixed;
use self::world::World;

memory! { stack: 32 << 10, heap: 64 << 10, scratchpad: 64 << 10 }

state! {
    static WORLD: World = World::new();
}

/// How the world is. All numbers are thousandths.
#[derive(Typed, Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// Downwards, per second squared: up to 100,000.
    pub gravity: u32,
    /// How much of its speed a body keeps when it hits another one: up to 1000.
    pub bounce: u32,
    /// How rough surfaces are: up to 1000.
    pub friction: u32,
}

/// Where a body is and how it moves. All numbers are thousandths: of a unit, of a unit a second, of a radian a second.
/// The picture shows 32 units by 24, y going up.
#[derive(Typed, Clone, Copy, PartialEq, Debug)]
pub struct Motion {
    pub x: i32,
    pub y: i32,
    /// How far it has turned: cosine and sine.
    pub cosine: i32,
    pub sine: i32,
    pub vx: i32,
    pub vy: i32,
    pub spin: i32,
}

/// Begins anew, with an empty world.
///
/// # Errors
/// What is out of range.
#[endpoint]
pub fn reset(settings: Settings) -> Result<(), String> {
    let world = World::with(settings)?;
    WORLD.set(world);
    Ok(())
}

/// Puts a circle into the world, and returns its number. One that is `fixed` never moves.
///
/// # Errors
/// What is out of range; that the world is full.
#[endpoint]
pub fn add_circle(motion: Motion, radius: u32, fixed: bool) -> Result<u32, String> {
    let shape = Shape::circle(radius, fixed)?;
    WORLD.with_mut(|world| world.add(Body::new(shape, &motion, fixed)?))
}

/// Puts a box into the world, and returns its number. One that is `fixed` never moves.
///
/// # Errors
/// What is out of range; that the world is full.
#[endpoint]
pub fn add_box(motion: Motion, width: u32, height: u32, fixed: bool) -> Result<u32, String> {
    let shape = Shape::rectangle(width, height, fixed)?;
    WORLD.with_mut(|world| world.add(Body::new(shape, &motion, fixed)?))
}

/// Begins anew, with floor, walls, a slope and `bodies` circles and boxes above it, where `seed` says.
///
/// # Errors
/// That there are more than a world holds.
#[endpoint]
pub fn scene(bodies: u32, seed: u64) -> Result<(), String> {
    let world = World::scene(bodies, seed)?;
    WORLD.set(world);
    Ok(())
}

/// Goes on by `steps` of a sixtieth of a second. Returns how many there were since the world began.
#[endpoint]
pub fn step(steps: u32) -> u64 {
    WORLD.with_mut(|world| {
        for _ in 0..steps {
            world.step();
        }
        world.steps
    })
}

/// Draws the world to the start of the scratchpad: 120 rows of 160 bytes, the topmost first; 0 is nothing, 255 is what is
/// fixed. Returns how many bytes are not 0.
///
/// # Errors
/// Never, as the program has the scratchpad that it needs.
#[endpoint]
pub fn render() -> Result<u32, &'static str> {
    let mut pixels = Scratchpad::take(picture::WIDTH * picture::HEIGHT).ok_or("the scratchpad is taken")?;
    Ok(WORLD.with(|world| picture::draw(world.bodies(), &mut pixels)))
}

/// All bodies, in the order of their numbers.
#[endpoint]
pub fn bodies() -> Vec<Motion> {
    WORLD.with(|world| world.bodies().iter().map(Body::motion).collect())
}

/// The energy of motion of all bodies, in thousandths: half of mass times the square of speed, turning included.
#[endpoint]
pub fn energy() -> i64 {
    WORLD.with(|world| world.bodies().iter().map(Body::energy).sum::<Fixed>().thousandths())
}

#[cfg(test)]
mod tests;
