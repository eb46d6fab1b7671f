//! Which seeds a test runs.

use std::env;
use std::ops::Range;

/// The environment variable that sets the first seed, so that a failure can be run again.
pub const SEED_VARIABLE: &str = "NUB_SEED";

/// The first seed of a test that says nothing else: tests do the same on every machine.
const FIRST_SEED: u64 = 1;

/// The seeds of a test: `default_count` of them, or as many as the environment variable `count_variable` says, from
/// the one in `NUB_SEED` on. With `NUB_SEED` alone just that one.
///
/// # Panics
/// If a variable is set to something that is not a number: a test that silently ran something else would mislead.
#[must_use]
pub fn seeds(count_variable: &str, default_count: u64) -> Range<u64> {
    let first = number(SEED_VARIABLE);
    let count = number(count_variable).unwrap_or(if first.is_some() { 1 } else { default_count });
    let first = first.unwrap_or(FIRST_SEED);
    first..first.saturating_add(count)
}

/// The number in an environment variable.
fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{variable} is {text:?}, which is not a number"),
    }
}
