//! What a call brings.

use javm_cap::{Capability, Path};
use nub_kernel::{Call, EndpointRef};

use crate::error::Error;
use crate::supervisor::Supervisor;
use crate::tree::check_gift;

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
    /// Which Instance is called: what stands at this path below the one that is named, or that one itself, by the path of no
    /// slot. Only an Idle one can be.
    pub path: Path,
    /// What goes with the call in slot 1: any capability. It comes back, or whatever stands there then, if the call halts. One
    /// that was [put](crate::Nub::put_cap) is not sent to a guest again.
    pub gift: Option<Capability>,
    /// Whom the host knows as the sender: the program that is called sees it by SELF, as that of an event, and nobody else
    /// does. `None`: the host itself calls.
    pub origin: Option<[u8; 32]>,
}

impl Default for InvokeOptions {
    fn default() -> Self {
        InvokeOptions { gas: DEFAULT_GAS, scratchpad: None, path: Path::ROOT, gift: None, origin: None }
    }
}

impl InvokeOptions {
    /// The call that has them.
    ///
    /// # Errors
    /// [`Error::Bounds`], [`Error::Invalid`]: the gift may not enter the state.
    #[inline]
    pub(crate) fn call<'a>(
        &'a self,
        supervisor: &Supervisor,
        endpoint: EndpointRef<'a>,
        arguments: &'a [u64],
    ) -> Result<Call<'a>, Error> {
        let InvokeOptions { gas, scratchpad, path, gift, origin } = self;
        if let Some(gift) = gift {
            check_gift(supervisor, gift)?;
        }
        Ok(Call {
            path: *path,
            scratchpad: scratchpad.as_deref(),
            gift: gift.as_ref(),
            origin: *origin,
            ..Call::new(endpoint, arguments, *gas)
        })
    }
}
