//! The smallest input that still fails.

use super::attempt::{Failure, attempt};
use crate::target::Target;

/// How often a target is run to make an input smaller, at most.
const TRIES: usize = 4_000;

/// Makes `bytes` smaller for as long as `target` fails at the same place: pieces are left out, bytes become zero. What
/// that breaks the target's own repair may mend.
pub(super) fn shrink(target: &Target, bytes: &[u8], failure: &Failure) -> Vec<u8> {
    let mut shrinker = Shrinker { target, failure, best: bytes.to_vec(), tries: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.leave_out();
        shrinker.clear();
        if shrinker.best == before || shrinker.tries >= TRIES {
            return shrinker.best;
        }
    }
}

struct Shrinker<'a> {
    target: &'a Target,
    failure: &'a Failure,
    best: Vec<u8>,
    tries: usize,
}

impl Shrinker<'_> {
    fn fails(&mut self, bytes: &[u8]) -> bool {
        self.tries += 1;
        attempt(self.target, bytes).is_err_and(|failure| failure.place == self.failure.place)
    }

    /// Keeps `candidate`, as it is or repaired, if it still fails and is not what there is already.
    fn attempt(&mut self, candidate: Vec<u8>) -> bool {
        let mut repaired = candidate.clone();
        (self.target.repair)(&mut repaired);
        for candidate in [candidate, repaired] {
            let simpler = weight(&candidate) < weight(&self.best);
            if simpler && self.tries < TRIES && self.fails(&candidate) {
                self.best = candidate;
                return true;
            }
        }
        false
    }

    fn leave_out(&mut self) {
        let mut length = self.best.len();
        while length > 0 {
            let mut start = 0;
            while start < self.best.len() {
                let mut candidate = self.best.clone();
                candidate.drain(start..(start + length).min(self.best.len()));
                if !self.attempt(candidate) {
                    start += length;
                }
            }
            length /= 2;
        }
    }

    fn clear(&mut self) {
        let mut index = 0;
        while index < self.best.len() {
            if self.best[index] != 0 {
                let mut candidate = self.best.clone();
                candidate[index] = 0;
                self.attempt(candidate);
            }
            index += 1;
        }
    }
}

/// Shorter is smaller; of equal length, the one with fewer bytes that are not zero.
fn weight(bytes: &[u8]) -> (usize, usize) {
    (bytes.len(), bytes.iter().filter(|&&byte| byte != 0).count())
}
