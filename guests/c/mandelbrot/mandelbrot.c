/* The Mandelbrot set in fixed point, one byte a pixel into the scratchpad. */
#include "javm.h"

#define SCRATCHPAD_BYTES (1u << 20)

JAVM_MEMORY(16384, 0, SCRATCHPAD_BYTES);

/* Numbers have 28 bits after the point. */
typedef int64_t fixed;
#define POINT 28
#define FIXED(x) ((fixed)((x) * (1 << POINT)))

static fixed times(fixed a, fixed b) { return (a * b) >> POINT; }

/* How many steps z := z² + c takes to leave the circle of radius 2, at most `limit`. */
static uint64_t steps(fixed cr, fixed ci, uint64_t limit) {
    fixed zr = 0, zi = 0;
    uint64_t n = 0;
    for (; n < limit; n++) {
        fixed rr = times(zr, zr), ii = times(zi, zi);
        if (rr + ii > FIXED(4)) {
            break;
        }
        zi = 2 * times(zr, zi) + ci;
        zr = rr - ii + cr;
    }
    return n;
}

/* Renders real -2.25 … 0.75 by imaginary -1.25 … 1.25 as `width` × `height` bytes, row by row: how many steps each point
 * takes, mod 256. Returns the sum of all steps; panics when the picture is empty or larger than the scratchpad. */
uint64_t render(uint64_t width, uint64_t height, uint64_t max_iter) {
    JAVM_REQUIRE(width > 0 && height > 0 && width <= SCRATCHPAD_BYTES && height <= SCRATCHPAD_BYTES / width);
    uint8_t *pixel = javm_scratchpad();
    uint64_t sum = 0;
    for (uint64_t y = 0; y < height; y++) {
        fixed ci = FIXED(-1.25) + (fixed)(FIXED(2.5) * y / height);
        for (uint64_t x = 0; x < width; x++) {
            fixed cr = FIXED(-2.25) + (fixed)(FIXED(3.0) * x / width);
            uint64_t n = steps(cr, ci, max_iter);
            *pixel++ = (uint8_t)n;
            sum += n;
        }
    }
    return sum;
}

JAVM_ENDPOINT(render, 3);
JAVM_INTERFACE(mandelbrot, "interface mandelbrot { render(width: u64, height: u64, max_iter: u64) -> u64; }");
