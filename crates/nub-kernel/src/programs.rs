//! The programs that a kernel has ready to run.

use alloc::sync::Arc;

use javm_cap::{CapHash, ValidImage};

use crate::published::Published;
use crate::random::{HashKey, KeyedMap};

/// How many programs that nobody has published are kept ready: those of Instances that came with something else.
const MOST_FOUND: usize = 256;

/// Programs, by hashes that whoever publishes can search for: under keys of this kernel's. Not state.
pub(crate) struct Programs {
    /// Those that Instances can be made of.
    pub(crate) offered: KeyedMap<CapHash, Arc<Published>>,
    found: KeyedMap<CapHash, Arc<Published>>,
}

impl Programs {
    pub(crate) fn new(offered: HashKey, found: HashKey) -> Programs {
        Programs { offered: KeyedMap::with_hasher(offered), found: KeyedMap::with_hasher(found) }
    }

    /// The program of an Image, made ready if it is not.
    pub(crate) fn of(&mut self, image: &ValidImage) -> Arc<Published> {
        let hash = image.hash();
        if let Some(offered) = self.offered.get(&hash) {
            return offered.clone();
        }
        if let Some(found) = self.found.get(&hash) {
            return found.clone();
        }
        if self.found.len() >= MOST_FOUND {
            // Which one goes is not to be seen by anybody.
            let one = self.found.keys().next().copied();
            one.map(|hash| self.found.remove(&hash));
        }
        let published = Published::new(image.clone());
        self.found.insert(hash, published.clone());
        published
    }
}
