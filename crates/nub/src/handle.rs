//! The handle that a host holds.

use javm_cap::{CapHash, Endpoint, Image, ValidImage};
use javm_interpreter::State;
use javm_isa::{Instruction, REG_COUNT};
use nub_arch_local::LocalArch;
use nub_kernel::{Arch, Call, EndpointRef, Grants, InstanceId, Kernel, Outcome};

use crate::builder::Builder;
use crate::error::Error;

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

/// An instruction that is about to run.
#[derive(Clone, Copy, Debug)]
pub struct TraceLine<'a> {
    /// Its offset in the code.
    pub pc: u32,
    /// The gas that is left, its block paid.
    pub gas: u64,
    /// The registers as it finds them.
    pub registers: &'a [u64; REG_COUNT],
    /// What it is.
    pub instruction: &'a Instruction,
}

/// A kernel with everything in it, on the machine that was chosen.
pub struct Nub {
    kernel: Kernel<LocalArch>,
}

impl Nub {
    /// A kernel in this process. Needs nothing.
    #[must_use]
    pub fn new_local() -> Nub {
        Nub::over(Kernel::new(LocalArch))
    }

    /// Settings for a kernel that is not the plain one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn over(kernel: Kernel<LocalArch>) -> Nub {
        Nub { kernel }
    }

    /// The name of the machine that the kernel runs on.
    #[must_use]
    pub fn arch(&self) -> &'static str {
        LocalArch::NAME
    }

    /// The name of the engine that programs run on.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        "interpreter"
    }

    /// Checks an Image, given in its canonical encoding, and keeps it. Publishing one again is free of effect.
    ///
    /// # Errors
    /// [`Error::Publish`]: what is wrong with it, and where.
    pub fn publish(&mut self, image: &[u8]) -> Result<CapHash, Error> {
        Ok(self.kernel.publish(ValidImage::load(image)?))
    }

    /// Keeps an Image that was checked before. Publishing one again is free of effect.
    pub fn publish_image(&mut self, image: ValidImage) -> CapHash {
        self.kernel.publish(image)
    }

    /// The published Image of this hash.
    #[must_use]
    pub fn image(&self, hash: &CapHash) -> Option<&Image> {
        self.kernel.image(hash)
    }

    /// Makes an Instance of a published Image, and gives it what `grants` has for the Image's imports.
    ///
    /// # Errors
    /// [`Error::Instantiate`]: the Image is not published, a required import is not granted, or a grant has no import.
    pub fn instantiate(&mut self, image: &CapHash, grants: &Grants) -> Result<InstanceId, Error> {
        Ok(self.kernel.instantiate(image, grants)?)
    }

    /// Makes a second Instance that is what the first one is now; they share what neither changes. Constant work.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance.
    pub fn copy(&mut self, instance: InstanceId) -> Result<InstanceId, Error> {
        Ok(self.kernel.copy(instance)?)
    }

    /// Drops an Instance. Gives `false` if there was none.
    pub fn drop_instance(&mut self, instance: InstanceId) -> bool {
        self.kernel.drop_instance(instance)
    }

    /// The hash of an Instance with all that it holds: equal exactly when everything in it is.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance.
    pub fn state_root(&self, instance: InstanceId) -> Result<CapHash, Error> {
        Ok(self.kernel.instance(instance)?.hash())
    }

    /// Maps the memory of an Instance, which its first call, or its first after it was copied, does otherwise. Nothing but
    /// time changes by it.
    ///
    /// # Errors
    /// [`Error::Invoke`]: there is no such Instance.
    pub fn prepare(&mut self, instance: InstanceId) -> Result<(), Error> {
        Ok(self.kernel.prepare(instance)?)
    }

    /// An endpoint of an Instance, as its Image declares it: with a signature where the program says one.
    ///
    /// # Errors
    /// [`Error::Invoke`]: no such Instance or endpoint.
    pub fn endpoint<'a>(&self, instance: InstanceId, endpoint: impl Into<EndpointRef<'a>>) -> Result<&Endpoint, Error> {
        Ok(self.kernel.endpoint(instance, endpoint.into())?)
    }

    /// Calls an endpoint. A call that halts leaves its changes in the Instance; any other leaves none. That the program
    /// fails is an outcome, not an error.
    ///
    /// # Errors
    /// [`Error::Invoke`]: the call could not begin — no such Instance or endpoint, too many or too few arguments, too
    /// large a scratchpad.
    pub fn invoke<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
    ) -> Result<Outcome, Error> {
        let call = call(endpoint.into(), arguments, options);
        Ok(self.kernel.invoke(instance, &call, None)?)
    }

    /// [`Nub::invoke`], with `trace` called before each instruction. Much slower; nothing else differs.
    ///
    /// # Errors
    /// Those of [`Nub::invoke`].
    pub fn invoke_traced<'a>(
        &mut self,
        instance: InstanceId,
        endpoint: impl Into<EndpointRef<'a>>,
        arguments: &[u64],
        options: &InvokeOptions,
        mut trace: impl FnMut(TraceLine<'_>),
    ) -> Result<Outcome, Error> {
        let call = call(endpoint.into(), arguments, options);
        let mut forward = |state: &State, instruction: &Instruction| {
            trace(TraceLine { pc: state.pc, gas: state.gas, registers: &state.registers, instruction });
        };
        Ok(self.kernel.invoke(instance, &call, Some(&mut forward))?)
    }
}

fn call<'a>(endpoint: EndpointRef<'a>, arguments: &'a [u64], options: &'a InvokeOptions) -> Call<'a> {
    Call { endpoint, arguments, gas: options.gas, scratchpad: options.scratchpad.as_deref() }
}

impl core::fmt::Debug for Nub {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Nub").field("arch", &self.arch()).finish_non_exhaustive()
    }
}
