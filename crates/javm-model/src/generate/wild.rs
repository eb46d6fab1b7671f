//! Operations with any operands: a few at the edges of their ranges, references to anything.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{CALLABLE, CHILD, FREE, FREE_SLOTS, Generator, IMAGE, MEMORY, SERVICE, SLOTS, STOPPED, TABLE, TYPEDEF};
use crate::script::Request;
use crate::table::Operation;

impl Generator {
    fn reference(&mut self) -> u32 {
        let hops = self.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]);
        let mut bytes = [self.pick(&SLOTS), 0, 0, 0];
        for hop in &mut bytes[1..=hops] {
            *hop = self.pick(&[1, IMAGE, TYPEDEF, CHILD, TABLE, CALLABLE, STOPPED]);
        }
        if self.one_in(40) {
            bytes[self.rng.random_range(1..4)] = self.rng.random();
        }
        u32::from_le_bytes(bytes)
    }

    /// A reference that often leads to what usually stands in this slot.
    fn likely(&mut self, slot: u8) -> u32 {
        let below = u32::from_le_bytes([slot, self.pick(&[CHILD, TABLE]), 0, 0]);
        let (own, any) = (slot.into(), self.reference());
        self.pick(&[own, own, own, own, below, any])
    }

    /// A reference to what may well be empty.
    fn destination(&mut self) -> u64 {
        let (free, any) = (self.pick(&FREE_SLOTS), self.reference());
        let below = u32::from_le_bytes([free, self.pick(&[CHILD, TABLE]), 0, 0]);
        self.pick(&[free.into(), free.into(), below, any]).into()
    }

    /// Two of them in a register, the second one often the beginning of the first one, below it, or the same.
    fn pair(&mut self) -> u64 {
        let first = self.reference();
        let second = match self.rng.random_range(0..8) {
            0 => first,
            1 if first.to_le_bytes()[3] == 0 => {
                // A slot of what the first one names: its slots become hops.
                let [slot, hops @ ..] = first.to_le_bytes();
                let end = hops.iter().position(|&hop| hop == 0).unwrap_or(3);
                let mut bytes = [self.pick(&SLOTS), 0, 0, 0];
                bytes[1..=end].copy_from_slice(&hops[..end]);
                if end < 3 {
                    bytes[end + 1] = slot;
                }
                u32::from_le_bytes(bytes)
            }
            _ => self.destination() as u32,
        };
        let (first, second) = if self.one_in(6) { (second, first) } else { (first, second) };
        u64::from(first) | u64::from(second) << 32
    }

    pub(super) fn address(&mut self) -> u64 {
        let [stack, state, fixed, scratchpad] = MEMORY;
        let often: Vec<_> = [0, 0, 0, 1, 1, 3].into_iter().filter(|index| self.mapped.contains(index)).collect();
        let usual = often.choose(&mut self.rng).map_or(stack, |&index| MEMORY[index]);
        let rare = self.pick(&[state, fixed, scratchpad, (FREE, 4), (0, 1), ((1 << 20) - 1, 1)]);
        let (first, pages) = if self.one_in(20) { rare } else { usual };
        let offset = self.pick(&[0, 0, 1, 4000, 4090, 4096, 8188]);
        (u64::from(first) * 4096 + offset).min(u64::from(first + pages) * 4096 - 1)
    }

    pub(super) fn number(&mut self) -> u64 {
        let near = self.rng.random_range(0..8);
        self.pick(&[0, 1, 2, near, near, 4096, u64::MAX])
    }

    pub(super) fn pages(&mut self) -> u64 {
        self.pick(&[0, 1, 1, 2, 2, 3, 4, 1 << 20, (1 << 20) + 1])
    }

    pub(super) fn wild_request(&mut self, operation: Operation) -> Request {
        use Operation::*;
        let reference = |of: &mut Generator| u64::from(of.reference());
        let operands = match operation {
            Copy | Move | Swap => [self.pair(), 0, 0, 0],
            Upgrade => [u64::from(self.likely(CHILD)) | u64::from(self.likely(IMAGE)) << 32, 0, 0, 0],
            Drop | Stat => [reference(self), 0, 0, 0],
            NewCNode => [self.destination(), 0, 0, 0],
            NewData => [self.pages(), self.destination(), 0, 0],
            Resize => [reference(self), self.pages(), 0, 0],
            Read | Write => [
                u64::from(self.likely(40)),
                self.number(),
                self.address(),
                self.pick(&[0, 1, 8, 100, 4096, 5000, 1 << 33]),
            ],
            Spawn => [u64::from(self.likely(IMAGE)) | self.destination() << 32, self.likely(TABLE).into(), 0, 0],
            Mint => {
                let mask = self.pick(&[0, 0, 0, 0x2_0000, 0x8000]);
                let places = u64::from(self.likely(CHILD)) | self.destination() << 32;
                [
                    places,
                    u64::from(self.likely(TYPEDEF)) | mask << 32,
                    self.pick(&[0, 50_000, u64::MAX]),
                    self.rng.random(),
                ]
            }
            Attenuate => [
                u64::from(self.likely(CALLABLE)) | self.destination() << 32,
                self.pick(&[0, 0, 0x2_0000, 0x3_0000, 1 << 32]),
                self.pick(&[0, 50_000, u64::MAX]),
                0,
            ],
            Map => {
                let page = self.pick(&[FREE, FREE, FREE + 1, FREE + 3, 0x30, 15, (1 << 20) - 2]);
                [reference(self), page.into(), self.pick(&[0, 0, 1, 2, 1 << 20]), self.pick(&[0, 1, 1, 2, 4])]
            }
            Unmap => {
                [reference(self) & !0xff, self.pick(&[FREE, FREE + 1, 0x30, 15]).into(), self.pick(&[0, 1, 2, 4]), 0]
            }
            Call => [self.number(), self.number(), self.number(), self.number()],
            Resume | Yield => [self.rng.random(), 0, 0, 0],
            RegsGet | RegsSet => [self.likely(STOPPED).into(), self.address(), 0, 0],
            Hash => [reference(self), self.address(), 0, 0],
            SetQuota => {
                [self.likely(CHILD).into(), self.pick(&[0, 8, 10, 12, 20, 100, 1 << 40, (1 << 40) + 1, u64::MAX]), 0, 0]
            }
            SelfRecord => [self.address(), 0, 0, 0],
            Gas | Quota => [0; 4],
        };
        let mut flags = self.rng.random::<u8>() & operation.flags();
        if self.one_in(60) {
            flags = self.rng.random();
        }
        let mut request = Request::new(operation, &operands).flags(flags);
        if matches!(operation, Call | Resume) {
            let right =
                if operation == Call { self.pick(&[CALLABLE, CHILD, SERVICE]) } else { self.pick(&[CHILD, STOPPED]) };
            request.word |= u64::from(self.likely(right)) << 32;
            if operation == Call {
                request.word |= self.pick(&[0, 0, 0, 1, 1, 2, 300]) << 16;
            }
            request.last = self.pick(&[0, 0, 0, 500, 1_500, 5_000, 100_000]);
        } else if operation == Map {
            request.last = self.pick(&[0, 1, 1, 2]);
        }
        if self.one_in(60) {
            request.operands[self.rng.random_range(0..4)] = self.rng.random();
        }
        request
    }
}
