//! CALL, RESUME, and how calls end.

use crate::image::Endpoint;
use crate::operate::{Ask, Reply};
use crate::run::{End, HALT_ADDRESS};
use crate::state::{Frame, Place, State, Via};
use crate::table::{Status, entry_price};
use crate::value::{Data, Dynamic, Path, Run, Suspended, Value};
use crate::world::World;

/// The flags of CALL and RESUME.
pub(crate) const SCRATCH: u8 = 1;
const GIFT: u8 = 2;
const ATOMIC: u8 = 4;

/// What is to be entered.
pub(crate) struct Target {
    pub(crate) path: Path,
    pub(crate) endpoint: Endpoint,
    pub(crate) via: Via,
}

/// A call that has ended.
pub(crate) struct Ended {
    pub(crate) reply: Reply,
    /// Gas that comes back.
    pub(crate) gas: u64,
    /// What was in slots 0 and 1 at a halt.
    pub(crate) live: [Option<Value>; 2],
}

impl World {
    pub(crate) fn call(&mut self, ask: &Ask, place: &Place) -> Result<Reply, Status> {
        let value = self.state.present(place)?;
        let (target, ceiling) = match value {
            Value::Service(service) => {
                let service = *service;
                return self.call_service(ask, service);
            }
            Value::Instance(instance) => {
                let path = self.state.path(place).ok_or(Status::Range)?;
                let endpoint = instance.image.endpoints.get(usize::from(ask.number)).ok_or(Status::NoEndpoint)?.clone();
                (Target { path, endpoint, via: Via::Owner }, u64::MAX)
            }
            Value::Callable(callable) => {
                let method = usize::from(ask.number);
                if method > 255 || callable.mask[method / 8] & 1 << (method % 8) == 0 {
                    return Err(Status::Denied);
                }
                let path = self.state.read(place, &callable.path);
                let image = self.reach(&path)?;
                if !image.implements(&callable.interface) {
                    return Err(Status::NoEndpoint);
                }
                let endpoint = image.method(callable.typedef.as_deref(), ask.number).ok_or(Status::NoEndpoint)?.clone();
                let via = Via::Callable { badge: callable.badge, distance: callable.distance };
                (Target { path, endpoint, via }, callable.ceiling)
            }
            _ => return Err(Status::Kind),
        };
        let before = self.state.clone();
        self.enter_from_program(ask, target, ceiling).inspect_err(|_| self.state = before)
    }

    /// The Image of the Instance at a path, whatever it does and whatever runs on the way.
    pub(crate) fn reach(&self, path: &[u8]) -> Result<std::rc::Rc<crate::image::Image>, Status> {
        let mut value = &self.state.root;
        for slot in path {
            value = value.table().ok_or(Status::Kind)?.slots.get(slot).ok_or(Status::Empty)?;
        }
        match value {
            Value::Instance(instance) => Ok(instance.image.clone()),
            _ => Err(Status::Kind),
        }
    }

    /// The limit of a callee.
    pub(crate) fn limit(&self, ask: &Ask, ceiling: u64) -> u64 {
        let left = self.state.frame().gas;
        let most = left - left / 64;
        let limit = if ask.last == 0 { most } else { ask.last.min(most) };
        limit.min(ceiling)
    }

    fn enter_from_program(&mut self, ask: &Ask, target: Target, ceiling: u64) -> Result<Reply, Status> {
        let through_callable = target.via != Via::Owner;
        let atomic = through_callable || ask.has(ATOMIC);
        let arguments = ask.operands;
        let before = self.state.clone();
        let limit = self.limit(ask, ceiling);
        let mut live = [None, None];
        for (slot, flag) in [(0, SCRATCH), (1, GIFT)] {
            if ask.has(flag) {
                self.state.collect(slot);
                live[usize::from(slot)] = self.state.frame_mut().live[usize::from(slot)].take();
            }
        }
        let price = self.begin(target, arguments, live, through_callable)?;
        self.take_entry(limit, price)?;
        let ended = self.run_to_end(&before, atomic, [ask.has(SCRATCH), ask.has(GIFT)]);
        Ok(self.back_to_caller(ask, limit, ended))
    }

    /// Puts a frame for a call on the stack and gives the price of the entry.
    pub(crate) fn begin(
        &mut self,
        target: Target,
        arguments: [u64; 4],
        live: [Option<Value>; 2],
        through_callable: bool,
    ) -> Result<u64, Status> {
        let Target { path, endpoint, via } = target;
        let may_enter = self.state.may_enter(&path);
        let instance = self.state.instance_mut(&path);
        if instance.run != Run::Idle || !may_enter {
            return Err(Status::Busy);
        }
        let image = instance.image.clone();
        instance.run = Run::Live;
        instance.table.take(0);
        instance.table.take(1);
        let mut registers = endpoint.registers;
        registers[0] = HALT_ADDRESS;
        let arity = usize::from(endpoint.arity);
        registers[7..7 + arity].copy_from_slice(&arguments[..arity]);
        self.push(Frame {
            path,
            registers,
            index: image.script.index(endpoint.entry, false),
            paid: false,
            gas: 0,
            live,
            ephemeral: Data::new(image.ephemeral_pages()),
            dynamic: Dynamic::new(),
            via,
            before: Default::default(),
        })?;
        Ok(entry_price(&image, &Dynamic::new(), through_callable))
    }

    fn push(&mut self, frame: Frame) -> Result<(), Status> {
        if self.state.frames.len() >= self.parameters.max_depth {
            return Err(Status::Depth);
        }
        self.state.frames.push(frame);
        self.state.check_bounds(&self.parameters)
    }

    /// Gives the callee its limit without the price of the entry.
    fn take_entry(&mut self, limit: u64, price: u64) -> Result<(), Status> {
        self.state.frame_mut().gas = limit.checked_sub(price).ok_or(Status::OutOfGas)?;
        let caller = self.state.frames.len().checked_sub(2).map(|index| {
            let caller = &self.state.frames[index];
            (self.state.instance(&caller.path).map_or([0; 32], |instance| instance.image.hash), caller.index)
        });
        self.meter.enter(limit, caller);
        self.charged(price);
        Ok(())
    }

    pub(crate) fn resume(&mut self, ask: &Ask, place: &Place) -> Result<Reply, Status> {
        let suspended = match self.state.present(place)? {
            Value::Instance(instance) => match &instance.run {
                Run::Suspended(suspended) => suspended.clone(),
                Run::Idle | Run::Live => return Err(Status::Busy),
            },
            _ => return Err(Status::Kind),
        };
        let path = self.state.path(place).ok_or(Status::Range)?;
        if !self.state.may_enter(&path) {
            return Err(Status::Busy);
        }
        for (slot, flag) in [(0, SCRATCH), (1, GIFT)] {
            if ask.has(flag) && self.state.frame().live[slot].is_some() {
                return Err(Status::Full);
            }
        }
        let before = self.state.clone();
        self.resume_suspended(ask, path, *suspended).inspect_err(|_| self.state = before)
    }

    fn resume_suspended(&mut self, ask: &Ask, path: Path, suspended: Suspended) -> Result<Reply, Status> {
        let before = self.state.clone();
        let limit = self.limit(ask, u64::MAX);
        let instance = self.state.instance_mut(&path);
        let image = instance.image.clone();
        instance.run = Run::Live;
        let live = [instance.table.take(0), instance.table.take(1)];
        instance.table.changes += 1;
        let price = entry_price(&image, &suspended.dynamic, false);
        let mut registers = suspended.registers;
        if suspended.why == Status::Yield {
            registers[7] = ask.operands[0];
        }
        self.push(Frame {
            path,
            registers,
            index: image.script.index(suspended.pc, suspended.paid),
            paid: suspended.paid,
            gas: 0,
            live,
            ephemeral: suspended.ephemeral,
            dynamic: suspended.dynamic,
            via: Via::Owner,
            before: Default::default(),
        })?;
        self.take_entry(limit, price)?;
        let ended = self.run_to_end(&before, ask.has(ATOMIC), [ask.has(SCRATCH), ask.has(GIFT)]);
        Ok(self.back_to_caller(ask, limit, ended))
    }

    fn back_to_caller(&mut self, ask: &Ask, limit: u64, ended: Ended) -> Reply {
        let Ended { reply, gas, live } = ended;
        let caller = self.state.frame_mut();
        caller.gas = caller.gas - limit + gas;
        if reply.status == Status::Halt {
            for ((slot, value), flag) in caller.live.iter_mut().zip(live).zip([SCRATCH, GIFT]) {
                if ask.has(flag) {
                    *slot = value;
                }
            }
        }
        reply
    }

    /// Runs the last frame to its end and takes it off the stack. `before` is the state in which the call began; which of
    /// its slots 0 and 1 go back is in `back`.
    pub(crate) fn run_to_end(&mut self, before: &State, atomic: bool, back: [bool; 2]) -> Ended {
        let end = self.run();
        self.meter.leave();
        let gas = self.state.frame().gas;
        let (status, detail) = match end {
            End::Halt => (Status::Halt, 0),
            End::Panic => (Status::Panic, 0),
            End::Fault(page) => (Status::Fault, page),
            End::OutOfGas => (Status::OutOfGas, 0),
            End::Yield(value) => (Status::Yield, value),
        };
        let mut reply = Reply { result: 0, status, detail };
        let mut live = [None, None];
        if end == End::Halt {
            reply.result = self.state.frame().registers[7];
            self.collect_all(back);
            if let Some(frame) = self.state.frames.pop() {
                self.state.instance_mut(&frame.path).run = Run::Idle;
                live = frame.live;
            }
        } else if !atomic {
            self.collect_all([true; 2]);
            self.suspend(status, detail);
        }
        let passes = self.state.check_bounds(&self.parameters);
        if let Err(refused) = passes {
            reply = refused.into();
            live = [None, None];
        }
        if passes.is_err() || (atomic && end != End::Halt) {
            self.state = before.clone();
        }
        Ended { reply, gas, live }
    }

    /// Counts what the running program has stored; to slots 0 and 1 only where they stay or go back.
    fn collect_all(&mut self, stays: [bool; 2]) {
        let slots: std::collections::BTreeSet<u8> = self.state.frame().before.keys().map(|(slot, _)| *slot).collect();
        for slot in slots {
            if stays.get(usize::from(slot)).copied().unwrap_or(true) {
                self.state.collect(slot);
            }
        }
    }

    /// Leaves the running Instance Suspended.
    fn suspend(&mut self, why: Status, detail: u64) {
        let Some(frame) = self.state.frames.pop() else { return };
        let instance = self.state.instance_mut(&frame.path);
        let [scratchpad, gift] = frame.live;
        instance.table.put(0, scratchpad);
        instance.table.put(1, gift);
        let stored = frame.ephemeral.stored().len() as u64;
        instance.table.changes += 1 + stored;
        instance.run = Run::Suspended(Box::new(Suspended {
            why,
            paid: frame.paid,
            pc: instance.image.script.offset(frame.index),
            registers: frame.registers,
            detail,
            ephemeral: frame.ephemeral,
            dynamic: frame.dynamic,
        }));
        self.state.changed_pages += stored;
    }
}
