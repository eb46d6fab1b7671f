//! A look at everything in a capability that comes from outside.

use alloc::collections::BTreeSet;

use thiserror::Error;

use crate::capability::Capability;
use crate::cnode::CNode;
use crate::image::ValidImage;
use crate::instance::InstanceError;
use crate::path::Path;

/// An Instance that may not enter the state, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the Instance at {path} cannot be taken: {why}")]
pub struct InvalidInstance {
    /// Where it stands, below what was looked at; there first in the order of the slots.
    pub path: Path,
    /// What is wrong with it.
    pub why: InstanceError,
}

impl Capability {
    /// [Validates](crate::Instance::validate) every Instance in it, and gives `image` each Image that is there, perhaps more than
    /// once. Tables are looked into once, however often they stand in it, and nothing is hashed.
    ///
    /// ```
    /// use javm_cap::{CNode, Capability, Data};
    /// let table = Capability::from(CNode::from_slots([(7, Data::new(1)?)])?);
    /// assert_eq!(table.survey(|_| unreachable!("there is no Image")), Ok(()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInstance`]: the first in the order of the slots.
    pub fn survey(&self, image: impl FnMut(&ValidImage)) -> Result<(), InvalidInstance> {
        Survey { seen: BTreeSet::new(), image }.look_at(self, Path::ROOT)
    }

    /// The hash of a table or an Instance where it is remembered: nothing was changed in it since it was last asked for.
    #[must_use]
    pub fn remembered_hash(&self) -> Option<crate::CapHash> {
        match self {
            Capability::CNode(table) => table.remembered_hash(),
            Capability::Instance(instance) => instance.remembered_hash(),
            _ => None,
        }
    }
}

struct Survey<F> {
    /// The tables that were looked into, by where they are: none goes away meanwhile.
    seen: BTreeSet<*const ()>,
    image: F,
}

impl<F: FnMut(&ValidImage)> Survey<F> {
    /// No tree is higher than a path is long, which bounds the recursion.
    fn look_at(&mut self, capability: &Capability, path: Path) -> Result<(), InvalidInstance> {
        match capability {
            Capability::Image(image) => (self.image)(image),
            Capability::Instance(instance) => {
                instance.validate().map_err(|why| InvalidInstance { path, why })?;
                (self.image)(instance.image());
                self.look_into(instance.table(), path)?;
            }
            Capability::CNode(table) => self.look_into(table, path)?,
            Capability::Data(_) | Capability::TypeDef(_) | Capability::Callable(_) | Capability::Service(_) => {}
        }
        Ok(())
    }

    fn look_into(&mut self, table: &CNode, path: Path) -> Result<(), InvalidInstance> {
        if table.address().is_some_and(|address| self.seen.insert(address)) {
            for (slot, capability) in table.iter() {
                // No table is so high that there is none.
                if let Ok(path) = path.join(&[slot]) {
                    self.look_at(capability, path)?;
                }
            }
        }
        Ok(())
    }
}
