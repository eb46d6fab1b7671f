//! Instances that are called by their hash: the same call of the same hash gives the same result, and changes nothing.

use std::collections::BTreeMap;

use javm_cap::CapHash;
use nub_kernel::{EndpointRef, InstanceId, Outcome};

use crate::error::Error;
use crate::handle::Nub;
use crate::options::InvokeOptions;

/// How many Instances are kept; the one that was not used for the longest time goes first.
const MOST_KEPT: usize = 1024;

/// Instances by their hash.
#[derive(Default)]
pub(crate) struct Kept {
    /// Each with when it was used last.
    by_hash: BTreeMap<CapHash, (InstanceId, u64)>,
    by_use: BTreeMap<u64, CapHash>,
    clock: u64,
    /// The ends of guests that were told of when these were kept.
    told: u64,
}

impl Kept {
    /// The Instance of this hash, which counts as used.
    fn find(&mut self, hash: &CapHash) -> Option<InstanceId> {
        let (instance, used) = self.by_hash.get_mut(hash)?;
        self.by_use.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.by_use.insert(self.clock, *hash);
        Some(*instance)
    }

    /// Keeps an Instance that is not kept yet. Gives the one that goes for it.
    fn insert(&mut self, hash: CapHash, instance: InstanceId) -> Option<InstanceId> {
        self.clock += 1;
        self.by_use.insert(self.clock, hash);
        self.by_hash.insert(hash, (instance, self.clock));
        if self.by_hash.len() <= MOST_KEPT {
            return None;
        }
        let (_, oldest) = self.by_use.pop_first()?;
        self.by_hash.remove(&oldest).map(|(instance, _)| instance)
    }

    /// All that are kept.
    pub(crate) fn instances(&self) -> impl Iterator<Item = InstanceId> {
        self.by_hash.values().map(|&(instance, _)| instance)
    }

    /// Forgets some, and gives them.
    pub(crate) fn forget(&mut self, goes: impl Fn(InstanceId) -> bool) -> Vec<InstanceId> {
        let gone: Vec<_> = self.by_hash.extract_if(.., |_, &mut (instance, _)| goes(instance)).collect();
        gone.into_iter()
            .map(|(_, (instance, used))| {
                self.by_use.remove(&used);
                instance
            })
            .collect()
    }

    fn forget_all(&mut self) -> Vec<InstanceId> {
        self.by_use.clear();
        std::mem::take(&mut self.by_hash).into_values().map(|(instance, _)| instance).collect()
    }
}

/// What a call of an Instance by its hash came to.
#[derive(Clone, Debug)]
pub struct InvocationResult {
    /// What any call comes to.
    pub outcome: Outcome,
    /// The hash of what the Instance became, which is kept, too: the same hash where the call did not halt, or changed
    /// nothing.
    pub instance: CapHash,
}

impl Nub {
    /// Keeps what an Instance is now, to be called by its hash. Constant work but for the hash. The 1024 that were used
    /// last are kept.
    ///
    /// ```
    /// # fn main() -> Result<(), nub::Error> {
    /// # let bytes = include_bytes!("../../../guests/images/counter.nub");
    /// let mut nub = nub::Nub::new_local();
    /// let image = nub.publish(bytes)?;
    /// let counter = nub.instantiate(&image, &nub::Grants::services())?;
    /// let zero = nub.keep(counter)?;
    /// let five = nub.invoke_cached(&zero, "add", [5, 0, 0, 0], nub::DEFAULT_GAS)?;
    /// let seven = nub.invoke_cached(&five.instance, "add", [2, 0, 0, 0], nub::DEFAULT_GAS)?;
    /// assert_eq!((five.outcome.value, seven.outcome.value), (5, 7));
    /// assert_eq!(nub.state_root(counter)?, zero);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn keep(&mut self, instance: InstanceId) -> Result<CapHash, Error> {
        let hash = self.state_root(instance)?;
        self.forget_the_ended();
        if self.kept.find(&hash).is_none() {
            let copy = self.copy(instance)?;
            self.file(hash, copy);
        }
        Ok(hash)
    }

    /// What guests that have ended had is not there any more.
    pub(crate) fn forget_the_ended(&mut self) {
        let told = self.reader.told();
        if self.kept.told != told {
            self.kept.told = told;
            for instance in self.kept.forget_all() {
                self.drop_instance(instance);
            }
        }
    }

    fn file(&mut self, hash: CapHash, instance: InstanceId) {
        if let Some(gone) = self.kept.insert(hash, instance) {
            self.drop_instance(gone);
        }
    }

    /// Calls an endpoint of the kept Instance of a hash. What it becomes is kept under its own hash; the one that was
    /// called stays what it is. The endpoint takes its arguments from the first of the four; the rest must be 0.
    ///
    /// # Errors
    /// [`Error::NotKept`]; otherwise those of [`Nub::invoke`].
    pub fn invoke_cached<'a>(
        &mut self,
        instance: &CapHash,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: [u64; 4],
        gas: u64,
    ) -> Result<InvocationResult, Error> {
        let endpoint = endpoint.into();
        self.forget_the_ended();
        let kept = self.kept.find(instance).ok_or(Error::NotKept(*instance))?;
        let arity = usize::from(self.endpoint(kept, endpoint)?.arity);
        // What is given beyond what the endpoint takes is a mistake unless it is nothing.
        let given = arguments.iter().rposition(|&argument| argument != 0).map_or(0, |last| last + 1);
        let copy = self.copy(kept)?;
        let options = InvokeOptions { gas, ..InvokeOptions::default() };
        let called = self.invoke(copy, endpoint, &arguments[..given.max(arity).min(arguments.len())], &options);
        let finished = called.and_then(|outcome| Ok(InvocationResult { outcome, instance: self.state_root(copy)? }));
        match &finished {
            Ok(result) if self.kept.find(&result.instance).is_none() => self.file(result.instance, copy),
            _ => {
                self.drop_instance(copy);
            }
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> CapHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        CapHash(bytes)
    }

    #[test]
    fn the_one_not_used_for_the_longest_time_goes_first() {
        let mut kept = Kept::default();
        let most = MOST_KEPT as u64;
        for number in 0..most {
            assert_eq!(kept.insert(hash(number), InstanceId::from_number(number)), None);
        }
        assert_eq!(kept.find(&hash(0)), Some(InstanceId::from_number(0)));
        assert_eq!(kept.insert(hash(most), InstanceId::from_number(most)), Some(InstanceId::from_number(1)));
        assert_eq!((kept.find(&hash(1)), kept.find(&hash(0))), (None, Some(InstanceId::from_number(0))));
        assert_eq!(kept.forget_all().len(), MOST_KEPT);
        assert_eq!(kept.find(&hash(0)), None);
        assert_eq!(kept.by_use.len(), 0);
    }
}
