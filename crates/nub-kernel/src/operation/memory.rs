//! MAP and UNMAP: what an address space shows beyond what the Image says.

use javm_cap::{Access, DynamicMapping, DynamicMappings, RunState, Suspended};

use super::operands::low;
use super::{DONE, Operands};
use crate::arch::Arch;
use crate::engine::Answer;
use crate::process::Process;
use crate::published::Published;
use crate::reference::Reference;
use crate::status::Status;

/// Whether two ranges have something in common.
fn overlap(one: (u32, u32), other: (u32, u32)) -> bool {
    let ((first, pages), (second, others)) = (one, other);
    first < second + others && second < first + pages
}

impl Published {
    /// The ranges of pages that the Image maps.
    fn ranges(&self) -> impl Iterator<Item = (u32, u32)> {
        self.image().memory.iter().map(|(&first, mapping)| (first, mapping.pages))
    }
}

/// Adds a mapping where nothing is mapped.
fn add(program: &Published, mappings: &mut DynamicMappings, added: DynamicMapping) -> Result<(), Status> {
    match mappings.in_the_way(program.image(), &added) {
        Some(_) => Err(Status::Full),
        None => mappings.map(added).map_err(|_| Status::Full),
    }
}

impl<A: Arch> Process<'_, A> {
    /// The Suspended Instance whose memory a reference with hops is about, by the reference to it.
    fn suspended_space(&self, place: &Reference) -> Result<Option<(Reference, Suspended)>, Status> {
        let Some(owner) = place.owner() else { return Ok(None) };
        match self.present(&owner)? {
            javm_cap::Capability::Instance(instance) => match instance.state() {
                RunState::Suspended(suspended) => Ok(Some((owner, suspended.clone()))),
                RunState::Idle => Err(Status::Busy),
            },
            _ => Err(Status::Kind),
        }
    }

    fn set_mappings(&mut self, owner: &Reference, mut suspended: Suspended, mappings: DynamicMappings) {
        suspended.mappings = mappings;
        self.change_instance(owner, |instance| {
            let set = instance.set_state(RunState::Suspended(suspended));
            debug_assert!(set.is_ok(), "its ephemeral pages are as many as before");
        });
    }

    /// MAP.
    pub(crate) fn map(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let Some(&slot) = place.slots().last() else { return Err(Status::Range.into()) };
        let access = if operands.last == 1 { Access::ReadWrite } else { Access::ReadOnly };
        let [first_page, offset, pages] = [operands.b(), operands.c(), operands.d()].map(low);
        let added = DynamicMapping { first_page, pages, offset, access, slot };
        match self.suspended_space(&place)? {
            Some((owner, suspended)) => {
                let image = self.instance(&owner)?.image().clone();
                let mut mappings = suspended.mappings.clone();
                add(&self.programs.of(&image), &mut mappings, added)?;
                self.set_mappings(&owner, suspended, mappings);
            }
            None => {
                let writable = if access == Access::ReadWrite { pages } else { 0 };
                let frame = self.running();
                let mut mappings = frame.dynamic.clone();
                add(&frame.program, &mut mappings, added)?;
                if self.writable + writable > self.chain.parameters.writable_pages {
                    return Err(Status::Quota.into());
                }
                self.writable += writable;
                let frame = self.top();
                frame.call.writable += writable;
                frame.map(mappings, added);
            }
        }
        DONE
    }

    /// UNMAP.
    pub(crate) fn unmap(&mut self, operands: &Operands) -> Answer {
        let place = self.walk(low(operands.a()))?;
        let [first_page, pages] = [operands.b(), operands.c()].map(low);
        let is_by_image = |program: &Published| program.ranges().any(|range| overlap(range, (first_page, pages)));
        match self.suspended_space(&place)? {
            Some((owner, suspended)) => {
                let image = self.instance(&owner)?.image().clone();
                if is_by_image(&self.programs.of(&image)) {
                    return Err(Status::Range.into());
                }
                let mut mappings = suspended.mappings.clone();
                mappings.unmap(first_page, pages).map_err(|_| Status::Full)?;
                self.set_mappings(&owner, suspended, mappings);
            }
            None => {
                let frame = self.running();
                if is_by_image(&frame.program) {
                    return Err(Status::Range.into());
                }
                let mut mappings = frame.dynamic.clone();
                mappings.unmap(first_page, pages).map_err(|_| Status::Full)?;
                let frame = self.top();
                let gone = frame.unmap(mappings, first_page, pages);
                frame.call.writable -= gone;
                self.writable -= gone;
            }
        }
        DONE
    }
}
