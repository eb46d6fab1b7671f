//! The pipeline cost model of a block, whichever way is faster.

use alloc::vec::Vec;

use super::issued::Issued;
use super::machine::Machine;
use super::schedule::Schedule;
use crate::instruction::Instruction;

/// The pipeline that a block goes through: [issued](Pipeline::issue) instruction by instruction, then
/// [drained](Pipeline::drain). It is empty between blocks.
#[derive(Clone, Debug)]
pub struct Pipeline {
    schedule: Schedule,
    /// Simulates the blocks that cannot be scheduled as they come.
    machine: Machine,
    /// The block so far.
    block: Vec<Issued>,
}

impl Default for Pipeline {
    fn default() -> Pipeline {
        Pipeline::new()
    }
}

impl Pipeline {
    /// An empty pipeline.
    #[must_use]
    pub const fn new() -> Pipeline {
        Pipeline { schedule: Schedule::new(), machine: Machine::new(), block: Vec::new() }
    }

    /// Decodes the next instruction of the block. `latency` is the one of its row of the opcode table (1 to 127
    /// cycles), except for a branch, where it depends on what is on both sides of it.
    #[inline]
    pub fn issue(&mut self, instruction: &Instruction, latency: u8) {
        let issued = Issued::of(instruction, latency);
        self.block.push(issued);
        self.schedule.issue(issued);
    }

    /// Lets all that was issued come to its end, gives the cost of the block (1 and up) and leaves the pipeline empty.
    #[inline]
    pub fn drain(&mut self) -> u32 {
        let cost = self.schedule.drain().unwrap_or_else(|| self.simulate());
        self.block.clear();
        cost
    }

    #[cold]
    fn simulate(&mut self) -> u32 {
        self.block.iter().for_each(|&issued| self.machine.issue(issued));
        self.machine.drain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcode::Opcode;
    use crate::register::{REG_COUNT, Reg};

    /// Numbers in no order, the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 20) as usize % end
        }
    }

    #[test]
    fn what_is_scheduled_costs_what_the_simulation_says() {
        let mut numbers = Numbers(0x6E75_6270_6970_6531);
        let mut pipeline = Pipeline::new();
        let (mut scheduled, mut simulated) = (0, 0);
        for round in 0..6_000 {
            // Few opcodes and few registers make blocks that wait for results and units in many ways.
            let opcodes: Vec<Opcode> =
                (0..1 + numbers.below(6)).map(|_| Opcode::ALL[numbers.below(Opcode::ALL.len())]).collect();
            let registers = 1 + numbers.below(REG_COUNT);
            for _ in 0..numbers.below(80) {
                let mut reg = || Reg::from_nibble(numbers.below(registers) as u8);
                let (a, b, d) = (reg(), reg(), reg());
                let instruction = Instruction { a, b, d, ..Instruction::new(opcodes[numbers.below(opcodes.len())]) };
                pipeline.issue(&instruction, instruction.opcode.row().cost.latency);
            }
            pipeline.issue(&Instruction::new(Opcode::Trap), Opcode::Trap.row().cost.latency);
            let expected = pipeline.simulate();
            match pipeline.schedule.drain() {
                Some(cost) => {
                    scheduled += 1;
                    assert_eq!(cost, expected, "in round {round}: {:?}", pipeline.block);
                }
                None => simulated += 1,
            }
            pipeline.block.clear();
        }
        assert!(scheduled > 1_000 && simulated > 1_000, "{scheduled} were scheduled, {simulated} simulated");
    }
}
