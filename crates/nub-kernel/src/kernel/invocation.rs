//! Calls from the host: what they bring, how they are made, what they come to.

use alloc::string::String;
use alloc::vec::Vec;

use javm_cap::{
    Capability, Data, DataError, Endpoint, Epoch, Image, Instance, MAX_HEIGHT, PAGE_SIZE, Path, PlaceError, RunState,
};
use javm_interpreter::State;
use javm_isa::{REG_COUNT, Reg};
use thiserror::Error;

use super::{InstanceId, Kernel, Resident};
use crate::arch::{Arch, Trace};
use crate::call::{Callee, Entering, Finished, Program};
use crate::chain::Parameters;
use crate::engine::{self, Ended, Reply, Stop};
use crate::frame::Via;
use crate::operation::flag;
use crate::process::Process;
use crate::published::Published;
use crate::service::{Log, LogEntry};
use crate::status::Status;

/// The largest scratchpad that a call from the host may bring, in pages: 64 MiB.
pub const MAX_SCRATCHPAD_PAGES: u32 = 1 << 14;

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

impl<A: Arch> Kernel<A> {
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
        let path = call.path;
        let refused = |status| InvokeError::Refused { path, status };
        let Resident { instance: root, published, .. } =
            self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        // First of all, so that whoever sends a call to a kernel elsewhere can tell before it is sent.
        if let Some(bytes) = call.scratchpad {
            check_scratchpad(bytes)?;
        }
        let found = standing_at(root, &path).map_err(refused)?;
        let image = found.image();
        let number = number_of_endpoint(image.image(), call.endpoint)?;
        if !matches!(found.state(), RunState::Idle) {
            return Err(refused(Status::Busy));
        }
        let endpoint = &image.image().endpoints[number];
        if usize::from(endpoint.arity) != call.arguments.len() {
            return Err(InvokeError::Arguments {
                endpoint: String::from(endpoint.name.as_str()),
                expected: endpoint.arity,
                given: call.arguments.len(),
            });
        }
        let callee = Callee::of(&self.windows, path, found, number);
        let program = callee.program(|| match path.is_empty() {
            true => published.clone(),
            false => self.programs.of(image),
        });
        let published = program.published(&self.windows);
        let scratchpad = scratchpad_for(published, call.scratchpad)?;
        let live = [scratchpad.map(Capability::Data), call.gift.cloned()];
        check_entry(&self.chain.parameters, published, &live).map_err(refused)?;
        let Ran { stop, refused, live: [scratchpad, gift], logs, .. } = self.run(
            instance,
            Host { callee, program, arguments: call.arguments, gas: call.gas, live, origin: call.origin },
            trace,
            keep,
        )?;
        let scratchpad = match scratchpad {
            Some(Capability::Data(data)) => Some(data),
            _ => None,
        };
        let ended = refused.map_or_else(|| stop.ended(), Ended::Refused);
        let state = self.last_state();
        Ok(Outcome {
            ended,
            value: state.registers[Reg::A0.index()],
            gas_used: call.gas - state.gas,
            registers: state.registers,
            pc: state.pc,
            scratchpad,
            gift,
            logs,
        })
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
        let resident = self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        let found = match standing_at(&resident.instance, &path) {
            Ok(found) => found,
            Err(status) => return Ok(refused(status)),
        };
        let (image, number) = (found.image(), usize::from(endpoint));
        if number >= image.image().endpoints.len() {
            return Ok(refused(Status::NoEndpoint));
        }
        if !matches!(found.state(), RunState::Idle) {
            return Ok(refused(Status::Busy));
        }
        let callee = Callee::of(&self.windows, path, found, number);
        let program = callee.program(|| self.programs.of(image));
        if let Err(status) = check_entry(&self.chain.parameters, program.published(&self.windows), &live) {
            return Ok(refused(status));
        }
        let host = Host { callee, program, arguments: &arguments, gas, live, origin };
        let Ran { stop, refused, is_kept, live, logs } = self.run(instance, host, None, true)?;
        let state = self.last_state();
        let Reply { result, status, detail } = match refused {
            Some(status) => status.into(),
            None => stop.reply(state.registers[Reg::A0.index()]),
        };
        let reached = Reached { detail, value: result, ..Reached::refused(status, state.gas) };
        if is_kept {
            return Ok(Reached { live, logs, ..reached });
        }
        live.into_iter().flatten().for_each(|dropped| self.reclaim.add(dropped));
        self.settle();
        Ok(reached)
    }

    /// Runs a call from the host. Its state at the end is [`Kernel::last_state`] then.
    #[inline(always)]
    fn run(
        &mut self,
        instance: InstanceId,
        host: Host<'_>,
        trace: Option<Trace<'_>>,
        keep: bool,
    ) -> Result<Ran, InvokeError> {
        let Resident { instance: root, version, .. } =
            self.instances.get_mut(&instance).ok_or(InvokeError::UnknownInstance(instance))?;
        let Host { callee, program, arguments, gas, live, origin } = host;
        let via = origin.map_or(Via::Host, |origin| Via::Event { origin });
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
            chain: &self.chain,
            is_query: !keep,
        };
        let mark = process.mark();
        process.begin(callee, program, via, arguments, Entering { flags: flag::ATOMIC, gas, mark }, live);
        let Finished { mut frame, stop, is_kept, refused } = engine::run(&mut process, trace);
        let logs = core::mem::replace(&mut process.log, Log::new(0)).into_entries();
        if !is_kept {
            process.go_back(mark);
        }
        let [scratchpad, gift] = &mut frame.live;
        let gift = if stop == Stop::Halt && refused.is_none() { gift.take() } else { None };
        let live = [scratchpad.take(), gift];
        process.close(frame, is_kept);
        if is_kept {
            *version = self.next_version;
            self.next_version += 1;
        }
        if !self.reclaim.is_empty() {
            self.settle();
        }
        Ok(Ran { stop, refused, is_kept, live, logs })
    }

    /// What the first frame of the last call from the host had in its registers at its end.
    fn last_state(&self) -> &State {
        let Some(frame) = self.windows.last() else { unreachable!("a frame that ends is kept for the next call") };
        &frame.state
    }
}

/// Whether a frame can be made for a call from the host.
fn check_entry(parameters: &Parameters, program: &Published, live: &[Option<Capability>; 2]) -> Result<(), Status> {
    if parameters.depth == 0 {
        return Err(Status::Depth);
    }
    if program.demand().writable > parameters.writable_pages {
        return Err(Status::Quota);
    }
    let too_high = |live: &Capability| !matches!(live, Capability::Data(_)) && live.measure().height >= MAX_HEIGHT;
    if live.iter().flatten().any(too_high) {
        return Err(Status::Range);
    }
    Ok(())
}

/// A call from the host that can be made.
struct Host<'a> {
    callee: Callee,
    program: Program,
    /// As many as the endpoint takes, or more.
    arguments: &'a [u64],
    gas: u64,
    /// What goes with it in slots 0 and 1.
    live: [Option<Capability>; 2],
    origin: Option<[u8; 32]>,
}

/// How the first frame ended.
struct Ran {
    stop: Stop,
    /// Why it could not end as it did.
    refused: Option<Status>,
    is_kept: bool,
    /// What is in slot 0, and after a halt in slot 1.
    live: [Option<Capability>; 2],
    logs: Vec<LogEntry>,
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
    number_of_endpoint(image, asked).map(|number| &image.endpoints[number])
}

/// The number of the endpoint that a caller means.
#[inline]
fn number_of_endpoint(image: &Image, asked: EndpointRef<'_>) -> Result<usize, InvokeError> {
    let endpoints = &image.endpoints;
    let found = match asked {
        EndpointRef::Number(number) => Some(usize::from(number)).filter(|&number| number < endpoints.len()),
        EndpointRef::Name(name) => endpoints.iter().position(|endpoint| endpoint.name.as_str() == name),
    };
    found.ok_or_else(|| unknown_endpoint(image, asked))
}

#[cold]
fn unknown_endpoint(image: &Image, asked: EndpointRef<'_>) -> InvokeError {
    InvokeError::UnknownEndpoint {
        asked: alloc::format!("{asked}"),
        known: image.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// The Instance at a path below another one.
pub(super) fn standing_at<'a>(root: &'a Instance, path: &Path) -> Result<&'a Instance, Status> {
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
#[inline]
pub(super) fn scratchpad_for(published: &Published, given: Option<&[u8]>) -> Result<Option<Data>, InvokeError> {
    let mapped = published.scratchpad_pages();
    match given {
        None if mapped == 0 => Ok(None),
        None => Data::new(mapped).map(Some).map_err(|_| InvokeError::Scratchpad(0)),
        Some(bytes) => filled_scratchpad(mapped, bytes).map(Some),
    }
}

fn filled_scratchpad(mapped: u32, bytes: &[u8]) -> Result<Data, InvokeError> {
    let needed = check_scratchpad(bytes)?;
    let filled = || -> Result<Data, DataError> {
        let mut data = Data::new(mapped.max(needed))?;
        if !bytes.is_empty() {
            data.write(0, bytes)?;
        }
        Ok(data)
    };
    filled().map_err(|_| InvokeError::Scratchpad(bytes.len()))
}
