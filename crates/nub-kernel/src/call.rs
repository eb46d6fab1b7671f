//! Calls of programs by programs: how frames come and go. The norm is `docs/spec/calls.md`.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::OnceCell;

use javm_cap::{
    CNode, Capability, Data, Endpoint, Epoch, GIFT_SLOT, Instance, MAX_HEIGHT, Path, RunState, SCRATCHPAD_SLOT,
    Suspended, Why,
};
use javm_interpreter::State;
use javm_isa::Reg;

use crate::arch::{AddressSpace, Arch};
use crate::demand::Demand;
use crate::engine::{Answer, Reply, Stop};
use crate::frame::{Frame, Mark, Stores, Via, put_pages};
use crate::operation::{Request, flag};
use crate::process::Process;
use crate::published::Published;
use crate::reference::Reference;
use crate::service;
use crate::status::Status;
use crate::window::{Window, Windows};
use crate::working::Working;

/// Slots 0 and 1 with the flags that make them go with a call.
const PASSED: [(u8, u8); 2] = [(SCRATCHPAD_SLOT, flag::SCRATCH), (GIFT_SLOT, flag::GIFT)];

/// How a program is entered.
#[derive(Clone, Copy)]
pub(crate) struct Entering {
    pub(crate) flags: u8,
    pub(crate) gas: u64,
    /// Where what may have to be undone begins.
    pub(crate) mark: Mark,
}

/// What is called: an Idle Instance, as far as a call needs it.
pub(crate) struct Callee {
    path: Path,
    /// A copy of its table.
    table: CNode,
    /// The number of the endpoint, which there is.
    endpoint: usize,
    /// The number of a window that shows the table and has the program, if one does.
    shown: Option<usize>,
}

impl Callee {
    /// The Instance at a path.
    #[inline]
    pub(crate) fn of<S: AddressSpace>(
        windows: &Windows<S>,
        path: Path,
        instance: &Instance,
        endpoint: usize,
    ) -> Callee {
        let table = instance.table();
        // What rests in slots 0 and 1 does not stay there.
        let rests = PASSED.iter().any(|&(slot, _)| table.get(slot).is_some());
        let shown = if rests { None } else { windows.showing(instance.image(), table) };
        Callee { path, table: table.clone(), endpoint, shown }
    }

    /// Its program, which `ready` gives where no window has it.
    #[inline]
    pub(crate) fn program(&self, ready: impl FnOnce() -> Arc<Published>) -> Program {
        match self.shown {
            Some(index) => Program::Shown(index),
            None => Program::Ready(ready()),
        }
    }
}

/// What runs in a callee.
pub(crate) enum Program {
    /// That of the window with this number, which shows the callee's table.
    Shown(usize),
    /// This one, in a window that is still to be found.
    Ready(Arc<Published>),
}

impl Program {
    #[inline]
    pub(crate) fn published<'a, S: AddressSpace>(&'a self, windows: &'a Windows<S>) -> &'a Published {
        match self {
            Program::Shown(index) => windows.program(*index),
            Program::Ready(program) => program,
        }
    }
}

/// What is remembered of a frame as long as it runs.
struct Started {
    path: Path,
    via: Via,
    writable: u32,
}

/// Has a state stand at an endpoint, of which `arguments` has as many as it takes or more.
#[inline]
fn stand_at(state: &mut State, endpoint: &Endpoint, arguments: &[u64]) {
    let registers = &mut state.registers;
    *registers = endpoint.registers;
    registers[Reg::RA.index()] = u64::from(javm_isa::program::HALT_ADDRESS);
    for (register, &argument) in registers[Reg::A0.index()..].iter_mut().zip(arguments).take(endpoint.arity.into()) {
        *register = argument;
    }
    (state.pc, state.block_paid) = (endpoint.entry, false);
}

/// The first frame at its end.
pub(crate) struct Finished<S> {
    pub(crate) frame: Box<Frame<S>>,
    pub(crate) stop: Stop,
    /// Whether what it did stays.
    pub(crate) is_kept: bool,
    /// Why it could not end as it did.
    pub(crate) refused: Option<Status>,
}

/// Puts what was stored into the Data of a table, and shows that.
fn put_stores<S: AddressSpace>(table: &mut CNode, window: &mut Window<S>, stores: Vec<Stores>, epoch: Epoch) {
    for Stores { slot, pages } in stores {
        if let Some(data) = table.data_mut(slot) {
            put_pages(data, pages, |page| window.space.reuse(page), epoch);
            window.show(slot, Some(data));
        }
    }
}

impl<A: Arch> Process<'_, A> {
    /// CALL, its own price paid.
    #[inline]
    pub(crate) fn call(&mut self, request: Request) -> Answer {
        let place = self.walk(request.reference)?;
        match self.present(&place)? {
            Capability::Service(service) => {
                let service = *service;
                self.call_service(service, request)
            }
            Capability::Instance(_) => self.call_instance(&place, request),
            Capability::Callable(_) => self.call_callable(&place, request),
            _ => Err(Status::Kind.into()),
        }
    }

    fn call_service(&mut self, service: javm_cap::Service, request: Request) -> Answer {
        let arguments = self.running().arguments();
        let limit = self.gas_limit();
        let Process { frames, log, chain, .. } = self;
        let Some(frame) = frames.last_mut() else { return Err(Status::Depth.into()) };
        let service = service::Service::from_number(service.id).ok_or(Status::NoEndpoint)?;
        let with_scratchpad = request.flags & flag::SCRATCH != 0;
        let mut surroundings = service::Caller { frame, log, block: chain.block, with_scratchpad };
        let prepared = service::prepare(service, request.endpoint, arguments, &mut surroundings)?;
        if prepared.price > limit {
            return Err(Status::OutOfGas.into());
        }
        let price = prepared.price;
        let result = prepared.perform(&mut surroundings);
        self.top().state.gas -= price;
        Ok(Some(Reply { result, ..Reply::from(Status::Halt) }))
    }

    #[inline]
    fn call_instance(&mut self, place: &Reference, request: Request) -> Answer {
        let path = self.path_of(place).ok_or(Status::Range)?;
        let instance = self.instance(place)?;
        let number = usize::from(request.endpoint);
        let callee =
            self.callee(path, instance, (number < instance.image().image().endpoints.len()).then_some(number))?;
        self.enter_callee(callee, Via::Owner, request.flags, u64::MAX)
    }

    fn call_callable(&mut self, place: &Reference, request: Request) -> Answer {
        let Capability::Callable(callable) = self.present(place)?.clone() else { return Err(Status::Kind.into()) };
        let right = *callable.right();
        if !right.mask.allows(request.endpoint) {
            return Err(Status::Denied.into());
        }
        let path = self.meant(place, &right.path).ok_or(Status::Empty)?;
        let instance = self.reach(&path)?;
        let callee = self.callee(path, instance, callable.endpoint(instance.image(), request.endpoint))?;
        let via = Via::Callable { badge: right.badge, distance: right.distance };
        self.enter_callee(callee, via, request.flags | flag::ATOMIC, right.ceiling)
    }

    /// What a call of an endpoint of the Instance at a path needs of it.
    ///
    /// # Errors
    /// [`Status::NoEndpoint`], [`Status::Busy`].
    #[inline]
    fn callee(&self, path: Path, instance: &Instance, endpoint: Option<usize>) -> Result<Callee, Status> {
        let endpoint = endpoint.ok_or(Status::NoEndpoint)?;
        if !self.can_be_called(&path, instance) {
            return Err(Status::Busy);
        }
        Ok(Callee::of(self.windows, path, instance, endpoint))
    }

    /// Enters what is called from the running program.
    fn enter_callee(&mut self, callee: Callee, via: Via, flags: u8, ceiling: u64) -> Answer {
        let arguments = self.running().arguments();
        let program = callee.program(|| self.program_at(&callee.path));
        let demand = program.published(self.windows).demand().through(via);
        let mut live = [None, None];
        let entering = self.admit(&demand, flags, ceiling, &mut live)?;
        self.begin(callee, program, via, &arguments, entering, live);
        Ok(None)
    }

    /// The program of the Instance at a path, made ready if it is not.
    #[cold]
    fn program_at(&mut self, path: &Path) -> Arc<Published> {
        let Some(image) = self.held(path).map(|instance| instance.image().clone()) else {
            unreachable!("it was looked at before")
        };
        self.programs.of(&image)
    }

    /// The Instance that a path leads to, whatever runs on the way.
    fn reach(&self, path: &[u8]) -> Result<&Instance, Status> {
        match self.held(path) {
            Some(instance) => Ok(instance),
            None => Err(self.what_is_wrong_with(path)),
        }
    }

    /// Why no Instance stands at a path.
    fn what_is_wrong_with(&self, path: &[u8]) -> Status {
        let above = (1..path.len()).rev().find_map(|length| Some((length, self.held(&path[..length])?)));
        let (length, nearest) = above.unwrap_or((0, self.root));
        let mut table = self.table_now(&path[..length], nearest);
        for &slot in &path[length..] {
            match table.get(slot) {
                None => return Status::Empty,
                Some(Capability::CNode(inner)) => table = inner,
                Some(_) => return Status::Kind,
            }
        }
        Status::Kind
    }

    /// RESUME, its own price paid.
    pub(crate) fn resume(&mut self, request: Request) -> Answer {
        let place = self.walk(request.reference)?;
        let suspended = self.suspended(&place)?.clone();
        let image = self.instance(&place)?.image().clone();
        let path = self.path_of(&place).ok_or(Status::Range)?;
        if self.has_running_in_live_slots(&path) {
            return Err(Status::Busy.into());
        }
        for (slot, flag) in PASSED {
            if request.flags & flag != 0 && self.running().own(slot).is_some() {
                return Err(Status::Full.into());
            }
        }
        let mut suspended = suspended;
        if matches!(suspended.why, Why::Yield { .. }) {
            suspended.registers[Reg::A0.index()] = self.running().register(Reg::A0);
        }
        let program = self.programs.of(&image);
        let demand = program.demand().with(&suspended.mappings);
        let entering = self.admit(&demand, 0, u64::MAX, &mut [None, None])?;
        self.go_on(path, program, suspended, demand.writable, Entering { flags: request.flags, ..entering });
        Ok(None)
    }

    /// What of the gas that is left a callee may use: φ12; 0, and everything above, means all but a 64th.
    #[inline]
    fn gas_limit(&self) -> u64 {
        let frame = self.running();
        let most = frame.state.gas - frame.state.gas / 64;
        match frame.register(Reg::A5) {
            0 => most,
            asked => asked.min(most),
        }
    }

    /// Takes what a callee gets from the running program: its gas, and what stands in slots 0 and 1 as far as flags say that
    /// it goes with the call.
    ///
    /// # Errors
    /// What CALL is refused with. Nothing is taken then.
    #[inline]
    fn admit(
        &mut self,
        demand: &Demand,
        flags: u8,
        ceiling: u64,
        live: &mut [Option<Capability>; 2],
    ) -> Result<Entering, Status> {
        if self.frames.len() >= self.chain.parameters.depth {
            return Err(Status::Depth);
        }
        if self.writable + demand.writable > self.chain.parameters.writable_pages {
            return Err(Status::Quota);
        }
        let limit = self.gas_limit().min(ceiling);
        let gas = limit.checked_sub(demand.price).ok_or(Status::OutOfGas);
        let gas = match flags & (flag::SCRATCH | flag::GIFT) {
            0 => gas?,
            _ => self.pass(flags, gas, live)?,
        };
        self.top().state.gas -= limit;
        Ok(Entering { flags, gas, mark: self.mark() })
    }

    /// Takes what stands in slots 0 and 1 of the running program, with what was stored there, unless a call with this gas is
    /// refused.
    fn pass(&mut self, flags: u8, gas: Result<u64, Status>, live: &mut [Option<Capability>; 2]) -> Result<u64, Status> {
        let passed = |flag: u8| flags & flag != 0;
        let (changed, most, epoch) = (self.changed, self.chain.parameters.changed_pages, self.epoch);
        let caller = self.top();
        let stores = PASSED.map(|(slot, flag)| passed(flag).then(|| caller.withdraw(slot)));
        let count: usize = stores.iter().flatten().map(|stores| stores.pages.len()).sum();
        let admitted = if changed + count as u64 > most { Err(Status::Quota) } else { gas };
        if admitted.is_err() {
            stores.into_iter().flatten().for_each(|stores| caller.restore(stores));
            return admitted;
        }
        stores.into_iter().flatten().for_each(|stores| caller.collect(stores, epoch));
        for (slot, flag) in PASSED {
            if passed(flag) {
                live[usize::from(slot)] = caller.live[usize::from(slot)].take();
                caller.show(slot);
            }
        }
        self.changed += count as u64;
        admitted
    }

    /// Puts a frame onto the stack for a call of an endpoint, of which `arguments` has as many as it takes or more.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        callee: Callee,
        program: Program,
        via: Via,
        arguments: &[u64],
        entering: Entering,
        live: [Option<Capability>; 2],
    ) {
        let Callee { path, table, endpoint, .. } = callee;
        let mut table = Working::new(table);
        let (mut frame, shows_table) = match program {
            Program::Shown(index) => (self.windows.take_shown(index), true),
            Program::Ready(program) => {
                self.take_rested(&mut table, 0).into_iter().flatten().for_each(|dropped| self.reclaim.add(dropped));
                self.windows.take(program, &table, || self.arch.create_space())
            }
        };
        let Frame { program, state, .. } = &mut *frame;
        let Some(endpoint) = program.image().endpoints.get(endpoint) else { unreachable!("it was found") };
        stand_at(state, endpoint, arguments);
        let writable = program.demand().writable;
        frame.table = table;
        if live.iter().any(Option::is_some) {
            // Nobody gets back what came from the host.
            if !self.frames.is_empty() {
                frame.call.passed = live.clone();
            }
            frame.live = live;
        }
        self.start(frame, shows_table, Started { path, via, writable }, entering);
    }

    /// Puts a frame onto the stack that goes on with the call in which the Instance at a path was suspended.
    fn go_on(&mut self, path: Path, program: Arc<Published>, suspended: Suspended, writable: u32, entering: Entering) {
        let Suspended { block_paid, pc, registers, ephemeral, mappings, .. } = suspended;
        let Some(instance) = self.held(&path) else { unreachable!("it was looked at before") };
        let mut table = Working::new(instance.table().clone());
        let rested = self.take_rested(&mut table, 1);
        let (mut frame, shows_table) = self.windows.take(program, &table, || self.arch.create_space());
        frame.state = State { registers, pc, gas: 0, block_paid };
        (frame.table, frame.dynamic, frame.live) = (table, mappings, rested);
        self.start(frame, shows_table, Started { path, via: Via::Owner, writable }, entering);
        self.top().fill_ephemeral(&ephemeral);
    }

    /// Takes what rests in slots 0 and 1 out of a table, which counts that and so many changes more.
    fn take_rested(&self, table: &mut Working, others: u64) -> [Option<Capability>; 2] {
        let rested = PASSED.map(|(slot, _)| match table.get(slot) {
            Some(_) => table.take(slot),
            None => None,
        });
        let changes = rested.iter().flatten().count() as u64 + others;
        if changes > 0 {
            table.count_changes(self.epoch, changes);
        }
        rested
    }

    /// Has a frame run whose program, state, table and slots 0 and 1 are there. `shows_table` says that its window shows the
    /// table.
    #[inline]
    fn start(&mut self, mut frame: Box<Frame<A::Space>>, shows_table: bool, started: Started, entering: Entering) {
        let Started { path, via, writable } = started;
        let Entering { flags, gas, mark } = entering;
        self.writable += writable;
        (frame.path, frame.state.gas, frame.may_have_stored) = (path, gas, true);
        let call = &mut frame.call;
        (call.via, call.flags, call.writable, call.mark) = (via, flags, writable, mark);
        call.size = OnceCell::new();
        frame.mount(shows_table);
        self.frames.push(frame);
    }

    /// Ends the running frame. Its caller runs then, or what it came to is for the host.
    #[inline]
    pub(crate) fn end(&mut self, stop: Stop) -> Option<Finished<A::Space>> {
        let Some(mut frame) = self.frames.pop() else { unreachable!("only what runs can end") };
        self.writable -= frame.call.writable;
        frame.stop();
        let is_atomic = frame.call.flags & flag::ATOMIC != 0;
        let is_first = self.frames.is_empty();
        let kept = match stop {
            Stop::Halt if is_first && self.is_query => Err(None),
            Stop::Halt if !frame.has_changed() => Ok(()),
            Stop::Halt => self.halt(&mut frame),
            _ if is_atomic => Err(None),
            _ => self.suspend(&mut frame, stop).map_err(Some),
        };
        let reply = match kept {
            Ok(()) => stop.reply(frame.register(Reg::A0)),
            Err(None) => stop.reply(0),
            // It could not end that way.
            Err(Some(status)) => Reply::from(status),
        };
        let is_kept = kept.is_ok();
        if is_first {
            if !is_kept {
                // The host may look at what it has left in its scratchpad.
                let stores = frame.withdraw(SCRATCHPAD_SLOT);
                frame.collect_leaving(stores, self.epoch);
            }
            return Some(Finished { frame, stop, is_kept, refused: kept.err().flatten() });
        }
        if !is_kept {
            self.go_back(frame.call.mark);
        }
        if frame.call.flags & (flag::SCRATCH | flag::GIFT) != 0 {
            let Frame { live, call, .. } = &mut *frame;
            let caller = self.top();
            for (slot, flag) in PASSED {
                let back = match is_kept {
                    true if stop == Stop::Halt => &mut live[usize::from(slot)],
                    true => continue,
                    false => &mut call.passed[usize::from(slot)],
                };
                if call.flags & flag != 0 && back.is_some() {
                    caller.live[usize::from(slot)] = back.take();
                    caller.show(slot);
                }
            }
        }
        let gas = frame.state.gas;
        self.close(frame, is_kept);
        let caller = self.top();
        caller.state.gas += gas;
        caller.take_reply(&reply);
        None
    }

    /// Gives back the window of a frame, and lets go of what it held. Its state stays ([`Windows::last`]).
    pub(crate) fn close(&mut self, mut frame: Box<Frame<A::Space>>, is_kept: bool) {
        frame.leave();
        // What is kept is what is held.
        let is_held = is_kept || self.held(&frame.path).is_some_and(|instance| frame.table.ptr_eq(instance.table()));
        let Frame { window, table, is_written_back, .. } = &mut *frame;
        match (core::mem::take(is_written_back), is_held) {
            // What was written back is shown already.
            (true, _) => {}
            (false, true) => window.has_come_to_show(table),
            (false, false) => window.table = None,
        }
        let Frame { table, live, call, .. } = &mut *frame;
        if !matches!((&*live, &call.passed), ([None, None], [None, None])) {
            for left in [live, &mut call.passed] {
                left.iter_mut().filter_map(Option::take).for_each(|dropped| self.reclaim.add(dropped));
            }
        }
        let table = core::mem::take(table).into_table();
        // What is held does not go with the copy.
        if !is_held {
            self.reclaim.add(table);
        }
        self.windows.put(frame);
    }

    /// Keeps what a frame that halted has changed.
    ///
    /// # Errors
    /// The status that the call gets if that cannot be.
    #[inline]
    fn halt(&mut self, frame: &mut Frame<A::Space>) -> Result<(), Option<Status>> {
        let is_first = self.frames.is_empty();
        if !frame.may_have_stored {
            self.keep(frame, Vec::new(), None);
            return Ok(());
        }
        let counted = frame.count_table();
        let stores = match counted {
            Some(_) => Vec::new(),
            None => frame.withdraw_table(),
        };
        let mut leaving = Vec::new();
        for (slot, flag) in PASSED {
            if is_first || frame.call.flags & flag != 0 {
                let stores = frame.withdraw(slot);
                if !stores.pages.is_empty() {
                    leaving.push(stores);
                }
            }
        }
        let others: u64 = stores.iter().chain(&leaving).map(|stores| stores.pages.len() as u64).sum();
        self.count_changed(counted.unwrap_or(0) + others).map_err(Some)?;
        frame.is_collected = counted.is_some();
        leaving.into_iter().for_each(|stores| frame.collect_leaving(stores, self.epoch));
        self.keep(frame, stores, None);
        Ok(())
    }

    /// Writes the table of a frame back, with what was stored to its Data, and shows that in the window. Its Instance is then
    /// Suspended, or Idle.
    fn keep(&mut self, frame: &mut Frame<A::Space>, stores: Vec<Stores>, suspended: Option<Box<Suspended>>) {
        let is_stored = !stores.is_empty() || !frame.counted.is_empty();
        if !is_stored && !frame.table.is_changed() && suspended.is_none() {
            return;
        }
        let table = core::mem::take(&mut frame.table).into_table();
        let Frame { window, path, counted, .. } = frame;
        // A table that is known is not changed in place.
        window.table = None;
        // What is mapped shares the Data's nodes, which would have to be copied.
        stores.iter().for_each(|stores| window.show(stores.slot, None));
        counted.iter().for_each(|&(slot, _)| window.detach(slot));
        let epoch = self.epoch;
        self.write_back(path, |instance| {
            let held = instance.table_mut();
            // The old table goes first, so that what nobody else shares is changed in place.
            *held = table;
            for &(slot, pages) in &*counted {
                if let Some(data) = held.data_mut(slot) {
                    data.count_changes(epoch, pages.into());
                    window.collect(slot, data);
                }
            }
            if !stores.is_empty() {
                put_stores(held, window, stores, epoch);
            }
            window.has_come_to_show(held);
            let state = match suspended {
                Some(suspended) => RunState::Suspended(*suspended),
                None if matches!(instance.state(), RunState::Idle) => return,
                None => RunState::Idle,
            };
            let kept = instance.set_state(state);
            debug_assert!(kept.is_ok(), "a suspended call has the ephemeral pages of its Image");
        });
        frame.is_written_back = true;
    }

    /// Whether the Instance of a frame that has just ended may be as large as with this table and its ephemeral pages.
    fn check_suspended(&self, frame: &Frame<A::Space>, table: &CNode, ephemeral: &Data) -> Result<(), Status> {
        let size = table.measure().size + frame.program.valid().measure().size + u64::from(ephemeral.pages());
        let height = frame.path.len() + usize::from(table.measure().height);
        if height > usize::from(MAX_HEIGHT) {
            return Err(Status::Range);
        }
        let growth = size as i64 - self.size_held(frame) as i64;
        self.check_growth(&frame.path, growth)
    }

    /// Leaves the Instance of a frame Suspended.
    ///
    /// # Errors
    /// The status that the call gets if that cannot be.
    fn suspend(&mut self, frame: &mut Frame<A::Space>, stop: Stop) -> Result<(), Status> {
        let why = match stop {
            Stop::Halt => return Err(Status::Halt),
            Stop::Panic => Why::Panic,
            Stop::Fault { page } => Why::Fault { page },
            Stop::OutOfGas => Why::OutOfGas,
            Stop::Yield { value } => Why::Yield { value },
        };
        let mut stores = frame.withdraw_table();
        stores.extend(PASSED.map(|(slot, _)| frame.withdraw(slot)));
        let ephemeral = frame.take_ephemeral();
        let stored = ephemeral.stored_pages().count() as u64;
        let mut table = CNode::clone(&frame.table);
        for (slot, live) in (0..).zip(&frame.live) {
            if let Some(capability) = live {
                table.set(slot, capability.clone()).map_err(|_| Status::Range)?;
                table.count_changes(self.epoch, 1);
            }
        }
        table.count_changes(self.epoch, 1 + stored);
        self.check_suspended(frame, &table, &ephemeral)?;
        self.count_changed(stored + stores.iter().map(|stores| stores.pages.len() as u64).sum::<u64>())?;
        let State { registers, pc, block_paid, .. } = frame.state;
        let mappings = core::mem::take(&mut frame.dynamic);
        for mapping in mappings.iter() {
            frame.window.space.unmap(mapping.first_page, mapping.pages);
        }
        frame.live = [None, None];
        frame.table = Working::new(table);
        stores.retain(|stores| !stores.pages.is_empty());
        let suspended = Suspended { why, block_paid, pc, registers, ephemeral, mappings };
        self.keep(frame, stores, Some(Box::new(suspended)));
        Ok(())
    }
}
