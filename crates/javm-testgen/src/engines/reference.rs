//! A reference to compare with: it decodes each instruction when it comes to it, keeps memory byte by byte, and does
//! nothing to be fast. Written from the specification, not from the engine.

use std::collections::BTreeMap;

use javm_interpreter::{Exit, State};
use javm_isa::{BlockStarts, CostModel, Instruction, Kind, Mode, Opcode, Program, Reg, block_cost};

const PAGE: u64 = 4096;
const HALT: u32 = 0xFFFF_0000;

/// A program on a machine that does nothing to be fast.
pub struct Reference {
    program: Program,
    mode: Mode,
    model: CostModel,
    starts: BlockStarts,
    /// Registers, program counter, gas.
    pub state: State,
    /// The memory.
    pub memory: Bytes,
}

/// Mapped pages: content and whether it may be written.
#[derive(Clone, Default)]
pub struct Bytes {
    /// By address: whether it may be written, and the content.
    pub pages: BTreeMap<u32, (bool, Vec<u8>)>,
    /// Where the heap of `sbrk` ends.
    pub heap_end: u32,
    /// How far it may grow.
    pub heap_limit: u32,
}

impl Bytes {
    /// Maps pages, or changes the rights of those that are there.
    pub fn map(&mut self, address: u32, length: u32, writable: bool) {
        for page in (address..=address + (length - 1)).step_by(PAGE as usize) {
            self.pages.entry(page).or_insert_with(|| (writable, vec![0; PAGE as usize])).0 = writable;
        }
    }

    /// The byte at this address, if it is mapped, and whether it may be written.
    pub fn byte(&mut self, address: u32) -> Option<(bool, &mut u8)> {
        let offset = address % PAGE as u32;
        let (writable, page) = self.pages.get_mut(&(address - offset))?;
        Some((*writable, &mut page[offset as usize]))
    }

    /// The addresses of an access, if all of it is allowed.
    fn check(&mut self, address: u32, length: u32, write: bool) -> Result<Vec<u32>, Exit> {
        let addresses: Vec<u32> = (0..length).map(|offset| address.wrapping_add(offset)).collect();
        if addresses.iter().any(|&address| address < 1 << 16) {
            return Err(Exit::Panic);
        }
        let mut allowed = |address: u32| self.byte(address).is_some_and(|(writable, _)| writable || !write);
        match addresses.iter().copied().filter(|&address| !allowed(address)).min() {
            Some(lowest) => Err(Exit::Fault(lowest / PAGE as u32 * PAGE as u32)),
            None => Ok(addresses),
        }
    }

    fn load(&mut self, address: u32, length: u32) -> Result<u64, Exit> {
        let addresses = self.check(address, length, false)?;
        let mut byte = |address: u32| u64::from(*self.byte(address).expect("checked").1);
        Ok(addresses.into_iter().rev().fold(0, |value, address| value << 8 | byte(address)))
    }

    fn store(&mut self, address: u32, length: u32, value: u64) -> Result<(), Exit> {
        for (offset, address) in self.check(address, length, true)?.into_iter().enumerate() {
            *self.byte(address).expect("checked").1 = value.to_le_bytes()[offset];
        }
        Ok(())
    }

    fn sbrk(&mut self, bytes: u64) -> u64 {
        let old = self.heap_end;
        let end = u64::from(old).saturating_add(bytes);
        if end > u64::from(self.heap_limit) {
            return 0;
        }
        if bytes > 0 {
            let first = u64::from(old) / PAGE * PAGE;
            self.map(first as u32, (end.next_multiple_of(PAGE) - first) as u32, true);
        }
        self.heap_end = end as u32;
        u64::from(old)
    }
}

/// What follows an instruction.
enum Next {
    /// The one behind it.
    Straight,
    /// The block at this offset, whatever stands there.
    Block(u32),
    /// A jump, which needs a block to go to.
    Jump(u32),
}

impl Reference {
    /// A program about to run in this state.
    #[must_use]
    pub fn new(program: &Program, mode: Mode, model: CostModel, state: State, memory: Bytes) -> Reference {
        let starts = program.block_starts(mode);
        Reference { program: program.clone(), mode, model, starts, state, memory }
    }

    /// Runs until something ends the run.
    pub fn run(&mut self) -> Exit {
        if let Err(exit) = self.begin() {
            return exit;
        }
        loop {
            if let Err(exit) = self.step() {
                return exit;
            }
        }
    }

    /// Pays for the first block, if that has not been done.
    ///
    /// # Errors
    /// The exit, if no block starts here or it costs too much.
    pub fn begin(&mut self) -> Result<(), Exit> {
        match self.state.pc {
            _ if self.state.block_paid => Ok(()),
            pc if self.starts.contains(pc) || self.is_behind_terminator(pc) => self.enter(pc),
            _ => Err(Exit::Panic),
        }
    }

    fn is_behind_terminator(&self, pc: u32) -> bool {
        let mut at = 0;
        while at < pc && at < self.program.code_length() {
            let next = self.program.next(at);
            if next == pc {
                return self.program.decode(at, self.mode).opcode.is_terminator();
            }
            at = next;
        }
        false
    }

    fn enter(&mut self, pc: u32) -> Result<(), Exit> {
        self.state.pc = pc;
        self.state.block_paid = false;
        let cost = u64::from(block_cost(&self.program, self.mode, self.model, pc));
        self.state.gas = self.state.gas.checked_sub(cost).ok_or(Exit::OutOfGas)?;
        self.state.block_paid = true;
        Ok(())
    }

    /// Runs one instruction.
    ///
    /// # Errors
    /// The exit, if the instruction ends the run.
    pub fn step(&mut self) -> Result<(), Exit> {
        let pc = self.state.pc;
        let instruction = self.program.decode(pc, self.mode);
        let behind = self.program.next(pc);
        match self.execute(&instruction, behind)? {
            Next::Straight => {
                self.state.pc = behind;
                Ok(())
            }
            Next::Block(pc) => self.enter(pc),
            Next::Jump(pc) if self.starts.contains(pc) => self.enter(pc),
            Next::Jump(_) => Err(Exit::Panic),
        }
    }

    fn dynamic(&self, address: u32) -> Result<Next, Exit> {
        let table = self.program.jump_table();
        match address {
            HALT => Err(Exit::Halt),
            0 => Err(Exit::Panic),
            _ if address % 2 == 1 || u64::from(address) > 2 * table.len() as u64 => Err(Exit::Panic),
            _ => Ok(Next::Jump(table[address as usize / 2 - 1])),
        }
    }

    fn get(&self, reg: Reg) -> u64 {
        self.state.registers[reg.index()]
    }

    fn execute(&mut self, i: &Instruction, behind: u32) -> Result<Next, Exit> {
        use Opcode::*;
        let (a, b, d, x, y) = (self.get(i.a), self.get(i.b), self.get(i.d), i.x, i.y);
        let row = i.opcode.row();
        match row.kind {
            Kind::Trap => return Err(Exit::Panic),
            Kind::Fallthrough => return Ok(Next::Block(behind)),
            Kind::Hint => return Ok(Next::Straight),
            Kind::HostCall => return Err(Exit::Host(x as u32)),
            Kind::Operation => return Err(Exit::Operation),
            Kind::Load { bytes, signed } => {
                let base = if matches!(row.form, javm_isa::Form::RegRegImm) { b } else { 0 };
                let value = self.memory.load(base.wrapping_add(x) as u32, u32::from(bytes))?;
                let unused = 64 - 8 * u32::from(bytes);
                let value = if signed { ((value << unused) as i64 >> unused) as u64 } else { value };
                self.state.registers[i.a.index()] = value;
                return Ok(Next::Straight);
            }
            Kind::Store { bytes } => {
                let (base, value) = match row.form {
                    javm_isa::Form::ImmImm => (0, y),
                    javm_isa::Form::RegImm => (0, a),
                    javm_isa::Form::RegImmImm => (a, y),
                    _ => (b, a),
                };
                self.memory.store(base.wrapping_add(x) as u32, u32::from(bytes), value)?;
                return Ok(Next::Straight);
            }
            Kind::Jump => {
                if i.opcode == LoadImmJump {
                    self.state.registers[i.a.index()] = x;
                }
                return Ok(Next::Jump(i.target));
            }
            Kind::IndirectJump => {
                let address = if i.opcode == JumpInd { a.wrapping_add(x) } else { b.wrapping_add(y) };
                if i.opcode == LoadImmJumpInd {
                    self.state.registers[i.a.index()] = x;
                }
                return self.dynamic(address as u32);
            }
            Kind::Branch => {
                let other = if row.form == javm_isa::Form::RegRegOffset { b } else { x };
                let (sa, so) = (a as i64, other as i64);
                let taken = match i.opcode {
                    BranchEq | BranchEqImm => a == other,
                    BranchNe | BranchNeImm => a != other,
                    BranchLtU | BranchLtUImm => a < other,
                    BranchLeUImm => a <= other,
                    BranchGeU | BranchGeUImm => a >= other,
                    BranchGtUImm => a > other,
                    BranchLtS | BranchLtSImm => sa < so,
                    BranchLeSImm => sa <= so,
                    BranchGeS | BranchGeSImm => sa >= so,
                    BranchGtSImm => sa > so,
                    other => panic!("{other:?} is no branch"),
                };
                return Ok(if taken { Next::Jump(i.target) } else { Next::Block(behind) });
            }
            Kind::Sbrk => {
                let old = self.memory.sbrk(a);
                self.state.registers[i.d.index()] = old;
                return Ok(Next::Straight);
            }
            Kind::Compute | Kind::ConditionalMove => {}
        }
        let value = match i.opcode {
            LoadImm | LoadImm64 => x,
            MoveReg => a,
            CountSetBits64 => bits(a, 64).filter(|&bit| bit).count() as u64,
            CountSetBits32 => bits(a, 32).filter(|&bit| bit).count() as u64,
            LeadingZeroBits64 => bits(a, 64).rev().take_while(|&bit| !bit).count() as u64,
            LeadingZeroBits32 => bits(a, 32).rev().take_while(|&bit| !bit).count() as u64,
            TrailingZeroBits64 => bits(a, 64).take_while(|&bit| !bit).count() as u64,
            TrailingZeroBits32 => bits(a, 32).take_while(|&bit| !bit).count() as u64,
            SignExtend8 => extend(a, 8),
            SignExtend16 => extend(a, 16),
            ZeroExtend16 => a & 0xFFFF,
            ReverseBytes => u64::from_be_bytes(a.to_le_bytes()),
            AddImm32 => extend(b.wrapping_add(x), 32),
            AndImm => b & x,
            XorImm => b ^ x,
            OrImm => b | x,
            MulImm32 => extend(b.wrapping_mul(x), 32),
            SetLtUImm => u64::from(b < x),
            SetLtSImm => u64::from((b as i64) < x as i64),
            ShloLImm32 => extend(b << (x % 32), 32),
            ShloRImm32 => extend((b & 0xFFFF_FFFF) >> (x % 32), 32),
            SharRImm32 => (extend(b, 32) as i64 >> (x % 32)) as u64,
            NegAddImm32 => extend(x.wrapping_sub(b), 32),
            SetGtUImm => u64::from(b > x),
            SetGtSImm => u64::from(b as i64 > x as i64),
            ShloLImmAlt32 => extend(x << (b % 32), 32),
            ShloRImmAlt32 => extend((x & 0xFFFF_FFFF) >> (b % 32), 32),
            SharRImmAlt32 => (extend(x, 32) as i64 >> (b % 32)) as u64,
            CmovIzImm => [x, a][usize::from(b != 0)],
            CmovNzImm => [x, a][usize::from(b == 0)],
            AddImm64 => b.wrapping_add(x),
            MulImm64 => b.wrapping_mul(x),
            ShloLImm64 => b << (x % 64),
            ShloRImm64 => b >> (x % 64),
            SharRImm64 => (b as i64 >> (x % 64)) as u64,
            NegAddImm64 => x.wrapping_sub(b),
            ShloLImmAlt64 => x << (b % 64),
            ShloRImmAlt64 => x >> (b % 64),
            SharRImmAlt64 => (x as i64 >> (b % 64)) as u64,
            RotR64Imm => rotate_right(b, x, 64),
            RotR64ImmAlt => rotate_right(x, b, 64),
            RotR32Imm => extend(rotate_right(b, x, 32), 32),
            RotR32ImmAlt => extend(rotate_right(x, b, 32), 32),
            Add32 => extend(a.wrapping_add(b), 32),
            Sub32 => extend(a.wrapping_sub(b), 32),
            Mul32 => extend(a.wrapping_mul(b), 32),
            DivU32 => divide(unsigned(a, 32), unsigned(b, 32), 32),
            DivS32 => divide(signed(a, 32), signed(b, 32), 32),
            RemU32 => remainder(unsigned(a, 32), unsigned(b, 32), 32),
            RemS32 => remainder(signed(a, 32), signed(b, 32), 32),
            ShloL32 => extend(a << (b % 32), 32),
            ShloR32 => extend((a & 0xFFFF_FFFF) >> (b % 32), 32),
            SharR32 => (extend(a, 32) as i64 >> (b % 32)) as u64,
            Add64 => a.wrapping_add(b),
            Sub64 => a.wrapping_sub(b),
            Mul64 => a.wrapping_mul(b),
            DivU64 => divide(unsigned(a, 64), unsigned(b, 64), 64),
            DivS64 => divide(signed(a, 64), signed(b, 64), 64),
            RemU64 => remainder(unsigned(a, 64), unsigned(b, 64), 64),
            RemS64 => remainder(signed(a, 64), signed(b, 64), 64),
            ShloL64 => a << (b % 64),
            ShloR64 => a >> (b % 64),
            SharR64 => (a as i64 >> (b % 64)) as u64,
            And => a & b,
            Xor => a ^ b,
            Or => a | b,
            MulUpperSS => ((signed(a, 64) * signed(b, 64)) >> 64) as u64,
            MulUpperUU => ((u128::from(a) * u128::from(b)) >> 64) as u64,
            MulUpperSU => ((signed(a, 64) * unsigned(b, 64)) >> 64) as u64,
            SetLtU => u64::from(a < b),
            SetLtS => u64::from((a as i64) < b as i64),
            CmovIz => [a, d][usize::from(b != 0)],
            CmovNz => [a, d][usize::from(b == 0)],
            RotL64 => rotate_right(a, b.wrapping_neg(), 64),
            RotL32 => extend(rotate_right(a, b.wrapping_neg(), 32), 32),
            RotR64 => rotate_right(a, b, 64),
            RotR32 => extend(rotate_right(a, b, 32), 32),
            AndInv => a & !b,
            OrInv => a | !b,
            Xnor => !(a ^ b),
            Max => (a as i64).max(b as i64) as u64,
            MaxU => a.max(b),
            Min => (a as i64).min(b as i64) as u64,
            MinU => a.min(b),
            other => panic!("{other:?} does not compute"),
        };
        let destination = i.destination().expect("it computes something");
        self.state.registers[destination.index()] = value;
        Ok(Next::Straight)
    }
}

fn bits(value: u64, width: u32) -> impl DoubleEndedIterator<Item = bool> + ExactSizeIterator {
    (0..width).map(move |bit| value >> bit & 1 == 1)
}

/// The low `width` bits, sign-extended.
fn extend(value: u64, width: u32) -> u64 {
    signed(value, width) as u64
}

fn unsigned(value: u64, width: u32) -> i128 {
    i128::from(value) & ((1 << width) - 1)
}

fn signed(value: u64, width: u32) -> i128 {
    let value = unsigned(value, width);
    if value >> (width - 1) == 1 { value - (1 << width) } else { value }
}

fn divide(a: i128, b: i128, width: u32) -> u64 {
    if b == 0 { u64::MAX } else { extend((a / b) as u64, width) }
}

fn remainder(a: i128, b: i128, width: u32) -> u64 {
    extend(if b == 0 { a } else { a % b } as u64, width)
}

fn rotate_right(value: u64, by: u64, width: u32) -> u64 {
    let value = unsigned(value, width) as u128;
    ((value << width | value) >> (by % u64::from(width)) & ((1 << width) - 1)) as u64
}
