//! What a [`Nub`](crate::Nub) runs on: the kernel in this process, in a virtual machine, or in both.
//!
//! A backend numbers its Instances itself and forgets everything when it ends; what has to outlive that is the handle's.

mod both;
#[cfg_attr(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"), path = "guest/mod.rs")]
#[cfg_attr(not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")), path = "no_guest.rs")]
mod guest;
mod local;

use std::time::Duration;

use javm_cap::{CapHash, Capability, Instance, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_kernel::bare::Range;
use nub_kernel::{Call, Chain, Outcome, Trace};

pub(crate) use both::Both;
pub(crate) use guest::Guest;
pub(crate) use local::Local;

use crate::builder::{ArchChoice, Builder, Privilege};
use crate::description::Description;
use crate::error::Error;
use crate::health::Stats;

/// Why a machine came to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct End {
    /// How long it was waited for, where it did not answer.
    pub(crate) hung: Option<Duration>,
    /// What is known of it.
    pub(crate) text: String,
}

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The kernel refused; all is as it was.
    Refused(Error),
    /// The machine has come to its end, and what was in it is gone.
    #[cfg_attr(
        not(all(feature = "kvm", target_os = "linux", target_arch = "x86_64")),
        expect(dead_code, reason = "this process does not end before the handle")
    )]
    Ended(End),
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Trouble {
        Trouble::Refused(error.into())
    }
}

/// A kernel, wherever it runs, from its start to its end. Instances go by its own numbers. What is asked for by several threads at
/// once is done one after the other, but for queries.
pub(crate) trait Machine: Send + Sync {
    /// Has calls be a part of this.
    fn set_chain(&self, chain: &Chain) -> Result<(), Trouble>;
    /// Keeps an Image.
    fn publish(&self, image: &ValidImage) -> Result<(), Trouble>;
    /// Forgets an Image; whether there was one.
    fn unpublish(&self, image: &CapHash) -> Result<bool, Trouble>;
    /// Makes an Instance of an Image that was published, with exactly these services.
    fn instantiate(&self, image: &ValidImage, services: &[(u8, Service)]) -> Result<u64, Trouble>;
    /// Makes a copy of an Instance.
    fn copy(&self, instance: u64) -> Result<u64, Trouble>;
    /// Maps the memory of an Instance, where that can be done before a call.
    fn prepare(&self, _instance: u64) -> Result<(), Trouble> {
        Ok(())
    }
    /// Drops an Instance.
    fn drop_instance(&self, instance: u64) -> Result<(), Trouble>;
    /// The hash of an Instance.
    fn root(&self, instance: u64) -> Result<CapHash, Trouble>;
    /// Calls an endpoint.
    fn invoke(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble>;
    /// [`Machine::invoke`], with `trace` called before each instruction where that is possible.
    fn invoke_traced(&self, instance: u64, call: &Call<'_>, trace: Trace<'_>) -> Result<Outcome, Trouble> {
        let _ = trace;
        self.invoke(instance, call)
    }
    /// Calls an endpoint and leaves the Instance as the last call left it, beside other queries and beside a call.
    fn query(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble>;
    /// Has it at hand, until it was [released](Machine::release) as often.
    fn hold(&self, capability: &Capability) -> Result<(), Trouble>;
    /// Need not have it at hand any more.
    fn release(&self, hash: &CapHash) -> Result<(), Trouble>;
    /// Keeps the root of a tree, whose Images are published.
    fn load(&self, root: &Instance) -> Result<u64, Trouble>;
    /// The hash of the Image of the Instance at a path; refused as a call of it would be.
    fn image_at(&self, instance: u64, path: &Path) -> Result<CapHash, Trouble>;
    /// What stands at a path below an Instance.
    fn describe(&self, instance: u64, path: &Path) -> Result<Option<Description>, Trouble>;
    /// The same, all of it.
    fn capability(&self, instance: u64, path: &Path) -> Result<Option<Capability>, Trouble>;
    /// A proof of what stands at a path, or of these bytes of the Data there (offset and length), with the bytes.
    fn prove(&self, instance: u64, path: &Path, range: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), Trouble>;
    /// Runs a program without an Image: [`nub_kernel::bare::run`].
    fn run_bare(&self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Trouble>;
    /// What it uses.
    fn stats(&self) -> Result<Stats, Trouble>;
}

/// The machines that there are.
pub(crate) enum Backend {
    Local(Box<Local>),
    Kvm(Box<Guest>),
    Both(Box<Both>),
}

impl Backend {
    /// A new machine, with nothing in it. [`ArchChoice::Auto`] is for the builder to decide.
    pub(crate) fn start(arch: ArchChoice, builder: &Builder) -> Result<Backend, Error> {
        Ok(match arch {
            ArchChoice::Local => Backend::Local(Box::new(Local::new())),
            ArchChoice::Kvm | ArchChoice::Auto => Backend::Kvm(Box::new(Guest::start(builder)?)),
            ArchChoice::Both => Backend::Both(Box::new(Both::new(Guest::start(builder)?))),
        })
    }

    pub(crate) fn machine(&self) -> &dyn Machine {
        match self {
            Backend::Local(local) => &**local,
            Backend::Kvm(guest) => &**guest,
            Backend::Both(both) => &**both,
        }
    }

    /// The guest, where there is one.
    pub(crate) fn guest(&self) -> Option<&Guest> {
        match self {
            Backend::Local(_) => None,
            Backend::Kvm(guest) => Some(guest),
            Backend::Both(both) => Some(both.guest()),
        }
    }

    pub(crate) fn privilege(&self) -> Option<Privilege> {
        self.guest().map(Guest::privilege)
    }

    /// Why the machine is at its end, if it is.
    pub(crate) fn end(&self) -> Option<End> {
        self.guest().and_then(Guest::end)
    }
}
