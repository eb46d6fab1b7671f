//! The handle that a host holds.

use std::time::Duration;

use javm_cap::{CapHash, Capability, Endpoint, Instance, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_kernel::bare::Range;
use nub_kernel::{Chain, EndpointRef, Grants, InstanceId, InstantiateError, Outcome, UnpublishError};

use crate::backend::{Machine, Trouble};
use crate::builder::{ArchChoice, Builder, Disturbance, Failure, Privilege};
use crate::error::Error;
use crate::health::{Health, Stats};
use crate::kept::Kept;
use crate::last_called::LastCalled;
use crate::options::InvokeOptions;
use crate::reader::Reader;
use crate::supervisor::{Made, Origin, Supervisor};

/// A kernel with everything in it, on the machine that was chosen.
///
/// One thread changes things through it; [`Nub::reader`] gives handles for others, who query.
///
/// # When a guest ends
/// A guest that panics, crashes or does not answer is replaced by a new one. The call that found out is an error, and each
/// that was being made beside it: [`Error::GuestDied`] or [`Error::GuestHung`]; [`Error::Restarted`] where the guest had ended before. A
/// handle that has heard of an end in none of these ways gets [`Error::Restarted`] for its next call, which is not made: so
/// nobody goes on without knowing. No call is ever made again by itself. Handles stay good: every Image is published again, and
/// every Instance, copies too, is what it was when it was made from its Image, as nothing later was ever committed
/// anywhere. What was kept for [`Nub::invoke_cached`] is forgotten.
///
/// A guest is replaced at once, unless guests keep ending: after 3 in a row that have not run for 10 seconds, 100 ms go by, and twice
/// as much after each further one, up to 10 seconds. Until then calls are [`Error::GuestDown`].
pub struct Nub {
    pub(crate) reader: Reader,
    next_instance: u64,
    pub(crate) kept: Kept,
    last_called: LastCalled,
    /// Why the arch that was asked for is not the one there is.
    why_local: Option<Error>,
}

impl Nub {
    /// A kernel in this process. Needs nothing.
    #[must_use]
    pub fn new_local() -> Nub {
        match Nub::builder().arch(ArchChoice::Local).build() {
            Ok(nub) => nub,
            Err(_) => unreachable!("a machine in this process needs nothing"),
        }
    }

    /// A kernel in a virtual machine.
    ///
    /// # Errors
    /// Those of [`Builder::build`].
    pub fn new_kvm() -> Result<Nub, Error> {
        Nub::builder().arch(ArchChoice::Kvm).build()
    }

    /// A kernel for tests of programs: everything runs on both machines, and has to come to the same
    /// ([`ArchChoice::Both`]). Where there is no virtual machine a kernel in this process, and a line on standard error,
    /// which the test harness does not keep to itself; but an error where the environment says `NUB_REQUIRE_KVM=1`.
    ///
    /// # Errors
    /// [`Error::NotStarted`]: the virtual machine that there could be did not start. [`Error::NoKvm`]: there has to be one.
    pub fn for_tests() -> Result<Nub, Error> {
        match Nub::builder().arch(ArchChoice::Both).patience(Duration::from_secs(20)).build() {
            Err(Error::NoKvm(why)) if !nub_test_skip::kvm_is_required() => {
                nub_test_skip::without_kvm(&why);
                Ok(Nub::new_local())
            }
            built => built,
        }
    }

    /// Settings for a kernel that is not the plain one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn over(supervisor: Supervisor, why_local: Option<Error>) -> Nub {
        Nub {
            reader: Reader::new(supervisor),
            next_instance: 0,
            kept: Kept::default(),
            last_called: LastCalled::default(),
            why_local,
        }
    }

    /// The handle for queries, which change nothing. Its clones go to other threads.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The name of the machine that the kernel runs on: `local`, `kvm` or `both`.
    #[must_use]
    pub fn arch(&self) -> &'static str {
        self.reader.supervisor.arch().name()
    }

    /// At which privilege the kernel runs inside its virtual machine; `None` in this process.
    #[must_use]
    pub fn privilege(&self) -> Option<Privilege> {
        self.reader.supervisor.privilege()
    }

    /// Why [`ArchChoice::Auto`] came to this process instead of a virtual machine; `None` where it did not.
    #[must_use]
    pub fn why_local(&self) -> Option<&Error> {
        self.why_local.as_ref()
    }

    /// The name of the engine that programs run on.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        "interpreter"
    }

    /// Checks an Image, given in its canonical encoding, and keeps it. Publishing one again is free of effect.
    ///
    /// # Errors
    /// [`Error::Publish`]: what is wrong with it, and where. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn publish(&mut self, image: &[u8]) -> Result<CapHash, Error> {
        self.publish_image(ValidImage::load(image)?)
    }

    /// Keeps an Image that was checked before. Publishing one again is free of effect.
    ///
    /// # Errors
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn publish_image(&mut self, image: ValidImage) -> Result<CapHash, Error> {
        let hash = image.hash();
        // Once more if the machine was replaced just then.
        while self.image(&hash).is_none() {
            self.reader.ask(|live| {
                live.backend.machine().publish(&image)?;
                self.reader.supervisor.insert_image(live, image.clone());
                Ok(())
            })?;
        }
        Ok(hash)
    }

    /// Forgets a published Image, and gives back what it takes. Gives `false` if none of this hash was published. Instances
    /// of it that are [kept](Nub::keep) are forgotten, too.
    ///
    /// # Errors
    /// [`Error::Unpublish`]: there are Instances of it. It stays published then. Those of a guest that
    /// [ends](Nub#when-a-guest-ends).
    pub fn unpublish(&mut self, image: &CapHash) -> Result<bool, Error> {
        if self.image(image).is_none() {
            return Ok(false);
        }
        self.forget_the_ended();
        let of_image = self.reader.supervisor.instances_of(image);
        let kept = self.kept.instances().filter(|instance| of_image.contains(instance)).count();
        if of_image.len() > kept {
            let instances = (of_image.len() - kept) as u64;
            return Err(UnpublishError::InUse { image: *image, instances }.into());
        }
        for instance in self.kept.forget(|instance| of_image.contains(&instance)) {
            self.drop_instance(instance);
        }
        // A machine that was replaced meanwhile has it again.
        while self.image(image).is_some() {
            self.reader.ask(|live| {
                live.backend.machine().unpublish(image)?;
                self.reader.supervisor.remove_image(live, image);
                Ok(())
            })?;
        }
        Ok(true)
    }

    /// [`Nub::put_cap`] for those who know the hash: where the capability is already there, nothing is looked at and no
    /// guest is called.
    ///
    /// # Errors
    /// [`Error::WrongHash`]: it has another hash. Those of [`Nub::put_cap`].
    pub fn put_cap_with_hash(&mut self, hash: &CapHash, capability: &Capability) -> Result<(), Error> {
        if self.contains(hash) {
            return Ok(());
        }
        let found = capability.hash();
        if found != *hash {
            return Err(Error::WrongHash { said: *hash, found });
        }
        self.put_cap(capability).map(drop)
    }

    /// Whether a capability of this hash was published or put. Asks no guest.
    #[must_use]
    pub fn contains(&self, hash: &CapHash) -> bool {
        let supervisor = &self.reader.supervisor;
        supervisor.image(hash).is_some() || supervisor.put(hash).is_some()
    }

    /// The published Image of this hash.
    #[must_use]
    pub fn image(&self, hash: &CapHash) -> Option<ValidImage> {
        self.reader.supervisor.image(hash)
    }

    /// Makes an Instance of a published Image, and gives it what `grants` has for the Image's imports. For one that has more
    /// than that, or others below it, there is [`Nub::load`].
    ///
    /// # Errors
    /// [`Error::Instantiate`]: the Image is not published, a required import is not granted, or a grant has no import.
    /// [`Error::Bounds`]: with what it is granted it is too large, or too high. [`Error::Invalid`], as for [`Nub::load`].
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn instantiate(&mut self, image: &CapHash, grants: &Grants) -> Result<InstanceId, Error> {
        let image = self.image(image).ok_or(InstantiateError::UnknownImage(*image))?;
        let granted = grants.resolve(image.image())?;
        if granted.values().any(|capability| !matches!(capability, Capability::Service(_))) {
            let mut root = Instance::new(image);
            for (slot, capability) in granted {
                root.put_at(&[slot], capability).map_err(|refused| Error::from_bounds(refused.why))?;
            }
            return self.load(root);
        }
        let services = granted.into_iter().filter_map(|(slot, capability)| match capability {
            Capability::Service(service) => Some((slot, service)),
            _ => None,
        });
        let services: Vec<_> = services.collect();
        let made = self.reader.ask(|live| {
            let number = live.backend.machine().instantiate(&image, &services)?;
            Ok(Made::new(live, number, image.clone(), Origin::Image(services.clone())))
        })?;
        Ok(self.insert(made))
    }

    pub(crate) fn insert(&mut self, made: Made) -> InstanceId {
        let id = InstanceId::from_number(self.next_instance);
        self.next_instance += 1;
        self.reader.supervisor.insert(id, made);
        id
    }

    /// Makes a second Instance that is what the first one is now; they share what neither changes. Constant work.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn copy(&mut self, instance: InstanceId) -> Result<InstanceId, Error> {
        let supervisor = &self.reader.supervisor;
        let made = self.reader.ask(|live| {
            let number = supervisor.ask_about(live, instance, |machine, number| machine.copy(number))?;
            Ok(supervisor.made(instance)?.copied(live, number))
        })?;
        Ok(self.insert(made))
    }

    /// Drops an Instance. Gives `false` if there was none.
    pub fn drop_instance(&mut self, instance: InstanceId) -> bool {
        self.last_called.forget(instance);
        self.reader.supervisor.drop_instance(instance)
    }

    /// The hash of an Instance with all that it holds: equal exactly when everything in it is.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn state_root(&mut self, instance: InstanceId) -> Result<CapHash, Error> {
        self.reader.ask_about(instance, |machine, number| machine.root(number))
    }

    /// Maps the memory of an Instance in this process, which its first call, or its first after it was copied, does
    /// otherwise. Nothing but time changes by it. A guest maps when it is called.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance.
    pub fn prepare(&mut self, instance: InstanceId) -> Result<(), Error> {
        self.reader.ask_about(instance, |machine, number| machine.prepare(number))
    }

    /// An endpoint of an Instance, as its Image declares it: with a signature where the program says one. Asks no guest.
    ///
    /// # Errors
    /// [`Error::Invoke`]: no such Instance or endpoint.
    pub fn endpoint<'a>(&self, instance: InstanceId, endpoint: impl Into<EndpointRef<'a>>) -> Result<Endpoint, Error> {
        self.reader.endpoint(instance, endpoint)
    }

    /// Calls an endpoint. A call that halts leaves its changes in the Instance; any other leaves none. That the program
    /// fails is an outcome, not an error.
    ///
    /// # Errors
    /// [`Error::Invoke`]: the call could not begin — no such Instance or endpoint, too many or too few arguments, too
    /// large a scratchpad. [`Error::Bounds`], [`Error::Invalid`]: the gift could not be [loaded](Nub::load) either. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn invoke<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
    ) -> Result<Outcome, Error> {
        let call = options.call(&self.reader.supervisor, endpoint.into(), arguments)?;
        self.ask_again(instance, |machine, number| machine.invoke(number, &call))
    }

    /// [`Reader::ask_about`], for what is mostly asked about the same Instance. As nobody drops it meanwhile, what the machine
    /// says of it holds.
    fn ask_again<T>(
        &mut self,
        instance: InstanceId,
        question: impl FnOnce(&dyn Machine, u64) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        let (live, number) = match self.last_called.find(instance) {
            Some(found) => found,
            None => {
                let live = self.reader.live()?;
                let number = match self.reader.supervisor.number_in(&live, instance) {
                    Ok(number) => number,
                    Err(trouble) => return Err(self.reader.error(live, trouble)),
                };
                self.last_called.keep(instance, &live, number);
                (live, number)
            }
        };
        question(live.backend.machine(), number).map_err(|trouble| self.reader.error(live, trouble))
    }

    /// What calls are a part of: what [`Builder::parameters`] or the last [`Nub::set_chain`] has said. Asks no guest.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.reader.supervisor.chain()
    }

    /// Says which block calls and queries from here on are a part of, as the service BLOCK tells programs, and what its chain
    /// has fixed. What a call changes is still counted for itself. A guest that comes in place of one that
    /// [ends](Nub#when-a-guest-ends) goes on there.
    ///
    /// # Errors
    /// [`Error::Setting`]: a parameter is out of its range. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn set_chain(&mut self, chain: Chain) -> Result<(), Error> {
        if chain == self.chain() {
            return Ok(());
        }
        chain.parameters.check()?;
        self.reader.ask(|live| self.reader.supervisor.set_chain(live, chain))
    }

    /// Runs a program that has no Image, as the public test vectors have them, on this machine: nothing of the kernel's
    /// state takes part in it. `state` and `memory` become what it has left.
    ///
    /// # Errors
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn run_bare(&mut self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Error> {
        self.reader.ask(|live| live.backend.machine().run_bare(program, state, memory))
    }

    /// How the machine is. Asks no guest, and starts none.
    #[must_use]
    pub fn health(&self) -> Health {
        self.reader.health()
    }

    /// What is there, and what it takes.
    ///
    /// # Errors
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn stats(&mut self) -> Result<Stats, Error> {
        let kept_instances = self.kept.instances().count() as u64;
        self.reader.ask(|live| {
            let stats = live.backend.machine().stats()?;
            Ok(Stats { kept_instances, exits: live.backend.guest().map(|guest| guest.exits()), ..stats })
        })
    }

    /// Has the guest fail, where it was started with [`Builder::failures`]: for tests of those who have to notice.
    ///
    /// # Errors
    /// The failure, but for [`Failure::OutOfMemory`], which shows later; [`Error::Refused`] where the guest was started without
    /// failures, and where there is none.
    pub fn fail(&mut self, failure: Failure) -> Result<(), Error> {
        self.reader.fail_on(failure, false)
    }

    /// Has something go wrong in the middle of the guest's calls from here on, instead of what was to before, where it was
    /// started with [`Builder::failures`]. The guest that comes when it ends is not disturbed.
    ///
    /// # Errors
    /// [`Error::Refused`] where the guest was started without failures, and where there is none.
    pub fn disturb(&mut self, disturbance: Disturbance) -> Result<(), Error> {
        self.reader.ask(|live| match live.backend.guest() {
            Some(guest) => guest.disturb(disturbance),
            None => Err(Error::Refused("there is no guest to disturb".into()).into()),
        })
    }
}

impl core::fmt::Debug for Nub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nub").field("arch", &self.arch()).finish_non_exhaustive()
    }
}
