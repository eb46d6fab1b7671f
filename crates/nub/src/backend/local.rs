//! The kernel in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use javm_cap::{CapHash, Capability, Instance, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_arch_local::LocalArch;
use nub_kernel::bare::{self, Range};
use nub_kernel::query::{Onlooker, Wanted};
use nub_kernel::{Call, Chain, Grants, InstanceId, InvokeError, Kernel, Outcome, Snapshot, Trace};

use super::{Machine, Trouble};
use crate::description::Description;
use crate::error::Error;
use crate::health::Stats;

/// A kernel in this process, and what answers queries beside it.
pub(crate) struct Local {
    kernel: Mutex<Kernel<LocalArch>>,
    /// Taken after `kernel` where both are.
    wanted: Mutex<Wanted>,
    /// Whether anything is wanted. Changes only while `kernel` is held.
    is_wanted: AtomicBool,
    /// Those that answer nothing at the moment: as many as there ever were queries at a time.
    onlookers: Mutex<Vec<Onlooker<LocalArch>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Local {
    pub(crate) fn new() -> Local {
        Local {
            kernel: Mutex::new(Kernel::new(LocalArch)),
            wanted: Mutex::new(Wanted::new()),
            is_wanted: AtomicBool::new(false),
            onlookers: Mutex::new(Vec::new()),
        }
    }

    /// Has a kernel that was called, or has dropped the Instance, leave a snapshot of it, if it is wanted.
    fn refresh(&self, kernel: &Kernel<LocalArch>, instance: InstanceId) {
        if self.is_wanted.load(Ordering::Relaxed) {
            let _old = lock(&self.wanted).refresh(kernel, instance);
        }
    }

    fn snapshot(&self, instance: InstanceId) -> Result<Snapshot, InvokeError> {
        if let Some(snapshot) = lock(&self.wanted).get(instance) {
            return Ok(snapshot.clone());
        }
        let kernel = lock(&self.kernel);
        self.is_wanted.store(true, Ordering::Relaxed);
        lock(&self.wanted).want(&kernel, instance)
    }

    fn call(&self, instance: u64, call: &Call<'_>, trace: Option<Trace<'_>>) -> Result<Outcome, Trouble> {
        let (mut kernel, instance) = (lock(&self.kernel), InstanceId::from_number(instance));
        let outcome = kernel.invoke(instance, call, trace);
        if outcome.is_ok() {
            self.refresh(&kernel, instance);
        }
        Ok(outcome?)
    }
}

impl Machine for Local {
    fn set_chain(&self, chain: &Chain) -> Result<(), Trouble> {
        let mut kernel = lock(&self.kernel);
        kernel.set_chain(*chain)?;
        let _old = std::mem::take(&mut *lock(&self.wanted));
        Ok(())
    }

    fn publish(&self, image: &ValidImage) -> Result<(), Trouble> {
        lock(&self.kernel).publish(image.clone());
        Ok(())
    }

    fn unpublish(&self, image: &CapHash) -> Result<bool, Trouble> {
        Ok(lock(&self.kernel).unpublish(image)?)
    }

    fn instantiate(&self, image: &ValidImage, services: &[(u8, Service)]) -> Result<u64, Trouble> {
        let grants = services
            .iter()
            .fold(Grants::none(), |grants, &(slot, service)| grants.with(slot, Capability::Service(service)));
        Ok(lock(&self.kernel).instantiate(&image.hash(), &grants)?.number())
    }

    fn copy(&self, instance: u64) -> Result<u64, Trouble> {
        Ok(lock(&self.kernel).copy(InstanceId::from_number(instance))?.number())
    }

    fn prepare(&self, instance: u64) -> Result<(), Trouble> {
        Ok(lock(&self.kernel).prepare(InstanceId::from_number(instance))?)
    }

    fn drop_instance(&self, instance: u64) -> Result<(), Trouble> {
        let (mut kernel, instance) = (lock(&self.kernel), InstanceId::from_number(instance));
        kernel.drop_instance(instance);
        self.refresh(&kernel, instance);
        lock(&self.onlookers).iter_mut().for_each(|onlooker| onlooker.forget(instance));
        Ok(())
    }

    fn root(&self, instance: u64) -> Result<CapHash, Trouble> {
        Ok(lock(&self.kernel).instance(InstanceId::from_number(instance))?.hash())
    }

    fn invoke(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        self.call(instance, call, None)
    }

    fn invoke_traced(&self, instance: u64, call: &Call<'_>, trace: Trace<'_>) -> Result<Outcome, Trouble> {
        self.call(instance, call, Some(trace))
    }

    fn hold(&self, _: &Capability) -> Result<(), Trouble> {
        Ok(())
    }

    fn release(&self, _: &CapHash) -> Result<(), Trouble> {
        Ok(())
    }

    fn load(&self, root: &Instance) -> Result<u64, Trouble> {
        Ok(lock(&self.kernel).keep(root.clone()).number())
    }

    fn image_at(&self, instance: u64, path: &Path) -> Result<CapHash, Trouble> {
        Ok(lock(&self.kernel).image_at(InstanceId::from_number(instance), path)?)
    }

    fn describe(&self, instance: u64, path: &Path) -> Result<Option<Description>, Trouble> {
        // All of it may have to be hashed, which nobody is to wait for.
        Ok(self.capability(instance, path)?.as_ref().map(Description::of))
    }

    fn capability(&self, instance: u64, path: &Path) -> Result<Option<Capability>, Trouble> {
        Ok(lock(&self.kernel).capability(InstanceId::from_number(instance), path)?)
    }

    fn prove(&self, instance: u64, path: &Path, range: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        let root = Capability::from(lock(&self.kernel).instance(InstanceId::from_number(instance))?.clone());
        Ok(root.prove_with_bytes(path, range).map_err(|error| Error::NoProof(error.to_string()))?)
    }

    fn query(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        let instance = InstanceId::from_number(instance);
        let snapshot = self.snapshot(instance)?;
        let idle = lock(&self.onlookers).pop();
        let mut onlooker = idle.unwrap_or_else(|| Onlooker::new(LocalArch));
        let outcome = onlooker.query(instance, &snapshot, call);
        lock(&self.onlookers).push(onlooker);
        Ok(outcome?)
    }

    fn run_bare(&self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Trouble> {
        Ok(bare::run(&mut LocalArch, program, state, memory))
    }

    fn stats(&self) -> Result<Stats, Trouble> {
        let kernel = lock(&self.kernel);
        Ok(Stats {
            images: kernel.image_count() as u64,
            instances: kernel.instance_count() as u64,
            found_programs: kernel.found_program_count() as u64,
            idle_windows: kernel.idle_window_count() as u64,
            ..Stats::default()
        })
    }
}
