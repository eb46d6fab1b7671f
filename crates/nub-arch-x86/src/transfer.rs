//! Capabilities on their way from the host and to it, as archives: part by part, so that there is never a second copy of one.
//!
//! What came from the host is held under its hash until the host releases it; what goes there is kept under a ticket until
//! its last part is gone. A lane never waits for the kernel here.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;

use javm_cap::archive::{Reader, Weight, Writer};
use javm_cap::{CapHash, Capability, PAGE_SIZE, RunState};
use nub_arch_x86_abi::reply::{Found, Part, Refused, Standing};
use nub_kernel::Kernel;
use spin::Mutex;

use crate::machine::X86Arch;
use crate::room::Room;

/// A part that goes to the host has so many bytes, and those of one node more.
const PART: usize = 240 << 10;

/// The same where there is little memory.
const SMALL_PART: usize = 16 << 10;

/// For a part of this length that goes to the host, and what is remembered of its nodes.
const fn sending(part: usize) -> Room {
    Room { block: 4 * part as u64, heap: 12 * part as u64, frames: 0 }
}

/// Taken after [`KERNEL`](crate::serve::KERNEL) where both are.
static TRANSFER: Mutex<Transfer> = Mutex::new(Transfer {
    incoming: None,
    held: BTreeMap::new(),
    outgoing: BTreeMap::new(),
    next_ticket: 0,
    published: BTreeSet::new(),
});

struct Transfer {
    incoming: Option<Reader>,
    held: BTreeMap<CapHash, Capability>,
    outgoing: BTreeMap<u64, Writer>,
    next_ticket: u64,
    /// The Images that the kernel has and the host knows of: here, too, as the kernel may be busy.
    published: BTreeSet<CapHash>,
}

/// An Image was published.
pub(crate) fn published(image: CapHash) {
    TRANSFER.lock().published.insert(image);
}

/// An Image was unpublished.
pub(crate) fn unpublished(image: &CapHash) {
    TRANSFER.lock().published.remove(image);
}

/// Reads a part of an archive, if there is memory for what is in it. What was read of it so far is forgotten where it is refused.
pub(crate) fn receive(kernel: &Kernel<X86Arch>, is_first: bool, part: &[u8]) -> Result<(), Refused> {
    let begun = TRANSFER.lock().incoming.take();
    let malformed = |error: &dyn core::fmt::Display| Refused::Archive(error.to_string());
    let mut reader = match (is_first, begun) {
        (true, _) => Reader::new(u64::MAX),
        (false, Some(reader)) => reader,
        (false, None) => return Err(malformed(&"its first part is missing")),
    };
    let weight = Weight::of(part, reader.nodes().saturating_add(1)).map_err(|error| malformed(&error))?;
    // The list of all nodes grows by being copied.
    let list = 96 * (u64::from(reader.nodes()) + u64::from(weight.nodes));
    let frames = u64::from(weight.pages) * PAGE_SIZE as u64;
    Room { block: weight.block.max(list), heap: weight.rest, frames }.to_stay()?;
    reader.read(part, |hash| kernel.valid_image(hash)).map_err(|error| malformed(&error))?;
    TRANSFER.lock().incoming = Some(reader);
    Ok(())
}

/// Holds what was received, which is to have this hash.
pub(crate) fn hold(hash: CapHash) -> Result<(), Refused> {
    let malformed = |error: &dyn core::fmt::Display| Refused::Archive(error.to_string());
    let reader = TRANSFER.lock().incoming.take().ok_or_else(|| malformed(&"nothing was received"))?;
    let capability = reader.finish().map_err(|error| malformed(&error))?;
    let found = capability.hash();
    if found != hash {
        return Err(malformed(&format_args!("it is that of {found}, not of {hash}")));
    }
    TRANSFER.lock().held.insert(hash, capability);
    Ok(())
}

/// Holds a capability no longer.
pub(crate) fn release(hash: &CapHash) -> bool {
    // Let go of when the lock is free again.
    let released = TRANSFER.lock().held.remove(hash);
    released.is_some()
}

/// A capability that is held.
pub(crate) fn held(hash: &CapHash) -> Result<Capability, Refused> {
    TRANSFER.lock().held.get(hash).cloned().ok_or(Refused::NotHeld(hash.0))
}

/// What the host is told of a capability before it asks for all of it.
pub(crate) fn describe(capability: &Capability) -> Found {
    let measure = capability.measure();
    let instance = match capability {
        Capability::Instance(instance) => Some(Standing {
            image: instance.image().hash().0,
            suspended: match instance.state() {
                RunState::Idle => None,
                RunState::Suspended(suspended) => Some((suspended.why.number(), suspended.why.detail())),
            },
            quota: instance.quota(),
            home: instance.home().map(|home| home.to_vec()),
        }),
        _ => None,
    };
    let (tag, hash) = (capability.tag().number(), capability.hash().0);
    Found { tag, hash, size: measure.size, height: measure.height, instance, ticket: None }
}

/// Has a capability ready to be sent. Gives the ticket.
pub(crate) fn offer(capability: Capability) -> u64 {
    let mut transfer = TRANSFER.lock();
    let ticket = transfer.next_ticket;
    transfer.next_ticket += 1;
    transfer.outgoing.insert(ticket, Writer::new(capability));
    ticket
}

/// The next part of what is sent under a ticket, which is over with the last one, and where it is refused.
pub(crate) fn send(ticket: u64) -> Result<Part, Refused> {
    let unknown = || Refused::Other(alloc::format!("nothing is sent under ticket {ticket}"));
    let mut writer = TRANSFER.lock().outgoing.remove(&ticket).ok_or_else(unknown)?;
    let part = if sending(PART).for_a_call().is_ok() { PART } else { SMALL_PART };
    sending(part).at_all()?;
    let bytes = writer.part(part, |image| TRANSFER.lock().published.contains(image)).unwrap_or_default();
    let is_last = writer.is_done();
    if !is_last {
        TRANSFER.lock().outgoing.insert(ticket, writer);
    }
    Ok(Part { is_last, bytes })
}
