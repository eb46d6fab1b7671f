//! Windows: address spaces that stay mounted after a call, so that calling the same Instance again maps nothing.
//!
//! A window is a cache and no state. While no frame has it, it remembers which table it shows by the table's identity: a
//! table that was changed has another one. So nobody who changes an Instance has to know of windows.
//!
//! When the table is gone its window *rests*: it shows what a new Instance of the same Image has, so that the next one
//! finds everything mounted, and holds nothing of the Instance that is gone.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use javm_cap::image::limits::FIRST_FREE_SLOT;
use javm_cap::{Access, CNode, Capability, Data, TableIdentity, ValidImage};

use crate::arch::AddressSpace;
use crate::frame::Frame;
use crate::published::Published;

/// How many windows are kept beside those of the frames. Each costs what the arch needs for an address space and the few
/// pages that its program writes at each call.
pub(crate) const MOST_IDLE: usize = 16;

/// An address space and what it shows.
pub(crate) struct Window<S> {
    pub(crate) space: S,
    /// The table that it showed when it was last known to show one; `None` for nobody's. Whoever changes what it shows, or has
    /// others change that table in place, takes it away.
    pub(crate) table: Option<TableIdentity>,
    /// Whose memory map is mounted.
    program: Option<Arc<Published>>,
    /// What the memory map shows of each slot that is in it, in ascending order.
    shown: Vec<Shown>,
}

struct Shown {
    slot: u8,
    what: What,
}

/// What a slot shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Nothing,
    /// So many pages, all zeros, as long as nothing is put into them: which Data they are of is no matter.
    Zeros(u32),
    /// A Data: which one, the space knows.
    Data,
}

/// The Data in a slot of a table.
#[inline]
pub(crate) fn data_in(table: &CNode, slot: u8) -> Option<&Data> {
    as_data(table.get(slot))
}

#[inline]
pub(crate) fn as_data(capability: Option<&Capability>) -> Option<&Data> {
    match capability {
        Some(Capability::Data(data)) => Some(data),
        _ => None,
    }
}

impl<S: AddressSpace> Window<S> {
    pub(crate) fn new(space: S) -> Window<S> {
        Window { space, table: None, program: None, shown: Vec::new() }
    }

    /// Mounts the memory map of a program, showing what there is in each slot; as far as that is not so already.
    pub(crate) fn mount<'a>(&mut self, program: &Arc<Published>, data: impl Fn(u8) -> Option<&'a Data>) {
        if self.program.as_ref().is_none_or(|mounted| !Arc::ptr_eq(mounted, program)) {
            self.clear();
            for (first, pages) in program.ephemeral() {
                self.space.map_zero(first, pages);
            }
            self.shown.extend(program.slots().iter().map(|&slot| Shown { slot, what: What::Nothing }));
            self.program = Some(program.clone());
        }
        let Window { space, shown, .. } = self;
        for shown in shown {
            shown.show(space, program, data(shown.slot));
        }
    }

    /// Has the memory map show this of a slot. Nothing is done where it does so already.
    #[inline]
    pub(crate) fn show(&mut self, slot: u8, data: Option<&Data>) {
        let Window { space, program, shown, .. } = self;
        if let (Some(program), Some(shown)) = (program, shown.iter_mut().find(|shown| shown.slot == slot)) {
            shown.show(space, program, data);
        }
    }

    /// Lets go of the Data in a slot, so that it can be changed in place. What was stored to it stays.
    pub(crate) fn detach(&mut self, slot: u8) {
        let Window { space, program, .. } = self;
        if let Some(program) = program {
            program.mappings_of(slot).for_each(|mapping| space.detach(mapping.first_page, mapping.pages));
        }
    }

    /// Puts what was stored to a slot into its Data, of which it has let go, and shows that again.
    pub(crate) fn collect(&mut self, slot: u8, data: &mut Data) {
        let Window { space, program, shown, .. } = self;
        shown.iter_mut().filter(|shown| shown.slot == slot).for_each(|shown| shown.what = What::Data);
        if let Some(program) = program {
            for mapping in program.mappings_of(slot).filter(|mapping| mapping.access == Access::ReadWrite) {
                space.collect(mapping.first_page, mapping.pages, data, mapping.offset);
            }
            program.mappings_of(slot).for_each(|mapping| space.attach(mapping.first_page, mapping.pages, data));
        }
    }

    /// It shows this table.
    #[inline]
    pub(crate) fn has_come_to_show(&mut self, table: &CNode) {
        if self.table.as_ref().is_none_or(|shown| !shown.is(table)) {
            self.table = Some(table.identity());
        }
    }

    /// Has the memory map show nothing of a slot, unless it shows zeros.
    #[inline]
    pub(crate) fn hide_content(&mut self, slot: u8) {
        let Window { space, program, shown, .. } = self;
        if let (Some(program), Some(shown)) = (program, shown.iter_mut().find(|shown| shown.slot == slot)) {
            shown.hide_content(space, program);
        }
    }

    /// Has the memory map show what stands in slots 0 and 1.
    #[inline]
    pub(crate) fn show_live(&mut self, live: &[Option<Capability>; 2]) {
        let Window { space, program, shown, .. } = self;
        let Some(program) = program else { return };
        for shown in shown {
            let Some(live) = live.get(usize::from(shown.slot)) else { break };
            shown.show(space, program, as_data(live.as_ref()));
        }
    }

    /// [`Window::hide_content`] of slots 0 and 1.
    #[inline]
    pub(crate) fn hide_live(&mut self) {
        let Window { space, program, shown, .. } = self;
        let Some(program) = program else { return };
        for shown in shown.iter_mut().take_while(|shown| is_live(shown.slot)) {
            shown.hide_content(space, program);
        }
    }

    /// Drops what was written to ephemeral memory.
    pub(crate) fn discard_ephemeral(&mut self) {
        if let Some(program) = &self.program {
            program.ephemeral().for_each(|(first, pages)| self.space.discard(first, pages));
        }
    }

    fn clear(&mut self) {
        if self.program.take().is_some() {
            self.space.clear();
            self.shown.clear();
        }
    }

    /// Shows what a new Instance of the program has, and nothing else.
    fn rest(&mut self) {
        self.table = None;
        let Some(program) = self.program.clone() else { return };
        let initial = &program.image().slots;
        self.mount(&program, |slot| initial.get(&slot));
        self.space.settle();
    }
}

impl Shown {
    #[inline]
    fn show<S: AddressSpace>(&mut self, space: &mut S, program: &Published, data: Option<&Data>) {
        let what = match data {
            None => What::Nothing,
            Some(data) if data.is_blank() => What::Zeros(data.pages()),
            Some(_) => What::Data,
        };
        if what != self.what || what == What::Data {
            self.change(space, program, what, data);
        }
    }

    #[inline]
    fn hide_content<S: AddressSpace>(&mut self, space: &mut S, program: &Published) {
        if self.what == What::Data {
            self.change(space, program, What::Nothing, None);
        }
    }

    fn change<S: AddressSpace>(&mut self, space: &mut S, program: &Published, what: What, data: Option<&Data>) {
        let old = core::mem::replace(&mut self.what, what);
        let mut mappings = program.mappings_of(self.slot);
        let Some(data) = data else { return mappings.for_each(|mapping| mapping.unmap(space)) };
        let is_shown = old == what
            && mappings.all(|mapping| match space.mapped(mapping.first_page) {
                Some(shown) => shown.ptr_eq(data),
                None => mapping.offset >= data.pages(),
            });
        if !is_shown {
            program.mappings_of(self.slot).for_each(|mapping| mapping.map(space, data));
        }
    }
}

/// A frame that is on no call stack.
struct Idle<S> {
    frame: Box<Frame<S>>,
    /// When it was last used, on the clock of [`Windows`].
    used: u64,
}

impl<S: AddressSpace> Idle<S> {
    fn is_of(&self, program: &Arc<Published>) -> bool {
        Arc::ptr_eq(&self.frame.program, program)
    }

    #[inline]
    fn shows(&self, table: &CNode) -> bool {
        self.frame.window.table.as_ref().is_some_and(|shown| shown.is(table))
    }

    /// Whether it shows the table of nobody who is there.
    fn is_nobodys(&self) -> bool {
        self.frame.window.table.as_ref().is_none_or(TableIdentity::is_gone)
    }
}

/// The windows of a kernel that are not in use, each with the frame that it is a part of.
pub(crate) struct Windows<S> {
    idle: Vec<Idle<S>>,
    clock: u64,
}

impl<S: AddressSpace> Windows<S> {
    pub(crate) fn new() -> Windows<S> {
        Windows { idle: Vec::new(), clock: 0 }
    }

    /// The number of a window that shows a table, and has the program of an Image in memory that is this very one; as long as none
    /// is taken or put.
    #[inline]
    pub(crate) fn showing(&self, image: &ValidImage, table: &CNode) -> Option<usize> {
        self.idle.iter().position(|idle| idle.shows(table) && idle.frame.program.valid().ptr_eq(image))
    }

    /// The program of a window.
    #[inline]
    pub(crate) fn program(&self, number: usize) -> &Published {
        &self.idle[number].frame.program
    }

    /// The frame of a window.
    #[inline]
    pub(crate) fn take_shown(&mut self, number: usize) -> Box<Frame<S>> {
        self.idle.swap_remove(number).frame
    }

    /// A frame whose window is one for a program over a table: best the one that shows just that, else one of the program
    /// that shows nobody's table, else one with nothing mounted, which `create` makes, else the one that was not used for the
    /// longest time. Says whether it shows the slots of the table already.
    #[inline]
    pub(crate) fn take(
        &mut self,
        program: Arc<Published>,
        table: &CNode,
        create: impl FnOnce() -> S,
    ) -> (Box<Frame<S>>, bool) {
        if let Some(index) = self.idle.iter().position(|idle| idle.shows(table) && idle.is_of(&program)) {
            return (self.idle.swap_remove(index).frame, true);
        }
        let resting = self.idle.iter().position(|idle| idle.is_nobodys() && idle.is_of(&program));
        let index = resting.or_else(|| {
            let oldest = (0..self.idle.len()).min_by_key(|&index| {
                let idle = &self.idle[index];
                (!idle.is_nobodys(), idle.used)
            });
            oldest.filter(|_| self.idle.len() >= MOST_IDLE)
        });
        let Some(index) = index else { return (Box::new(Frame::new(program, create())), false) };
        let mut frame = self.idle.swap_remove(index).frame;
        frame.window.table = None;
        // What is mounted of another one goes when this one is.
        frame.program = program;
        (frame, false)
    }

    /// Takes a frame back whose window shows the table that [`Window::table`] says, in the slots that are a table's; live slots
    /// must not show anything but a scratchpad of zeros.
    #[inline]
    pub(crate) fn put(&mut self, frame: Box<Frame<S>>) {
        if self.idle.len() >= MOST_IDLE
            && let Some(oldest) = (0..self.idle.len()).min_by_key(|&index| self.idle[index].used)
        {
            self.idle.swap_remove(oldest);
        }
        self.clock += 1;
        self.idle.push(Idle { frame, used: self.clock });
    }

    /// The frame that was taken back last; `None` where there is none.
    #[inline]
    pub(crate) fn last(&self) -> Option<&Frame<S>> {
        self.idle.last().map(|idle| &*idle.frame)
    }

    /// How many there are.
    pub(crate) fn idle_count(&self) -> usize {
        self.idle.len()
    }

    /// Lets those windows rest whose tables are gone.
    pub(crate) fn sweep(&mut self) {
        for Idle { frame, .. } in &mut self.idle {
            if frame.window.table.as_ref().is_some_and(TableIdentity::is_gone) {
                frame.window.rest();
            }
        }
    }

    /// Lets go of all of them.
    pub(crate) fn forget_all(&mut self) {
        self.idle.clear();
    }

    /// Lets go of what is mounted of a program that nobody runs any more.
    pub(crate) fn forget(&mut self, program: &Arc<Published>) {
        self.idle.retain(|idle| !idle.is_of(program));
    }
}

/// Whether a slot is one of those that a running program has beside its table.
pub(crate) const fn is_live(slot: u8) -> bool {
    slot < FIRST_FREE_SLOT
}

#[cfg(test)]
mod tests;
