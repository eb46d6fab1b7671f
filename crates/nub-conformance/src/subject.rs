//! What is compared with the model.

use std::cell::Cell;
use std::rc::Rc;

use javm_cap::{CapHash, Capability, Instance, Path};
use nub_arch_local::LocalArch;
use nub_kernel::{Arch, Chain, Entry, InstanceId, Kernel, Reached};

/// A kernel, wherever it runs. Errors are what should not happen, in words: what a program is refused is no error.
pub trait Subject {
    /// Its name in reports.
    fn name(&self) -> String;

    /// Whether it is called as hosts call: with a scratchpad that [`as_a_host_calls`](crate::comparison::as_a_host_calls) has
    /// made, of which bytes come back or nothing.
    fn is_a_host(&self) -> bool {
        false
    }

    /// Has what is called from now on be a part of this.
    ///
    /// # Errors
    /// The machine cannot.
    fn set_chain(&mut self, chain: Chain) -> Result<(), String>;

    /// Keeps a tree of capabilities.
    ///
    /// # Errors
    /// The machine has refused it or come to its end.
    fn load(&mut self, root: &Instance) -> Result<InstanceId, String>;

    /// A copy, which nothing that is done to the original changes.
    ///
    /// # Errors
    /// As [`Subject::load`].
    fn copy(&mut self, root: InstanceId) -> Result<InstanceId, String>;

    /// Drops a tree.
    fn drop(&mut self, root: InstanceId);

    /// Calls what stands in a tree, with so many arguments.
    ///
    /// # Errors
    /// As [`Subject::load`].
    fn call(&mut self, root: InstanceId, entry: &Entry, arity: usize) -> Result<Reached, String>;

    /// The hash of a tree.
    ///
    /// # Errors
    /// As [`Subject::load`].
    fn root(&mut self, root: InstanceId) -> Result<CapHash, String>;

    /// The hash of what stands at a path, if anything does.
    ///
    /// # Errors
    /// As [`Subject::load`].
    fn hash_at(&mut self, root: InstanceId, path: &Path) -> Result<Option<CapHash>, String>;

    /// The changes that what stands at a path has counted in the last call, with everything below it; `None` where this
    /// cannot be seen.
    fn changes_at(&mut self, _root: InstanceId, _path: &Path) -> Option<u64> {
        None
    }
}

/// The kernel in this process, without anything around it.
pub type Local = Kernel<LocalArch>;

/// The machine in this process, for a kernel that lets go at each step of all that it keeps only to be fast. Counts the address
/// spaces that it has made.
#[derive(Clone, Default, Debug)]
pub struct Evicting {
    /// How many there were.
    pub spaces: Rc<Cell<u64>>,
}

impl Arch for Evicting {
    type Space = <LocalArch as Arch>::Space;

    const NAME: &'static str = "local, evicting";

    fn evicts(&self) -> bool {
        true
    }

    fn create_space(&mut self) -> Self::Space {
        self.spaces.set(self.spaces.get() + 1);
        LocalArch.create_space()
    }
}

/// What hosts are refused no kernel makes either.
fn check(root: &Instance) -> Result<(), String> {
    Capability::from(root.clone()).survey(|_| {}).map_err(|error| error.to_string())
}

impl<A: Arch> Subject for Kernel<A> {
    fn name(&self) -> String {
        format!("the kernel ({})", A::NAME)
    }

    fn set_chain(&mut self, chain: Chain) -> Result<(), String> {
        Kernel::set_chain(self, chain).map_err(|error| error.to_string())
    }

    fn load(&mut self, root: &Instance) -> Result<InstanceId, String> {
        check(root)?;
        Ok(self.keep(root.clone()))
    }

    fn copy(&mut self, root: InstanceId) -> Result<InstanceId, String> {
        Kernel::copy(self, root).map_err(|error| error.to_string())
    }

    fn drop(&mut self, root: InstanceId) {
        self.drop_instance(root);
    }

    fn call(&mut self, root: InstanceId, entry: &Entry, _arity: usize) -> Result<Reached, String> {
        self.enter(root, entry.clone()).map_err(|error| error.to_string())
    }

    fn root(&mut self, root: InstanceId) -> Result<CapHash, String> {
        let root = self.instance(root).map_err(|error| error.to_string())?;
        check(root)?;
        Ok(root.hash())
    }

    fn hash_at(&mut self, root: InstanceId, path: &Path) -> Result<Option<CapHash>, String> {
        let instance = self.instance(root).map_err(|error| error.to_string())?;
        Ok(instance.copy_at(path).ok().map(|found| found.hash()))
    }

    fn changes_at(&mut self, root: InstanceId, path: &Path) -> Option<u64> {
        let found = self.instance(root).ok()?.copy_at(path).ok()?;
        Some(found.changes(self.epoch()))
    }
}

/// A new kernel in this process.
#[must_use]
pub fn local() -> Local {
    Kernel::new(LocalArch)
}
