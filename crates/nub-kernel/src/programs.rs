//! The programs that a kernel has ready to run.
//!
//! Making one ready is work for each byte of its code, which no price of an operation covers: whoever brings an Image into
//! the state pays for it. So nothing that a program does may have it done again: what was made ready stays as long as
//! anything in the state holds the Image, however many there are (`docs/adr/0017`).

use alloc::sync::Arc;

use javm_cap::{CapHash, ValidImage};

use crate::published::Published;
use crate::random::{HashKey, KeyedMap};

/// How large the Images that only this holds may become together before they are let go of: pages of their encodings.
const MOST_UNUSED: u64 = 2048;

/// Programs, by hashes that whoever publishes can search for: under keys of this kernel's. Not state.
pub(crate) struct Programs {
    /// Those that Instances can be made of.
    pub(crate) offered: KeyedMap<CapHash, Arc<Published>>,
    /// Those that nobody has published: of Instances that came with something else.
    found: Found,
    /// Those that were asked for last: to find one of a few takes less than to hash its hash.
    recent: [Option<Arc<Published>>; RECENT],
    /// Which of them goes next.
    oldest: usize,
}

struct Found {
    programs: KeyedMap<CapHash, Arc<Published>>,
    /// The size of their Images.
    pages: u64,
    /// At which size it is looked for what nobody else holds: never before it has doubled.
    sweep_at: u64,
}

impl Found {
    fn insert(&mut self, published: &Arc<Published>) {
        if self.pages >= self.sweep_at {
            self.programs.retain(|_, program| program.valid().is_shared());
            self.pages = self.programs.values().map(size).sum();
            self.sweep_at = MOST_UNUSED.max(2 * self.pages);
        }
        self.pages += size(published);
        self.programs.insert(published.hash(), published.clone());
    }
}

fn size(program: &Arc<Published>) -> u64 {
    program.valid().measure().size
}

/// As many as call each other in a loop, mostly.
const RECENT: usize = 4;

impl Programs {
    pub(crate) fn new(offered: HashKey, found: HashKey) -> Programs {
        let found = Found { programs: KeyedMap::with_hasher(found), pages: 0, sweep_at: MOST_UNUSED };
        let offered = KeyedMap::with_hasher(offered);
        Programs { offered, found, recent: [const { None }; RECENT], oldest: 0 }
    }

    /// The program of an Image, made ready if it is not.
    pub(crate) fn of(&mut self, image: &ValidImage) -> Arc<Published> {
        let hash = image.hash();
        if let Some(recent) = self.recent.iter().flatten().find(|recent| recent.hash() == hash) {
            return recent.clone();
        }
        let program = self.look_up(image, hash);
        self.recent[self.oldest] = Some(program.clone());
        self.oldest = (self.oldest + 1) % RECENT;
        program
    }

    /// Forgets a program that was offered. Gives it, if there was one.
    pub(crate) fn withdraw(&mut self, hash: &CapHash) -> Option<Arc<Published>> {
        self.forget_recent(hash);
        self.offered.remove(hash)
    }

    /// How many there are that nobody has published.
    pub(crate) fn found_count(&self) -> usize {
        self.found.programs.len()
    }

    /// Lets go of every program that was not offered.
    pub(crate) fn forget_all(&mut self) {
        self.recent = [const { None }; RECENT];
        self.found.programs.clear();
        self.found.pages = 0;
    }

    fn forget_recent(&mut self, hash: &CapHash) {
        for recent in &mut self.recent {
            recent.take_if(|recent| recent.hash() == *hash);
        }
    }

    fn look_up(&mut self, image: &ValidImage, hash: CapHash) -> Arc<Published> {
        if let Some(ready) = self.offered.get(&hash).or_else(|| self.found.programs.get(&hash)) {
            return ready.clone();
        }
        let published = Published::new(image.clone());
        self.found.insert(&published);
        published
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use javm_cap::{Data, Image};
    use javm_isa::CostModel;

    use super::*;
    use crate::random::Generator;

    /// An Image of a page of its own and so many more.
    fn image(number: u32, pages: u32) -> ValidImage {
        let mut content = alloc::vec![1; pages as usize * 4096 + 4];
        content[..4].copy_from_slice(&number.to_le_bytes());
        let program = javm_isa::assemble("trap").expect("it is right");
        let image = Image {
            slots: BTreeMap::from([(2, Data::from_bytes(&content).expect("small"))]),
            ..Image::new(CostModel::Flat, program.blob().to_vec(), Vec::new())
        };
        image.validate().expect("it is valid")
    }

    fn programs() -> Programs {
        let mut random = Generator::new([7; 32]);
        Programs::new(random.key(), random.key())
    }

    #[test]
    fn what_the_state_holds_is_made_ready_once_however_much_it_is() {
        let mut programs = programs();
        let held: Vec<ValidImage> = (0..1000).map(|number| image(number, 5)).collect();
        let ready: Vec<_> = held.iter().map(|image| programs.of(image)).collect();
        assert!(programs.found.pages > 2 * MOST_UNUSED);
        for _ in 0..3 {
            for (image, ready) in held.iter().zip(&ready) {
                assert!(Arc::ptr_eq(&programs.of(image), ready));
            }
        }
    }

    #[test]
    fn what_nobody_holds_goes_before_it_is_much() {
        let mut programs = programs();
        let kept = image(0, 0);
        let ready = programs.of(&kept);
        for number in 1..2000 {
            let image = image(number, 15);
            programs.of(&image);
            assert!(programs.found.pages <= MOST_UNUSED + 16, "{} pages", programs.found.pages);
        }
        assert!(Arc::ptr_eq(&programs.of(&kept), &ready));
    }
}
