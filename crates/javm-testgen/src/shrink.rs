//! The smallest case that still fails.

use javm_isa::Instruction;
use javm_isa::asm::{Content, Target};

use crate::case::Case;

/// How often a shrinking case is tried at most.
const TRIES: usize = 20_000;

/// Makes `case` smaller for as long as `fails` says that it still fails, and gives the smallest one found: statements
/// are left out, operands set to zero or halved, registers and memory emptied. If `fails` does not hold for `case`
/// itself it comes back as it is.
pub fn shrink(case: &Case, fails: impl FnMut(&Case) -> bool) -> Case {
    let mut shrinker = Shrinker { best: case.clone(), fails, tries: 0 };
    loop {
        let before = shrinker.best.clone();
        shrinker.leave_out_statements();
        shrinker.simplify_statements();
        shrinker.simplify_surroundings();
        if shrinker.best == before || shrinker.tries >= TRIES {
            return shrinker.best;
        }
    }
}

struct Shrinker<F> {
    best: Case,
    fails: F,
    tries: usize,
}

impl<F: FnMut(&Case) -> bool> Shrinker<F> {
    /// Keeps what `change` makes of the best case if that still fails.
    fn attempt(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        let mut changed = self.best.clone();
        change(&mut changed);
        if changed == self.best || self.tries >= TRIES || changed.listing.assemble().is_err() {
            return false;
        }
        self.tries += 1;
        let kept = (self.fails)(&changed);
        if kept {
            self.best = changed;
        }
        kept
    }

    /// Leaves out stretches of statements, long ones first.
    fn leave_out_statements(&mut self) {
        let mut length = self.best.listing.statements.len();
        while length > 0 {
            let mut start = 0;
            while start < self.best.listing.statements.len() {
                let left_out = self.attempt(|case| {
                    let end = (start + length).min(case.listing.statements.len());
                    for _ in start..end {
                        case.listing.remove(start);
                    }
                });
                if !left_out {
                    start += length;
                }
            }
            length /= 2;
        }
    }

    fn simplify_statements(&mut self) {
        for index in 0..self.best.listing.statements.len() {
            for simpler in SIMPLER {
                // The same simplification may help more than once: halving an immediate.
                while self.attempt(|case| {
                    if let Content::Instruction { instruction, .. } = &mut case.listing.statements[index].content {
                        simpler(instruction);
                    }
                }) {}
            }
            self.attempt(|case| {
                if let Content::Instruction { lengths, .. } = &mut case.listing.statements[index].content {
                    *lengths = Default::default();
                }
            });
            self.attempt(|case| {
                if let Content::Raw(bytes) | Content::Gap(bytes) = &mut case.listing.statements[index].content {
                    bytes.truncate(1);
                }
            });
        }
    }

    fn simplify_surroundings(&mut self) {
        while self.attempt(|case| {
            case.listing.jump_table.pop();
        }) {}
        for index in 0..self.best.listing.jump_table.len() {
            self.attempt(|case| case.listing.jump_table[index] = Target::Offset(0));
        }
        self.attempt(|case| case.listing.entry_width = None);
        for index in 0..self.best.registers.len() {
            self.attempt(|case| case.registers[index] = 0);
            while self.attempt(|case| case.registers[index] /= 2) {}
        }
        self.attempt(|case| case.contents.clear());
        for index in (0..self.best.contents.len()).rev() {
            self.attempt(|case| {
                case.contents.remove(index);
            });
        }
        for index in (0..self.best.memory.len()).rev() {
            self.attempt(|case| {
                let gone = case.memory.remove(index);
                case.contents.retain(|(address, _)| address.wrapping_sub(gone.address) >= gone.length);
            });
        }
    }
}

/// Ways to make an instruction simpler.
const SIMPLER: [fn(&mut Instruction); 4] = [
    |instruction| instruction.x = 0,
    |instruction| instruction.y = 0,
    |instruction| instruction.x = (instruction.x as i64 / 2) as u64,
    |instruction| instruction.y = (instruction.y as i64 / 2) as u64,
];
