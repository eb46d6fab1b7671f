//! What is run: one table of programs, with what goes in and what has to come out.

use crate::native::{self, Native};

/// A call of an example program.
pub struct Workload {
    /// Its name in the group `exec`.
    pub name: &'static str,
    /// The Image in `guests/images`.
    pub image: &'static str,
    /// The endpoint that is called.
    pub endpoint: &'static str,
    /// Its arguments.
    pub arguments: Vec<u64>,
    /// The first bytes of the scratchpad; `None` where the program has none.
    pub scratchpad: Option<Vec<u8>>,
    /// What it has to return.
    pub expected: Expected,
    /// The same source as host code.
    pub native: Option<Native>,
}

/// How the result of a call is known to be right, beyond that all engines agree.
pub enum Expected {
    /// From another source than this program.
    Value(u64),
    /// Whatever the native build of the same source returns, and leaves in so many bytes of the scratchpad.
    Native {
        /// How many bytes of the scratchpad are results.
        scratchpad: usize,
    },
}

/// RFC 8032, section 7.1, test 3: public key, signature, message.
const RFC_8032_TEST_3: &str = concat!(
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    "af82"
);

/// All of them. Numbers come through here at run time, so that no compiler knows them when it makes the program.
pub fn all() -> Vec<Workload> {
    let plain = |name, image, endpoint, arguments: &[u64], expected, native: Native| Workload {
        name,
        image,
        endpoint,
        arguments: arguments.to_vec(),
        scratchpad: None,
        expected,
        native: Some(native),
    };
    vec![
        plain("fib", "fib", "fib", &[300_000], Expected::Value(fibonacci(300_000)), |a| native::fib::fib(a[0])),
        plain("fib-recursive", "fib", "fib_recursive", &[24], Expected::Value(46_368), |a| {
            native::fib::fib_recursive(a[0])
        }),
        plain("sieve", "sieve", "sieve", &[1_000_000], Expected::Value(78_498), |a| native::sieve::sieve(a[0])),
        Workload {
            scratchpad: Some(bytes_of(RFC_8032_TEST_3)),
            ..plain("ed25519", "ed25519", "verify", &[2], Expected::Value(1), |a| native::ed25519::verify(a[0]))
        },
        Workload {
            native: native::c::mandelbrot(),
            scratchpad: Some(Vec::new()),
            ..plain(
                "mandelbrot",
                "mandelbrot",
                "render",
                &[200, 150, 100],
                Expected::Native { scratchpad: 200 * 150 },
                |_| 0,
            )
        },
        Workload {
            native: None,
            scratchpad: Some(Vec::new()),
            ..plain("counter", "counter", "add", &[5], Expected::Value(5), |_| 0)
        },
    ]
}

/// By doubling, which is not how the program does it: F(2k) = F(k) (2 F(k+1) - F(k)), F(2k+1) = F(k)² + F(k+1)².
fn fibonacci(n: u64) -> u64 {
    let (mut a, mut b) = (0_u64, 1_u64);
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        let twice = a.wrapping_mul(b.wrapping_mul(2).wrapping_sub(a));
        let next = a.wrapping_mul(a).wrapping_add(b.wrapping_mul(b));
        (a, b) = if n >> bit & 1 == 0 { (twice, next) } else { (next, twice.wrapping_add(next)) };
    }
    a
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    digits.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fibonacci_numbers() {
        assert_eq!([0, 1, 2, 3, 10, 90].map(fibonacci), [0, 1, 1, 2, 55, 2_880_067_194_370_816_120]);
        assert_eq!(fibonacci(300_001).wrapping_add(fibonacci(300_000)), fibonacci(300_002));
    }

    #[test]
    fn native_builds_give_what_is_expected() {
        for workload in all() {
            let (Some(native), Expected::Value(expected)) = (workload.native, &workload.expected) else { continue };
            let done = native::call(native, &workload.arguments, workload.scratchpad.as_deref().unwrap_or_default(), 0);
            assert_eq!(done.value, *expected, "{}", workload.name);
        }
    }

    #[test]
    fn names_are_used_once() {
        let mut names: Vec<&str> = all().iter().map(|workload| workload.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}
