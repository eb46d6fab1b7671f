//! What stands in the guest's memory when it starts: the processor's tables, the page tables, the stacks, the kernel.
//!
//! The guest finds everything made, so that it needs no instruction of ring 0 to start, and its first instruction is
//! compiled code.

#![allow(unsafe_code)]

use nub_arch_x86_abi::boot::BOOT_MAGIC;
use nub_arch_x86_abi::layout::{self, BOOT_INFO, LARGE_PAGE, LINEAR_BASE, PAGE, Stack};
use nub_arch_x86_abi::port::{DEBUG_PORT, EVENT_PORT};
use nub_arch_x86_abi::trap::{KERNEL_CODE, STUB_SIZE, TASK_STATE, VECTORS, vector};
use nub_arch_x86_abi::{ABI_VERSION, BootInfo, Privilege};

use crate::config::Config;
use crate::error::Error;
use crate::hashing::Hashing;
use crate::hypervisor::Start;
use crate::image::Image;
use crate::memory::GuestMemory;

/// The bits of a page table's entry.
mod entry {
    pub(super) const PRESENT: u64 = 1;
    pub(super) const WRITABLE: u64 = 1 << 1;
    pub(super) const USER: u64 = 1 << 2;
    pub(super) const LARGE: u64 = 1 << 7;
    pub(super) const NO_EXECUTE: u64 = 1 << 63;
    pub(super) const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
}

/// Lays out memory from the end of the slots on.
pub(crate) struct Loader<'a> {
    memory: &'a GuestMemory,
    /// The first byte that is not in use.
    next: u64,
    root: u64,
    user: bool,
}

fn full() -> Error {
    Error::Config("the guest's memory is too small for what it starts with: give it more".into())
}

impl<'a> Loader<'a> {
    pub(crate) fn new(memory: &'a GuestMemory, lanes: usize, user: bool) -> Result<Loader<'a>, Error> {
        let next = layout::slot(lanes).next_multiple_of(PAGE);
        let mut loader = Loader { memory, next, root: 0, user };
        loader.root = loader.take(PAGE)?;
        Ok(loader)
    }

    /// Memory in whole pages, all zero as it is new.
    fn take(&mut self, size: u64) -> Result<u64, Error> {
        let start = self.next;
        self.next =
            start.checked_add(size.next_multiple_of(PAGE)).filter(|&end| end <= self.memory.size()).ok_or_else(full)?;
        Ok(start)
    }

    fn write(&self, physical: u64, bytes: &[u8]) -> Result<(), Error> {
        if self.memory.write(physical, bytes) { Ok(()) } else { Err(full()) }
    }

    /// Where the entry for an address is, in the table of a level: 4 is the root's, 1 that of pages.
    fn entry(&mut self, address: u64, level: u32) -> Result<u64, Error> {
        let mut table = self.root;
        let mut at = 4;
        loop {
            let place = table + (address >> (12 + 9 * (at - 1)) & 511) * 8;
            if at == level {
                return Ok(place);
            }
            let present = self.memory.word(place);
            table = if present & entry::PRESENT != 0 {
                present & entry::ADDRESS
            } else {
                let new = self.take(PAGE)?;
                // Rights are those of the last table.
                self.write(place, &(new | entry::PRESENT | entry::WRITABLE | entry::USER).to_le_bytes())?;
                new
            };
            at -= 1;
        }
    }

    fn map(&mut self, address: u64, physical: u64, level: u32, writable: bool, executable: bool) -> Result<(), Error> {
        let mut bits = physical | entry::PRESENT;
        for (set, bit) in [
            (writable, entry::WRITABLE),
            (self.user, entry::USER),
            (level > 1, entry::LARGE),
            (!executable, entry::NO_EXECUTE),
        ] {
            bits |= if set { bit } else { 0 };
        }
        let place = self.entry(address, level)?;
        self.write(place, &bits.to_le_bytes())
    }

    /// Maps pages one by one to memory in a row.
    fn map_pages(&mut self, address: u64, physical: u64, size: u64, writable: bool, run: bool) -> Result<(), Error> {
        (0..size.div_ceil(PAGE))
            .try_for_each(|page| self.map(address + page * PAGE, physical + page * PAGE, 1, writable, run))
    }

    /// Maps physical memory, by large pages.
    pub(crate) fn map_linear(&mut self, size: u64) -> Result<(), Error> {
        (0..size / LARGE_PAGE)
            .try_for_each(|page| self.map(LINEAR_BASE + page * LARGE_PAGE, page * LARGE_PAGE, 2, true, false))
    }

    /// Puts code at an address.
    pub(crate) fn load(
        &mut self,
        address: u64,
        bytes: &[u8],
        size: u64,
        writable: bool,
        run: bool,
    ) -> Result<(), Error> {
        let physical = self.take(size)?;
        self.write(physical, bytes)?;
        self.map_pages(address, physical, size, writable, run)
    }

    fn stacks(&mut self, lane: usize) -> Result<(), Error> {
        for stack in Stack::ALL {
            let physical = self.take(stack.size())?;
            self.map_pages(stack.top(lane) - stack.size(), physical, stack.size(), true, false)?;
        }
        Ok(())
    }

    /// The interrupt descriptors: each vector leads to its stub. Gives their physical address, and their limit.
    pub(crate) fn interrupts(&mut self, stubs: u64) -> Result<(u64, u16), Error> {
        let mut descriptors = Vec::new();
        for number in 0..VECTORS as u64 {
            let stub = stubs + number * STUB_SIZE;
            let stack: u64 = match number as u8 {
                vector::DOUBLE_FAULT => 2,
                vector::NMI | vector::MACHINE_CHECK => 3,
                _ => 1,
            };
            // What a kernel without privilege may raise itself.
            let ring = if number as u8 == vector::BREAKPOINT { 3 } else { 0 };
            const INTERRUPT_GATE: u64 = 14;
            let low = stub & 0xffff
                | u64::from(KERNEL_CODE) << 16
                | stack << 32
                | (INTERRUPT_GATE | ring << 5 | 1 << 7) << 40
                | (stub >> 16 & 0xffff) << 48;
            descriptors.extend_from_slice(&low.to_le_bytes());
            descriptors.extend_from_slice(&(stub >> 32).to_le_bytes());
        }
        let physical = self.take(descriptors.len() as u64)?;
        self.write(physical, &descriptors)?;
        Ok((physical, descriptors.len() as u16 - 1))
    }

    /// The segment descriptors and the task state segment of a lane, in one page. Gives their addresses.
    fn segments(&mut self, lane: usize) -> Result<[(u64, u16); 2], Error> {
        const TASK_OFFSET: u64 = 256;
        const TASK_SIZE: usize = PORTS_OFFSET + PORTS_SIZE;
        // The ports that may be used without privilege, a bit each, 0 for those that may; the last byte has to be all
        // ones.
        const PORTS_OFFSET: usize = 104;
        const PORTS_SIZE: usize = EVENT_PORT as usize / 8 + 2;
        let physical = self.take(PAGE)?;
        let task = LINEAR_BASE + physical + TASK_OFFSET;
        let code = |ring: u64| 0x00af_9b00_0000_ffff | ring << 45;
        let data = |ring: u64| 0x00cf_9300_0000_ffff | ring << 45;
        let task_low = (TASK_SIZE as u64 - 1) | (task & 0xff_ffff) << 16 | 0x8b << 40 | (task >> 24 & 0xff) << 56;
        let descriptors = [0, code(0), data(0), data(3), code(3), task_low, task >> 32];
        for (index, descriptor) in descriptors.iter().enumerate() {
            self.write(physical + 8 * index as u64, &descriptor.to_le_bytes())?;
        }
        let mut state = [0; TASK_SIZE];
        // The interrupt stacks, from the first on, stand from byte 36 on; no rights for ports behind the end.
        for (index, stack) in [Stack::Trap, Stack::DoubleFault, Stack::Machine].into_iter().enumerate() {
            state[36 + 8 * index..][..8].copy_from_slice(&stack.top(lane).to_le_bytes());
        }
        state[102..PORTS_OFFSET].copy_from_slice(&(PORTS_OFFSET as u16).to_le_bytes());
        state[PORTS_OFFSET..].fill(0xff);
        for port in (EVENT_PORT..EVENT_PORT + 4).chain([DEBUG_PORT]) {
            state[PORTS_OFFSET + usize::from(port / 8)] &= !(1 << (port % 8));
        }
        self.write(physical + TASK_OFFSET, &state)?;
        Ok([(LINEAR_BASE + physical, descriptors.len() as u16 * 8 - 1), (task, TASK_SIZE as u16 - 1)])
    }

    /// What a lane's processor starts with, in code at `instruction`.
    pub(crate) fn start(
        &mut self,
        lane: usize,
        instruction: u64,
        interrupts: (u64, u16),
        xcr0: u64,
    ) -> Result<Start, Error> {
        let [segments, task] = self.segments(lane)?;
        Ok(Start {
            user: self.user,
            instruction,
            stack: Stack::Main.top(lane),
            arguments: [LINEAR_BASE + BOOT_INFO, lane as u64],
            root: self.root,
            segments,
            interrupts: (LINEAR_BASE + interrupts.0, interrupts.1),
            task,
            xcr0,
        })
    }
}

const _: () = assert!(TASK_STATE as usize == 5 * 8);

/// The extended state that both this host and the kernel know: x87, SSE, AVX, AVX-512.
pub(crate) fn extended_state() -> u64 {
    const KNOWN: u64 = 0b1110_0111;
    if !std::arch::is_x86_feature_detected!("xsave") {
        return 0;
    }
    // SAFETY: the processor has XSAVE, and a system that says so has switched it on.
    unsafe { std::arch::x86_64::_xgetbv(0) & KNOWN }
}

/// Lays out a guest and says what each lane's processor starts with.
pub(crate) fn prepare(
    memory: &GuestMemory,
    image: &Image,
    config: &Config,
    privilege: Privilege,
    hashing: Hashing,
) -> Result<Vec<Start>, Error> {
    let user = privilege == Privilege::User;
    let mut loader = Loader::new(memory, config.lanes, user)?;
    loader.map_linear(memory.size())?;
    for segment in &image.segments {
        loader.load(segment.address, segment.bytes, segment.size, segment.writable, segment.executable)?;
    }
    let xcr0 = extended_state();
    let interrupts = loader.interrupts(image.stubs[usize::from(user)])?;
    let mut starts = Vec::new();
    for lane in 0..config.lanes {
        loader.stacks(lane)?;
        starts.push(loader.start(lane, image.entry, interrupts, xcr0)?);
    }
    let free = loader.next.next_multiple_of(LARGE_PAGE);
    let info = BootInfo {
        magic: BOOT_MAGIC,
        version: ABI_VERSION,
        privilege: privilege as u32,
        lanes: config.lanes as u32,
        test_requests: u32::from(config.test_requests),
        log: u32::from(config.log),
        has_avx2: u32::from(hashing == Hashing::Avx2),
        memory: memory.size(),
        free,
        root: loader.root,
        interrupts: interrupts.0,
        xcr0,
        seed: config.seed,
    };
    loader.write(BOOT_INFO, &info.to_bytes())?;
    Ok(starts)
}
