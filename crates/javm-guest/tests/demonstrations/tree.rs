//! Trees of example programs, called as a host calls them.

use javm_guest::types::Decode;
use javm_guest::types::typed::LowerArguments;
use nub::cap::{Callable, Capability, Instance, Interface, Mask, Path, Right, Service, TypeDef};
use nub::{CapHash, Ended, InstanceId, InvokeOptions, Nub, Returned, ValidImage};

/// An Image of `guests/`.
pub fn image(name: &str) -> ValidImage {
    let path = format!("{}/../../guests/images/{name}.nub", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    ValidImage::load(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The service by which programs say why they fail.
pub fn log() -> Service {
    Service { id: javm_guest::service::LOG, parameter: 0 }
}

/// An Instance of an example program with something in its table.
pub fn program<const N: usize>(name: &str, slots: [(u8, Capability); N]) -> Instance {
    let mut program = Instance::new(image(name));
    for (slot, capability) in slots {
        program.put_at(&[slot], capability).unwrap_or_else(|error| panic!("{name}: slot {slot}: {error:?}"));
    }
    program
}

/// The same with LOG.
pub fn loud<const N: usize>(name: &str, slots: [(u8, Capability); N]) -> Instance {
    let mut program = program(name, slots);
    program.put_at(&[javm_guest::log::SLOT], log()).expect("it is small");
    program
}

pub fn path(slots: &[u8]) -> Path {
    Path::new(slots).expect("it is short")
}

/// The TypeDef of an interface that a trait is.
macro_rules! typedef {
    ($interface:ty) => {{
        const DEFINITION: javm_guest::types::Interface = <$interface as javm_guest::Interface>::DEFINITION;
        let encoding: [u8; DEFINITION.encoded_len()] = DEFINITION.encode().expect("it keeps the rules");
        nub::cap::TypeDef::decode(&encoding).expect("it is one")
    }};
}
pub(crate) use typedef;

/// The right to call methods of an interface at `place`, made by the root.
pub fn right_by(interface: TypeDef, methods: Mask, badge: u64, place: &[u8]) -> Callable {
    let right = Right { mask: methods, ceiling: u64::MAX, badge, distance: 1, path: path(place) };
    Callable::new(Interface::TypeDef(interface), right).expect("it has these methods")
}

/// A tree in a kernel.
pub struct Tree {
    pub nub: Nub,
    pub root: InstanceId,
    /// What a call may use.
    pub gas: u64,
}

impl Tree {
    /// On all the machines that there are.
    pub fn new(root: Instance) -> Tree {
        let mut nub = Nub::for_tests().expect("a machine");
        let root = nub.load(root).expect("it is a tree");
        Tree { nub, root, gas: 200_000_000 }
    }

    /// What came of a call of the Instance at a path.
    pub fn outcome<A: LowerArguments, R: for<'a> Decode<'a>>(
        &mut self,
        slots: &[u8],
        endpoint: &str,
        arguments: &A,
    ) -> Returned<R> {
        self.outcome_with(slots, endpoint, arguments, None)
    }

    /// The same of a call with a gift.
    pub fn outcome_with<A: LowerArguments, R: for<'a> Decode<'a>>(
        &mut self,
        slots: &[u8],
        endpoint: &str,
        arguments: &A,
        gift: Option<Capability>,
    ) -> Returned<R> {
        let options = InvokeOptions { path: path(slots), gas: self.gas, gift, ..InvokeOptions::default() };
        let called = self.nub.invoke_typed(self.root, endpoint, arguments, &options);
        called.unwrap_or_else(|error| panic!("{endpoint}: {error}"))
    }

    /// The result of a call that halts.
    #[track_caller]
    pub fn call<A: LowerArguments, R: for<'a> Decode<'a>>(&mut self, slots: &[u8], endpoint: &str, arguments: &A) -> R {
        let Returned { value, outcome } = self.outcome(slots, endpoint, arguments);
        value.unwrap_or_else(|| panic!("{endpoint}: {:?}: {:?}", outcome.ended, lines(&outcome.logs)))
    }

    /// What a call says that fails.
    #[track_caller]
    pub fn refusal<A: LowerArguments, R: for<'a> Decode<'a>>(
        &mut self,
        slots: &[u8],
        endpoint: &str,
        arguments: &A,
    ) -> String {
        let Returned { outcome, .. } = self.outcome::<A, R>(slots, endpoint, arguments);
        assert_eq!(outcome.ended, Ended::Panic, "{:?}", lines(&outcome.logs));
        lines(&outcome.logs).pop().expect("it says why")
    }

    /// The hash of what stands at a path.
    pub fn hash(&mut self, slots: &[u8]) -> Option<CapHash> {
        self.nub.capability_hash(self.root, &path(slots)).expect("it answers")
    }
}

pub fn lines(logs: &[nub::LogEntry]) -> Vec<String> {
    logs.iter().map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned()).collect()
}
