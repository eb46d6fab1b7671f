//! The kernel in a virtual machine, as the monitor runs it.

mod incoming;
mod transfer;

use std::sync::Mutex;
use std::time::Duration;

use javm_cap::{Access, CapHash, Capability, Data, Instance, PAGE_SIZE, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::{CostModel, Program};
use nub_host_kvm::reply::{self, Refused};
use nub_host_kvm::request::{self, Invoke, Place, ServiceGrant};
use nub_host_kvm::{Answer, Config, Death, KERNEL_LANE, PrivilegeChoice, Reply, Request, Sandbox};
use nub_kernel::bare::Range;
use nub_kernel::kernel::check_scratchpad;
use nub_kernel::{
    Call, Chain, Ended, EndpointRef, InstantiateError, InvokeError, LogEntry, Outcome, Status, UnpublishError,
};

use self::transfer::{Most, There, lock};
use super::{End, Machine, Trouble};
use crate::builder::{Builder, Disturbance, Failure, Privilege, PrivilegeSetting};
use crate::description::Description;
use crate::error::Error;
use crate::health::Stats;

/// A guest, from its start to its end.
pub(crate) struct Guest {
    sandbox: Sandbox,
    there: There,
    /// Memory for the encoding of the next Image.
    encoding: Mutex<Vec<u8>>,
}

/// The longest encoding whose memory is kept: finding memory anew takes longer than to encode into it.
const MOST_KEPT: usize = 4 << 20;

impl Guest {
    pub(crate) fn start(builder: &Builder) -> Result<Guest, Error> {
        let mut config = Config { test_requests: builder.fails(), log: builder.guest_log, ..Config::default() };
        config.privilege = match builder.privilege_setting() {
            PrivilegeSetting::Auto => PrivilegeChoice::Auto,
            PrivilegeSetting::Fixed(Privilege::Supervisor) => {
                PrivilegeChoice::Fixed(nub_host_kvm::Privilege::Supervisor)
            }
            PrivilegeSetting::Fixed(Privilege::User) => PrivilegeChoice::Fixed(nub_host_kvm::Privilege::User),
        };
        let Builder { lanes, memory, patience, seed, .. } = *builder;
        config.lanes = lanes.unwrap_or(config.lanes);
        config.memory = memory.unwrap_or(config.memory);
        config.seed = seed.unwrap_or(config.seed);
        config.patience = patience.unwrap_or(config.patience);
        let sandbox = Sandbox::start(&config).map_err(not_started)?;
        Ok(Guest { sandbox, there: There::default(), encoding: Mutex::default() })
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.sandbox.death().as_ref().map(end_of)
    }

    pub(crate) fn privilege(&self) -> Privilege {
        match self.sandbox.privilege() {
            nub_host_kvm::Privilege::Supervisor => Privilege::Supervisor,
            nub_host_kvm::Privilege::User => Privilege::User,
        }
    }

    /// How long it took from the start to the first reply.
    pub(crate) fn boot_time(&self) -> Duration {
        self.sandbox.boot_time()
    }

    pub(crate) fn lanes(&self) -> usize {
        self.sandbox.lanes()
    }

    /// How often the guest left the machine.
    pub(crate) fn exits(&self) -> u64 {
        self.sandbox.exits().total()
    }

    /// Has the guest fail, where it was started for that: on the kernel's lane, or beside what it does on another one.
    pub(crate) fn fail(&self, failure: Failure, aside: bool) -> Result<(), Trouble> {
        let failure = asked_failure(failure);
        let lane = if aside { self.sandbox.lanes() - 1 } else { KERNEL_LANE };
        let reply = self.sandbox.call(lane, &Request::Fail(failure), Duration::ZERO);
        self.take(reply, |reply| (reply == Reply::Done).then_some(()))
    }

    /// Has something go wrong in the middle of its calls, where it was started for that.
    pub(crate) fn disturb(&self, disturbance: Disturbance) -> Result<(), Trouble> {
        let Disturbance { evict, failure } = disturbance;
        let failure = failure.map(|(failure, steps)| (asked_failure(failure), steps));
        let request = Request::Disturb(request::Disturbance { evict, failure });
        self.ask(&request, Duration::ZERO, |reply| (reply == Reply::Done).then_some(()))
    }

    /// A call as it goes to the guest, and how long it may take beyond the patience that every request has.
    fn asked<'a>(&self, number: u64, call: &'a Call<'_>, gift: Option<CapHash>) -> (Invoke<'a>, Duration) {
        let endpoint = match call.endpoint {
            EndpointRef::Number(number) => request::Endpoint::Number(number),
            EndpointRef::Name(name) => request::Endpoint::Name(name),
        };
        let Most { model, pages } = self.there.most();
        let given = call.scratchpad.map_or(0, <[u8]>::len).div_ceil(PAGE_SIZE) as u64;
        let invoke = Invoke {
            place: Place { instance: number, path: &call.path },
            scratchpad: call.scratchpad,
            gift: gift.map(|gift| gift.0),
            origin: call.origin,
            ..Invoke::new(number, endpoint, call.arguments, call.gas)
        };
        (invoke, self.sandbox.pace().work(model, call.gas, pages + given))
    }

    /// A call, performed by `perform`, with what goes with it and comes back.
    fn call(
        &self,
        number: u64,
        call: &Call<'_>,
        perform: impl FnOnce(&Invoke<'_>, Duration, &mut reply::Outcome) -> Result<Answer, nub_host_kvm::Error>,
    ) -> Result<Outcome, Trouble> {
        // The kernel would refuse it first of all; before memory is taken for it on both sides.
        check_scratchpad(call.scratchpad.unwrap_or_default())?;
        let mut reply = reply::Outcome::default();
        self.while_held(call.gift, |gift| {
            let (invoke, work) = self.asked(number, call, gift);
            match perform(&invoke, work, &mut reply).transpose() {
                None => Ok(()),
                Some(other) => self.take_of(other.map(|other| *other), &call.path, |_| None),
            }
        })?;
        let gift = match &reply.gift {
            Some(found) => Some(self.fetch(found)?),
            None => None,
        };
        outcome(reply, call.gas, gift).ok_or_else(|| self.distrust("what no call comes to"))
    }

    /// Sends a request to the kernel; `take` has what the reply should be.
    fn ask<T>(
        &self,
        request: &Request<'_>,
        work: Duration,
        take: impl FnOnce(Reply) -> Option<T>,
    ) -> Result<T, Trouble> {
        self.take(self.sandbox.call(KERNEL_LANE, request, work), take)
    }

    /// [`Guest::take`], of what stands at a path and may not be there.
    fn take_of<T>(
        &self,
        reply: Result<Reply, nub_host_kvm::Error>,
        path: &Path,
        take: impl FnOnce(Reply) -> Option<T>,
    ) -> Result<T, Trouble> {
        if let Ok(Reply::Refused(Refused::Target(status))) = reply {
            let status = refusing(status).ok_or_else(|| self.distrust("a status that there is not"))?;
            return Err(InvokeError::Refused { path: *path, status }.into());
        }
        self.take(reply, take)
    }

    /// What a reply has to say; `take` has what it should be.
    fn take<T>(
        &self,
        reply: Result<Reply, nub_host_kvm::Error>,
        take: impl FnOnce(Reply) -> Option<T>,
    ) -> Result<T, Trouble> {
        match reply {
            Ok(Reply::Refused(refused)) => Err(Trouble::Refused(refusal(refused))),
            Ok(reply) => take(reply).ok_or_else(|| self.distrust("a reply to something else")),
            Err(nub_host_kvm::Error::Died(death)) => Err(Trouble::Ended(end_of(&death))),
            Err(error @ nub_host_kvm::Error::TooLong(_)) => Err(Error::Refused(error.to_string()).into()),
            Err(error) => Err(self.distrust(&error.to_string())),
        }
    }

    /// Ends a guest that says what no guest says.
    fn distrust(&self, what: &str) -> Trouble {
        Trouble::Ended(end_of(&self.sandbox.condemn(what)))
    }
}

fn asked_failure(failure: Failure) -> request::Failure {
    match failure {
        Failure::Panic => request::Failure::Panic,
        Failure::TripleFault => request::Failure::TripleFault,
        Failure::Hang => request::Failure::Hang,
        Failure::Garbage => request::Failure::Garbage,
        Failure::OutOfMemory => request::Failure::OutOfMemory,
    }
}

fn not_started(error: nub_host_kvm::Error) -> Error {
    match error {
        nub_host_kvm::Error::Missing(missing) => Error::NoKvm(missing.to_string()),
        nub_host_kvm::Error::Config(text) => Error::Setting(text),
        other => Error::NotStarted(other.to_string()),
    }
}

fn end_of(death: &Death) -> End {
    let hung = match death {
        Death::Hung { waited, .. } => Some(*waited),
        _ => None,
    };
    End { hung, text: death.to_string() }
}

/// The kernel's own error, as it would be in this process.
fn refusal(refused: Refused) -> Error {
    match refused {
        Refused::UnknownImage(hash) => InstantiateError::UnknownImage(CapHash(hash)).into(),
        Refused::Denied { slot, wanted } => InstantiateError::Denied { slot, wanted }.into(),
        Refused::NoImport(slot) => InstantiateError::NoImport(slot).into(),
        Refused::UnknownEndpoint { asked, known } => InvokeError::UnknownEndpoint { asked, known }.into(),
        Refused::Arguments { endpoint, expected, given } => {
            InvokeError::Arguments { endpoint, expected, given: usize::try_from(given).unwrap_or(usize::MAX) }.into()
        }
        Refused::Scratchpad(length) => InvokeError::Scratchpad(usize::try_from(length).unwrap_or(usize::MAX)).into(),
        Refused::Malformed(text) | Refused::Image(text) | Refused::Other(text) => Error::Refused(text),
        Refused::InUse { image, instances } => UnpublishError::InUse { image: CapHash(image), instances }.into(),
        Refused::OutOfMemory { needed, free, memory } => Error::OutOfMemory { needed, free, memory },
        Refused::UnknownInstance(number) => Error::Refused(format!("it has no Instance {number}")),
        Refused::Archive(text) => Error::Refused(format!("what was sent is not taken: {text}")),
        Refused::NoProof(text) => Error::NoProof(text),
        Refused::NotHeld(hash) => Error::Refused(format!("it does not hold {}", CapHash(hash))),
        Refused::Target(status) => Error::Refused(format!("it gave status {status}")),
        Refused::Busy => Error::Refused("its kernel is busy".into()),
        Refused::TestsOnly => Error::Refused("it does not fail on request: it was not started for tests".into()),
    }
}

/// The status that a call could not end with, or not begin.
fn refusing(number: u8) -> Option<Status> {
    Status::ALL.iter().copied().find(|status| *status as u8 == number && *status > Status::Yield)
}

/// All bytes of Data.
fn bytes_of(data: &Data) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(data.size()).unwrap_or(usize::MAX)];
    // It has as many as it says.
    let _ = data.read(0, &mut bytes);
    bytes
}

/// What the guest says that a call came to; `None` where no call comes to that.
fn outcome(reply: reply::Outcome, gas: u64, gift: Option<Capability>) -> Option<Outcome> {
    let scratchpad = match reply.scratchpad {
        Some(reply::Scratchpad { pages, bytes }) => {
            let mut data = Data::new(pages).ok()?;
            data.write(0, &bytes).ok()?;
            Some(data)
        }
        None => None,
    };
    (reply.gas_used <= gas && (gift.is_none() || reply.ended == reply::Ended::Halt)).then_some(())?;
    Some(Outcome {
        ended: match reply.ended {
            reply::Ended::Halt => Ended::Halt,
            reply::Ended::Panic => Ended::Panic,
            reply::Ended::Fault(page) => Ended::Fault { page },
            reply::Ended::OutOfGas => Ended::OutOfGas,
            reply::Ended::Refused(status) => Ended::Refused(refusing(status)?),
        },
        value: reply.registers[javm_isa::Reg::A0.index()],
        gas_used: reply.gas_used,
        registers: reply.registers,
        pc: reply.pc,
        scratchpad,
        gift,
        logs: reply.logs.into_iter().map(|entry| LogEntry { topic: entry.topic, bytes: entry.bytes }).collect(),
    })
}

impl Machine for Guest {
    fn set_chain(&self, chain: &Chain) -> Result<(), Trouble> {
        let Chain { parameters, block } = chain;
        // A guest refuses it with less to say.
        parameters.check()?;
        let chain = request::Chain {
            writable_pages: parameters.writable_pages,
            depth: parameters.depth as u32,
            changed_pages: parameters.changed_pages,
            log_bytes: parameters.log_bytes as u64,
            height: block.height,
            prior_root: block.prior_root,
        };
        self.ask(&Request::SetChain(chain), Duration::ZERO, |reply| (reply == Reply::Done).then_some(()))
    }

    fn publish(&self, image: &ValidImage) -> Result<(), Trouble> {
        let mut bytes = std::mem::take(&mut *lock(&self.encoding));
        bytes.clear();
        image.image().encode_to(&mut bytes);
        let hash = self.ask(&Request::PutCap(&bytes), Duration::from_secs(20), |reply| match reply {
            Reply::Hash(hash) => Some(hash),
            _ => None,
        })?;
        if bytes.capacity() <= MOST_KEPT {
            *lock(&self.encoding) = bytes;
        }
        if hash != image.hash().0 {
            return Err(self.distrust("the hash of another Image"));
        }
        self.there.published(image);
        Ok(())
    }

    fn unpublish(&self, image: &CapHash) -> Result<bool, Trouble> {
        let was_there = self.ask(&Request::Unpublish(image.0), Duration::ZERO, |reply| match reply {
            Reply::Flag(was_there) => Some(was_there),
            _ => None,
        })?;
        self.there.unpublished(image);
        Ok(was_there)
    }

    fn instantiate(&self, image: &ValidImage, services: &[(u8, Service)]) -> Result<u64, Trouble> {
        let services =
            services.iter().map(|&(slot, Service { id, parameter })| ServiceGrant { slot, id, parameter }).collect();
        let request = Request::Instantiate { image: image.hash().0, all_services: false, services };
        self.ask(&request, Duration::ZERO, instance)
    }

    fn copy(&self, number: u64) -> Result<u64, Trouble> {
        self.ask(&Request::Copy(number), Duration::ZERO, instance)
    }

    fn drop_instance(&self, number: u64) -> Result<(), Trouble> {
        self.ask(&Request::Drop(number), Duration::ZERO, |reply| matches!(reply, Reply::Flag(_)).then_some(()))
    }

    fn root(&self, number: u64) -> Result<CapHash, Trouble> {
        // All that an Instance holds may have to be hashed, which no gas bounds.
        self.ask(&Request::Root(number), Duration::from_secs(60), |reply| match reply {
            Reply::Hash(hash) => Some(CapHash(hash)),
            _ => None,
        })
    }

    fn invoke(&self, number: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        self.call(number, call, |invoke, work, outcome| self.sandbox.invoke(invoke, work, outcome))
    }

    fn query(&self, number: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        self.call(number, call, |invoke, work, outcome| self.sandbox.query(invoke, work, outcome))
    }

    fn hold(&self, capability: &Capability) -> Result<(), Trouble> {
        self.have_held(capability).map(drop)
    }

    fn release(&self, hash: &CapHash) -> Result<(), Trouble> {
        self.let_go(hash)
    }

    fn load(&self, root: &Instance) -> Result<u64, Trouble> {
        self.while_held(Some(&root.clone().into()), |_| {
            self.ask(&Request::Load(root.hash().0), Duration::from_secs(20), instance)
        })
    }

    fn image_at(&self, number: u64, path: &Path) -> Result<CapHash, Trouble> {
        let request = Request::ImageAt(Place { instance: number, path });
        let reply = self.sandbox.call(KERNEL_LANE, &request, Duration::ZERO);
        self.take_of(reply, path, |reply| match reply {
            Reply::Hash(hash) => Some(CapHash(hash)),
            _ => None,
        })
    }

    fn describe(&self, number: u64, path: &Path) -> Result<Option<Description>, Trouble> {
        let Some(found) = self.found(number, path, false)? else { return Ok(None) };
        transfer::description(&found).map(Some).ok_or_else(|| self.distrust("a capability like none"))
    }

    fn capability(&self, number: u64, path: &Path) -> Result<Option<Capability>, Trouble> {
        self.found(number, path, true)?.map(|found| self.fetch(&found)).transpose()
    }

    fn prove(&self, number: u64, path: &Path, range: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        let place = Place { instance: number, path };
        // What is beside it may have to be hashed, which no gas bounds.
        self.ask(&Request::Prove { place, range }, Duration::from_secs(60), |reply| match reply {
            Reply::Proof(proof, content) => Some((proof, content)),
            _ => None,
        })
    }

    fn run_bare(&self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Trouble> {
        let contents: Vec<Vec<u8>> = memory.iter().map(|range| bytes_of(&range.content)).collect();
        let ranges = memory.iter().zip(&contents).map(|(range, bytes)| request::Range {
            first_page: range.first_page,
            pages: range.content.pages(),
            writable: range.access == Access::ReadWrite,
            bytes,
        });
        let asked = request::Bare {
            program: program.blob(),
            registers: state.registers,
            pc: state.pc,
            gas: state.gas,
            memory: ranges.collect(),
        };
        let pages = memory.iter().map(|range| u64::from(range.content.pages())).sum();
        let reply =
            self.ask(&Request::Run(asked), self.sandbox.pace().work(CostModel::Flat, state.gas, pages), |reply| {
                match reply {
                    Reply::Ran(ran) if ran.memory.len() == memory.len() && ran.gas <= state.gas => Some(ran),
                    _ => None,
                }
            })?;
        for (range, bytes) in memory.iter_mut().zip(&reply.memory) {
            let filled = Data::new(range.content.pages()).and_then(|mut data| data.write(0, bytes).map(|()| data));
            match filled {
                Ok(data) => range.content = data,
                Err(_) => return Err(self.distrust("more memory than it was given")),
            }
        }
        *state = State { registers: reply.registers, pc: reply.pc, gas: reply.gas, block_paid: false };
        Ok(match reply.exit {
            reply::Exit::Halt => Exit::Halt,
            reply::Exit::Panic => Exit::Panic,
            reply::Exit::Fault(page) => Exit::Fault(page),
            reply::Exit::OutOfGas => Exit::OutOfGas,
            reply::Exit::Host(immediate) => Exit::Host(immediate),
            reply::Exit::Operation => Exit::Operation,
        })
    }

    fn stats(&self) -> Result<Stats, Trouble> {
        self.ask(&Request::Stats, Duration::ZERO, |reply| match reply {
            Reply::Stats(stats) => Some(Stats {
                images: stats.images,
                instances: stats.instances,
                kept_instances: 0,
                found_programs: stats.found_programs,
                idle_windows: stats.idle_windows,
                heap_used: Some(stats.heap_used),
                heap_size: Some(stats.heap_size),
                frames_used: Some(stats.frames_used),
                memory_used: Some(stats.memory_used),
                windows: Some(stats.windows),
                window_faults: Some(stats.window_faults),
                window_copies: Some(stats.window_copies),
                flushes: Some(stats.flushes),
                exits: None,
            }),
            _ => None,
        })
    }
}

fn instance(reply: Reply) -> Option<u64> {
    match reply {
        Reply::Instance(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> reply::Outcome {
        let scratchpad = Some(reply::Scratchpad { pages: 2, bytes: b"left".into() });
        let (ended, logs) = (reply::Ended::Halt, vec![]);
        reply::Outcome { ended, gas_used: 7, registers: [3; 13], pc: 9, scratchpad, logs, gift: None }
    }

    #[test]
    fn what_no_call_comes_to_is_not_believed() {
        let found =
            outcome(reply(), 7, None).map(|found| (found.value, found.gas_used, found.scratchpad.map(|it| it.pages())));
        assert_eq!(found, Some((3, 7, Some(2))));
        assert!(outcome(reply(), 6, None).is_none(), "more gas than there was");
        let scratchpad = Some(reply::Scratchpad { pages: u32::MAX, bytes: vec![] });
        assert!(outcome(reply::Outcome { scratchpad, ..reply() }, 7, None).is_none(), "more pages than a Data has");
        for status in [0, 4, 5, 200] {
            let ended = reply::Ended::Refused(status);
            assert!(outcome(reply::Outcome { ended, ..reply() }, 7, None).is_none(), "{status} refuses nothing");
        }
        let gift = Some(Data::new(1).expect("small").into());
        let ended = reply::Ended::Panic;
        assert!(outcome(reply::Outcome { ended, ..reply() }, 7, gift).is_none(), "a gift of a call that did not halt");
    }

    #[test]
    fn all_that_a_call_may_touch_counts() {
        let bytes = include_bytes!("../../../../../guests/images/counter.nub");
        let image = ValidImage::load(bytes).expect("it is an Image");
        let there = There::default();
        assert_eq!(there.most().pages, 0);
        there.published(&image);
        assert!(there.most().pages > 0 && there.most().model == CostModel::Pipeline);
    }
}
