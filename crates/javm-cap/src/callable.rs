//! Callable: the right to call what stands at a place.
//!
//! The normative text is `docs/spec/callable.md`.

use core::fmt;
use triomphe::Arc;

use javm_types::limits::MAX_METHODS;
use thiserror::Error;

use crate::decode::{DecodeError, DecodeErrorReason, Reader};
use crate::hash::{CapHash, HASH_SIZE, HashCache, hash_parts};
use crate::image::ValidImage;
use crate::measure::{MAX_HEIGHT, Measure};
use crate::path::Path;
use crate::tag::Tag;
use crate::typedef::TypeDef;

/// The bytes of a Callable's encoding.
pub const CALLABLE_BYTES: usize = 99;

/// Which methods of an interface may be called, by number.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Mask([u8; MAX_METHODS / 8]);

impl Mask {
    /// The mask of these bytes: method `m` is bit `m % 8` of byte `m / 8`.
    #[must_use]
    pub const fn new(bytes: [u8; MAX_METHODS / 8]) -> Mask {
        Mask(bytes)
    }

    /// The first so many methods, of 256.
    #[must_use]
    pub fn first(methods: usize) -> Mask {
        (0..methods.min(MAX_METHODS)).fold(Mask::default(), |mask, method| mask.with(method as u8))
    }

    /// This method too.
    #[must_use]
    pub fn with(mut self, method: u8) -> Mask {
        self.0[usize::from(method / 8)] |= 1 << (method % 8);
        self
    }

    /// Whether the method may be called.
    #[must_use]
    pub fn allows(&self, method: u16) -> bool {
        self.0.get(usize::from(method / 8)).is_some_and(|byte| byte >> (method % 8) & 1 == 1)
    }

    /// What both allow.
    #[must_use]
    pub fn and(mut self, other: &Mask) -> Mask {
        self.0.iter_mut().zip(&other.0).for_each(|(byte, other)| *byte &= other);
        self
    }

    /// The bytes, as [`new`](Mask::new) takes them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; MAX_METHODS / 8] {
        &self.0
    }

    /// The first method from this number on that is allowed.
    fn first_from(&self, methods: usize) -> Option<u16> {
        (methods as u16..MAX_METHODS as u16).find(|&method| self.allows(method))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..MAX_METHODS as u16).filter(|&method| self.allows(method))).finish()
    }
}

/// What a Callable is a right to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interface {
    /// The methods of a TypeDef, which the Callable carries.
    TypeDef(TypeDef),
    /// The endpoints of every Image whose interface has this hash.
    Image(CapHash),
}

impl Interface {
    /// That of the endpoints of an Image.
    #[must_use]
    pub fn of_image(image: &ValidImage) -> Interface {
        Interface::Image(image.interface())
    }

    /// The hash that stands for it.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        match self {
            Interface::TypeDef(typedef) => typedef.hash(),
            Interface::Image(hash) => *hash,
        }
    }
}

/// The right to call what stands at a place: which methods, with how much gas, and what the one who is called is told.
/// It never changes; copies share it.
///
/// ```
/// use javm_cap::{Callable, Interface, Mask, Path, Right, TypeDef};
/// let token = TypeDef::new("interface token { balance() -> u64; mint(amount: u64); }".parse()?);
/// let place = Path::new(&[3, 9])?;
/// let right = Right { mask: Mask::first(2), ceiling: u64::MAX, badge: 7, distance: 0, path: place };
/// let all = Callable::new(Interface::TypeDef(token), right)?;
/// let some = all.attenuate(&Mask::first(1), 10_000);
/// assert!(some.right().mask.allows(0) && !some.right().mask.allows(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Callable(Arc<Parts>);

struct Parts {
    interface: Interface,
    right: Right,
    hash: HashCache,
}

/// What a Callable says beside the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Right {
    /// The methods that may be called.
    pub mask: Mask,
    /// The gas that a call may use at most.
    pub ceiling: u64,
    /// What the callee is told.
    pub badge: u64,
    /// Instances from the one that made it, not counted, down to the place: at most [`MAX_HEIGHT`].
    pub distance: u8,
    /// The place, in the coordinates of who made it.
    pub path: Path,
}

/// Why there is no such Callable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CallableError {
    /// The mask has a method that the TypeDef does not.
    #[error("the mask allows method {method}, and the TypeDef has {methods}")]
    Mask {
        /// The method.
        method: u16,
        /// How many there are.
        methods: usize,
    },
    /// There are not so many Instances on a path.
    #[error("a distance of {0} Instances: a path has at most {MAX_HEIGHT} slots")]
    Distance(u8),
}

impl Callable {
    /// A right.
    ///
    /// # Errors
    /// [`CallableError`] when the mask has a method that the TypeDef does not have, or the distance is too great. Whoever
    /// names an Image's interface by its hash sees to it that the mask has no other methods than that has endpoints.
    pub fn new(interface: Interface, right: Right) -> Result<Callable, CallableError> {
        if let Interface::TypeDef(typedef) = &interface {
            let methods = typedef.definition().methods().len();
            if let Some(method) = right.mask.first_from(methods) {
                return Err(CallableError::Mask { method, methods });
            }
        }
        if right.distance > MAX_HEIGHT {
            return Err(CallableError::Distance(right.distance));
        }
        Ok(Callable(Arc::new(Parts { interface, right, hash: HashCache::empty() })))
    }

    /// The same right, to no more methods and no more gas than given.
    #[must_use]
    pub fn attenuate(&self, mask: &Mask, ceiling: u64) -> Callable {
        let Parts { interface, right, .. } = &*self.0;
        let right = Right { mask: right.mask.and(mask), ceiling: right.ceiling.min(ceiling), ..*right };
        Callable(Arc::new(Parts { interface: interface.clone(), right, hash: HashCache::empty() }))
    }

    /// What it is a right to.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.0.interface
    }

    /// Everything else that it says.
    #[must_use]
    pub fn right(&self) -> &Right {
        &self.0.right
    }

    /// The number of the endpoint of an Image that is the method of this number, if the right is to it and the Image has
    /// it.
    #[must_use]
    pub fn endpoint(&self, image: &ValidImage, method: u16) -> Option<usize> {
        if !self.right().mask.allows(method) {
            return None;
        }
        match self.interface() {
            Interface::Image(hash) => {
                let number = usize::from(method);
                (*hash == image.interface() && number < image.image().endpoints.len()).then_some(number)
            }
            Interface::TypeDef(typedef) => {
                let listed = image.image().typedefs.contains(&typedef.hash());
                let method = typedef.definition().methods().get(usize::from(method)).filter(|_| listed)?;
                image.image().endpoint_of(method)
            }
        }
    }

    /// Its canonical encoding.
    #[must_use]
    pub fn encode(&self) -> [u8; CALLABLE_BYTES] {
        let Right { mask, ceiling, badge, distance, path } = self.right();
        let mut bytes = [0; CALLABLE_BYTES];
        bytes[0] = Tag::Callable.number();
        bytes[1..33].copy_from_slice(self.interface().hash().as_bytes());
        bytes[33..65].copy_from_slice(mask.as_bytes());
        bytes[65..73].copy_from_slice(&ceiling.to_le_bytes());
        bytes[73..81].copy_from_slice(&badge.to_le_bytes());
        bytes[81] = *distance;
        // At most MAX_HEIGHT.
        bytes[82] = path.len() as u8;
        bytes[83..].copy_from_slice(path.padded());
        bytes
    }

    /// Reads what [`encode`](Callable::encode) wrote. The encoding has a TypeDef by its hash only: `typedef` gives it, if
    /// the hash is one's.
    ///
    /// # Errors
    /// [`DecodeError`] for bytes that are no canonical encoding.
    pub fn decode(bytes: &[u8], typedef: impl FnOnce(&CapHash) -> Option<TypeDef>) -> Result<Callable, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.choice("tag", "0x15 = Callable", |tag| (tag == Tag::Callable.number()).then_some(()))?;
        let interface = CapHash(reader.hash("interface")?);
        let interface = match typedef(&interface) {
            Some(typedef) if typedef.hash() == interface => Interface::TypeDef(typedef),
            _ => Interface::Image(interface),
        };
        let mask = Mask(reader.array::<HASH_SIZE>("mask")?);
        let ceiling = reader.u64("ceiling")?;
        let badge = reader.u64("badge")?;
        let distance = reader.u8("distance")?;
        let length_at = reader.offset();
        let length = reader.u8("path length")?;
        let too_large = |at, field: &'static str, found: u8, limit: u8| {
            DecodeError::new(at, field, DecodeErrorReason::TooLarge { found: found.into(), limit: limit.into() })
        };
        let path = reader.bytes("path", length.min(MAX_HEIGHT).into())?;
        let path = Path::new(path).ok().filter(|_| length <= MAX_HEIGHT);
        let path = path.ok_or_else(|| too_large(length_at, "path length", length, MAX_HEIGHT))?;
        for _ in path.len()..MAX_HEIGHT.into() {
            reader.zeros::<1>("path")?;
        }
        reader.end()?;
        let right = Right { mask, ceiling, badge, distance, path };
        Callable::new(interface, right).map_err(|error| match error {
            CallableError::Mask { method, methods } => {
                let (found, limit) = (method.into(), (methods as u64).saturating_sub(1));
                DecodeError::new(33, "mask", DecodeErrorReason::TooLarge { found, limit })
            }
            CallableError::Distance(distance) => too_large(81, "distance", distance, MAX_HEIGHT),
        })
    }

    /// The hash of this capability.
    #[must_use]
    pub fn hash(&self) -> CapHash {
        CapHash(self.0.hash.get_or_fill(|| hash_parts(Tag::Callable, &[&self.encode()[1..]])))
    }

    /// What it counts for: the TypeDef that it carries.
    #[must_use]
    pub fn measure(&self) -> Measure {
        match self.interface() {
            Interface::TypeDef(typedef) => typedef.measure(),
            Interface::Image(_) => Measure::default(),
        }
    }
}

/// Equal content.
impl PartialEq for Callable {
    fn eq(&self, other: &Callable) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.encode() == other.encode()
    }
}

impl Eq for Callable {}

impl fmt::Debug for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { interface, right, .. } = &*self.0;
        f.debug_struct("Callable").field("interface", interface).field("right", right).finish()
    }
}
