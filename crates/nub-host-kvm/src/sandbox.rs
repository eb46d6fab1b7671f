//! A running guest.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use nub_arch_x86_abi::reply::{Outcome, Refused};
use nub_arch_x86_abi::request::Invoke;
use nub_arch_x86_abi::wire::{WireError, Writer};
use nub_arch_x86_abi::{Privilege, Reply, Request};

use crate::ahead::Ahead;
use crate::bell::lock;
use crate::boot;
use crate::config::{Config, PrivilegeChoice};
use crate::costs::{self, Costs};
use crate::error::{Death, Error, Missing};
use crate::exits::Exits;
use crate::hashing::{self, Hashing};
use crate::hypervisor::{Hypervisor, Machine, Processor};
use crate::image::Image;
use crate::kvm;
use crate::lane::{Deadline, Fate, Lane};
use crate::memory::GuestMemory;
use crate::pace::Pace;
use crate::privilege::{self, Probe};
use crate::processor::Running;

/// The lane that runs the kernel.
pub const KERNEL_LANE: usize = 0;

/// What a guest says to a call that comes to nothing; `None` where it came to something.
pub type Answer = Option<Box<Reply>>;

/// A virtual machine with the kernel in it, ready for requests from any thread.
pub struct Sandbox {
    lanes: Vec<Caller>,
    processors: Vec<Running>,
    fate: Arc<Fate>,
    config: Config,
    privilege: Privilege,
    hashing: Hashing,
    boot: Duration,
    memory: Arc<GuestMemory>,
    ahead: Ahead,
    costs: Option<Costs>,
    pace: Pace,
    boot_parts: Vec<(&'static str, Duration)>,
    /// Which lane the next query waits for if none is free.
    next_query: AtomicUsize,
}

/// A lane's host side with what a call needs.
struct Caller {
    lane: Arc<Lane>,
    buffers: Mutex<Buffers>,
}

#[derive(Default)]
struct Buffers {
    request: Vec<u8>,
    reply: Vec<u8>,
    /// The number of the last request.
    sequence: u32,
}

impl Sandbox {
    /// Boots a guest and waits for its first reply.
    ///
    /// # Errors
    /// [`Error`]: what this machine lacks, what a setting should be, or why the guest did not start.
    pub fn start(config: &Config) -> Result<Sandbox, Error> {
        config.check()?;
        let hypervisor = kvm::open()?;
        match Sandbox::start_on(&hypervisor, config) {
            Err(Error::Died(_))
                if config.privilege == PrivilegeChoice::Auto && privilege::probe_again(&hypervisor)? =>
            {
                Sandbox::start_on(&hypervisor, config)
            }
            started => started,
        }
    }

    /// Boots a guest on this hypervisor.
    fn start_on<H>(hypervisor: &H, config: &Config) -> Result<Sandbox, Error>
    where
        H: Hypervisor,
        <H::Machine as Machine>::Processor: 'static,
        <<H::Machine as Machine>::Processor as Processor>::Kicker: 'static,
    {
        let begun = Instant::now();
        let mut boot_parts = Vec::new();
        let mut done = |what| {
            let before: Duration = boot_parts.iter().map(|(_, took)| *took).sum();
            boot_parts.push((what, begun.elapsed().saturating_sub(before)));
        };
        let privilege = match config.privilege {
            PrivilegeChoice::Fixed(privilege) => privilege,
            PrivilegeChoice::Auto => privilege::probe(|| Ok(hypervisor))?.privilege,
        };
        done("choice of privilege");
        let hashing = hashing::choose(hypervisor, config.hashing, privilege)?;
        done("choice of hashing");
        let image = Image::kernel()?;
        done("kernel image");
        let memory = Arc::new(GuestMemory::new(config.memory)?);
        let starts = boot::prepare(&memory, image, config, privilege, hashing)?;
        done("memory");
        let mut machine = hypervisor.create()?;
        machine.map(memory.region())?;
        done("machine");
        let fate = Arc::new(Fate::default());
        let mut sandbox = Sandbox {
            lanes: Vec::new(),
            processors: Vec::new(),
            fate: fate.clone(),
            config: config.clone(),
            privilege,
            hashing,
            boot: Duration::ZERO,
            memory: memory.clone(),
            ahead: Ahead::start(&memory),
            costs: None,
            pace: Pace::of(&Costs::default()),
            boot_parts: Vec::new(),
            next_query: AtomicUsize::new(0),
        };
        for (number, start) in starts.iter().enumerate() {
            let mut processor = machine.processor(number)?;
            processor.start(start)?;
            let lane = Arc::new(Lane::new(&memory, number, &fate, config));
            sandbox.processors.push(Running::new(processor, lane.clone(), number, memory.clone(), image)?);
            sandbox.lanes.push(Caller { lane, buffers: Mutex::default() });
        }
        done("processors and threads");
        for lane in 0..config.lanes {
            match sandbox.call(lane, &Request::Ping, Duration::ZERO)? {
                Reply::Done => {}
                other => return Err(Error::Died(Box::new(Death::Nonsense(format!("its first reply was {other:?}"))))),
            }
        }
        done("first replies");
        sandbox.boot_parts = boot_parts;
        sandbox.boot = begun.elapsed();
        let costs = costs::announce(privilege, |request| sandbox.call(KERNEL_LANE, request, Duration::ZERO))?;
        (sandbox.costs, sandbox.pace) = (Some(costs), Pace::of(&costs));
        Ok(sandbox)
    }

    /// Whether this machine has a KVM that can be used: the device is there, may be opened, is the one that it should be, and
    /// can do what is needed.
    ///
    /// # Errors
    /// [`Missing`]: what it lacks, and what to do about it.
    pub fn is_possible() -> Result<(), Missing> {
        kvm::open().map(drop)
    }

    /// What this machine was found to be suited for, which is what [`PrivilegeChoice::Auto`] goes by.
    ///
    /// # Errors
    /// [`Error`]: what this machine lacks.
    pub fn probe() -> Result<&'static Probe, Error> {
        privilege::probe(|| Ok(kvm::open()?))
    }

    /// The privilege that the kernel runs at.
    #[must_use]
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// What it was started with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// By which code the kernel hashes.
    #[must_use]
    pub fn hashing(&self) -> Hashing {
        self.hashing
    }

    /// How many lanes there are.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// How long it took from the start to the first reply.
    #[must_use]
    pub fn boot_time(&self) -> Duration {
        self.boot
    }

    /// What things cost inside the guest, by which it decides what to do ahead. Measured once for each privilege.
    #[must_use]
    pub fn costs(&self) -> Option<Costs> {
        self.costs
    }

    /// How long gas and pages may take on this machine. Without costs, as of a machine that is faster than any.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// What that time went to, in order.
    #[must_use]
    pub fn boot_parts(&self) -> &[(&'static str, Duration)] {
        &self.boot_parts
    }

    /// How many bytes of memory the host has had to find for the guest so far: what was touched of [`Config::memory`], by as
    /// much as the host gives at a time.
    ///
    /// # Errors
    /// What the system said.
    pub fn memory_touched(&self) -> std::io::Result<u64> {
        self.memory.touched()
    }

    /// How often the guest has left the virtual machine, on all lanes together.
    #[must_use]
    pub fn exits(&self) -> Exits {
        (0..self.lanes()).map(|lane| self.exits_of(lane)).fold(Exits::default(), Exits::and)
    }

    /// How often this lane has left the virtual machine. None for a lane that there is not.
    #[must_use]
    pub fn exits_of(&self, lane: usize) -> Exits {
        self.lanes.get(lane).map_or(Exits::default(), |caller| caller.lane.exits.now())
    }

    /// How long a caller of this lane looks for an answer before it sleeps, and how long the lane for a request: what is in
    /// force now. Zeros for a lane that there is not.
    #[must_use]
    pub fn spins(&self, lane: usize) -> [Duration; 2] {
        self.lanes.get(lane).map_or([Duration::ZERO; 2], |caller| caller.lane.spins())
    }

    /// Why the guest came to an end, if it has.
    #[must_use]
    pub fn death(&self) -> Option<Death> {
        self.fate.death()
    }

    /// Has the guest be at its end: it has said what no guest says. Every call from now on, and each that is being made,
    /// is an error.
    pub fn condemn(&self, what: &str) -> Death {
        self.fate.seal(Death::Nonsense(what.into()))
    }

    /// Sends a request to a lane and waits for the reply: at most [`Config::patience`] and `work` on top.
    ///
    /// # Errors
    /// [`Error::Died`] when the guest is at its end; [`Error::NoLane`]; [`Error::TooLong`].
    pub fn call(&self, lane: usize, request: &Request<'_>, work: Duration) -> Result<Reply, Error> {
        let caller = self.lanes.get(lane).ok_or(Error::NoLane(lane))?;
        self.call_with(caller, lock(&caller.buffers), |to| request.encode_head(to), work, Reply::decode)
    }

    /// Calls an endpoint of an Instance as [`Sandbox::call`] does, on the kernel's lane. What the call comes to is left in
    /// `outcome`, where nothing was before; any other reply is given.
    ///
    /// # Errors
    /// Those of [`Sandbox::call`].
    pub fn invoke(&self, invoke: &Invoke<'_>, work: Duration, outcome: &mut Outcome) -> Result<Answer, Error> {
        self.call_kernel(invoke, false, work, outcome)
    }

    fn call_kernel(
        &self,
        invoke: &Invoke<'_>,
        is_query: bool,
        work: Duration,
        outcome: &mut Outcome,
    ) -> Result<Answer, Error> {
        let caller = self.lanes.get(KERNEL_LANE).ok_or(Error::NoLane(KERNEL_LANE))?;
        self.call_outcome(caller, lock(&caller.buffers), invoke, is_query, work, outcome)
    }

    /// Calls an endpoint of an Instance and leaves the Instance as it is, on a lane that is free: beside the others and
    /// beside what lane 0 does. Waits otherwise as [`Sandbox::call`] does. With one lane that one does it; so it does where
    /// an Instance is asked for the first time while it is busy. The reply is given as by [`Sandbox::invoke`].
    ///
    /// # Errors
    /// Those of [`Sandbox::call`].
    pub fn query(&self, query: &Invoke<'_>, work: Duration, outcome: &mut Outcome) -> Result<Answer, Error> {
        match self.query_aside(query, work, outcome)? {
            // The wait for the lane is no part of the time that a call may take.
            Some(reply) if *reply == Reply::Refused(Refused::Busy) => self.call_kernel(query, true, work, outcome),
            answer => Ok(answer),
        }
    }

    /// Sends a query to a lane beside the kernel's, if there is one.
    fn query_aside(&self, query: &Invoke<'_>, work: Duration, outcome: &mut Outcome) -> Result<Answer, Error> {
        let others = self.lanes.get(1..).filter(|others| !others.is_empty()).unwrap_or(&self.lanes);
        // In the same order each time, so that as few lanes as are needed are awake.
        for caller in others {
            let buffers = match caller.buffers.try_lock() {
                Ok(buffers) => buffers,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            return self.call_outcome(caller, buffers, query, true, work, outcome);
        }
        let caller = &others[self.next_query.fetch_add(1, Ordering::Relaxed) % others.len()];
        self.call_outcome(caller, lock(&caller.buffers), query, true, work, outcome)
    }

    fn call_outcome(
        &self,
        caller: &Caller,
        buffers: MutexGuard<'_, Buffers>,
        invoke: &Invoke<'_>,
        is_query: bool,
        work: Duration,
        outcome: &mut Outcome,
    ) -> Result<Answer, Error> {
        let write = |to: &mut Writer| {
            invoke.encode(is_query, to);
            &[][..]
        };
        self.call_with(caller, buffers, write, work, |reply| Reply::decode_to(reply, outcome))
    }

    /// Sends what `write` writes, and the bytes behind that which it gives, and has `read` read the reply.
    #[inline]
    fn call_with<'a, T>(
        &self,
        caller: &Caller,
        mut buffers: MutexGuard<'_, Buffers>,
        write: impl FnOnce(&mut Writer) -> &'a [u8],
        work: Duration,
        read: impl FnOnce(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, Error> {
        let mut writer = Writer::reusing(std::mem::take(&mut buffers.request));
        let tail = write(&mut writer);
        buffers.request = writer.into_bytes();
        let Buffers { request, reply, sequence } = &mut *buffers;
        *sequence = sequence.wrapping_add(1);
        let deadline = Deadline::after(self.config.patience.saturating_add(work));
        let reply = caller.lane.call(*sequence, [request, tail], &deadline, reply, read);
        if let Some(slot) = self.memory.slot(KERNEL_LANE) {
            self.ahead.follow(slot.taken.load(Ordering::Relaxed));
        }
        reply
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.processors.iter_mut().for_each(Running::stop);
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("config", &self.config)
            .field("privilege", &self.privilege)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "refusals.rs"]
mod refusals;
