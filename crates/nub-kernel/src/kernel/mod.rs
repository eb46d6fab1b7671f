//! The kernel: Images that were published, Instances of them, and calls.
//!
//! - `grants` is what new Instances are given.
//! - `invocation` is what a host's calls bring, how they are made, and what they come to.

mod grants;
mod invocation;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use javm_cap::{CapHash, Capability, Endpoint, Epoch, Image, Instance, Path, Reclaim, SCRATCHPAD_SLOT, ValidImage};
use thiserror::Error;

pub use self::grants::{Grants, InstantiateError};
pub use self::invocation::{
    Call, EndpointRef, Entry, InvokeError, MAX_SCRATCHPAD_PAGES, Outcome, Reached, check_scratchpad, find_endpoint,
};
use self::invocation::{scratchpad_for, standing_at};
use crate::arch::Arch;
use crate::chain::{Chain, ParametersError};
use crate::frame::Frame;
use crate::programs::Programs;
use crate::published::Published;
use crate::random::Generator;
use crate::window::{Windows, data_in};

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

    /// How many programs are kept ready whose Images nobody has published: of Instances that came with something else.
    #[must_use]
    pub fn found_program_count(&self) -> usize {
        self.programs.found_count()
    }

    /// How many windows are kept mounted beside those of calls that run.
    #[must_use]
    pub fn idle_window_count(&self) -> usize {
        self.windows.idle_count()
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
        Ok(self.instance(instance)?.copy_at(path).ok())
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
