//! Windows: address spaces that stay mounted after a call, so that calling the same Instance again maps nothing.
//!
//! A window is a cache and no state: what it shows is what the Instance's table holds, and whoever changes the table
//! of an Instance outside of a call closes its window first.
//!
//! When its Instance goes, a window *rests*: it shows what a new Instance of the same Image has, so that the next one finds
//! everything mounted. Nothing of the Instance that is gone is left in it.

use alloc::vec::Vec;

use javm_cap::CapHash;

use crate::kernel::InstanceId;

/// How many windows are kept. Each costs what the arch needs for an address space and the few pages that its program
/// writes at each call.
const MOST_WINDOWS: usize = 16;

/// What a window shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shows {
    /// Nothing is mounted.
    Nothing,
    /// The memory map of its Image, with the Image's initial Data.
    Initial,
    /// The same, with the Data of the Instance that it belongs to.
    Instance,
}

/// An address space and what it shows.
pub(crate) struct Window<S> {
    pub(crate) space: S,
    pub(crate) shows: Shows,
    /// The length in pages of the scratchpad of zeros that is mounted; 0 for none.
    pub(crate) blank_scratchpad: u32,
    /// The Image whose memory map is mounted, or is about to be.
    image: Option<CapHash>,
    /// Whose it is; `None` while it rests.
    owner: Option<InstanceId>,
    /// When it was last used, on the clock of [`Windows`].
    used: u64,
}

/// The windows of a kernel.
pub(crate) struct Windows<S> {
    windows: Vec<Window<S>>,
    clock: u64,
}

impl<S> Windows<S> {
    pub(crate) fn new() -> Windows<S> {
        Windows { windows: Vec::new(), clock: 0 }
    }

    /// The window of an Instance of an Image: the one that it had, one that rests with the Image's memory map mounted, or
    /// one with nothing mounted, which `clear` has emptied or `create` has made.
    pub(crate) fn open(
        &mut self,
        instance: InstanceId,
        image: &CapHash,
        clear: impl FnOnce(&mut S),
        create: impl FnOnce() -> S,
    ) -> &mut Window<S> {
        self.clock += 1;
        let own = self.windows.iter().position(|window| window.owner == Some(instance));
        let index = own.or_else(|| self.resting(image)).unwrap_or_else(|| self.reuse(clear, create));
        let window = &mut self.windows[index];
        window.owner = Some(instance);
        window.image = Some(*image);
        window.used = self.clock;
        window
    }

    /// The window that was last used of those that rest with this Image.
    fn resting(&self, image: &CapHash) -> Option<usize> {
        let rests = |index: &usize| {
            let window = &self.windows[*index];
            window.owner.is_none() && window.image.as_ref() == Some(image)
        };
        (0..self.windows.len()).filter(rests).max_by_key(|&index| self.windows[index].used)
    }

    /// A window for somebody else: one that shows nothing, a new one, one that rests with another Image, or the one that
    /// was not used for the longest time.
    fn reuse(&mut self, clear: impl FnOnce(&mut S), create: impl FnOnce() -> S) -> usize {
        let empty = self.windows.iter().position(|window| window.image.is_none());
        // Those that rest come first.
        let oldest = || {
            (0..self.windows.len()).min_by_key(|&index| {
                let window = &self.windows[index];
                (window.owner.is_some(), window.used)
            })
        };
        let full = self.windows.len() >= MOST_WINDOWS;
        match empty.or_else(|| oldest().filter(|_| full)) {
            Some(index) => {
                self.windows[index].close(clear);
                index
            }
            None => {
                self.windows.push(Window {
                    space: create(),
                    shows: Shows::Nothing,
                    blank_scratchpad: 0,
                    image: None,
                    owner: None,
                    used: 0,
                });
                self.windows.len() - 1
            }
        }
    }

    /// Takes the window from an Instance; `rest` has it show what a new Instance has.
    pub(crate) fn leave(&mut self, instance: InstanceId, rest: impl FnOnce(&mut Window<S>)) {
        if let Some(window) = self.windows.iter_mut().find(|window| window.owner == Some(instance)) {
            window.owner = None;
            rest(window);
        }
    }

    /// Unmounts the windows that rest with an Image.
    pub(crate) fn forget(&mut self, image: &CapHash, mut clear: impl FnMut(&mut S)) {
        let resting = |window: &&mut Window<S>| window.owner.is_none() && window.image.as_ref() == Some(image);
        self.windows.iter_mut().filter(resting).for_each(|window| window.close(&mut clear));
    }
}

impl<S> Window<S> {
    fn close(&mut self, clear: impl FnOnce(&mut S)) {
        self.owner = None;
        if self.image.take().is_some() {
            clear(&mut self.space);
            self.shows = Shows::Nothing;
            self.blank_scratchpad = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: CapHash = CapHash([1; 32]);
    const OTHER: CapHash = CapHash([2; 32]);

    /// Windows over numbers, which count spaces as they are made; a cleared one is a thousand higher.
    struct Counted {
        windows: Windows<u32>,
        made: u32,
    }

    impl Counted {
        fn new() -> Counted {
            Counted { windows: Windows::new(), made: 0 }
        }

        fn open(&mut self, instance: u64, image: &CapHash) -> (u32, Shows) {
            let create = || {
                self.made += 1;
                self.made
            };
            let window = self.windows.open(InstanceId::from_number(instance), image, |space| *space += 1000, create);
            let showed = core::mem::replace(&mut window.shows, Shows::Instance);
            (window.space, showed)
        }

        fn leave(&mut self, instance: u64) {
            self.windows.leave(InstanceId::from_number(instance), |window| window.shows = Shows::Initial);
        }
    }

    #[test]
    fn an_instance_finds_its_window_again() {
        let mut counted = Counted::new();
        assert_eq!(counted.open(7, &IMAGE), (1, Shows::Nothing));
        assert_eq!(counted.open(8, &IMAGE), (2, Shows::Nothing));
        assert_eq!(counted.open(7, &IMAGE), (1, Shows::Instance));
        assert_eq!(counted.open(8, &IMAGE), (2, Shows::Instance));
    }

    #[test]
    fn a_window_that_rests_is_for_the_next_of_its_image() {
        let mut counted = Counted::new();
        counted.open(7, &IMAGE);
        counted.leave(7);
        counted.leave(7);
        assert_eq!(counted.open(8, &OTHER), (2, Shows::Nothing));
        assert_eq!(counted.open(9, &IMAGE), (1, Shows::Initial));
        assert_eq!(counted.open(9, &IMAGE), (1, Shows::Instance));
        assert_eq!(counted.open(7, &IMAGE), (3, Shows::Nothing), "its own has another Instance's");
        counted.leave(9);
        counted.leave(7);
        counted.windows.forget(&IMAGE, |space| *space += 1000);
        assert_eq!(counted.open(8, &OTHER), (2, Shows::Instance));
        assert_eq!(counted.open(1, &OTHER), (1001, Shows::Nothing));
        assert_eq!(counted.open(2, &OTHER), (1003, Shows::Nothing));
    }

    #[test]
    fn there_are_only_so_many_and_the_oldest_goes_first() {
        let mut counted = Counted::new();
        for instance in 0..MOST_WINDOWS as u64 {
            counted.open(instance, &IMAGE);
        }
        counted.open(0, &IMAGE);
        assert_eq!(counted.open(100, &OTHER), (1002, Shows::Nothing), "that of Instance 1");
        assert_eq!(counted.open(0, &IMAGE), (1, Shows::Instance));
        assert_eq!(counted.open(1, &OTHER), (1003, Shows::Nothing), "that of Instance 2");
        counted.leave(9);
        assert_eq!(counted.open(101, &OTHER), (1010, Shows::Nothing), "one that rests goes before any other");
        assert_eq!(counted.made as usize, MOST_WINDOWS);
    }
}
