//! Plays a world in slot 20 at 60 frames a second, with so much gas for each frame and no more: a step that takes longer
//! is gone on with in the next frame, and the player sees the old picture meanwhile.
#![no_std]
#![cfg_attr(not(test), no_main)]

use javm_guest::operation::{RunState, stat};
use javm_guest::{Call, Place, Resume, Status, Typed, endpoint, memory};

memory! { stack: 16 << 10, scratchpad: 4 << 10 }

const WORLD: Place = Place::slot(20);

/// Endpoints of the world, the program `frames`: one that begins anew, and one that goes on by so many steps.
const SCENE: u16 = 3;
const STEP: u16 = 4;

/// What was seen.
#[derive(Typed, Clone, PartialEq, Debug)]
struct Played {
    /// Frames in which there was a new picture.
    new: u32,
    /// Frames in which the world was not done.
    late: u32,
}

/// Begins anew, with so many bodies.
#[endpoint]
fn reset(bodies: u32, seed: u64) -> Result<(), Status> {
    let call = Call::method(SCENE).arguments([bodies.into(), seed, 0, 0]);
    call.atomic().place(WORLD).ok().map(drop)
}

/// Plays `frames` frames with `gas` for each.
#[endpoint]
fn play(frames: u32, gas: u64) -> Result<Played, Status> {
    let mut played = Played { new: 0, late: 0 };
    for _ in 0..frames {
        let reply = match stat(WORLD)?.run_state() {
            Some(RunState::Suspended(_)) => Resume::new().gas(gas).place(WORLD),
            _ => Call::method(STEP).arguments([1, 0, 0, 0]).gas(gas).place(WORLD),
        };
        match reply.status {
            Status::HALT => played.new += 1,
            Status::OUT_OF_GAS => played.late += 1,
            status => return Err(status),
        }
    }
    Ok(played)
}
