//! Where the memory of an Image lies in polkavm.
//!
//! polkavm has two kinds of memory. Its ordinary one is faster and knows four ranges at places of its own: read-only
//! data at 0x1_0000, read-write data at a multiple of 64 KiB at least that much behind it, the stack near the end. An
//! Image whose memory map has room for this is given it (the stack moves, which a program does not notice). Any other
//! one is given *dynamic paging*, where each page lies where it should.

use javm_cap::{Access, Backing, Image, PAGE_SIZE, SCRATCHPAD_SLOT, ValidImage};
use polkavm::{MemoryMap, MemoryProtection, ProgramParts, RawInstance};

/// The unit of polkavm's ordinary memory.
const UNIT: u32 = 0x1_0000;

struct Region {
    address: u32,
    content: Vec<u8>,
    writable: bool,
    /// The slot whose Data it shows, unless it is zero at each call.
    slot: Option<u8>,
}

impl Region {
    fn end(&self) -> u32 {
        self.address + self.content.len() as u32
    }
}

/// What lies where.
pub(super) struct Plan {
    regions: Vec<Region>,
    /// The stack, out of the regions.
    stack: Option<Region>,
    /// Where read-write data begins, with ordinary memory.
    read_write: Option<u32>,
}

impl Plan {
    pub(super) fn of(image: &ValidImage) -> Result<Plan, String> {
        let image = image.image();
        let mut regions = Vec::new();
        for (&page, mapping) in &image.memory {
            regions.push(region(image, page, mapping)?);
        }
        // The stack is what every endpoint's stack pointer starts in.
        let pointer = image.endpoints.first().map_or(0, |endpoint| endpoint.registers[1]);
        let is_stack = |region: &Region| {
            (u64::from(region.address)..=u64::from(region.end())).contains(&pointer) && region.slot.is_none()
        };
        let stack = regions.iter().position(is_stack).map(|index| regions.remove(index));
        let read_write = ordinary(&regions);
        Ok(Plan { regions, stack, read_write })
    }

    pub(super) fn is_paged(&self) -> bool {
        self.read_write.is_none()
    }

    pub(super) fn page_size(&self) -> u32 {
        PAGE_SIZE as u32
    }

    /// Says to polkavm what there is, as far as it arranges it itself.
    pub(super) fn declare(&self, parts: &mut ProgramParts) {
        let Some(read_write) = self.read_write else { return };
        let (mut constants, mut variables) = (Vec::new(), Vec::new());
        for region in &self.regions {
            let (bytes, start) = if region.writable { (&mut variables, read_write) } else { (&mut constants, UNIT) };
            bytes.resize((region.address - start) as usize, 0);
            bytes.extend_from_slice(&region.content);
        }
        // Read-only data pushes read-write data to its place.
        let read_only_size = (read_write - 2 * UNIT).max(constants.len() as u32);
        parts.ro_data_size = read_only_size;
        parts.ro_data = constants.into();
        parts.rw_data_size = variables.len() as u32;
        // What is zero at the end need not be stored.
        let stored = variables.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        variables.truncate(stored);
        parts.rw_data = variables.into();
        parts.stack_size = self.stack.as_ref().map_or(0, |stack| stack.content.len() as u32);
    }

    /// Makes the memory what a fresh Instance has.
    pub(super) fn fill(&self, instance: &mut RawInstance) -> Result<(), String> {
        instance.reset_memory().map_err(|error| error.to_string())?;
        if !self.is_paged() {
            return Ok(());
        }
        for region in self.regions.iter().chain(&self.stack) {
            let length = region.content.len() as u32;
            let mut put = || {
                instance.zero_memory_with_memory_protection(region.address, length, MemoryProtection::ReadWrite)?;
                if region.slot.is_some() {
                    instance.write_memory(region.address, &region.content)?;
                }
                if !region.writable {
                    instance.protect_memory(region.address, length)?;
                }
                Ok(())
            };
            put().map_err(|error: polkavm::MemoryAccessError| error.to_string())?;
        }
        Ok(())
    }

    /// Makes zero what no call leaves to the next: the scratchpad, the stack, and whatever else is zero at each call.
    pub(super) fn forget(&self, instance: &mut RawInstance, map: &MemoryMap) -> Result<(), String> {
        let per_call = self.regions.iter().filter(|region| matches!(region.slot, None | Some(SCRATCHPAD_SLOT)));
        let stack = self.stack.iter().map(|stack| match self.is_paged() {
            true => (stack.address, stack.content.len() as u32),
            false => (map.stack_address_low(), map.stack_size()),
        });
        for (address, length) in per_call.map(|region| (region.address, region.content.len() as u32)).chain(stack) {
            instance.zero_memory(address, length).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The stack pointer that stands where `pointer` stands in nub.
    pub(super) fn stack_pointer(&self, pointer: u64, map: &MemoryMap) -> u64 {
        match &self.stack {
            Some(stack) if !self.is_paged() => u64::from(map.stack_address_high()) - (u64::from(stack.end()) - pointer),
            _ => pointer,
        }
    }

    /// Where the scratchpad's first byte is.
    pub(super) fn scratchpad(&self) -> Option<u32> {
        self.scratchpad_range().map(|(address, _)| address)
    }

    /// Where the scratchpad is, and its length.
    pub(super) fn scratchpad_range(&self) -> Option<(u32, u32)> {
        let region = self.regions.iter().find(|region| region.slot == Some(SCRATCHPAD_SLOT))?;
        Some((region.address, region.content.len() as u32))
    }
}

fn region(image: &Image, page: u32, mapping: &javm_cap::Mapping) -> Result<Region, String> {
    let mut content = vec![0; mapping.pages as usize * PAGE_SIZE];
    let slot = match mapping.backing {
        Backing::Ephemeral => None,
        Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages } => {
            if offset_pages != 0 {
                return Err("it maps its scratchpad from the middle".into());
            }
            Some(SCRATCHPAD_SLOT)
        }
        Backing::Persistent { slot, offset_pages } => {
            let data = image.slots.get(&slot).ok_or_else(|| format!("it maps slot {slot}, which starts empty"))?;
            data.read(u64::from(offset_pages) * PAGE_SIZE as u64, &mut content).map_err(|error| error.to_string())?;
            Some(slot)
        }
    };
    let writable = mapping.access == Access::ReadWrite;
    Ok(Region { address: page * PAGE_SIZE as u32, content, writable, slot })
}

/// Where read-write data would begin in polkavm's ordinary memory, if everything fits into that. Regions are in order.
fn ordinary(regions: &[Region]) -> Option<u32> {
    let first_writable = regions.iter().position(|region| region.writable).unwrap_or(regions.len());
    let (constants, variables) = regions.split_at(first_writable);
    if variables.iter().any(|region| !region.writable) {
        return None;
    }
    let constants_end = constants.last().map_or(UNIT, Region::end);
    let least = constants_end.next_multiple_of(UNIT) + UNIT;
    let start = variables.first().map_or(least, |region| region.address / UNIT * UNIT);
    (start >= least).then_some(start)
}
