//! TypeDef: an interface as a capability.

use alloc::vec::Vec;
use core::fmt;
use triomphe::Arc;

use javm_types::DefinitionError;

use crate::hash::{CapHash, hash_parts};
use crate::measure::Measure;
use crate::tag::Tag;

/// An interface: named methods with the types of what they take and return. It never changes; copies share it.
///
/// What it says is a [`javm_types::TypeDef`], and its encoding is that one's.
///
/// ```
/// use javm_cap::TypeDef;
/// let counter = TypeDef::new("interface counter { add(amount: u64) -> u64; }".parse()?);
/// assert_eq!(TypeDef::decode(&counter.encode())?.hash(), counter.hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TypeDef(Arc<Parts>);

struct Parts {
    definition: javm_types::TypeDef,
    hash: CapHash,
    measure: Measure,
}

impl TypeDef {
    /// The capability of an interface.
    #[must_use]
    pub fn new(definition: javm_types::TypeDef) -> TypeDef {
        let encoding = definition.encode();
        let hash = CapHash(hash_parts(Tag::TypeDef, &[&encoding]));
        TypeDef(Arc::new(Parts { definition, hash, measure: Measure::of_bytes(encoding.len()) }))
    }

    /// Reads what [`encode`](TypeDef::encode) wrote.
    ///
    /// # Errors
    /// [`DefinitionError`] when the bytes are not exactly the canonical encoding of one.
    pub fn decode(bytes: &[u8]) -> Result<TypeDef, DefinitionError> {
        javm_types::TypeDef::decode(bytes).map(TypeDef::new)
    }

    /// Its canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.definition.encode()
    }

    /// What it says.
    #[must_use]
    pub fn definition(&self) -> &javm_types::TypeDef {
        &self.0.definition
    }

    /// The hash of this capability.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        self.0.hash
    }

    /// What it counts for: the pages of its encoding.
    #[must_use]
    pub fn measure(&self) -> Measure {
        self.0.measure
    }
}

/// Equal content.
impl PartialEq for TypeDef {
    fn eq(&self, other: &TypeDef) -> bool {
        self.hash() == other.hash()
    }
}

impl Eq for TypeDef {}

impl fmt::Debug for TypeDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeDef {} {}", self.definition().name(), self.hash())
    }
}
