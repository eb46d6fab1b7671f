//! MAP, UNMAP, REGS_GET, REGS_SET.

use std::collections::BTreeSet;

use crate::image::{Image, Source};
use crate::measure::{self, MAX_DYNAMIC_MAPPINGS};
use crate::operate::{Ask, Done};
use crate::state::{Place, State};
use crate::table::Status;
use crate::value::{Dynamic, Run, Suspended, Value};
use crate::world::World;

/// The flag of REGS_SET.
const PC: u8 = 1;

/// The page of a mapping of the Image's at a page, if there is one: the slot and page of its Data, or nothing for an
/// ephemeral one.
fn fixed_at(image: &Image, page: u32) -> Option<Option<(u8, u32)>> {
    image.memory.iter().find_map(|(&first, mapping)| {
        let index = page.checked_sub(first).filter(|&index| index < mapping.pages)?;
        Some(match mapping.source {
            Source::Slot(slot, offset) => Some((slot, offset + index)),
            Source::Ephemeral => None,
        })
    })
}

/// Whether the Image maps this page of a slot anywhere.
fn maps_source(image: &Image, slot: u8, page: u32) -> bool {
    image.memory.values().any(|mapping| match mapping.source {
        Source::Slot(of, offset) => of == slot && page >= offset && page - offset < mapping.pages,
        Source::Ephemeral => false,
    })
}

impl State {
    /// The Image whose space a place is in, and what MAP has mapped there.
    fn space(&mut self, place: &Place) -> Result<(std::rc::Rc<Image>, &mut Dynamic), Status> {
        let Some((_, container)) = place.0.split_last().filter(|(_, container)| !container.is_empty()) else {
            let image = self.running().image.clone();
            return Ok((image, &mut self.frame_mut().dynamic));
        };
        match self.value_mut(&Place(container.to_vec())) {
            Some(Value::Instance(instance)) => match &mut instance.run {
                Run::Suspended(suspended) => {
                    instance.table.changes += 1;
                    Ok((instance.image.clone(), &mut suspended.dynamic))
                }
                Run::Idle | Run::Live => Err(Status::Busy),
            },
            _ => Err(Status::Kind),
        }
    }

    fn suspended(&self, place: &Place) -> Result<(&Image, &Suspended), Status> {
        match self.present(place)? {
            Value::Instance(instance) => match &instance.run {
                Run::Suspended(suspended) => Ok((&instance.image, suspended)),
                Run::Idle | Run::Live => Err(Status::Busy),
            },
            _ => Err(Status::Kind),
        }
    }
}

fn few_enough(dynamic: &Dynamic) -> Result<(), Status> {
    if measure::entries(dynamic).len() > MAX_DYNAMIC_MAPPINGS { Err(Status::Full) } else { Ok(()) }
}

impl World {
    pub(crate) fn map(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let [_, first, offset, pages] = ask.operands.map(|operand| operand as u32);
        let slot = place.0[place.0.len() - 1];
        let writable = ask.last == 1;
        let (image, dynamic) = self.state.space(place)?;
        for index in 0..pages {
            if fixed_at(&image, first + index).is_some() || dynamic.contains_key(&(first + index)) {
                return Err(Status::Full);
            }
        }
        let sources: BTreeSet<(u8, u32)> = dynamic.values().map(|&(of, page, _)| (of, page)).collect();
        for index in 0..pages {
            if sources.contains(&(slot, offset + index)) || maps_source(&image, slot, offset + index) {
                return Err(Status::Full);
            }
        }
        dynamic.extend((0..pages).map(|index| (first + index, (slot, offset + index, writable))));
        few_enough(dynamic)?;
        Ok(Done::default())
    }

    pub(crate) fn unmap(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let [_, first, pages, _] = ask.operands.map(|operand| operand as u32);
        let (image, dynamic) = self.state.space(place)?;
        if (first..first + pages).any(|page| fixed_at(&image, page).is_some()) {
            return Err(Status::Range);
        }
        dynamic.retain(|page, _| !(first..first + pages).contains(page));
        few_enough(dynamic)?;
        Ok(Done::default())
    }

    pub(crate) fn regs_get(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let (_, suspended) = self.state.suspended(place)?;
        let mut record: Vec<u8> = suspended.registers.iter().flat_map(|register| register.to_le_bytes()).collect();
        record.extend(suspended.pc.to_le_bytes());
        record.extend([suspended.why.number(), u8::from(suspended.paid), 0, 0]);
        record.extend(suspended.detail.to_le_bytes());
        let address = ask.operands[1];
        if !self.state.allows(address, record.len() as u64, true) {
            return Err(Status::Range);
        }
        self.state.store_range(address, &record);
        Ok(Done::default())
    }

    pub(crate) fn regs_set(&mut self, ask: &Ask, place: &Place) -> Result<Done, Status> {
        let (image, _) = self.state.suspended(place)?;
        let length = if ask.has(PC) { 108 } else { 104 };
        let address = ask.operands[1];
        if !self.state.allows(address, length, false) {
            return Err(Status::Range);
        }
        let record = self.state.load_range(address, length);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        let pc = ask.has(PC).then(|| number(&record[104..108]) as u32);
        if pc.is_some_and(|pc| !image.script.starts_block(pc)) {
            return Err(Status::Range);
        }
        let Some(Value::Instance(instance)) = self.state.value_mut(place) else { return Err(Status::Kind) };
        instance.table.changes += 1;
        if let Run::Suspended(suspended) = &mut instance.run {
            for (register, bytes) in suspended.registers.iter_mut().zip(record.chunks_exact(8)) {
                *register = number(bytes);
            }
            if let Some(pc) = pc {
                suspended.pc = pc;
                suspended.paid = false;
            }
        }
        Ok(Done::default())
    }
}
