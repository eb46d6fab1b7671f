//! The handle that a host holds.

use std::collections::BTreeMap;
use std::time::Duration;

use javm_cap::{CapHash, Capability, Endpoint, Image, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_kernel::bare::Range;
use nub_kernel::{Call, EndpointRef, Grants, InstanceId, InstantiateError, InvokeError, Outcome};

use crate::backend::{Backend, End, Machine, Trouble};
use crate::builder::{ArchChoice, Builder, Failure, Privilege};
use crate::error::{Error, Recovery};
use crate::health::{Health, Stats};
use crate::kept::Kept;

/// The gas limit of a call that names none. About as many instructions, and a few seconds of work.
pub const DEFAULT_GAS: u64 = 1_000_000_000;

/// What a call brings besides its arguments.
#[derive(Clone, Debug)]
pub struct InvokeOptions {
    /// How much gas the call may use; [`DEFAULT_GAS`] if not said.
    pub gas: u64,
    /// The bytes that the scratchpad starts with; zeros follow up to what the Image maps. `None` brings only zeros, and
    /// no scratchpad at all to an Image that maps none. At most 64 MiB.
    pub scratchpad: Option<Vec<u8>>,
}

impl Default for InvokeOptions {
    fn default() -> Self {
        InvokeOptions { gas: DEFAULT_GAS, scratchpad: None }
    }
}

/// How an Instance was made.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) image: ValidImage,
    services: Vec<(u8, Service)>,
    /// The machine's number of it; `None` while it is not in the machine.
    pub(crate) number: Option<u64>,
}

/// A kernel with everything in it, on the machine that was chosen.
///
/// # When a guest ends
/// A guest that panics, crashes or does not answer is replaced by a new one, and the call that found out is an error:
/// [`Error::GuestDied`], [`Error::GuestHung`], or [`Error::Restarted`] where it had ended before. It is never made again by
/// itself. Handles stay good: every Image is published again, and every Instance, copies too, is what it was when it was
/// made from its Image, as nothing later was ever committed anywhere. What was kept for [`Nub::invoke_cached`] is forgotten.
pub struct Nub {
    pub(crate) backend: Backend,
    images: BTreeMap<CapHash, ValidImage>,
    pub(crate) instances: BTreeMap<InstanceId, Made>,
    next_instance: u64,
    pub(crate) kept: Kept,
    /// Why the arch that was asked for is not the one there is.
    why_local: Option<Error>,
    restarts: u64,
    last_end: Option<End>,
    /// Whether there is no guest, which the host was told of.
    is_down: bool,
}

impl Nub {
    /// A kernel in this process. Needs nothing.
    #[must_use]
    pub fn new_local() -> Nub {
        Nub::over(Backend::local(), None)
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

    pub(crate) fn over(backend: Backend, why_local: Option<Error>) -> Nub {
        Nub {
            backend,
            images: BTreeMap::new(),
            instances: BTreeMap::new(),
            next_instance: 0,
            kept: Kept::default(),
            why_local,
            restarts: 0,
            last_end: None,
            is_down: false,
        }
    }

    /// The name of the machine that the kernel runs on: `local`, `kvm` or `both`.
    #[must_use]
    pub fn arch(&self) -> &'static str {
        self.backend.name()
    }

    /// At which privilege the kernel runs inside its virtual machine; `None` in this process.
    #[must_use]
    pub fn privilege(&self) -> Option<Privilege> {
        self.backend.privilege()
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

    /// Asks the machine; replaces one that has come to its end.
    pub(crate) fn ask<T>(&mut self, question: impl FnOnce(&mut dyn Machine) -> Result<T, Trouble>) -> Result<T, Error> {
        self.be_alive()?;
        question(self.backend.machine()).map_err(|trouble| self.error(trouble))
    }

    /// Makes sure that there is a guest. Where there was one that ended without being noticed, that is told first.
    fn be_alive(&mut self) -> Result<(), Error> {
        let Some(end) = self.backend.end() else { return Ok(()) };
        if self.is_down {
            return match self.recover() {
                Recovery::Restarted => Ok(()),
                Recovery::Failed(why) => Err(Error::GuestDown(why)),
            };
        }
        self.last_end = Some(end.clone());
        Err(Error::Restarted { why: end.text, then: self.recover() })
    }

    fn error(&mut self, trouble: Trouble) -> Error {
        let end = match trouble {
            Trouble::Refused(error) => return error,
            Trouble::Ended(end) => end,
        };
        self.last_end = Some(end.clone());
        let then = self.recover();
        match end.hung {
            Some(waited) => Error::GuestHung { waited, then },
            None => Error::GuestDied { why: end.text, then },
        }
    }

    /// Starts a new guest and publishes everything again. Instances follow when they are needed.
    fn recover(&mut self) -> Recovery {
        self.is_down = true;
        for instance in self.kept.forget_all() {
            self.instances.remove(&instance);
        }
        self.instances.values_mut().for_each(|made| made.number = None);
        if let Err(error) = self.backend.restart() {
            return Recovery::Failed(error.to_string());
        }
        for image in self.images.values() {
            match self.backend.machine().publish(image) {
                Ok(()) => {}
                Err(Trouble::Ended(end)) => return Recovery::Failed(end.text),
                Err(Trouble::Refused(error)) => return Recovery::Failed(error.to_string()),
            }
        }
        self.is_down = false;
        self.restarts += 1;
        Recovery::Restarted
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
        if !self.images.contains_key(&hash) {
            self.ask(|machine| machine.publish(&image))?;
            self.images.insert(hash, image);
        }
        Ok(hash)
    }

    /// Keeps a capability. So far only Images can be kept.
    ///
    /// # Errors
    /// [`Error::Kind`]: it is no Image. Those of [`Nub::publish_image`].
    pub fn put_cap(&mut self, capability: &Capability) -> Result<CapHash, Error> {
        match capability {
            Capability::Image(image) => self.publish_image(image.clone()),
            other => Err(Error::Kind(other.tag().to_string())),
        }
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
        self.images.contains_key(hash)
    }

    /// The published Image of this hash.
    #[must_use]
    pub fn image(&self, hash: &CapHash) -> Option<&Image> {
        self.images.get(hash).map(ValidImage::image)
    }

    /// Makes an Instance of a published Image, and gives it what `grants` has for the Image's imports.
    ///
    /// # Errors
    /// [`Error::Instantiate`]: the Image is not published, a required import is not granted, or a grant has no import.
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn instantiate(&mut self, image: &CapHash, grants: &Grants) -> Result<InstanceId, Error> {
        let image = self.images.get(image).ok_or(InstantiateError::UnknownImage(*image))?.clone();
        let granted = grants.resolve(image.image())?;
        // An import can only be of a service so far.
        let services = granted.into_iter().filter_map(|(slot, capability)| match capability {
            Capability::Service(service) => Some((slot, service)),
            _ => None,
        });
        let services: Vec<_> = services.collect();
        let number = Some(self.ask(|machine| machine.instantiate(&image, &services))?);
        Ok(self.insert(Made { image, services, number }))
    }

    fn insert(&mut self, made: Made) -> InstanceId {
        let id = InstanceId::from_number(self.next_instance);
        self.next_instance += 1;
        self.instances.insert(id, made);
        id
    }

    pub(crate) fn made(&self, instance: InstanceId) -> Result<&Made, Error> {
        Ok(self.instances.get(&instance).ok_or(InvokeError::UnknownInstance(instance))?)
    }

    /// Asks the machine about an Instance, which is made again first where the machine is new.
    pub(crate) fn ask_about<T>(
        &mut self,
        instance: InstanceId,
        question: impl FnOnce(&mut dyn Machine, u64, &ValidImage) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        let Some(made) = self.instances.get(&instance) else {
            return Err(InvokeError::UnknownInstance(instance).into());
        };
        if made.number.is_none() || self.backend.end().is_some() {
            self.be_alive()?;
        }
        let Some(made) = self.instances.get_mut(&instance) else {
            return Err(InvokeError::UnknownInstance(instance).into());
        };
        let machine = self.backend.machine();
        let number = match made.number {
            Some(number) => Ok(number),
            None => machine.instantiate(&made.image, &made.services),
        };
        let answer = number.and_then(|number| {
            made.number = Some(number);
            question(machine, number, &made.image)
        });
        answer.map_err(|trouble| self.error(trouble))
    }

    /// Makes a second Instance that is what the first one is now; they share what neither changes. Constant work.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn copy(&mut self, instance: InstanceId) -> Result<InstanceId, Error> {
        let number = Some(self.ask_about(instance, |machine, number, _| machine.copy(number))?);
        let made = Made { number, ..self.made(instance)?.clone() };
        Ok(self.insert(made))
    }

    /// Drops an Instance. Gives `false` if there was none.
    pub fn drop_instance(&mut self, instance: InstanceId) -> bool {
        let Some(made) = self.instances.remove(&instance) else { return false };
        if let Some(number) = made.number {
            // In a guest that ends now the Instance is gone, too; the next call tells of the end.
            let _ = self.backend.machine().drop_instance(number);
        }
        true
    }

    /// The hash of an Instance with all that it holds: equal exactly when everything in it is.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn state_root(&mut self, instance: InstanceId) -> Result<CapHash, Error> {
        self.ask_about(instance, |machine, number, _| machine.root(number))
    }

    /// Maps the memory of an Instance in this process, which its first call, or its first after it was copied, does
    /// otherwise. Nothing but time changes by it. A guest maps when it is called.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance.
    pub fn prepare(&mut self, instance: InstanceId) -> Result<(), Error> {
        self.ask_about(instance, |machine, number, _| machine.prepare(number))
    }

    /// An endpoint of an Instance, as its Image declares it: with a signature where the program says one. Asks no guest.
    ///
    /// # Errors
    /// [`Error::Invoke`]: no such Instance or endpoint.
    pub fn endpoint<'a>(&self, instance: InstanceId, endpoint: impl Into<EndpointRef<'a>>) -> Result<&Endpoint, Error> {
        Ok(nub_kernel::find_endpoint(self.made(instance)?.image.image(), endpoint.into())?)
    }

    /// Calls an endpoint. A call that halts leaves its changes in the Instance; any other leaves none. That the program
    /// fails is an outcome, not an error.
    ///
    /// # Errors
    /// [`Error::Invoke`]: the call could not begin — no such Instance or endpoint, too many or too few arguments, too
    /// large a scratchpad. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn invoke<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
    ) -> Result<Outcome, Error> {
        let call = call(endpoint.into(), arguments, options);
        self.ask_about(instance, |machine, number, image| machine.invoke(number, image, &call))
    }

    /// Runs a program that has no Image, as the public test vectors have them, on this machine: nothing of the kernel's
    /// state takes part in it. `state` and `memory` become what it has left.
    ///
    /// # Errors
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn run_bare(&mut self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Error> {
        self.ask(|machine| machine.run_bare(program, state, memory))
    }

    /// How the machine is. Asks no guest, and starts none.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            arch: self.arch(),
            privilege: self.privilege(),
            is_alive: self.backend.end().is_none(),
            last_end: self.backend.end().or_else(|| self.last_end.clone()).map(|end| end.text),
            restarts: self.restarts,
            boot_time: self.backend.guest().map(|guest| guest.boot_time()),
        }
    }

    /// What is there, and what it takes.
    ///
    /// # Errors
    /// Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn stats(&mut self) -> Result<Stats, Error> {
        let stats = self.ask(|machine| machine.stats())?;
        Ok(Stats { exits: self.backend.guest().map(|guest| guest.exits()), ..stats })
    }

    /// Has the guest fail, where it was started with [`Builder::failures`]: for tests of those who have to notice.
    ///
    /// # Errors
    /// The failure; [`Error::Refused`] where the guest was started without failures, and where there is none.
    pub fn fail(&mut self, failure: Failure) -> Result<(), Error> {
        self.be_alive()?;
        let failed = match self.backend.guest_mut() {
            Some(guest) => guest.fail(failure),
            None => return Err(Error::Refused("there is no guest to fail".into())),
        };
        failed.map_err(|trouble| self.error(trouble))
    }
}

pub(crate) fn call<'a>(endpoint: EndpointRef<'a>, arguments: &'a [u64], options: &'a InvokeOptions) -> Call<'a> {
    Call { endpoint, arguments, gas: options.gas, scratchpad: options.scratchpad.as_deref() }
}

impl core::fmt::Debug for Nub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nub").field("arch", &self.arch()).finish_non_exhaustive()
    }
}
