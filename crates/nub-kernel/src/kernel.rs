//! The kernel: Images that were published, Instances of them, and calls.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use javm_cap::{
    CapHash, Capability, Data, DataError, Endpoint, Epoch, Image, Import, Instance, MAX_HEIGHT, PAGE_SIZE, Path,
    PlaceError, Reclaim, RunState, SCRATCHPAD_SLOT, ValidImage, Wanted,
};
use javm_interpreter::State;
use javm_isa::{REG_COUNT, Reg};
use thiserror::Error;

use crate::arch::{Arch, Trace};
use crate::call::{Entering, Finished, Target};
use crate::chain::{Chain, ParametersError};
use crate::engine::{self, Ended, Reply, Stop};
use crate::frame::{Frame, Via};
use crate::operation::{flag, satisfies};
use crate::process::Process;
use crate::programs::Programs;
use crate::published::Published;
use crate::random::Generator;
use crate::service::{Log, LogEntry, Service};
use crate::status::Status;
use crate::window::{Windows, data_in};

/// The largest scratchpad that a call from the host may bring, in pages: 64 MiB.
pub const MAX_SCRATCHPAD_PAGES: u32 = 1 << 14;

/// Names an Instance within one kernel. The number says nothing about state and never gets into it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InstanceId(u64);

impl InstanceId {
    /// The name with this number: for those who talk to a kernel in another place. It may name nothing there.
    #[must_use]
    pub const fn from_number(number: u64) -> InstanceId {
        InstanceId(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl core::fmt::Display for InstanceId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "instance {}", self.0)
    }
}

/// An endpoint, as a caller names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointRef<'a> {
    /// By its position in the Image, from 0 on.
    Number(u16),
    /// By its name.
    Name(&'a str),
}

impl From<u16> for EndpointRef<'_> {
    fn from(number: u16) -> Self {
        EndpointRef::Number(number)
    }
}

impl<'a> From<&'a str> for EndpointRef<'a> {
    fn from(name: &'a str) -> Self {
        EndpointRef::Name(name)
    }
}

impl core::fmt::Display for EndpointRef<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            EndpointRef::Number(number) => write!(f, "{number}"),
            EndpointRef::Name(name) => write!(f, "'{name}'"),
        }
    }
}

/// A call from the host.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Where what is called stands: below the Instance that is named, or that one itself.
    pub path: Path,
    /// What is called.
    pub endpoint: EndpointRef<'a>,
    /// φ7 and on; as many as the endpoint takes.
    pub arguments: &'a [u64],
    /// How much gas the call may use.
    pub gas: u64,
    /// The scratchpad that goes with the call: these bytes, then zeros up to what the Image maps. `None` gives zeros
    /// to an Image that maps a scratchpad, and none to others.
    pub scratchpad: Option<&'a [u8]>,
    /// What goes with the call in slot 1.
    pub gift: Option<&'a Capability>,
    /// Who sent the event, if the call is one: SELF shows it to the program that is called.
    pub origin: Option<[u8; 32]>,
}

impl<'a> Call<'a> {
    /// A call of the Instance itself, with nothing but arguments and gas.
    #[must_use]
    pub const fn new(endpoint: EndpointRef<'a>, arguments: &'a [u64], gas: u64) -> Call<'a> {
        Call { path: Path::ROOT, endpoint, arguments, gas, scratchpad: None, gift: None, origin: None }
    }
}

/// What a call came to. Everything but the logs of a failed call is observable, whichever machine ran it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended. Unless with a halt, the Instance is as it was before.
    pub ended: Ended,
    /// φ7 at the end: the result of a call that halted.
    pub value: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// The registers at the end.
    pub registers: [u64; REG_COUNT],
    /// The code offset of the instruction that ended it.
    pub pc: u32,
    /// The scratchpad at the end; `None` if there was none.
    pub scratchpad: Option<Data>,
    /// What stands in slot 1 after a halt.
    pub gift: Option<Capability>,
    /// What the program logged, in order. Kept from failed calls too, to find out why; never part of state.
    pub logs: Vec<LogEntry>,
}

impl Outcome {
    /// The status that a calling program would see.
    #[must_use]
    pub fn status(&self) -> Status {
        self.ended.status()
    }

    /// φ9 as a calling program would see it: the address of the page of a fault, else 0.
    #[must_use]
    pub fn detail(&self) -> u64 {
        match self.ended {
            Ended::Fault { page } => page.into(),
            _ => 0,
        }
    }

    /// What a calling program would find that had given this much gas.
    #[must_use]
    pub fn into_reached(self, gas: u64) -> Reached {
        let reached = Reached::refused(self.status(), gas.saturating_sub(self.gas_used));
        if self.ended != Ended::Halt {
            return Reached { detail: self.detail(), ..reached };
        }
        let live = [self.scratchpad.map(Capability::Data), self.gift];
        Reached { value: self.value, live, logs: self.logs, ..reached }
    }
}

/// Why no Instance was made.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InstantiateError {
    /// No such Image was published.
    #[error("no Image {0} is published: publish it first")]
    UnknownImage(CapHash),
    /// A required import was not granted.
    #[error("the Image requires {wanted} in slot {slot}, which was not granted")]
    Denied {
        /// The slot that it should be in.
        slot: u8,
        /// What should be there.
        wanted: String,
    },
    /// A grant for a slot that is no import.
    #[error("slot {0} was granted a capability, but the Image imports nothing there")]
    NoImport(u8),
}

/// Why an Image stays published.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum UnpublishError {
    /// There are Instances of it.
    #[error("the Image {image} has {instances} Instance{}: drop {} first", if *instances == 1 { "" } else { "s" }, if *instances == 1 { "it" } else { "them" })]
    InUse {
        /// The Image.
        image: CapHash,
        /// How many there are.
        instances: u64,
    },
}

/// Why a call was not made. Nothing has changed and no gas was used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// There is no such Instance.
    #[error("there is no {0}")]
    UnknownInstance(InstanceId),
    /// The Image has no such endpoint.
    #[error("no endpoint {asked}; the Image has {known}")]
    UnknownEndpoint {
        /// What was asked for.
        asked: String,
        /// The names that there are.
        known: String,
    },
    /// More or fewer arguments than the endpoint takes.
    #[error("endpoint '{endpoint}' takes {expected} argument{}, {given} given", if *expected == 1 { "" } else { "s" })]
    Arguments {
        /// The endpoint's name.
        endpoint: String,
        /// How many it takes.
        expected: u8,
        /// How many there were.
        given: usize,
    },
    /// What the path leads to cannot be called: a program that calls it would find this status.
    #[error("what stands at {path} cannot be called: {status}: {meaning}", meaning = status.meaning())]
    Refused {
        /// Where it should stand.
        path: Path,
        /// Why.
        status: Status,
    },
    /// The scratchpad is larger than [`MAX_SCRATCHPAD_PAGES`].
    #[error("a scratchpad of {0} bytes: at most {max} are possible", max = MAX_SCRATCHPAD_PAGES as usize * PAGE_SIZE)]
    Scratchpad(usize),
}

impl InvokeError {
    /// The status that a program would find that makes this call, where there is one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            InvokeError::Refused { status, .. } => Some(*status),
            InvokeError::UnknownEndpoint { .. } => Some(Status::NoEndpoint),
            _ => None,
        }
    }
}

/// What a new Instance is given for the imports of its Image.
#[derive(Clone, Default, Debug)]
pub struct Grants {
    slots: BTreeMap<u8, Capability>,
    all_services: bool,
}

impl Grants {
    /// Nothing.
    #[must_use]
    pub fn none() -> Grants {
        Grants::default()
    }

    /// Every service that the Image imports.
    #[must_use]
    pub fn services() -> Grants {
        Grants { all_services: true, ..Grants::default() }
    }

    /// Additionally this capability in this slot.
    #[must_use]
    pub fn with(mut self, slot: u8, capability: Capability) -> Grants {
        self.slots.insert(slot, capability);
        self
    }

    /// What each import of an Image gets.
    ///
    /// # Errors
    /// [`InstantiateError`] when a required import is not granted, or a grant has no import.
    pub fn resolve(&self, image: &Image) -> Result<BTreeMap<u8, Capability>, InstantiateError> {
        let mut resolved = BTreeMap::new();
        for (&slot, import) in &image.imports {
            match self.for_import(slot, import) {
                Some(capability) => {
                    resolved.insert(slot, capability);
                }
                None if import.required => {
                    return Err(InstantiateError::Denied { slot, wanted: describe(&import.wanted) });
                }
                None => {}
            }
        }
        match self.slots.keys().find(|slot| !image.imports.contains_key(slot)) {
            Some(slot) => Err(InstantiateError::NoImport(*slot)),
            None => Ok(resolved),
        }
    }

    fn for_import(&self, slot: u8, import: &Import) -> Option<Capability> {
        let granted = self.slots.get(&slot).filter(|capability| satisfies(capability, &import.wanted));
        granted.cloned().or_else(|| match import.wanted {
            Wanted::Service(id) if self.all_services && Service::from_number(id).is_some() => {
                Some(Capability::Service(javm_cap::Service { id, parameter: 0 }))
            }
            _ => None,
        })
    }
}

fn describe(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Service(id) => match Service::from_number(*id) {
            Some(service) => alloc::format!("the service {}", service.name()),
            None => alloc::format!("service {id}, which this kernel does not have,"),
        },
        Wanted::TypeDef(hash) => alloc::format!("something that implements the interface {hash}"),
        _ => String::from("a capability of a kind that this kernel does not have,"),
    }
}

/// An Instance and the Image that it was made from.
#[derive(Clone)]
struct Resident {
    published: Arc<Published>,
    instance: Instance,
    /// Another one whenever the Instance is another value; the same number stands for the same value.
    version: u64,
}

/// An Instance as it was at some moment, in the chain as it was: for another kernel, which may run on another lane. Taking one
/// is constant work.
#[derive(Clone)]
pub struct Snapshot {
    resident: Resident,
    chain: Chain,
}

impl core::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Snapshot").field("version", &self.resident.version).finish_non_exhaustive()
    }
}

/// The kernel on a machine.
pub struct Kernel<A: Arch> {
    arch: A,
    programs: Programs,
    instances: BTreeMap<InstanceId, Resident>,
    next_instance: u64,
    next_version: u64,
    /// Not state: what calls have mounted.
    windows: Windows<A::Space>,
    /// What was dropped and not let go of yet.
    reclaim: Reclaim,
    /// What calls are a part of.
    chain: Chain,
    /// What changes of the last call were counted in.
    epoch: Epoch,
    /// The call stack. Nothing is on it between calls.
    frames: Vec<Box<Frame<A::Space>>>,
}

impl<A: Arch> Kernel<A> {
    /// A kernel with nothing in it.
    #[must_use]
    pub fn new(mut arch: A) -> Kernel<A> {
        let mut random = Generator::new(arch.seed());
        let programs = Programs::new(random.key(), random.key());
        let (instances, windows, reclaim) = (BTreeMap::new(), Windows::new(), Reclaim::new());
        Kernel {
            arch,
            programs,
            instances,
            next_instance: 0,
            next_version: 0,
            windows,
            reclaim,
            chain: Chain::default(),
            epoch: Epoch::begin(),
            frames: Vec::new(),
        }
    }

    /// Keeps an Image, so that Instances can be made of it. Publishing one again has no effect.
    pub fn publish(&mut self, image: ValidImage) -> CapHash {
        let hash = image.hash();
        self.programs.offered.entry(hash).or_insert_with(|| Published::new(image));
        hash
    }

    /// Forgets a published Image, and gives back what it takes. Gives `false` if there was none.
    ///
    /// # Errors
    /// [`UnpublishError::InUse`]: there are Instances of it. It stays published then.
    pub fn unpublish(&mut self, image: &CapHash) -> Result<bool, UnpublishError> {
        if !self.programs.offered.contains_key(image) {
            return Ok(false);
        }
        let instances = self.instances.values().filter(|resident| resident.published.hash() == *image).count() as u64;
        if instances > 0 {
            return Err(UnpublishError::InUse { image: *image, instances });
        }
        if let Some(published) = self.programs.withdraw(image) {
            self.windows.forget(&published);
        }
        Ok(true)
    }

    /// The published Image of this hash.
    #[must_use]
    pub fn image(&self, hash: &CapHash) -> Option<&Image> {
        self.programs.offered.get(hash).map(|published| published.image())
    }

    /// The same, with the proof that it is valid.
    #[must_use]
    pub fn valid_image(&self, hash: &CapHash) -> Option<ValidImage> {
        self.programs.offered.get(hash).map(|published| published.valid().clone())
    }

    /// How many Images are published.
    #[must_use]
    pub fn image_count(&self) -> usize {
        self.programs.offered.len()
    }

    /// How many Instances there are.
    #[must_use]
    pub fn instance_count(&self) -> usize {
        self.instances.len()
    }

    /// Makes an Instance of a published Image: its initial slots, and what is granted for its imports.
    ///
    /// # Errors
    /// [`InstantiateError`] when the Image is not published or a required import is not granted.
    pub fn instantiate(&mut self, image: &CapHash, grants: &Grants) -> Result<InstanceId, InstantiateError> {
        let published = self.programs.offered.get(image).ok_or(InstantiateError::UnknownImage(*image))?;
        let mut instance = Instance::new(published.valid().clone());
        for (slot, capability) in grants.resolve(published.image())? {
            instance.put_at(&[slot], capability).map_err(|refused| InstantiateError::Denied {
                slot,
                wanted: alloc::format!("something smaller ({})", refused.why),
            })?;
        }
        let version = self.next_version;
        self.next_version += 1;
        let resident = Resident { published: published.clone(), instance, version };
        Ok(self.insert(resident))
    }

    fn insert(&mut self, resident: Resident) -> InstanceId {
        let id = InstanceId(self.next_instance);
        self.next_instance += 1;
        self.instances.insert(id, resident);
        id
    }

    /// Makes a second Instance that is what the first one is now. Constant work, whatever the first one holds.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn copy(&mut self, instance: InstanceId) -> Result<InstanceId, InvokeError> {
        let resident = self.resident(instance)?.clone();
        Ok(self.insert(resident))
    }

    /// Drops an Instance. Gives `false` if there was none.
    pub fn drop_instance(&mut self, instance: InstanceId) -> bool {
        let Some(gone) = self.instances.remove(&instance) else { return false };
        self.reclaim.add(gone.instance);
        self.settle();
        true
    }

    /// What is to be done between calls: lets go of what was dropped, and of what windows show of it.
    fn settle(&mut self) {
        self.windows.sweep();
        self.reclaim.work(usize::MAX);
    }

    /// An Instance as it is now.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn snapshot(&self, instance: InstanceId) -> Result<Snapshot, InvokeError> {
        Ok(Snapshot { resident: self.resident(instance)?.clone(), chain: self.chain })
    }

    /// Has an Instance of this name be what the snapshot says, in the chain that it says, and gives `false` if the Instance was
    /// that before. All snapshots that a kernel is shown are those of one other kernel.
    pub fn show(&mut self, instance: InstanceId, snapshot: &Snapshot) -> bool {
        let Snapshot { resident, chain } = snapshot;
        self.chain = *chain;
        if self.instances.get(&instance).is_some_and(|shown| shown.version == resident.version) {
            return false;
        }
        self.drop_instance(instance);
        self.instances.insert(instance, resident.clone());
        true
    }

    fn resident(&self, instance: InstanceId) -> Result<&Resident, InvokeError> {
        self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))
    }

    /// The value of an Instance: its Image, its table, its state.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn instance(&self, instance: InstanceId) -> Result<&Instance, InvokeError> {
        Ok(&self.resident(instance)?.instance)
    }

    /// What stands at a path below an Instance, or that one itself; `None` where nothing does.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn capability(&self, instance: InstanceId, path: &Path) -> Result<Option<Capability>, InvokeError> {
        let root = self.instance(instance)?;
        Ok(match &**path {
            [] => Some(root.clone().into()),
            path => root.table().at(path).ok().cloned(),
        })
    }

    /// The hash of the Image of the Instance at a path. Constant work: nothing else is hashed.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`]; [`InvokeError::Refused`], as for a call of what stands there.
    pub fn image_at(&self, instance: InstanceId, path: &Path) -> Result<CapHash, InvokeError> {
        let found = standing_at(self.instance(instance)?, path);
        Ok(found.map_err(|status| InvokeError::Refused { path: *path, status })?.image().hash())
    }

    /// An endpoint of an Instance.
    ///
    /// # Errors
    /// [`InvokeError`] when there is no such Instance or endpoint.
    pub fn endpoint(&self, instance: InstanceId, endpoint: EndpointRef<'_>) -> Result<&Endpoint, InvokeError> {
        find_endpoint(self.resident(instance)?.instance.image().image(), endpoint)
    }

    /// Maps the memory of an Instance, which its next call does otherwise. A copy of an Instance has nothing mapped. Nothing
    /// but time changes by it, and only the most recently used Instances stay mapped.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn prepare(&mut self, instance: InstanceId) -> Result<(), InvokeError> {
        let Resident { published, instance: value, .. } =
            self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        let scratchpad = scratchpad_for(published, None)?;
        let table = value.table();
        let (mut frame, _) = self.windows.take(published.clone(), table, || self.arch.create_space());
        frame.window.mount(published, |slot| match slot {
            SCRATCHPAD_SLOT => scratchpad.as_ref(),
            _ => data_in(table, slot),
        });
        frame.window.table = Some(table.identity());
        self.windows.put(frame);
        Ok(())
    }

    /// Calls an endpoint of an Instance. A call that halts leaves its changes in the Instance; any other leaves none.
    /// `trace`, if given, is called before each instruction.
    ///
    /// # Errors
    /// [`InvokeError`] when the call cannot even begin.
    pub fn invoke(
        &mut self,
        instance: InstanceId,
        call: &Call<'_>,
        trace: Option<Trace<'_>>,
    ) -> Result<Outcome, InvokeError> {
        self.call(instance, call, trace, true)
    }

    /// Calls an endpoint of an Instance and leaves the Instance as it is, however the call ends. Nothing else differs from
    /// [`Kernel::invoke`].
    ///
    /// # Errors
    /// [`InvokeError`] when the call cannot even begin.
    pub fn query(&mut self, instance: InstanceId, call: &Call<'_>) -> Result<Outcome, InvokeError> {
        self.call(instance, call, None, false)
    }

    fn call(
        &mut self,
        instance: InstanceId,
        call: &Call<'_>,
        trace: Option<Trace<'_>>,
        keep: bool,
    ) -> Result<Outcome, InvokeError> {
        self.epoch = Epoch::begin();
        let Call { path, .. } = *call;
        let refused = |status| InvokeError::Refused { path, status };
        let resident = self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        // First of all, so that whoever sends a call to a kernel elsewhere can tell before it is sent.
        check_scratchpad(call.scratchpad.unwrap_or_default())?;
        let found = standing_at(&resident.instance, &path).map_err(refused)?;
        let is_idle = matches!(found.state(), RunState::Idle);
        let published = if path.is_empty() { resident.published.clone() } else { self.programs.of(found.image()) };
        let endpoint = find_endpoint(published.image(), call.endpoint)?;
        if !is_idle {
            return Err(refused(Status::Busy));
        }
        if usize::from(endpoint.arity) != call.arguments.len() {
            return Err(InvokeError::Arguments {
                endpoint: String::from(endpoint.name.as_str()),
                expected: endpoint.arity,
                given: call.arguments.len(),
            });
        }
        let scratchpad = scratchpad_for(&published, call.scratchpad)?;
        let via = call.origin.map_or(Via::Host, |origin| Via::Event { origin });
        let target = Target::new(path, published.clone(), via, endpoint, call.arguments);
        let live = [scratchpad.map(Capability::Data), call.gift.cloned()];
        self.check_entry(&target, &live).map_err(refused)?;
        self.run(instance, target, call.gas, live, trace, keep, |ran| {
            let Ran { stop, state, live: [scratchpad, gift], logs, refused, .. } = ran;
            let scratchpad = match scratchpad.take() {
                Some(Capability::Data(data)) => Some(data),
                _ => None,
            };
            let ended = refused.map_or_else(|| stop.ended(), Ended::Refused);
            Outcome {
                ended,
                value: state.registers[Reg::A0.index()],
                gas_used: call.gas - state.gas,
                registers: state.registers,
                pc: state.pc,
                scratchpad,
                gift: gift.take().filter(|_| ended == Ended::Halt),
                logs,
            }
        })
    }

    /// Whether a frame can be made for a call from the host.
    fn check_entry(&self, target: &Target, live: &[Option<Capability>; 2]) -> Result<(), Status> {
        if self.chain.parameters.depth == 0 {
            return Err(Status::Depth);
        }
        if target.writable() > self.chain.parameters.writable_pages {
            return Err(Status::Quota);
        }
        if live.iter().flatten().any(|capability| capability.measure().height >= MAX_HEIGHT) {
            return Err(Status::Range);
        }
        Ok(())
    }

    /// Calls what stands at a path below an Instance, with anything in slots 0 and 1. What is refused, and how it ends, is
    /// what a program would find that calls it ATOMIC.
    ///
    /// # Errors
    /// [`InvokeError::UnknownInstance`].
    pub fn enter(&mut self, instance: InstanceId, entry: Entry) -> Result<Reached, InvokeError> {
        self.epoch = Epoch::begin();
        let Entry { path, endpoint, arguments, gas, live, origin } = entry;
        let refused = |status| Reached::refused(status, gas);
        let root = &self.resident(instance)?.instance;
        let found = match standing_at(root, &path) {
            Ok(found) => found,
            Err(status) => return Ok(refused(status)),
        };
        let image = found.image().clone();
        let is_idle = matches!(found.state(), RunState::Idle);
        let Some(endpoint) = image.image().endpoints.get(usize::from(endpoint)) else {
            return Ok(refused(Status::NoEndpoint));
        };
        if !is_idle {
            return Ok(refused(Status::Busy));
        }
        let via = origin.map_or(Via::Host, |origin| Via::Event { origin });
        let target = Target::new(path, self.programs.of(&image), via, endpoint, &arguments);
        if let Err(status) = self.check_entry(&target, &live) {
            return Ok(refused(status));
        }
        self.run(instance, target, gas, live, None, true, |ran| {
            let value = ran.state.registers[Reg::A0.index()];
            let Reply { result, status, detail } = match ran.refused {
                Some(status) => status.into(),
                None => ran.stop.reply(value),
            };
            let live = if ran.is_kept { core::mem::take(ran.live) } else { [None, None] };
            let logs = if ran.is_kept { ran.logs } else { Vec::new() };
            Reached { status, value: result, detail, gas_left: ran.state.gas, live, logs }
        })
    }

    /// Runs a call from the host; `take` makes of its end what the host gets.
    #[expect(clippy::too_many_arguments, reason = "what a call is, and how it is made")]
    fn run<T>(
        &mut self,
        instance: InstanceId,
        target: Target,
        gas: u64,
        live: [Option<Capability>; 2],
        trace: Option<Trace<'_>>,
        keep: bool,
        take: impl FnOnce(Ran<'_>) -> T,
    ) -> Result<T, InvokeError> {
        let Resident { instance: root, version, .. } =
            self.instances.get_mut(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        let mut process = Process {
            arch: &mut self.arch,
            windows: &mut self.windows,
            programs: &mut self.programs,
            reclaim: &mut self.reclaim,
            root,
            frames: &mut self.frames,
            undo: Vec::new(),
            log: Log::new(self.chain.parameters.log_bytes),
            writable: 0,
            changed: 0,
            epoch: self.epoch,
            parameters: self.chain.parameters,
            block: self.chain.block,
            is_query: !keep,
        };
        let mark = process.mark();
        process.push(target, Entering { flags: flag::ATOMIC, gas, mark }, live);
        let Finished { mut frame, stop, is_kept, refused } = engine::run(&mut process, trace);
        let logs = core::mem::replace(&mut process.log, Log::new(0)).into_entries();
        if !is_kept {
            process.go_back(mark);
        }
        let Frame { state, live, .. } = &mut *frame;
        let taken = take(Ran { stop, state, live, logs, is_kept, refused });
        process.close(frame, is_kept);
        if is_kept {
            *version = self.next_version;
            self.next_version += 1;
        }
        if !self.reclaim.is_empty() {
            self.settle();
        }
        Ok(taken)
    }

    /// Keeps a tree of capabilities whose root is this Instance.
    pub fn keep(&mut self, root: Instance) -> InstanceId {
        let published = self.programs.of(root.image());
        let version = self.next_version;
        self.next_version += 1;
        self.insert(Resident { published, instance: root, version })
    }

    /// Says in which chain, and in which block of it, calls are from here on. Before it was called they are outside of blocks, in
    /// a chain that does not say.
    ///
    /// # Errors
    /// [`ParametersError`]: no chain has such parameters. All stays as it was.
    pub fn set_chain(&mut self, chain: Chain) -> Result<(), ParametersError> {
        chain.parameters.check()?;
        self.chain = chain;
        Ok(())
    }

    /// In which epoch the changes of the last call were counted, a block of its own: what
    /// [`Capability::changes`] is asked for.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

/// How the first frame ended.
struct Ran<'a> {
    stop: Stop,
    state: &'a State,
    /// What is in slots 0 and 1.
    live: &'a mut [Option<Capability>; 2],
    logs: Vec<LogEntry>,
    is_kept: bool,
    /// Why it could not end as it did.
    refused: Option<Status>,
}

/// A call from the host of anything in a tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it stands.
    pub path: Path,
    /// The number of the endpoint.
    pub endpoint: u16,
    /// The arguments; those above the arity are left out.
    pub arguments: [u64; 4],
    /// The gas that it may use.
    pub gas: u64,
    /// The scratchpad and the gift.
    pub live: [Option<Capability>; 2],
    /// Who sent the event, if it is one.
    pub origin: Option<[u8; 32]>,
}

/// What a call of anything in a tree came to.
#[derive(Clone, Debug)]
pub struct Reached {
    /// How it ended, or why it was refused.
    pub status: Status,
    /// φ7 of a halt.
    pub value: u64,
    /// φ9, as a caller would find it.
    pub detail: u64,
    /// The gas that is left.
    pub gas_left: u64,
    /// What is in slots 0 and 1 after a halt.
    pub live: [Option<Capability>; 2],
    /// What was logged, after a halt.
    pub logs: Vec<LogEntry>,
}

impl Reached {
    /// What a call comes to that is not made.
    #[must_use]
    pub fn refused(status: Status, gas_left: u64) -> Reached {
        Reached { status, value: 0, detail: 0, gas_left, live: [None, None], logs: Vec::new() }
    }
}

/// The endpoint of an Image that a caller means.
///
/// # Errors
/// [`InvokeError::UnknownEndpoint`], with what there is.
pub fn find_endpoint<'a>(image: &'a Image, asked: EndpointRef<'_>) -> Result<&'a Endpoint, InvokeError> {
    let found = match asked {
        EndpointRef::Number(number) => image.endpoints.get(usize::from(number)),
        EndpointRef::Name(name) => image.endpoints.iter().find(|endpoint| endpoint.name.as_str() == name),
    };
    found.ok_or_else(|| InvokeError::UnknownEndpoint {
        asked: alloc::format!("{asked}"),
        known: image.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// The Instance at a path below another one.
fn standing_at<'a>(root: &'a Instance, path: &Path) -> Result<&'a Instance, Status> {
    if path.is_empty() {
        return Ok(root);
    }
    match root.table().at(path) {
        Ok(Capability::Instance(found)) => Ok(found),
        Ok(_) | Err(PlaceError::Kind { .. }) => Err(Status::Kind),
        Err(_) => Err(Status::Empty),
    }
}

/// The pages that a scratchpad needs for these bytes.
///
/// # Errors
/// [`InvokeError::Scratchpad`]: more than [`MAX_SCRATCHPAD_PAGES`].
pub fn check_scratchpad(bytes: &[u8]) -> Result<u32, InvokeError> {
    let needed = u32::try_from(bytes.len().div_ceil(PAGE_SIZE)).unwrap_or(u32::MAX);
    if needed > MAX_SCRATCHPAD_PAGES { Err(InvokeError::Scratchpad(bytes.len())) } else { Ok(needed) }
}

/// The scratchpad of a top-level call: as long as what the Image maps of it and as what was given.
fn scratchpad_for(published: &Published, given: Option<&[u8]>) -> Result<Option<Data>, InvokeError> {
    let mapped = published.scratchpad_pages();
    let bytes = given.unwrap_or_default();
    let too_long = |_| InvokeError::Scratchpad(bytes.len());
    let needed = check_scratchpad(bytes)?;
    if mapped == 0 && given.is_none() {
        return Ok(None);
    }
    let filled = |bytes: &[u8]| -> Result<Data, DataError> {
        let mut data = Data::new(mapped.max(needed))?;
        if !bytes.is_empty() {
            data.write(0, bytes)?;
        }
        Ok(data)
    };
    filled(bytes).map(Some).map_err(too_long)
}
