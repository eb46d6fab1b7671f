//! Windows: address spaces that stay mounted after a call, so that calling the same Instance again maps nothing.
//!
//! A window is a cache and no state: what it shows is what the Instance's table holds, and whoever changes the table
//! of an Instance outside of a call closes its window first.

use alloc::vec::Vec;

use crate::kernel::InstanceId;

/// How many windows are kept. Each costs what the arch needs for an address space and the few pages that its program
/// writes at each call.
const MOST_WINDOWS: usize = 16;

/// An address space and what it shows.
pub(crate) struct Window<S> {
    pub(crate) space: S,
    /// Whether the memory map of the Instance's Image is mounted.
    pub(crate) mounted: bool,
    /// The length in pages of the scratchpad of zeros that is mounted; 0 for none.
    pub(crate) blank_scratchpad: u32,
    /// Whose it is; `None` while nothing is mounted.
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

    /// The window of an Instance: the one that it had, or one with nothing mounted, which `clear` has emptied or
    /// `create` has made.
    pub(crate) fn open(
        &mut self,
        instance: InstanceId,
        clear: impl FnOnce(&mut S),
        create: impl FnOnce() -> S,
    ) -> &mut Window<S> {
        self.clock += 1;
        let own = self.windows.iter().position(|window| window.owner == Some(instance));
        let index = own.unwrap_or_else(|| self.reuse(clear, create));
        let window = &mut self.windows[index];
        window.owner = Some(instance);
        window.used = self.clock;
        window
    }

    /// A window for somebody else: one that is nobody's, a new one, or the one that was not used for the longest time.
    fn reuse(&mut self, clear: impl FnOnce(&mut S), create: impl FnOnce() -> S) -> usize {
        let free = self.windows.iter().position(|window| window.owner.is_none());
        let oldest = || (0..self.windows.len()).min_by_key(|&index| self.windows[index].used);
        let full = self.windows.len() >= MOST_WINDOWS;
        match free.or_else(|| oldest().filter(|_| full)) {
            Some(index) => {
                self.windows[index].close(clear);
                index
            }
            None => {
                self.windows.push(Window {
                    space: create(),
                    mounted: false,
                    blank_scratchpad: 0,
                    owner: None,
                    used: 0,
                });
                self.windows.len() - 1
            }
        }
    }

    /// Unmounts what an Instance has mounted.
    pub(crate) fn close(&mut self, instance: InstanceId, clear: impl FnOnce(&mut S)) {
        if let Some(window) = self.windows.iter_mut().find(|window| window.owner == Some(instance)) {
            window.close(clear);
        }
    }
}

impl<S> Window<S> {
    fn close(&mut self, clear: impl FnOnce(&mut S)) {
        if self.owner.take().is_some() {
            clear(&mut self.space);
            self.mounted = false;
            self.blank_scratchpad = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spaces are numbered as they are made; a cleared one is a thousand higher.
    fn open(windows: &mut Windows<u32>, made: &mut u32, instance: u64) -> (u32, bool) {
        let create = || {
            *made += 1;
            *made
        };
        let window = windows.open(InstanceId::from_number(instance), |space| *space += 1000, create);
        let was_mounted = window.mounted;
        window.mounted = true;
        (window.space, was_mounted)
    }

    #[test]
    fn an_instance_finds_its_window_again() {
        let (mut windows, mut made) = (Windows::new(), 0);
        assert_eq!(open(&mut windows, &mut made, 7), (1, false));
        assert_eq!(open(&mut windows, &mut made, 8), (2, false));
        assert_eq!(open(&mut windows, &mut made, 7), (1, true));
        assert_eq!(open(&mut windows, &mut made, 8), (2, true));
    }

    #[test]
    fn a_closed_window_is_emptied_and_used_again() {
        let (mut windows, mut made) = (Windows::new(), 0);
        open(&mut windows, &mut made, 7);
        windows.close(InstanceId::from_number(7), |space| *space += 1000);
        windows.close(InstanceId::from_number(7), |space| *space += 1000);
        assert_eq!(open(&mut windows, &mut made, 7), (1001, false));
    }

    #[test]
    fn there_are_only_so_many_and_the_oldest_goes_first() {
        let (mut windows, mut made) = (Windows::new(), 0);
        for instance in 0..MOST_WINDOWS as u64 {
            open(&mut windows, &mut made, instance);
        }
        open(&mut windows, &mut made, 0);
        assert_eq!(open(&mut windows, &mut made, 100), (1002, false), "that of Instance 1");
        assert_eq!(open(&mut windows, &mut made, 0), (1, true));
        assert_eq!(open(&mut windows, &mut made, 1), (1003, false), "that of Instance 2");
        assert_eq!(made as usize, MOST_WINDOWS);
    }
}
