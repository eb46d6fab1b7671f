//! The handle over every machine: the same surface, the same results, and what happens when a guest ends. What needs KVM
//! says so, and is skipped, where there is none.

mod admission;
mod chains;
mod endings;
mod memory;
mod queries;
mod settings;
mod surface;
mod trees;
mod windows;

use nub::{ArchChoice, Builder, Error, Grants, InstanceId, Nub};

const COUNTER: &[u8] = include_bytes!("../../../../guests/images/counter.nub");
const FAULTS: &[u8] = include_bytes!("../../../../guests/images/faults.nub");

/// A handle, or `None`, with the reason printed, where this computer has no virtual machine.
fn built(builder: Builder) -> Option<Nub> {
    let builder = match std::env::var("NUB_PRIVILEGE").as_deref() {
        Ok("supervisor") => builder.privilege(nub::Privilege::Supervisor),
        Ok("user") => builder.privilege(nub::Privilege::User),
        _ => builder,
    };
    match builder.build() {
        Ok(nub) => Some(nub),
        Err(Error::NoKvm(why)) => {
            nub_test_skip::without_kvm(&why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Settings for a guest with little memory, whose host does not give up on a busy computer.
fn kvm() -> Builder {
    let patience = std::time::Duration::from_secs(20);
    Nub::builder().arch(ArchChoice::Kvm).memory(128 << 20).patience(patience).failures(true)
}

fn instance(nub: &mut Nub, image: &[u8]) -> InstanceId {
    let image = nub.publish(image).unwrap_or_else(|error| panic!("{error}"));
    nub.instantiate(&image, &Grants::services()).unwrap_or_else(|error| panic!("{error}"))
}
