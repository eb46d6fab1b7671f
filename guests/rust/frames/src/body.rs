//! What there is in the world.

use alloc::format;
use alloc::string::String;

use super::Motion;
use super::fixed::{Fixed, ONE, ORIGIN, Vector, ZERO};

/// Sizes of what moves, and the largest of what is fixed, in thousandths. Smaller and larger masses than these allow would
/// not fit into the numbers.
const SIZES: [u32; 2] = [500, 4000];
const FIXED_SIZE: u32 = 64_000;

/// How far from the origin a body may be, how fast, and how much it may spin.
pub const FAR: Fixed = Fixed::ratio(128, 1);
pub const FAST: Fixed = Fixed::ratio(60, 1);
pub const SPIN: Fixed = Fixed::ratio(30, 1);

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    Circle {
        radius: Fixed,
    },
    /// Half of its width, and of its height.
    Box {
        half: Vector,
    },
}

impl Shape {
    pub fn circle(radius: u32, fixed: bool) -> Result<Shape, String> {
        let radius = size("radius", radius, fixed)?;
        Ok(Shape::Circle { radius })
    }

    pub fn rectangle(width: u32, height: u32, fixed: bool) -> Result<Shape, String> {
        let half = Vector::new(size("width", width, fixed)?, size("height", height, fixed)?);
        Ok(Shape::Box { half: half * Fixed::ratio(1, 2) })
    }

    /// How far from its centre the shape reaches.
    pub fn reach(self) -> Fixed {
        match self {
            Shape::Circle { radius } => radius,
            Shape::Box { half } => half.length(),
        }
    }

    /// Mass, 1 a unit of area, and what it takes to turn it; of something that moves.
    fn mass(self) -> (Fixed, Fixed) {
        match self {
            Shape::Circle { radius } => {
                let mass = radius * radius * Fixed::ratio(355, 113);
                (mass, mass * radius * radius * Fixed::ratio(1, 2))
            }
            Shape::Box { half } => {
                let mass = half.x * half.y * Fixed::ratio(4, 1);
                (mass, mass * half.dot(half) * Fixed::ratio(1, 3))
            }
        }
    }
}

fn size(what: &str, thousandths: u32, fixed: bool) -> Result<Fixed, String> {
    let most = if fixed { FIXED_SIZE } else { SIZES[1] };
    if !(SIZES[0]..=most).contains(&thousandths) {
        return Err(format!("the {what} is {} to {most} thousandths, not {thousandths}", SIZES[0]));
    }
    Ok(Fixed::ratio(thousandths.into(), 1000))
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Body {
    pub shape: Shape,
    pub place: Vector,
    /// How far it has turned: a unit vector.
    pub direction: Vector,
    pub speed: Vector,
    pub spin: Fixed,
    /// 1 / mass, and the same for turning; both zero for what is fixed.
    pub lightness: Fixed,
    pub nimbleness: Fixed,
}

impl Body {
    /// Nothing yet: what fills the table.
    pub const NONE: Body = Body {
        shape: Shape::Circle { radius: ONE },
        place: ORIGIN,
        direction: Vector::new(ONE, ZERO),
        speed: ORIGIN,
        spin: ZERO,
        lightness: ZERO,
        nimbleness: ZERO,
    };

    pub fn new(shape: Shape, motion: &Motion, fixed: bool) -> Result<Body, String> {
        let number = |what: &str, thousandths: i32, most: Fixed| {
            let number = Fixed::ratio(thousandths.into(), 1000);
            let most_thousandths = most.thousandths();
            if number.abs() > most {
                return Err(format!(
                    "{what} is -{most_thousandths} to {most_thousandths} thousandths, not {thousandths}"
                ));
            }
            Ok(number)
        };
        let vector = |x, y| Ok::<_, String>(Vector::new(x?, y?));
        let direction = vector(number("the cosine", motion.cosine, ONE), number("the sine", motion.sine, ONE))?;
        let length = direction.length();
        if (length - ONE).abs() > Fixed::ratio(1, 100) {
            return Err(format!("no angle has the cosine {} and the sine {}", motion.cosine, motion.sine));
        }
        let (lightness, nimbleness) = if fixed {
            (ZERO, ZERO)
        } else {
            let (mass, inertia) = shape.mass();
            (ONE / mass, ONE / inertia)
        };
        Ok(Body {
            shape,
            place: vector(number("x", motion.x, FAR), number("y", motion.y, FAR))?,
            direction: Vector::new(direction.x / length, direction.y / length),
            speed: vector(number("vx", motion.vx, FAST), number("vy", motion.vy, FAST))?,
            spin: number("the spin", motion.spin, SPIN)?,
            lightness,
            nimbleness,
        })
    }

    pub fn is_fixed(&self) -> bool {
        self.lightness == ZERO
    }

    pub fn motion(&self) -> Motion {
        // The world keeps them so small that they fit.
        let number = |number: Fixed| number.thousandths() as i32;
        Motion {
            x: number(self.place.x),
            y: number(self.place.y),
            cosine: number(self.direction.x),
            sine: number(self.direction.y),
            vx: number(self.speed.x),
            vy: number(self.speed.y),
            spin: number(self.spin),
        }
    }

    pub fn energy(&self) -> Fixed {
        if self.is_fixed() {
            return ZERO;
        }
        let (mass, inertia) = self.shape.mass();
        (mass * self.speed.dot(self.speed) + inertia * self.spin * self.spin) * Fixed::ratio(1, 2)
    }

    /// How fast the point of the body moves that is at `arm` from its centre.
    pub fn speed_at(&self, arm: Vector) -> Vector {
        self.speed + arm.left() * self.spin
    }

    /// Pushes it there.
    pub fn push(&mut self, impulse: Vector, arm: Vector) {
        self.speed += impulse * self.lightness;
        self.spin = self.spin + arm.cross(impulse) * self.nimbleness;
    }

    /// Moves it on by the time `span`.
    pub fn go_on(&mut self, span: Fixed) {
        let limit = |number: Fixed, most: Fixed| number.clamp(-most, most);
        self.speed = Vector::new(limit(self.speed.x, FAST), limit(self.speed.y, FAST));
        self.spin = limit(self.spin, SPIN);
        self.place += self.speed * span;
        // What falls out of the world stays at its edge.
        self.place = Vector::new(limit(self.place.x, FAR), limit(self.place.y, FAR));
        let turned = self.direction + self.direction.left() * (self.spin * span);
        let length = turned.length();
        self.direction = Vector::new(turned.x / length, turned.y / length);
    }
}
