use alloc::vec::Vec;

use super::*;

const STILL: Motion = Motion { x: 0, y: 0, cosine: 1000, sine: 0, vx: 0, vy: 0, spin: 0 };
const SPACE: Settings = Settings { gravity: 0, bounce: 1000, friction: 0 };
const EARTH: Settings = Settings { gravity: 9810, bounce: 300, friction: 500 };

fn near(a: i32, b: i32, by: i32) -> bool {
    (a - b).abs() <= by
}

#[test]
fn what_falls_falls_as_it_should() {
    assert_eq!(reset(EARTH), Ok(()));
    assert_eq!(add_circle(Motion { y: 100_000, vx: 1000, ..STILL }, 1000, false), Ok(0));
    assert_eq!(step(60), 60);
    // n steps of v += g t, y += v t.
    let fallen = 9.81 / 3600.0 * (60.0 * 61.0 / 2.0);
    let [body] = bodies()[..] else { panic!("there is one body") };
    assert!(near(body.y, 100_000 - (fallen * 1000.0) as i32, 2) && near(body.x, 1000, 2), "{body:?}");
    assert!(near(body.vy, -9810, 2), "{body:?}");
}

#[test]
fn equal_circles_exchange_their_speeds() {
    assert_eq!(reset(SPACE), Ok(()));
    assert_eq!(add_circle(Motion { x: 5000, y: 9000, vx: 5000, ..STILL }, 1000, false), Ok(0));
    assert_eq!(add_circle(Motion { x: 12_000, y: 9000, vx: -2000, ..STILL }, 1000, false), Ok(1));
    let before = energy();
    step(120);
    let after = bodies();
    assert!(near(after[0].vx, -2000, 10) && near(after[1].vx, 5000, 10), "{after:?}");
    assert!((before - energy()).abs() < before / 100, "{before} becomes {}", energy());
}

#[test]
fn a_pile_comes_to_rest_within_its_walls() {
    assert_eq!(scene(40, 1), Ok(()));
    step(1200);
    for body in bodies() {
        assert!((0..32_001).contains(&body.x) && (0..32_001).contains(&body.y), "{body:?} is out");
        assert!(body.vx.abs() < 500 && body.vy.abs() < 500, "{body:?} still moves");
    }
    let again = javm_guest::test::fresh(|| {
        assert_eq!(scene(40, 1), Ok(()));
        for _ in 0..1200 {
            step(1);
        }
        bodies()
    });
    assert_eq!(again, bodies(), "many calls are one");
}

#[test]
fn a_box_on_a_box_stays_there() {
    assert_eq!(reset(EARTH), Ok(()));
    assert_eq!(add_box(Motion { x: 16_000, y: 500, ..STILL }, 32_000, 1000, true), Ok(0));
    assert_eq!(add_box(Motion { x: 16_000, y: 2000, ..STILL }, 3000, 2000, false), Ok(1));
    assert_eq!(add_box(Motion { x: 16_100, y: 4500, ..STILL }, 2000, 2000, false), Ok(2));
    step(300);
    let [_, lower, upper] = bodies()[..] else { panic!("there are three") };
    assert!(near(lower.y, 2000, 60) && near(upper.y, 4000, 100), "{lower:?} {upper:?}");
    assert!(near(upper.x, 16_100, 100) && upper.cosine > 990, "{upper:?}");
}

#[test]
fn the_picture_shows_what_there_is() {
    assert_eq!(reset(SPACE), Ok(()));
    assert_eq!(add_circle(Motion { x: 10_000, y: 12_000, ..STILL }, 4000, false), Ok(0));
    assert_eq!(add_box(Motion { x: 24_000, y: 20_000, ..STILL }, 8000, 4000, true), Ok(1));
    let drawn = render().expect("there is room");
    // pi r² and the box, in pixels of a fifth of a unit.
    let expected = 3.1416 * 400.0 + 40.0 * 20.0;
    assert!((f64::from(drawn) - expected).abs() < 30.0, "{drawn}");
    let pixels = javm_guest::test::scratchpad();
    let pixel = |x: usize, y: usize| pixels[(119 - y * 5) * 160 + x * 5];
    assert_eq!([pixel(12, 12), pixel(8, 12), pixel(24, 20), pixel(24, 12)], [64, 32, 255, 0]);
    step(1);
    assert_eq!(render(), Ok(drawn), "nothing moves");
}

#[test]
fn what_is_out_of_range_is_refused() {
    let text = |result: Result<u32, String>| result.unwrap_err();
    assert_eq!(reset(Settings { bounce: 1001, ..EARTH }), Err("bounce is at most 1000 thousandths, not 1001".into()));
    assert_eq!(text(add_circle(STILL, 499, false)), "the radius is 500 to 4000 thousandths, not 499");
    assert_eq!(text(add_box(STILL, 500, 64_001, true)), "the height is 500 to 64000 thousandths, not 64001");
    let far = Motion { x: -128_001, ..STILL };
    assert_eq!(text(add_circle(far, 500, false)), "x is -128000 to 128000 thousandths, not -128001");
    let crooked = Motion { sine: 1000, ..STILL };
    assert_eq!(text(add_circle(crooked, 500, false)), "no angle has the cosine 1000 and the sine 1000");
    assert_eq!(scene(61, 0), Err("a world holds 64 bodies".into()));
    assert_eq!(scene(60, 0), Ok(()));
    assert_eq!(text(add_circle(STILL, 500, false)), "a world holds 64 bodies");
}

#[test]
fn no_world_overflows() {
    // Everything at one place, as fast and as crowded as can be. Arithmetic that overflows panics here.
    for bounce in [0, 1000] {
        assert_eq!(reset(Settings { gravity: 100_000, bounce, friction: 1000 }), Ok(()));
        for i in 0..32 {
            let motion = Motion { x: i * 7, vx: 60_000, vy: -60_000, spin: 30_000, ..STILL };
            add_circle(motion, if i % 3 == 0 { 4000 } else { 500 }, i == 31).expect("it fits");
            let motion = Motion { y: i * 3, cosine: 600, sine: 800, vx: -60_000, vy: 60_000, spin: -30_000, ..STILL };
            add_box(motion, 500, if i % 2 == 0 { 4000 } else { 500 }, false).expect("it fits");
        }
        step(200);
    }
    let places: Vec<Motion> = bodies();
    assert_eq!(places.len(), 64);
}
