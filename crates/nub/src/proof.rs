//! Proofs of what stands in a state, for who has its root hash alone.

use javm_cap::{CapHash, Path};
use nub_kernel::InstanceId;

use crate::error::Error;
use crate::handle::Nub;

/// The most bytes of a Data that one proof is of: 64 MiB.
pub const MAX_PROVED_BYTES: u64 = 64 << 20;

/// A proof with what it shows. Whoever has the root hash needs nothing else to check it: the crate `javm-proof` does, which
/// depends on nothing of nub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The hash of the root.
    pub root: CapHash,
    /// The place.
    pub path: Path,
    /// What is said of it.
    pub claim: Claim,
    /// The proof, as `docs/spec/proofs.md` lays it out.
    pub bytes: Vec<u8>,
}

/// What is said of a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// The capability with this hash stands there.
    Present(CapHash),
    /// Nothing stands in the slot.
    Absent,
    /// A Data stands there that has these bytes.
    Bytes {
        /// The first byte.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Proof {
    /// Checks it. Whoever has the root hash from elsewhere compares that, too.
    ///
    /// # Errors
    /// The reason, where it does not show what it says.
    pub fn verify(&self) -> Result<(), javm_proof::ProofError> {
        let claim = match &self.claim {
            Claim::Present(hash) => javm_proof::Claim::Present(hash.0),
            Claim::Absent => javm_proof::Claim::Absent,
            Claim::Bytes { offset, bytes } => javm_proof::Claim::Bytes { offset: *offset, bytes },
        };
        javm_proof::verify(&self.root.0, &self.path, &claim, &self.bytes)
    }
}

impl Nub {
    /// Proves what stands at a path below an Instance: which capability, or that none does.
    ///
    /// ```
    /// # fn main() -> Result<(), nub::Error> {
    /// # let bytes = include_bytes!("../../../guests/images/counter.nub");
    /// let mut nub = nub::Nub::new_local();
    /// let image = nub.publish(bytes)?;
    /// let counter = nub.instantiate(&image, &nub::Grants::services())?;
    /// let proof = nub.prove(counter, &"/99".parse().expect("a path"))?;
    /// assert_eq!((&proof.claim, proof.verify()), (&nub::Claim::Absent, Ok(())));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoProof`]: there is no way to the place; that shows by the absence of the first slot on the way that is empty.
    /// [`Error::Invoke`]: there is no such Instance. Those of a guest that [ends](Nub#when-a-guest-ends).
    pub fn prove(&mut self, instance: InstanceId, path: &Path) -> Result<Proof, Error> {
        let root = self.state_root(instance)?;
        let claim = match self.capability_hash(instance, path)? {
            Some(hash) => Claim::Present(hash),
            None => Claim::Absent,
        };
        let (bytes, _) = self.reader.ask_about(instance, |machine, number| machine.prove(number, path, None))?;
        Ok(Proof { root, path: *path, claim, bytes })
    }

    /// Proves what bytes the Data at a path has, from `offset` on: at least one, at most [`MAX_PROVED_BYTES`].
    ///
    /// # Errors
    /// [`Error::NoProof`]: no Data stands there, the bytes are not all inside of it, or too many. Otherwise as [`Nub::prove`].
    pub fn prove_bytes(&mut self, instance: InstanceId, path: &Path, offset: u64, length: u64) -> Result<Proof, Error> {
        if length > MAX_PROVED_BYTES {
            return Err(Error::NoProof(format!("{length} bytes are more than the {MAX_PROVED_BYTES} that one is of")));
        }
        let root = self.state_root(instance)?;
        let range = Some((offset, length));
        let (bytes, content) = self.reader.ask_about(instance, |machine, number| machine.prove(number, path, range))?;
        Ok(Proof { root, path: *path, claim: Claim::Bytes { offset, bytes: content }, bytes })
    }
}
