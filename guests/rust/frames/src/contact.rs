//! Where two bodies touch, and what they do to each other there.

use super::body::{Body, Shape};
use super::fixed::{Fixed, ONE, ORIGIN, Vector, ZERO};

/// How much two bodies may overlap without being pushed apart, so that what lies stays still; how much of the rest is made
/// good in a second.
const SLACK: Fixed = Fixed::ratio(1, 100);
const REPAIR: Fixed = Fixed::ratio(12, 1);
/// Slower than this nothing bounces.
const BOUNCES: Fixed = Fixed::ratio(1, 1);

/// A point where two bodies touch.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Touch {
    pub point: Vector,
    /// A unit vector from the first body to the second.
    pub normal: Vector,
    /// How deep they are in each other.
    pub depth: Fixed,
}

/// Calls `found` with each point where the two touch.
pub fn touches(a: &Body, b: &Body, found: &mut impl FnMut(Touch)) {
    let apart = b.place - a.place;
    let reach = a.shape.reach() + b.shape.reach();
    if apart.x.abs() > reach || apart.y.abs() > reach {
        return;
    }
    match (a.shape, b.shape) {
        (Shape::Circle { radius: ra }, Shape::Circle { radius: rb }) => {
            let distance = apart.length();
            if distance < ra + rb {
                // Two at one place go apart upwards and downwards.
                let normal = unit(apart, distance);
                found(Touch { point: a.place + normal * ra, normal, depth: ra + rb - distance });
            }
        }
        (Shape::Box { half }, Shape::Circle { radius }) => box_and_circle(a, half, b, radius, found),
        (Shape::Circle { radius }, Shape::Box { half }) => {
            box_and_circle(b, half, a, radius, &mut |touch| found(Touch { normal: -touch.normal, ..touch }));
        }
        (Shape::Box { half: ha }, Shape::Box { half: hb }) => {
            corners(a, ha, b, hb, found);
            corners(b, hb, a, ha, &mut |touch| found(Touch { normal: -touch.normal, ..touch }));
        }
    }
}

/// A vector as long as 1, of one whose length is known.
fn unit(vector: Vector, length: Fixed) -> Vector {
    if length == ZERO { Vector::new(ZERO, ONE) } else { Vector::new(vector.x / length, vector.y / length) }
}

/// The direction in which a point leaves a box soonest, and how far it is; both as the box sees it.
fn way_out(point: Vector, half: Vector) -> (Vector, Fixed) {
    let (x, y) = (half.x - point.x.abs(), half.y - point.y.abs());
    let sign = |number: Fixed| if number < ZERO { -ONE } else { ONE };
    if x < y { (Vector::new(sign(point.x), ZERO), x) } else { (Vector::new(ZERO, sign(point.y)), y) }
}

fn box_and_circle(a: &Body, half: Vector, b: &Body, radius: Fixed, found: &mut impl FnMut(Touch)) {
    let centre = (b.place - a.place).turned_back(a.direction);
    let nearest = Vector::new(centre.x.clamp(-half.x, half.x), centre.y.clamp(-half.y, half.y));
    let (normal, depth) = if nearest == centre {
        let (normal, depth) = way_out(centre, half);
        (normal, depth + radius)
    } else {
        let apart = centre - nearest;
        let distance = apart.length();
        (unit(apart, distance), radius - distance)
    };
    if depth > ZERO {
        found(Touch { point: a.place + nearest.turned(a.direction), normal: normal.turned(a.direction), depth });
    }
}

/// The corners of box `b` that are in box `a`.
fn corners(a: &Body, ha: Vector, b: &Body, hb: Vector, found: &mut impl FnMut(Touch)) {
    for corner in [hb, Vector::new(-hb.x, hb.y), -hb, Vector::new(hb.x, -hb.y)] {
        let point = b.place + corner.turned(b.direction);
        let seen = (point - a.place).turned_back(a.direction);
        if seen.x.abs() < ha.x && seen.y.abs() < ha.y {
            let (normal, depth) = way_out(seen, ha);
            found(Touch { point, normal: normal.turned(a.direction), depth });
        }
    }
}

/// A touch while it is worked on.
#[derive(Clone, Copy)]
pub struct Contact {
    bodies: [usize; 2],
    arms: [Vector; 2],
    normal: Vector,
    /// How fast they have to go apart.
    wanted: Fixed,
    /// What has been pushed, along the normal and across.
    pushed: [Fixed; 2],
    /// How hard both are to push, along the normal and across.
    mass: [Fixed; 2],
}

impl Contact {
    /// What fills the table.
    pub const NONE: Contact =
        Contact { bodies: [0; 2], arms: [ORIGIN; 2], normal: ORIGIN, wanted: ZERO, pushed: [ZERO; 2], mass: [ZERO; 2] };

    pub fn new(numbers: [usize; 2], a: &Body, b: &Body, touch: &Touch, bounce: Fixed) -> Contact {
        let arms = [touch.point - a.place, touch.point - b.place];
        let along = touch.normal.dot(b.speed_at(arms[1]) - a.speed_at(arms[0]));
        let apart = ((touch.depth - SLACK) * REPAIR).max(ZERO);
        let mass = [touch.normal, touch.normal.left()].map(|direction| {
            let turn = |body: &Body, arm: Vector| arm.cross(direction) * arm.cross(direction) * body.nimbleness;
            ONE / (a.lightness + b.lightness + turn(a, arms[0]) + turn(b, arms[1]))
        });
        Contact {
            bodies: numbers,
            arms,
            normal: touch.normal,
            wanted: if along < -BOUNCES { apart.max(-along * bounce) } else { apart },
            pushed: [ZERO; 2],
            mass,
        }
    }

    /// Pushes both bodies so that this touch is as it should be; others may undo it.
    pub fn push(&mut self, bodies: &mut [Body], friction: Fixed) {
        let [a, b] = self.bodies;
        for (i, direction) in [self.normal, self.normal.left()].into_iter().enumerate() {
            let between = bodies[b].speed_at(self.arms[1]) - bodies[a].speed_at(self.arms[0]);
            let lacking = if i == 0 { self.wanted } else { ZERO } - between.dot(direction);
            let most = self.pushed[0] * friction;
            let all = self.pushed[i] + lacking * self.mass[i];
            // Bodies push and do not pull; friction is as strong as they push.
            let all = if i == 0 { all.max(ZERO) } else { all.clamp(-most, most) };
            let impulse = direction * (all - self.pushed[i]);
            self.pushed[i] = all;
            bodies[a].push(-impulse, self.arms[0]);
            bodies[b].push(impulse, self.arms[1]);
        }
    }
}
