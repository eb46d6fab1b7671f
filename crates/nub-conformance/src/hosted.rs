//! The handle that hosts hold, compared with the model: in this process, in a virtual machine, or both.

use javm_cap::{CapHash, Capability, Instance, Path};
use nub::{Ended, Error, InvokeOptions, Nub};
use nub_kernel::{Chain, Entry, InstanceId, Reached};

use crate::subject::Subject;

/// A handle with a kernel behind it.
pub struct Hosted(pub Nub);

/// The handle over every machine there is, each call made on all of them; only in this process, and that said, where there is no
/// virtual machine.
///
/// # Panics
/// If there is one that does not start.
#[must_use]
pub fn for_tests() -> Hosted {
    Hosted(Nub::for_tests().unwrap_or_else(|error| panic!("{error}")))
}

fn text(error: Error) -> String {
    error.to_string()
}

impl Subject for Hosted {
    fn name(&self) -> String {
        format!("nub on {}", self.0.arch())
    }

    fn is_a_host(&self) -> bool {
        true
    }

    fn set_chain(&mut self, chain: Chain) -> Result<(), String> {
        self.0.set_chain(chain).map_err(text)
    }

    fn load(&mut self, root: &Instance) -> Result<InstanceId, String> {
        self.0.load(root.clone()).map_err(text)
    }

    fn copy(&mut self, root: InstanceId) -> Result<InstanceId, String> {
        self.0.copy(root).map_err(text)
    }

    fn drop(&mut self, root: InstanceId) {
        self.0.drop_instance(root);
    }

    fn call(&mut self, root: InstanceId, entry: &Entry, arity: usize) -> Result<Reached, String> {
        let scratchpad = match &entry.live[0] {
            Some(Capability::Data(data)) => {
                let mut bytes = vec![0; usize::try_from(data.size()).map_err(|error| error.to_string())?];
                data.read(0, &mut bytes).map_err(|error| error.to_string())?;
                Some(bytes)
            }
            _ => None,
        };
        let options = InvokeOptions {
            gas: entry.gas,
            scratchpad,
            path: entry.path,
            gift: entry.live[1].clone(),
            origin: entry.origin,
        };
        match self.0.invoke(root, entry.endpoint, &entry.arguments[..arity], &options) {
            Ok(outcome) => {
                let halted = outcome.ended == Ended::Halt;
                Ok(Reached {
                    status: outcome.status(),
                    value: if halted { outcome.value } else { 0 },
                    detail: outcome.detail(),
                    gas_left: entry.gas - outcome.gas_used,
                    live: [outcome.scratchpad.filter(|_| halted).map(Capability::Data), outcome.gift],
                    logs: if halted { outcome.logs } else { Vec::new() },
                })
            }
            Err(Error::Invoke(refused)) => match refused.status() {
                Some(status) => Ok(Reached {
                    status,
                    value: 0,
                    detail: 0,
                    gas_left: entry.gas,
                    live: [None, None],
                    logs: Vec::new(),
                }),
                None => Err(refused.to_string()),
            },
            Err(error) => Err(text(error)),
        }
    }

    fn root(&mut self, root: InstanceId) -> Result<CapHash, String> {
        self.0.state_root(root).map_err(text)
    }

    fn hash_at(&mut self, root: InstanceId, path: &Path) -> Result<Option<CapHash>, String> {
        self.0.capability_hash(root, path).map_err(text)
    }
}
