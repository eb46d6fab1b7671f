//! What the world looks like.

use super::body::{Body, Shape};
use super::fixed::{Fixed, Vector, ZERO};

/// The picture shows 32 units by 24.
pub const WIDTH: usize = 160;
pub const HEIGHT: usize = 120;
const PIXELS: i64 = 5;

/// Draws into `pixels`, of which there are as many as the picture has. Returns how many are not 0.
pub fn draw(bodies: &[Body], pixels: &mut [u8]) -> u32 {
    pixels.fill(0);
    for (i, body) in bodies.iter().enumerate() {
        // One half is lighter than the other, so that one sees it turn.
        let shade = 64 + (i as u8 % 16) * 8;
        let reach = body.shape.reach();
        let columns = range(body.place.x - reach, body.place.x + reach, WIDTH);
        let rows = range(body.place.y - reach, body.place.y + reach, HEIGHT);
        for row in rows {
            for column in columns.clone() {
                let seen = (centre(column, row) - body.place).turned_back(body.direction);
                let inside = match body.shape {
                    Shape::Circle { radius } => seen.dot(seen) <= radius * radius,
                    Shape::Box { half } => seen.x.abs() <= half.x && seen.y.abs() <= half.y,
                };
                if inside {
                    let shade = if seen.x > ZERO { shade } else { shade - 32 };
                    pixels[(HEIGHT - 1 - row) * WIDTH + column] = if body.is_fixed() { 255 } else { shade };
                }
            }
        }
    }
    pixels.iter().filter(|&&pixel| pixel != 0).count() as u32
}

/// The middle of a pixel, rows counted from below.
fn centre(column: usize, row: usize) -> Vector {
    let middle = |number: usize| Fixed::ratio(2 * number as i64 + 1, 2 * PIXELS);
    Vector::new(middle(column), middle(row))
}

/// The pixels whose middle may be between two places.
fn range(from: Fixed, to: Fixed, end: usize) -> core::ops::Range<usize> {
    let pixel = |place: Fixed| (place.thousandths() * PIXELS / 1000).clamp(0, end as i64) as usize;
    pixel(from - Fixed::ratio(1, PIXELS))..(pixel(to) + 1).min(end)
}
