//! Numbers with 20 bits behind the point, and vectors of them.

use core::iter::Sum;
use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

const BITS: u32 = 20;

/// A number in units of 2^-20. The world keeps all of them so small that products fit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fixed(i64);

pub const ZERO: Fixed = Fixed(0);
pub const ONE: Fixed = Fixed(1 << BITS);

impl Fixed {
    /// `numerator` / `denominator`.
    pub const fn ratio(numerator: i64, denominator: i64) -> Fixed {
        Fixed((numerator << BITS) / denominator)
    }

    /// In thousandths, rounded to the nearest.
    pub const fn thousandths(self) -> i64 {
        (self.0 * 1000 + (1 << (BITS - 1))) >> BITS
    }

    /// The square root; zero of what is less.
    pub fn root(self) -> Fixed {
        Fixed(((self.0.max(0) as u64) << BITS).isqrt() as i64)
    }

    pub fn abs(self) -> Fixed {
        Fixed(self.0.abs())
    }
}

impl Add for Fixed {
    type Output = Fixed;
    fn add(self, other: Fixed) -> Fixed {
        Fixed(self.0 + other.0)
    }
}

impl Sub for Fixed {
    type Output = Fixed;
    fn sub(self, other: Fixed) -> Fixed {
        Fixed(self.0 - other.0)
    }
}

impl Mul for Fixed {
    type Output = Fixed;
    fn mul(self, other: Fixed) -> Fixed {
        Fixed((self.0 * other.0) >> BITS)
    }
}

impl Div for Fixed {
    type Output = Fixed;
    fn div(self, other: Fixed) -> Fixed {
        Fixed((self.0 << BITS) / other.0)
    }
}

impl Neg for Fixed {
    type Output = Fixed;
    fn neg(self) -> Fixed {
        Fixed(-self.0)
    }
}

impl Sum for Fixed {
    fn sum<I: Iterator<Item = Fixed>>(all: I) -> Fixed {
        all.fold(ZERO, Add::add)
    }
}

/// A place, a direction, a speed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Vector {
    pub x: Fixed,
    pub y: Fixed,
}

pub const ORIGIN: Vector = Vector { x: ZERO, y: ZERO };

impl Vector {
    pub const fn new(x: Fixed, y: Fixed) -> Vector {
        Vector { x, y }
    }

    pub fn dot(self, other: Vector) -> Fixed {
        self.x * other.x + self.y * other.y
    }

    /// How much `other` is to the left, as seen in this direction.
    pub fn cross(self, other: Vector) -> Fixed {
        self.x * other.y - self.y * other.x
    }

    pub fn length(self) -> Fixed {
        self.dot(self).root()
    }

    /// A quarter of a turn to the left.
    pub fn left(self) -> Vector {
        Vector::new(-self.y, self.x)
    }

    /// This vector, turned as far as the unit vector `by` is.
    pub fn turned(self, by: Vector) -> Vector {
        Vector::new(self.x * by.x - self.y * by.y, self.x * by.y + self.y * by.x)
    }

    /// The reverse of `turned`.
    pub fn turned_back(self, by: Vector) -> Vector {
        Vector::new(self.x * by.x + self.y * by.y, self.y * by.x - self.x * by.y)
    }
}

impl Add for Vector {
    type Output = Vector;
    fn add(self, other: Vector) -> Vector {
        Vector::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vector {
    type Output = Vector;
    fn sub(self, other: Vector) -> Vector {
        Vector::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<Fixed> for Vector {
    type Output = Vector;
    fn mul(self, by: Fixed) -> Vector {
        Vector::new(self.x * by, self.y * by)
    }
}

impl Neg for Vector {
    type Output = Vector;
    fn neg(self) -> Vector {
        Vector::new(-self.x, -self.y)
    }
}

impl AddAssign for Vector {
    fn add_assign(&mut self, other: Vector) {
        *self = *self + other;
    }
}

impl SubAssign for Vector {
    fn sub_assign(&mut self, other: Vector) {
        *self = *self - other;
    }
}
