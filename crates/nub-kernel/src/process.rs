//! A call from the host with all the calls inside of it: the stack of frames, and the state as they see it.
//!
//! A frame works on a copy of its Instance's table. The value that the copy was made of stays where it stands until the
//! frame ends; then the table is written back there, or is not: that is how a call is undone. *Where* is in the table of
//! the frame whose path is the longest one above it, its *holder*, or in the root.
//!
//! What a call through a Callable writes back may stand outside of what its caller would lose by being undone. It goes to
//! the undo list, with the value that stood there before: a copy, which is constant work.
//!
//! A pin belongs to a path, so that comparing paths is all there is to pins.

use alloc::boxed::Box;
use alloc::vec::Vec;

use javm_cap::{CNode, Capability, Epoch, Instance, MAX_HEIGHT, MAX_SIZE, Measure, Path, Reclaim, RunState};

use crate::arch::{AddressSpace, Arch};
use crate::chain::Chain;
use crate::frame::{Frame, Mark};
use crate::programs::Programs;
use crate::reference::Reference;
use crate::service::Log;
use crate::status::Status;
use crate::window::{Windows, is_live};

/// A call from the host that is being made.
pub(crate) struct Process<'k, A: Arch> {
    pub(crate) arch: &'k mut A,
    pub(crate) windows: &'k mut Windows<A::Space>,
    pub(crate) programs: &'k mut Programs,
    pub(crate) reclaim: &'k mut Reclaim,
    /// The state, as far as no frame has another version of it.
    pub(crate) root: &'k mut Instance,
    /// The call stack, the running program last.
    pub(crate) frames: &'k mut Vec<Box<Frame<A::Space>>>,
    pub(crate) undo: Vec<Undo>,
    pub(crate) log: Log,
    /// How many pages the frames may write to.
    pub(crate) writable: u32,
    /// How many pages were changed since the block began.
    pub(crate) changed: u64,
    /// That of the block, for counts of changes.
    pub(crate) epoch: Epoch,
    pub(crate) chain: &'k Chain,
    /// Whether nothing of it is to stay.
    pub(crate) is_query: bool,
}

/// A value that stood somewhere before a call through a Callable.
pub(crate) struct Undo {
    holder: Holder,
    path: Path,
    old: Instance,
}

/// Whose table a value stands in: that of the frame with this number, or else the root's.
pub(crate) type Holder = Option<usize>;

/// What stands on the way to a place, as it is now.
struct Step<'a, S> {
    /// How long the path to it is.
    length: usize,
    instance: &'a Instance,
    /// Its frame, if it runs.
    frame: Option<&'a Frame<S>>,
}

impl<'a, S: AddressSpace> Step<'a, S> {
    fn table(&self) -> &'a CNode {
        self.frame.map_or(self.instance.table(), |frame| &frame.table)
    }
}

/// How a place changes, for the bounds.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) place: &'a Reference,
    pub(crate) old: Measure,
    pub(crate) new: Measure,
}

impl Change<'_> {
    #[inline]
    fn difference(&self) -> i64 {
        self.new.size as i64 - self.old.size as i64
    }
}

impl<A: Arch> Process<'_, A> {
    /// The frame that runs.
    ///
    /// # Panics
    /// Never: there is one as long as the call is being made.
    #[inline]
    pub(crate) fn top(&mut self) -> &mut Frame<A::Space> {
        let Some(frame) = self.frames.last_mut() else { unreachable!("a process without a frame is over") };
        frame
    }

    #[inline]
    pub(crate) fn running(&self) -> &Frame<A::Space> {
        let Some(frame) = self.frames.last() else { unreachable!("a process without a frame is over") };
        frame
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { undo: self.undo.len(), log: self.log.len(), changed: self.changed }
    }

    /// Undoes what frames that are gone have done elsewhere since a mark.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        while self.undo.len() > mark.undo {
            let Some(Undo { holder, path, old }) = self.undo.pop() else { break };
            // The table of a frame that is gone is gone with all that was written to it.
            if holder.is_none_or(|holder| holder < self.frames.len())
                && let Some(instance) = self.held_mut(holder, &path)
            {
                *instance = old;
            }
        }
        self.log.truncate(mark.log);
        self.changed = mark.changed;
    }

    /// Who holds what stands at a path: the frame with the longest path above it.
    #[inline]
    pub(crate) fn holder(&self, path: &[u8]) -> Holder {
        if path.is_empty() {
            return None;
        }
        let above = |frame: &Frame<_>| frame.path.len() < path.len() && path.starts_with(&frame.path);
        let frames = self.frames.iter().enumerate().filter(|(_, frame)| above(frame));
        frames.max_by_key(|(_, frame)| frame.path.len()).map(|(index, _)| index)
    }

    /// The Instance at a path as its holder has it.
    pub(crate) fn held(&self, path: &[u8]) -> Option<&Instance> {
        let (table, way) = match self.holder(path) {
            Some(index) => (&*self.frames[index].table, &path[self.frames[index].path.len()..]),
            None if path.is_empty() => return Some(self.root),
            None => (self.root.table(), path),
        };
        match table.at(way) {
            Ok(Capability::Instance(instance)) => Some(instance),
            _ => None,
        }
    }

    /// Changes the Instance at a path in its holder's table. What stood there before can be had back by [`Process::go_back`]
    /// to a mark of now, unless that is the caller's alone to lose.
    pub(crate) fn write_back(&mut self, path: &Path, change: impl FnOnce(&mut Instance)) {
        let holder = self.holder(path);
        // The root's is lost with the first frame's end only.
        let is_callers = match holder {
            Some(index) => index + 1 == self.frames.len(),
            None => self.frames.is_empty(),
        };
        if !is_callers && let Some(old) = self.held(path).cloned() {
            self.undo.push(Undo { holder, path: *path, old });
        }
        if let Some(instance) = self.held_mut(holder, path) {
            change(instance);
        }
    }

    /// The Instance at a path in its holder's table, to be changed.
    fn held_mut(&mut self, holder: Holder, path: &[u8]) -> Option<&mut Instance> {
        let found = match holder.map(|index| &mut self.frames[index]) {
            Some(frame) => frame.table.instance_mut_at(&path[frame.path.len()..]),
            None if path.is_empty() => Some(&mut *self.root),
            None => self.root.table_mut().instance_mut_at(path),
        };
        debug_assert!(found.is_some(), "what is on the call stack is pinned");
        found
    }

    /// The frame of the Instance at a path, if that is on the call stack.
    #[inline]
    fn frame_of(&self, path: &[u8]) -> Option<&Frame<A::Space>> {
        self.frames.iter().find(|frame| *frame.path == *path).map(|frame| &**frame)
    }

    /// Whether an Instance at this path is on the call stack.
    #[inline]
    pub(crate) fn is_on_stack(&self, path: &[u8]) -> bool {
        self.frame_of(path).is_some()
    }

    /// The table of an Instance that stands at a path, as it is now.
    pub(crate) fn table_now<'a>(&'a self, path: &[u8], instance: &'a Instance) -> &'a CNode {
        self.frame_of(path).map_or(instance.table(), |frame| &frame.table)
    }

    /// Whether an Instance that stands at a path can be called.
    pub(crate) fn can_be_called(&self, path: &[u8], instance: &Instance) -> bool {
        // An Instance on the call stack with this path is the one itself; one below it is in the way in slot 0 or 1.
        let is_in_the_way = |frame: &Frame<_>| {
            frame.path.starts_with(path) && frame.path.get(path.len()).is_none_or(|&slot| is_live(slot))
        };
        matches!(instance.state(), RunState::Idle) && !self.frames.iter().any(|frame| is_in_the_way(frame))
    }

    /// Whether something that runs stands in slot 0 or 1 of the Instance at a path, or below: to enter it would drop that.
    pub(crate) fn has_running_in_live_slots(&self, path: &[u8]) -> bool {
        let in_live = |frame: &Frame<_>| frame.path.get(path.len()).is_some_and(|&slot| is_live(slot));
        self.frames.iter().any(|frame| frame.path.starts_with(path) && in_live(frame))
    }

    /// The path of a place; `None` for a live slot and what lies below one, or what no path is long enough for.
    #[inline]
    pub(crate) fn path_of(&self, place: &Reference) -> Option<Path> {
        let frame = self.running();
        let first = place.slots().first().copied().filter(|&slot| !is_live(slot));
        first.and_then(|_| frame.path.join(place.slots()).ok())
    }

    /// Whether the Instance in a place is on the call stack.
    pub(crate) fn is_running(&self, place: &Reference) -> bool {
        self.path_of(place).is_some_and(|path| self.is_on_stack(&path))
    }

    /// Whether the path of a place leads to, or above, an Instance on the call stack: another one than that which runs, as
    /// places are below that.
    #[inline(always)]
    pub(crate) fn is_pinned(&self, place: &Reference) -> bool {
        match self.frames.split_last() {
            Some((_, others @ [_, ..])) => {
                self.path_of(place).is_some_and(|path| others.iter().any(|frame| frame.path.starts_with(&path)))
            }
            _ => false,
        }
    }

    /// What stands at the end of a way from the running Instance's slots on.
    fn value_at(&self, way: &[u8]) -> Option<&Capability> {
        match way {
            [slot] => self.running().own(*slot),
            [first, rest @ ..] => table_in(self.running(), *first)?.at(rest).ok(),
            [] => None,
        }
    }

    /// What stands in a place.
    #[inline]
    pub(crate) fn at(&self, place: &Reference) -> Option<&Capability> {
        match place.own_slot() {
            Some(slot) => self.running().own(slot),
            None => self.value_at(place.slots()),
        }
    }

    /// Walks a reference.
    ///
    /// # Errors
    /// The status of the first thing that is wrong with it.
    #[inline]
    pub(crate) fn walk(&self, reference: u32) -> Result<Reference, Status> {
        match u8::try_from(reference) {
            Ok(slot) => Ok(Reference::own(slot)),
            Err(_) => self.walk_hops(reference),
        }
    }

    #[inline(never)]
    fn walk_hops(&self, reference: u32) -> Result<Reference, Status> {
        let place = Reference::new(reference)?;
        for length in 1..=place.way().len() {
            let way = &place.slots()[..length];
            match self.value_at(way).ok_or(Status::Empty)? {
                Capability::CNode(_) => {}
                Capability::Instance(_) => {
                    let path = self.running().path.join(way).ok().filter(|_| !is_live(way[0]));
                    if path.is_some_and(|path| self.is_on_stack(&path)) {
                        return Err(Status::Busy);
                    }
                }
                _ => return Err(Status::Kind),
            }
        }
        Ok(place)
    }

    /// What stands in a place that must not be empty.
    ///
    /// # Errors
    /// [`Status::Empty`].
    #[inline]
    pub(crate) fn present(&self, place: &Reference) -> Result<&Capability, Status> {
        self.at(place).ok_or(Status::Empty)
    }

    /// What is in a place that must not be empty and not be pinned.
    ///
    /// # Errors
    /// [`Status::Empty`], [`Status::Busy`].
    #[inline]
    pub(crate) fn unpinned(&self, place: &Reference) -> Result<&Capability, Status> {
        let found = self.present(place)?;
        if self.is_pinned(place) { Err(Status::Busy) } else { Ok(found) }
    }

    /// The Instance in a place.
    ///
    /// # Errors
    /// [`Status::Empty`], [`Status::Kind`].
    pub(crate) fn instance(&self, place: &Reference) -> Result<&Instance, Status> {
        match self.present(place)? {
            Capability::Instance(instance) => Ok(instance),
            _ => Err(Status::Kind),
        }
    }

    /// The Suspended Instance in a place. Something below it may run; but while it is on the call stack itself what stands
    /// there is what it was before it was resumed.
    ///
    /// # Errors
    /// [`Status::Empty`], [`Status::Kind`], [`Status::Busy`].
    pub(crate) fn suspended(&self, place: &Reference) -> Result<&javm_cap::Suspended, Status> {
        let instance = self.instance(place)?;
        match instance.state() {
            RunState::Suspended(suspended) if !self.is_running(place) => Ok(suspended),
            _ => Err(Status::Busy),
        }
    }

    /// That nothing stands in a place.
    ///
    /// # Errors
    /// [`Status::Full`].
    #[inline]
    pub(crate) fn vacant(&self, place: &Reference) -> Result<(), Status> {
        if self.at(place).is_some() { Err(Status::Full) } else { Ok(()) }
    }

    /// The Instances on the way from the root to a path, outermost first, that of the path included if one stands there.
    #[inline]
    fn steps<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = Step<'a, A::Space>> {
        core::iter::successors(Some(self.step(0, self.root, path)), |step| self.step_below(step, path))
    }

    /// The Instance that so much of a path leads to.
    #[inline]
    fn step<'a>(&'a self, length: usize, instance: &'a Instance, path: &[u8]) -> Step<'a, A::Space> {
        Step { length, instance, frame: self.frame_of(&path[..length]) }
    }

    /// The next Instance on the way to a path.
    #[inline]
    fn step_below<'a>(&'a self, step: &Step<'a, A::Space>, path: &[u8]) -> Option<Step<'a, A::Space>> {
        let mut table = step.table();
        for (length, &slot) in (1..).zip(path).skip(step.length) {
            match table.get(slot)? {
                Capability::CNode(inner) => table = inner,
                Capability::Instance(instance) => return Some(self.step(length, instance, path)),
                _ => return None,
            }
        }
        None
    }

    /// By how much the frames below a path are larger than what their holders have of them.
    #[inline]
    fn difference_below(&self, path: &[u8]) -> i64 {
        let below = self.frames.iter().filter(|frame| frame.path.len() > path.len() && frame.path.starts_with(path));
        below.map(|frame| live_size(frame) as i64 - self.size_held(frame) as i64).sum()
    }

    /// How large the Instance of a frame is as its holder has it, which does not change while it runs.
    #[inline]
    pub(crate) fn size_held(&self, frame: &Frame<A::Space>) -> u64 {
        *frame.call.size.get_or_init(|| self.held(&frame.path).map_or(0, |instance| instance.measure().size))
    }

    /// How large an Instance on the way to a path is now.
    #[inline(always)]
    fn size_now(&self, step: &Step<'_, A::Space>, path: &[u8]) -> u64 {
        let size = step.frame.map_or_else(|| step.instance.measure().size, live_size);
        u64::try_from(size as i64 + self.difference_below(&path[..step.length])).unwrap_or(0)
    }

    /// The number of pages by which the running Instance may grow.
    pub(crate) fn room(&self) -> u64 {
        let path = self.running().path;
        let rooms = self.steps(&path).map(|step| {
            let size = self.size_now(&step, &path);
            let most = if step.length == 0 { MAX_SIZE } else { u64::MAX };
            step.instance.quota().unwrap_or(u64::MAX).min(most).saturating_sub(size)
        });
        rooms.min().unwrap_or(0)
    }

    /// Whether places may change in this way, all together: heights, then sizes, then quotas.
    ///
    /// # Errors
    /// [`Status::Range`], [`Status::Quota`].
    #[inline]
    pub(crate) fn check(&self, changes: &[Change<'_>]) -> Result<(), Status> {
        let frame = self.running();
        if let [change] = changes
            && let Some(slot) = change.place.own_slot()
            && !is_live(slot)
        {
            // All that is in the general case of this one, which most are.
            if frame.path.len() + 1 + usize::from(change.new.height) > usize::from(MAX_HEIGHT) {
                return Err(Status::Range);
            }
            return self.check_growth(&frame.path, change.difference());
        }
        self.check_all(changes)
    }

    /// [`Process::check`] of whichever places.
    fn check_all(&self, changes: &[Change<'_>]) -> Result<(), Status> {
        let frame = self.running();
        for change in changes {
            let above = if is_live(change.place.slots()[0]) { 0 } else { frame.path.len() };
            if above + change.place.slots().len() + usize::from(change.new.height) > usize::from(MAX_HEIGHT) {
                return Err(Status::Range);
            }
        }
        for (live, present) in frame.live.iter().enumerate() {
            let here = changes.iter().filter(|change| usize::from(change.place.slots()[0]) == live);
            let present = present.as_ref().map_or(0, |capability| capability.measure().size);
            if present as i64 + here.map(Change::difference).sum::<i64>() > MAX_SIZE as i64 {
                return Err(Status::Range);
            }
        }
        for change in changes.iter().filter(|change| is_live(change.place.slots()[0])) {
            let way = change.place.way();
            let above = (1..=way.len()).filter_map(|length| match self.value_at(&way[..length]) {
                Some(Capability::Instance(instance)) => Some((length, instance)),
                _ => None,
            });
            for (length, instance) in above {
                let here = changes.iter().filter(|change| change.place.slots().starts_with(&way[..length]));
                let growth: i64 = here.map(Change::difference).sum();
                let size = instance.measure().size as i64;
                if instance.quota().is_some_and(|quota| growth > 0 && size + growth > quota as i64) {
                    return Err(Status::Quota);
                }
            }
        }
        let in_table = || changes.iter().filter(|change| !is_live(change.place.slots()[0]));
        if in_table().all(|change| change.difference() <= 0) {
            return Ok(());
        }
        // By how much what stands at a path grows.
        let growth = |path: &[u8]| -> i64 {
            let below = in_table().filter(|change| {
                let place = frame.path.iter().chain(change.place.slots());
                place.take(path.len()).eq(path)
            });
            below.map(Change::difference).sum()
        };
        let passes = |limit: u64, step: &Step<'_, A::Space>, path: &[u8]| {
            let growth = growth(&path[..step.length]);
            growth > 0 && self.size_now(step, path) as i64 + growth > limit as i64
        };
        if self.steps(&[]).any(|step| passes(MAX_SIZE, &step, &[])) {
            return Err(Status::Range);
        }
        for change in in_table() {
            let path = frame.path.join(change.place.way()).map_err(|_| Status::Range)?;
            let mut quotas = self.steps(&path).filter_map(|step| Some((step.instance.quota()?, step)));
            if quotas.any(|(quota, step)| passes(quota, &step, &path)) {
                return Err(Status::Quota);
            }
        }
        Ok(())
    }

    /// Whether an Instance that is on no frame may grow by so many pages, with all that it is in.
    ///
    /// # Errors
    /// [`Status::Range`], [`Status::Quota`].
    #[inline]
    pub(crate) fn check_growth(&self, path: &[u8], growth: i64) -> Result<(), Status> {
        if growth <= 0 {
            return Ok(());
        }
        // Most often there is no step but the first: the loop of an iterator would be half of the work.
        let mut next = Some(self.step(0, self.root, path));
        while let Some(step) = next {
            let (is_root, quota) = (step.length == 0, step.instance.quota());
            if is_root || quota.is_some() {
                let size = self.size_now(&step, path) as i64 + growth;
                if is_root && size > MAX_SIZE as i64 {
                    return Err(Status::Range);
                }
                if quota.is_some_and(|quota| size > quota as i64) {
                    return Err(Status::Quota);
                }
            }
            next = if step.length < path.len() { self.step_below(&step, path) } else { None };
        }
        Ok(())
    }

    /// The path that the running Instance writes for a place: its own coordinates, which are those of the innermost `home`.
    /// `None` for one that is longer than paths are.
    pub(crate) fn written(&self, path: &Path) -> Option<Path> {
        let own = self.running().path;
        let homes = self.steps(&own).filter_map(|step| Some((step.length, *step.instance.home()?)));
        match homes.last() {
            Some((length, home)) => home.join(path.get(length..)?).ok(),
            None => Some(*path),
        }
    }

    /// The place that a path means, which is written in what stands in a place of the running Instance's.
    pub(crate) fn meant(&self, place: &Reference, path: &Path) -> Option<Path> {
        let frame = self.running();
        // Instances without a path are passed over.
        let above = match is_live(place.slots()[0]) {
            true => frame.path,
            false => frame.path.join(place.way()).ok()?,
        };
        let homes = self.steps(&above).filter_map(|step| Some((step.length, *step.instance.home()?)));
        let fitting = homes.filter(|(_, home)| path.starts_with(home)).last();
        match fitting {
            Some((length, home)) => Path::new(&above[..length]).ok()?.join(&path[home.len()..]).ok(),
            None => Some(*path),
        }
    }

    /// How many Instances stand on the way from the running one, which does not count, down to a path.
    pub(crate) fn distance_to(&self, path: &[u8]) -> u8 {
        let own = self.running().path.len();
        self.steps(path).filter(|step| step.length > own).count() as u8
    }

    /// Counts pages that are about to be changed.
    ///
    /// # Errors
    /// [`Status::Quota`], with nothing counted.
    pub(crate) fn count_changed(&mut self, pages: u64) -> Result<(), Status> {
        let changed = self.changed + pages;
        if changed > self.chain.parameters.changed_pages {
            return Err(Status::Quota);
        }
        self.changed = changed;
        Ok(())
    }

    /// Collects what the running program has stored to slots of its own.
    ///
    /// # Errors
    /// [`Status::Quota`] when too many pages are changed, `others` included. Nothing has changed then.
    pub(crate) fn collect(&mut self, slots: &[u8], others: u64) -> Result<(), Status> {
        let frame = self.top();
        let mut all = Vec::new();
        for &slot in slots {
            let stores = frame.withdraw(slot);
            if !stores.pages.is_empty() {
                all.push(stores);
            }
        }
        let count: usize = all.iter().map(|stores| stores.pages.len()).sum();
        let counted = self.count_changed(count as u64 + others);
        let epoch = self.epoch;
        let frame = self.top();
        for stores in all {
            match counted {
                Ok(()) => frame.collect(stores, epoch),
                Err(_) => frame.restore(stores),
            }
        }
        counted
    }
}

/// What a frame counts for, without its slots 0 and 1.
#[inline]
pub(crate) fn live_size<S: AddressSpace>(frame: &Frame<S>) -> u64 {
    frame.table.measure().size + frame.program.valid().measure().size
}

/// The table of what stands in a slot of a frame's own.
#[inline]
fn table_in<S: AddressSpace>(frame: &Frame<S>, slot: u8) -> Option<&CNode> {
    match frame.own(slot)? {
        Capability::CNode(table) => Some(table),
        Capability::Instance(instance) => Some(instance.table()),
        _ => None,
    }
}
