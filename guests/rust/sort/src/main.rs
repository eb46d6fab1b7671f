//! Sorting numbers, by five algorithms: those of `core` and `alloc`, and three that every textbook has.
#![no_std]
#![cfg_attr(not(test), no_main)]

extern crate alloc;

use alloc::collections::BinaryHeap;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use javm_guest::{endpoint, memory};

memory! { stack: 32 << 10, heap: 4 << 20, scratchpad: 1 << 20 }

/// The most numbers that a call sorts.
const MOST: usize = 100_000;

/// Why a call fails.
#[derive(PartialEq, Debug)]
pub enum Refusal<'a> {
    /// There is no such algorithm.
    Algorithm(&'a str),
    /// There are so many numbers.
    Count(usize),
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Algorithm(name) => {
                write!(f, "there is no algorithm {name:?}, but")?;
                ALGORITHMS.iter().try_for_each(|(name, _)| write!(f, " {name}"))
            }
            Refusal::Count(count) => write!(f, "at most {MOST} numbers are sorted, not {count}"),
        }
    }
}

type Algorithm = fn(&mut Vec<u64>);

/// What there is.
const ALGORITHMS: [(&str, Algorithm); 5] = [
    ("unstable", |numbers| numbers.sort_unstable()),
    ("stable", |numbers| numbers.sort()),
    ("merge", merge_sort),
    ("radix", radix_sort),
    ("heap", |numbers| *numbers = BinaryHeap::from(core::mem::take(numbers)).into_sorted_vec()),
];

fn algorithm(name: &str, count: usize) -> Result<Algorithm, Refusal<'_>> {
    let (_, algorithm) = ALGORITHMS.iter().find(|(known, _)| *known == name).ok_or(Refusal::Algorithm(name))?;
    if count > MOST { Err(Refusal::Count(count)) } else { Ok(*algorithm) }
}

/// Sorts numbers: by `algorithm`, which is `unstable`, `stable` (both Rust's own), `merge`, `radix` or `heap`. Up to 50,000
/// fit into the scratchpad, where they come from and go to.
#[endpoint]
pub fn sort(algorithm: &str, mut numbers: Vec<u64>) -> Result<Vec<u64>, Refusal<'_>> {
    self::algorithm(algorithm, numbers.len())?(&mut numbers);
    Ok(numbers)
}

/// Sorts `count` numbers that come from `seed`, at most 100,000, and returns the [`checksum`].
#[endpoint]
pub fn generated(algorithm: &str, count: u32, seed: u64) -> Result<u64, Refusal<'_>> {
    let sort = self::algorithm(algorithm, count as usize)?;
    let mut numbers = numbers(count, seed);
    sort(&mut numbers);
    Ok(checksum(&numbers))
}

/// `count` numbers: SplitMix64 from `seed` on.
pub fn numbers(count: u32, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    (0..count).map(|_| next()).collect()
}

/// A number that depends on all numbers and their order: their polynomial at an odd place, mod 2^64.
pub fn checksum(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |sum: u64, &number| sum.wrapping_mul(0x0001_0000_0000_01b3).wrapping_add(number))
}

/// Runs of 1, 2, 4, … numbers are merged to runs twice as long, from one vector to the other and back.
fn merge_sort(numbers: &mut Vec<u64>) {
    let mut merged = vec![0; numbers.len()];
    let mut run = 1;
    while run < numbers.len() {
        for (from, to) in numbers.chunks(2 * run).zip(merged.chunks_mut(2 * run)) {
            let (left, right) = from.split_at(run.min(from.len()));
            merge(left, right, to);
        }
        core::mem::swap(numbers, &mut merged);
        run *= 2;
    }
}

/// Equal numbers come from the left first.
fn merge<'a>(mut left: &'a [u64], mut right: &'a [u64], to: &mut [u64]) {
    let mut places = to.iter_mut();
    while let ([a, left_rest @ ..], [b, right_rest @ ..]) = (left, right)
        && let Some(place) = places.next()
    {
        if b < a {
            (*place, right) = (*b, right_rest);
        } else {
            (*place, left) = (*a, left_rest);
        }
    }
    // One of them is used up.
    for (place, number) in places.zip(left.iter().chain(right)) {
        *place = *number;
    }
}

/// By one byte after the other, the lowest first. Bytes that are the same everywhere are passed over.
fn radix_sort(numbers: &mut Vec<u64>) {
    let mut sorted = vec![0; numbers.len()];
    for shift in (0..u64::BITS).step_by(8) {
        let digit = |number: u64| (number >> shift) as usize & 0xff;
        let mut ends = [0_u32; 256];
        numbers.iter().for_each(|&number| ends[digit(number)] += 1);
        if ends.iter().any(|&count| count as usize == numbers.len()) {
            continue;
        }
        let mut end = 0;
        for place in &mut ends {
            end += *place;
            *place = end;
        }
        for &number in numbers.iter().rev() {
            let place = &mut ends[digit(number)];
            *place -= 1;
            sorted[*place as usize] = number;
        }
        core::mem::swap(numbers, &mut sorted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn all_algorithms_sort() {
        for count in [0, 1, 2, 3, 7, 64, 100, 1000] {
            // Many are equal, and all bytes occur.
            let mixed = numbers(count, 7).into_iter().map(|n| if n % 3 == 0 { n % 16 } else { n }).collect::<Vec<_>>();
            let mut expected = mixed.clone();
            expected.sort();
            for (name, _) in ALGORITHMS {
                assert_eq!(sort(name, mixed.clone()), Ok(expected.clone()), "{name} of {count}");
            }
        }
        assert_eq!(generated("radix", 1000, 3), generated("heap", 1000, 3));
        assert_ne!(generated("radix", 1000, 3), generated("radix", 1000, 4));
    }

    /// The first numbers that SplitMix64 is known to give for 1234567.
    #[test]
    fn the_numbers_are_those_of_splitmix() {
        assert_eq!(
            numbers(3, 1_234_567),
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert_ne!(checksum(&[1, 2]), checksum(&[2, 1]));
    }

    #[test]
    fn what_is_refused() {
        let refusal = sort("bogo", Vec::new()).unwrap_err().to_string();
        assert_eq!(refusal, "there is no algorithm \"bogo\", but unstable stable merge radix heap");
        assert_eq!(generated("heap", 100_001, 0), Err(Refusal::Count(100_001)));
    }
}
