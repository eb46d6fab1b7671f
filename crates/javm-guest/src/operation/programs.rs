//! SPAWN, UPGRADE, MINT, ATTENUATE: Instances, and rights to call them.

use super::{Operation, address, ask, both, done, flag, one};
use crate::{Place, Status};

/// Puts a new Instance of the Image in `image` into a place, with nothing but what the Image itself brings.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`], [`Status::FULL`]; [`Status::DENIED`] where the Image requires an import;
/// [`Status::QUOTA`], [`Status::RANGE`] for what would be too large or too deep.
#[inline]
pub fn spawn(image: Place, to: Place) -> Result<(), Status> {
    // SAFETY: places of no memory that the program uses, or whose maker has promised for it.
    done(unsafe { ask(Operation::Spawn, 0, [both(image, to), 0, 0, 0], 0) })
}

/// As [`spawn`], with a copy of what the table in `grants` has in the slots that the Image imports.
///
/// # Errors
/// As [`spawn`], the table and what is in it included.
#[inline]
pub fn spawn_with(image: Place, grants: Place, to: Place) -> Result<(), Status> {
    // SAFETY: as above.
    done(unsafe { ask(Operation::Spawn, flag::GRANTS, [both(image, to), one(grants), 0, 0], 0) })
}

/// Makes the Instance in a place one of another Image. Its table stays, its variables included.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`]; [`Status::BUSY`] for an Instance that is not Idle.
#[inline]
pub fn upgrade(instance: Place, image: Place) -> Result<(), Status> {
    // SAFETY: as above.
    done(unsafe { ask(Operation::Upgrade, 0, [both(instance, image), 0, 0, 0], 0) })
}

/// Methods of an interface, by their numbers.
///
/// ```
/// use javm_guest::operation::Mask;
/// const READ_ONLY: Mask = Mask::of(&[1, 9]);
/// assert!(READ_ONLY.has(9) && !READ_ONLY.has(0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mask([u8; 32]);

impl Mask {
    /// All there are.
    pub const ALL: Mask = Mask([0xff; 32]);

    /// These.
    #[must_use]
    pub const fn of(methods: &[u8]) -> Mask {
        let mut bits = [0; 32];
        let mut at = 0;
        while at < methods.len() {
            bits[methods[at] as usize / 8] |= 1 << (methods[at] % 8);
            at += 1;
        }
        Mask(bits)
    }

    /// Whether the method is one of them.
    #[must_use]
    pub const fn has(&self, method: u8) -> bool {
        self.0[method as usize / 8] & 1 << (method % 8) != 0
    }

    /// Where it is, as operations take it.
    fn address(&self) -> u64 {
        address(&raw const self.0)
    }
}

/// A Callable to be made: the right to call what stands at a place, now and whatever its owner puts there later.
///
/// ```no_run
/// use javm_guest::Place;
/// use javm_guest::operation::{Mask, Mint};
///
/// const TOKEN: Place = Place::slot(20);
/// const TOKEN_INTERFACE: Place = Place::slot(21);
/// const RIGHT: Place = Place::slot(22);
///
/// // Methods 0 and 2, told apart by the badge 7, with at most 50,000 gas a call.
/// Mint::of(TOKEN).interface(TOKEN_INTERFACE).methods(Mask::of(&[0, 2])).badge(7).ceiling(50_000).to(RIGHT)?;
/// # Ok::<(), javm_guest::Status>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is made before `to` says where"]
pub struct Mint {
    place: Option<Place>,
    interface: Option<Place>,
    methods: Mask,
    ceiling: u64,
    badge: u64,
}

impl Mint {
    const fn new(place: Option<Place>) -> Mint {
        Mint { place, interface: None, methods: Mask::ALL, ceiling: u64::MAX, badge: 0 }
    }

    /// A right to call the Instance that stands in a place.
    pub const fn of(place: Place) -> Mint {
        Mint::new(Some(place))
    }

    /// A right to call the program itself.
    pub const fn of_itself() -> Mint {
        Mint::new(None)
    }

    /// By the TypeDef that stands in a place, which the Instance's Image has to implement. Otherwise by the endpoints of
    /// the Image: a right that ends when another Image with others takes its place.
    pub const fn interface(self, typedef: Place) -> Mint {
        Mint { interface: Some(typedef), ..self }
    }

    /// For these methods only.
    pub const fn methods(self, methods: Mask) -> Mint {
        Mint { methods, ..self }
    }

    /// With at most so much gas a call.
    pub const fn ceiling(self, gas: u64) -> Mint {
        Mint { ceiling: gas, ..self }
    }

    /// With this number for the callee to see in its [`Identity`](super::Identity).
    pub const fn badge(self, badge: u64) -> Mint {
        Mint { badge, ..self }
    }

    /// Makes it, and puts it into a place.
    ///
    /// # Errors
    /// [`Status::EMPTY`], [`Status::KIND`]; [`Status::FULL`]; [`Status::NO_ENDPOINT`] where the Image does not implement
    /// the TypeDef; [`Status::RANGE`] where what is to be called has no path.
    #[inline]
    pub fn to(self, to: Place) -> Result<(), Status> {
        let mut flags = 0;
        let place = self.place.unwrap_or_else(|| {
            flags |= flag::ITSELF;
            Place::GIFT
        });
        let typedef = self.interface.map_or(0, |typedef| {
            flags |= flag::TYPEDEF;
            one(typedef)
        });
        // The address is below 2^32, as all of the machine's are.
        let operands = [both(place, to), typedef | self.methods.address() << 32, self.ceiling, self.badge];
        // SAFETY: as above; the kernel reads the mask, which lives until it has.
        done(unsafe { ask(Operation::Mint, flags, operands, 0) })
    }
}

/// Puts a weaker copy of a Callable into a place: for the methods that it has and that are in `methods`, with at most
/// `ceiling` gas a call.
///
/// # Errors
/// [`Status::EMPTY`], [`Status::KIND`]; [`Status::FULL`].
#[inline]
pub fn attenuate(callable: Place, methods: Mask, ceiling: u64, to: Place) -> Result<(), Status> {
    // SAFETY: as above; the kernel reads the mask, which lives until it has.
    done(unsafe { ask(Operation::Attenuate, 0, [both(callable, to), methods.address(), ceiling, 0], 0) })
}
