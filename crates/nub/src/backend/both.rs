//! The same kernel twice, in this process and in a virtual machine: everything is asked of both, and what they say has to
//! be the same.

use std::fmt::Debug;
use std::sync::{PoisonError, RwLock};

use javm_cap::{CapHash, Capability, Instance, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_kernel::bare::Range;
use nub_kernel::{Call, Chain, Outcome, Trace};

use super::{Guest, Local, Machine, Trouble};
use crate::description::Description;
use crate::error::Error;
use crate::health::Stats;

/// Two kernels in one state.
pub(crate) struct Both {
    local: Local,
    guest: Guest,
    /// Held alone by what changes the two, one after the other, and shared by queries, which have to see both the same.
    order: RwLock<()>,
}

impl Both {
    pub(crate) fn new(guest: Guest) -> Both {
        Both { local: Local::new(), guest, order: RwLock::new(()) }
    }

    pub(crate) fn guest(&self) -> &Guest {
        &self.guest
    }

    /// Asks both, while nobody else does.
    fn ask<T, C: PartialEq + Debug>(
        &self,
        what: &str,
        question: impl FnMut(&dyn Machine) -> Result<T, Trouble>,
        compared: impl Fn(&T) -> C,
    ) -> Result<T, Trouble> {
        let _alone = self.order.write().unwrap_or_else(PoisonError::into_inner);
        self.compare(what, question, compared)
    }

    /// Asks both. The end of the guest comes first: without an answer there is nothing to compare. The same goes for a guest
    /// that has too little memory, as this process is not bounded: neither does anything then.
    fn compare<T, C: PartialEq + Debug>(
        &self,
        what: &str,
        mut question: impl FnMut(&dyn Machine) -> Result<T, Trouble>,
        compared: impl Fn(&T) -> C,
    ) -> Result<T, Trouble> {
        let there = question(&self.guest);
        if matches!(there, Err(Trouble::Ended(_) | Trouble::Refused(Error::OutOfMemory { .. }))) {
            return there;
        }
        let here = question(&self.local);
        let [of_here, of_there] = [&here, &there].map(|answer| match answer {
            Ok(answer) => Ok(compared(answer)),
            Err(Trouble::Refused(error)) => Err(error.to_string()),
            Err(Trouble::Ended(end)) => Err(end.text.clone()),
        });
        if of_here != of_there {
            let text = format!("{what}: {of_here:?} in this process, {of_there:?} in the guest");
            return Err(Error::Differs(text).into());
        }
        here
    }
}

fn said(call: &Call<'_>) -> String {
    match call.path.is_empty() {
        true => format!("a call of {}", call.endpoint),
        false => format!("a call of {} at {}", call.endpoint, call.path),
    }
}

/// All of an outcome that a caller can see; the scratchpad by its hash.
fn seen(outcome: &Outcome) -> impl PartialEq + Debug + use<> {
    let Outcome { ended, value, gas_used, registers, pc, scratchpad, gift, logs } = outcome;
    let scratchpad = scratchpad.as_ref().map(|data| (data.pages(), data.hash()));
    let gift = gift.as_ref().map(Capability::hash);
    (*ended, *value, *gas_used, *registers, *pc, scratchpad, gift, logs.clone())
}

impl Machine for Both {
    fn set_chain(&self, chain: &Chain) -> Result<(), Trouble> {
        self.ask("the chain", |machine| machine.set_chain(chain), |&()| ())
    }

    fn publish(&self, image: &ValidImage) -> Result<(), Trouble> {
        self.ask("publishing an Image", |machine| machine.publish(image), |&()| ())
    }

    fn unpublish(&self, image: &CapHash) -> Result<bool, Trouble> {
        self.ask("unpublishing an Image", |machine| machine.unpublish(image), |&was_there| was_there)
    }

    fn instantiate(&self, image: &ValidImage, services: &[(u8, Service)]) -> Result<u64, Trouble> {
        self.ask("making an Instance", |machine| machine.instantiate(image, services), |&number| number)
    }

    fn copy(&self, instance: u64) -> Result<u64, Trouble> {
        self.ask("copying an Instance", |machine| machine.copy(instance), |&number| number)
    }

    fn prepare(&self, instance: u64) -> Result<(), Trouble> {
        self.ask("mapping an Instance", |machine| machine.prepare(instance), |&()| ())
    }

    fn drop_instance(&self, instance: u64) -> Result<(), Trouble> {
        self.ask("dropping an Instance", |machine| machine.drop_instance(instance), |&()| ())
    }

    fn root(&self, instance: u64) -> Result<CapHash, Trouble> {
        self.ask("the hash of an Instance", |machine| machine.root(instance), |&hash| hash)
    }

    /// The states are compared after it, too.
    fn invoke(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        let what = said(call);
        let _alone = self.order.write().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.compare(&what, |machine| machine.invoke(instance, call), seen)?;
        self.compare(&format!("the state after {what}"), |machine| machine.root(instance), |&hash| hash)?;
        Ok(outcome)
    }

    fn query(&self, instance: u64, call: &Call<'_>) -> Result<Outcome, Trouble> {
        let _with_others = self.order.read().unwrap_or_else(PoisonError::into_inner);
        self.compare(&format!("a query, {}", said(call)), |machine| machine.query(instance, call), seen)
    }

    fn invoke_traced(&self, instance: u64, call: &Call<'_>, trace: Trace<'_>) -> Result<Outcome, Trouble> {
        let question = |machine: &dyn Machine| machine.invoke_traced(instance, call, &mut *trace);
        self.ask(&format!("a watched call, {}", said(call)), question, seen)
    }

    fn hold(&self, capability: &Capability) -> Result<(), Trouble> {
        self.ask("holding a capability", |machine| machine.hold(capability), |&()| ())
    }

    fn release(&self, hash: &CapHash) -> Result<(), Trouble> {
        self.ask("releasing a capability", |machine| machine.release(hash), |&()| ())
    }

    fn load(&self, root: &Instance) -> Result<u64, Trouble> {
        self.ask("loading a tree", |machine| machine.load(root), |&number| number)
    }

    fn image_at(&self, instance: u64, path: &Path) -> Result<CapHash, Trouble> {
        self.ask(&format!("the Image at {path}"), |machine| machine.image_at(instance, path), |&hash| hash)
    }

    fn describe(&self, instance: u64, path: &Path) -> Result<Option<Description>, Trouble> {
        self.ask(&format!("what stands at {path}"), |machine| machine.describe(instance, path), Clone::clone)
    }

    fn capability(&self, instance: u64, path: &Path) -> Result<Option<Capability>, Trouble> {
        let what = format!("the capability at {path}");
        self.ask(&what, |machine| machine.capability(instance, path), |found| found.as_ref().map(Capability::hash))
    }

    fn prove(&self, instance: u64, path: &Path, range: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        self.ask(&format!("a proof of {path}"), |machine| machine.prove(instance, path, range), Clone::clone)
    }

    fn run_bare(&self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Trouble> {
        let question = |machine: &dyn Machine| {
            let (mut state, mut memory) = (state.clone(), memory.to_vec());
            let exit = machine.run_bare(program, &mut state, &mut memory)?;
            Ok((exit, state, memory))
        };
        // Whether a block is paid that nobody goes on with is not said.
        let compared = |(exit, state, memory): &(Exit, State, Vec<Range>)| {
            let memory: Vec<_> = memory.iter().map(|range| (range.first_page, range.content.hash())).collect();
            (*exit, state.registers, state.pc, state.gas, memory)
        };
        let (exit, state_after, memory_after) = self.ask("a program without an Image", question, compared)?;
        *state = state_after;
        memory.clone_from_slice(&memory_after);
        Ok(exit)
    }

    /// Those of the guest, which has more of them.
    fn stats(&self) -> Result<Stats, Trouble> {
        let what = |stats: &Stats| (stats.images, stats.instances);
        let _alone = self.order.write().unwrap_or_else(PoisonError::into_inner);
        let here = self.local.stats()?;
        let there = self.guest.stats()?;
        if what(&here) != what(&there) {
            let text =
                format!("Images and Instances: {:?} in this process, {:?} in the guest", what(&here), what(&there));
            return Err(Error::Differs(text).into());
        }
        Ok(there)
    }
}
