//! `frames` against what mechanics says, in floating point.

use javm_guest::Typed;

use super::Program;

/// `Settings` of the program.
#[derive(Typed)]
struct Settings {
    gravity: u32,
    bounce: u32,
    friction: u32,
}

/// `Motion` of the program.
#[derive(Typed, Clone, Copy, PartialEq, Debug)]
struct Motion {
    x: i32,
    y: i32,
    cosine: i32,
    sine: i32,
    vx: i32,
    vy: i32,
    spin: i32,
}

const STILL: Motion = Motion { x: 0, y: 0, cosine: 1000, sine: 0, vx: 0, vy: 0, spin: 0 };

const WIDTH: usize = 160;
const HEIGHT: usize = 120;

fn program() -> Program {
    Program::new("frames")
}

fn bodies(program: &mut Program) -> Vec<Motion> {
    program.call("bodies", &()).value()
}

#[test]
fn many_small_calls_are_one_large_one() {
    let (mut one, mut many) = (program(), program());
    for program in [&mut one, &mut many] {
        program.call("scene", &(30_u32, 7_u64)).value::<()>();
    }
    let before = one.root();
    assert_eq!(one.call("step", &(90_u32,)).value::<u64>(), 90);
    for step in 1..=90 {
        assert_eq!(many.call("step", &(1_u32,)).value::<u64>(), step);
        if step % 30 == 0 {
            // Looking at it changes nothing.
            let root = many.root();
            assert!(many.call("render", &()).value::<u32>() > 0);
            assert_eq!(many.root(), root);
        }
    }
    assert_eq!(one.root(), many.root());
    assert_ne!(one.root(), before);
    assert_eq!(bodies(&mut one), bodies(&mut many));
}

#[test]
fn bodies_fly_and_collide_as_mechanics_says() {
    let mut program = program();
    let near = |a: i32, b: f64, by: f64| (f64::from(a) - b).abs() <= by;

    program.call("reset", &(Settings { gravity: 9810, bounce: 1000, friction: 0 },)).value::<()>();
    let thrown = Motion { x: 1000, y: 2000, vx: 4000, vy: 15_000, spin: 1000, ..STILL };
    assert_eq!(program.call("add_circle", &(thrown, 1000_u32, false)).value::<u32>(), 0);
    for steps in (15..=90).step_by(15) {
        program.call("step", &(15_u32,)).value::<u64>();
        let body = bodies(&mut program)[0];
        // Speed changes first, then the place: that makes n (n + 1) / 2 of them.
        let (n, t) = (f64::from(steps), f64::from(steps) / 60.0);
        let y = 2000.0 + 15_000.0 * t - 9810.0 / 3600.0 * (n * (n + 1.0) / 2.0);
        assert!(near(body.x, 1000.0 + 4000.0 * t, 3.0) && near(body.y, y, 3.0), "{body:?} at {steps}");
        assert!(near(body.vy, 15_000.0 - 9810.0 * t, 3.0), "{body:?}");
        assert!(near(body.cosine, t.cos() * 1000.0, 5.0) && near(body.sine, t.sin() * 1000.0, 5.0), "{body:?}");
    }

    // A head-on collision without loss, masses 4 : 1.
    program.call("reset", &(Settings { gravity: 0, bounce: 1000, friction: 0 },)).value::<()>();
    let motion = |x, vx| Motion { x, y: 12_000, vx, ..STILL };
    program.call("add_circle", &(motion(6000, 3000), 2000_u32, false)).value::<u32>();
    program.call("add_circle", &(motion(16_000, -2000), 1000_u32, false)).value::<u32>();
    program.call("step", &(180_u32,)).value::<u64>();
    let after = bodies(&mut program);
    let (m, v, w) = ([4.0, 1.0], [3000.0, -2000.0], 2.0 * (4.0 * 3000.0 - 2000.0) / 5.0);
    assert!(near(after[0].vx, w - v[0], 15.0) && near(after[1].vx, w - v[1], 15.0), "{after:?}");
    let momentum = m[0] * f64::from(after[0].vx) + m[1] * f64::from(after[1].vx);
    assert!((momentum - 10_000.0).abs() < 20.0, "{momentum}");
}

#[test]
fn pictures_show_where_bodies_are() {
    let mut program = program();
    program.call("reset", &(Settings { gravity: 0, bounce: 0, friction: 0 },)).value::<()>();
    let circle = Motion { x: 9300, y: 7700, ..STILL };
    program.call("add_circle", &(circle, 3300_u32, false)).value::<u32>();
    let turned = Motion { x: 22_150, y: 14_950, cosine: 800, sine: 600, ..STILL };
    program.call("add_box", &(turned, 9000_u32, 5000_u32, true)).value::<u32>();
    let answer = program.call("render", &());
    let drawn = answer.value::<u32>();

    let mut count = 0;
    for (i, &pixel) in answer.scratchpad[..WIDTH * HEIGHT].iter().enumerate() {
        let place = |number: usize| (number as f64 + 0.5) / 5.0;
        let (x, y) = (place(i % WIDTH), place(HEIGHT - 1 - i / WIDTH));
        // How far inside.
        let of_circle = 3.3 - (x - 9.3).hypot(y - 7.7);
        let (dx, dy) = (x - 22.15, y - 14.95);
        let of_box = (4.5 - (0.8 * dx + 0.6 * dy).abs()).min(2.5 - (0.8 * dy - 0.6 * dx).abs());
        let inside = of_circle.max(of_box);
        count += u32::from(pixel != 0);
        if inside.abs() > 0.001 {
            assert_eq!(pixel != 0, inside > 0.0, "at {x} {y}");
            assert_eq!(pixel == 255, of_box > 0.0, "at {x} {y}");
        }
    }
    assert_eq!(drawn, count);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut program = program();
    let said = program.call("add_circle", &(STILL, 1_u32, false)).refusal();
    assert!(said.ends_with("the radius is 500 to 4000 thousandths, not 1"), "{said}");
    let said = program.call("scene", &(u32::MAX, 0_u64)).refusal();
    assert!(said.ends_with("a world holds 64 bodies"), "{said}");
    assert!(bodies(&mut program).is_empty(), "a call that fails leaves nothing behind");
}
