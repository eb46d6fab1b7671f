//! What a fuzz target is.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Where randomness comes from: the same seed gives the same inputs on every machine.
pub type Random = ChaCha8Rng;

/// The randomness of a seed.
#[must_use]
pub fn random(seed: u64) -> Random {
    Random::seed_from_u64(seed)
}

/// The longest input that generators and mutations make, in bytes. Targets take any length.
pub const MAX_BYTES: usize = 1 << 15;

/// How far an input got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reached {
    /// It was refused, with an error as it should be.
    Refused,
    /// It was what the target is about, all the way.
    Accepted,
}

/// A promise about bytes from outside, and how to make bytes that put it to the test.
pub struct Target {
    /// Its name: of the corpus folder, of the test, of the binary in `fuzz/`.
    pub name: &'static str,
    /// Does with the bytes what nub does with them. Panics if a promise is broken, and only then.
    pub run: fn(&[u8]) -> Reached,
    /// An input from nothing.
    pub generate: fn(&mut Random) -> Vec<u8>,
    /// Changes an input a little; the other one is there to take parts from.
    pub mutate: fn(&mut Random, &mut Vec<u8>, &[u8]),
    /// Mends lengths, hashes and the like, so that what is behind those checks is reached. Need not succeed.
    pub repair: fn(&mut Vec<u8>),
    /// How many of a hundred inputs have to be accepted: a fuzzer that is always refused finds nothing.
    pub least_accepted: u64,
}

impl Target {
    /// The input of this seed: generated, or made from inputs of `corpus`.
    #[must_use]
    pub fn input(&self, seed: u64, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut random = random(seed);
        if corpus.is_empty() || random.random_ratio(1, 4) {
            let mut bytes = (self.generate)(&mut random);
            if random.random_ratio(1, 4) {
                self.change(&mut random, &mut bytes, &[]);
            }
            return bytes;
        }
        let mut bytes = corpus[random.random_range(0..corpus.len())].clone();
        let other = &corpus[random.random_range(0..corpus.len())];
        self.change(&mut random, &mut bytes, other);
        bytes
    }

    /// Changes an input one to several times and mends it, mostly.
    pub fn change(&self, random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
        let times = 1 << random.random_range(0..4_u32);
        for _ in 0..random.random_range(1..=times) {
            (self.mutate)(random, bytes, other);
            bytes.truncate(MAX_BYTES);
        }
        if random.random_ratio(7, 8) {
            (self.repair)(bytes);
        }
    }
}
