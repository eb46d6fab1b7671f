//! What a host is told of something in a tree without being given all of it.

use javm_cap::{CapHash, Capability, Measure, Path, RunState, Tag, Why};

/// What stands at a place: [`Nub::describe`](crate::Nub::describe).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// Its kind.
    pub kind: Tag,
    /// Its hash, which stands for all that hangs below it.
    pub hash: CapHash,
    /// Its size in pages and its height, with everything below it.
    pub measure: Measure,
    /// What there is to an Instance.
    pub instance: Option<Standing>,
}

/// What there is to an Instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The hash of its Image.
    pub image: CapHash,
    /// Why it was suspended; `None` where it is Idle.
    pub suspended: Option<Why>,
    /// The most that it may count for, in pages, if that was said.
    pub quota: Option<u64>,
    /// The path that it was built for, if that was said.
    pub home: Option<Path>,
}

impl Description {
    /// That of a capability.
    #[must_use]
    pub fn of(capability: &Capability) -> Description {
        let instance = match capability {
            Capability::Instance(instance) => Some(Standing {
                image: instance.image().hash(),
                suspended: match instance.state() {
                    RunState::Idle => None,
                    RunState::Suspended(suspended) => Some(suspended.why),
                },
                quota: instance.quota(),
                home: instance.home().copied(),
            }),
            _ => None,
        };
        Description { kind: capability.tag(), hash: capability.hash(), measure: capability.measure(), instance }
    }
}
