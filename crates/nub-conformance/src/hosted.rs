//! The handle that hosts hold, compared with the model: in this process, in a virtual machine, or both.

use javm_cap::{CapHash, Capability, Instance, Path};
use nub::{Error, InvokeOptions, Nub};
use nub_kernel::{Chain, Entry, InstanceId, Reached};

use crate::subject::Subject;

/// A handle with a kernel behind it.
pub struct Hosted {
    /// The handle.
    pub nub: Nub,
    /// Why what was last asked for was not done, where that is nothing that a program finds.
    pub lost: Option<Error>,
}

impl From<Nub> for Hosted {
    fn from(nub: Nub) -> Hosted {
        Hosted { nub, lost: None }
    }
}

/// The handle over every machine there is, each call made on all of them; only in this process, and that said, where there is no
/// virtual machine.
///
/// # Panics
/// If there is one that does not start.
#[must_use]
pub fn for_tests() -> Hosted {
    Nub::for_tests().unwrap_or_else(|error| panic!("{error}")).into()
}

impl Hosted {
    /// Takes note of why something was not done.
    fn noted<T>(&mut self, result: Result<T, Error>) -> Result<T, String> {
        self.lost = result.as_ref().err().cloned();
        result.map_err(|error| error.to_string())
    }

    /// Makes a call, and gives what a program would find that makes it.
    fn invoke(&mut self, root: InstanceId, entry: &Entry, arity: usize) -> Result<Reached, Error> {
        let scratchpad = match &entry.live[0] {
            Some(Capability::Data(data)) => {
                let mut bytes = vec![0; usize::try_from(data.size()).unwrap_or(usize::MAX)];
                data.read(0, &mut bytes).map_err(|error| Error::Setting(error.to_string()))?;
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
        match self.nub.invoke(root, entry.endpoint, &entry.arguments[..arity], &options) {
            Ok(outcome) => Ok(outcome.into_reached(entry.gas)),
            Err(Error::Invoke(refused)) => match refused.status() {
                Some(status) => Ok(Reached::refused(status, entry.gas)),
                None => Err(refused.into()),
            },
            Err(error) => Err(error),
        }
    }
}

impl Subject for Hosted {
    fn name(&self) -> String {
        format!("nub on {}", self.nub.arch())
    }

    fn is_a_host(&self) -> bool {
        true
    }

    fn set_chain(&mut self, chain: Chain) -> Result<(), String> {
        let set = self.nub.set_chain(chain);
        self.noted(set)
    }

    fn load(&mut self, root: &Instance) -> Result<InstanceId, String> {
        let loaded = self.nub.load(root.clone());
        self.noted(loaded)
    }

    fn copy(&mut self, root: InstanceId) -> Result<InstanceId, String> {
        let copied = self.nub.copy(root);
        self.noted(copied)
    }

    fn drop(&mut self, root: InstanceId) {
        self.nub.drop_instance(root);
    }

    fn call(&mut self, root: InstanceId, entry: &Entry, arity: usize) -> Result<Reached, String> {
        let reached = self.invoke(root, entry, arity);
        self.noted(reached)
    }

    fn root(&mut self, root: InstanceId) -> Result<CapHash, String> {
        let hash = self.nub.state_root(root);
        self.noted(hash)
    }

    fn hash_at(&mut self, root: InstanceId, path: &Path) -> Result<Option<CapHash>, String> {
        let hash = self.nub.capability_hash(root, path);
        self.noted(hash)
    }
}
