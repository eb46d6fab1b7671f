//! One item after the other, from RISC-V to machine instructions.

use std::collections::{BTreeMap, BTreeSet};

use javm_isa::{Instruction, Opcode, REG_COUNT, Reg};

use super::facts::{Comparison, Fact, Facts, Right};
use super::ir::{Block, BlockId, Code, Node, Op, make};
use crate::elf::Object;
use crate::error::{InstructionError, LinkError};
use crate::flow::{Flow, Item, Step, with_offset, word_at};
use crate::layout::Layout;
use crate::resolve::{At, Target};
use crate::riscv::{Binary, Compare, Operand, Rv, X};

/// A value that an instruction reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Value {
    /// The number, if it is known.
    pub number: Option<u64>,
    /// A register that holds it. Only a known number may lack one.
    pub register: Option<Reg>,
}

impl Value {
    /// The number, if it is known and fits into an immediate.
    pub fn immediate(self) -> Option<u64> {
        self.number.filter(|&number| fits(number))
    }
}

/// Whether a number is the sign extension of its low 32 bits.
pub(super) fn fits(number: u64) -> bool {
    number as i32 as i64 as u64 == number
}

pub(super) fn lower(object: &Object, flow: &Flow, layout: &Layout) -> Result<Code, LinkError> {
    let spans = split(object, flow);
    let leaders =
        spans.iter().zip(0..).filter(|(span, _)| span.is_leader).map(|(span, id)| (span.at, BlockId(id))).collect();
    let mut lowering = Lowering {
        object,
        layout,
        leaders,
        facts: Facts::none(),
        nodes: Vec::new(),
        at: At { section: 0, offset: 0 },
        high_of: [None; REG_COUNT],
        incomplete: BTreeSet::new(),
    };
    let mut blocks = Vec::with_capacity(spans.len());
    for span in &spans {
        blocks.push(lowering.block(span)?);
    }
    drop_high_parts(&mut blocks, &lowering.incomplete);
    Ok(Code { blocks, leaders: lowering.leaders })
}

/// The items of a block to be.
struct Span<'a> {
    at: At,
    is_leader: bool,
    items: &'a [Item],
}

/// Cuts the items into blocks: at leaders, behind whatever goes elsewhere, and where a function starts, so that each
/// block belongs to one.
fn split<'a>(object: &Object, flow: &'a Flow) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    for (section, items) in (0_u32..).zip(&flow.code) {
        let names = &object.sections[section as usize].names;
        let mut names = names.iter().map(|&(offset, _)| offset).peekable();
        let mut rest = &items[..];
        while let Some(first) = rest.first() {
            let at = At { section, offset: first.offset };
            while names.next_if(|&name| name <= first.offset.into()).is_some() {}
            let ends = |pair: &[Item]| {
                let next = At { section, offset: pair[1].offset };
                pair[0].offset + u32::from(pair[0].length) != pair[1].offset
                    || matches!(pair[0].step, Step::Branch { .. })
                    || !pair[0].step.falls_through()
                    || names.peek().is_some_and(|&name| name <= next.offset.into())
                    || flow.leaders.contains(&next)
            };
            let mut ends = ends;
            let length = rest.windows(2).position(&mut ends).map_or(rest.len(), |index| index + 1);
            let (items, more) = rest.split_at(length);
            spans.push(Span { at, is_leader: flow.leaders.contains(&at), items });
            rest = more;
        }
    }
    spans
}

/// Drops the high parts that nothing needs: the value of an `auipc` depends on where the linker puts the code, so that
/// a program can use it only through the instructions that complete it, and all of these know their addresses.
fn drop_high_parts(blocks: &mut [Block], incomplete: &BTreeSet<At>) {
    for block in blocks {
        block.nodes.retain(|node| match node {
            Node::Op(Op { high: Some(at), .. }) => incomplete.contains(at),
            _ => true,
        });
    }
}

pub(super) struct Lowering<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) layout: &'a Layout,
    leaders: BTreeMap<At, BlockId>,
    pub(super) facts: Facts,
    /// Of the block at work.
    pub(super) nodes: Vec<Node>,
    /// The item at work.
    pub(super) at: At,
    /// For each register the `auipc` that its value comes from, if nothing has changed it since.
    high_of: [Option<At>; REG_COUNT],
    /// The high parts whose registers somebody reads who does not know the address.
    incomplete: BTreeSet<At>,
}

impl Lowering<'_> {
    fn block(&mut self, span: &Span) -> Result<Block, LinkError> {
        if span.is_leader {
            self.facts = Facts::none();
            self.high_of = [None; REG_COUNT];
        }
        let mut falls_through = true;
        for item in span.items {
            self.at = At { offset: item.offset, ..span.at };
            falls_through = item.step.falls_through();
            self.item(item)?;
        }
        let nodes = std::mem::take(&mut self.nodes);
        // A branch that is always taken has become a jump.
        let jumps = |node: &Node| matches!(node, Node::Op(op) if op.instruction.opcode == Opcode::Jump);
        falls_through &= !nodes.last().is_some_and(jumps);
        Ok(Block { at: span.at, nodes, falls_through })
    }

    /// The block that starts at a leader. Every place that control can come to is one and was walked to.
    fn id(&self, at: At) -> BlockId {
        self.leaders[&at]
    }

    pub(super) fn refuse(&self, why: InstructionError) -> LinkError {
        let offset = self.at.offset.into();
        let place = self.object.place(self.at.section(), offset);
        LinkError::Instruction { place, word: word_at(self.object, self.at.section(), offset), why }
    }

    /// The name of a block's function, for messages.
    pub(super) fn name_of(&self, block: BlockId) -> String {
        let at = self.leaders.iter().find(|&(_, &id)| id == block).map_or(self.at, |(&at, _)| at);
        self.object.place(at.section(), at.offset.into()).symbol.map_or("this program".into(), |(name, _)| name)
    }

    /// Appends an instruction; `fact` is about the register that it writes.
    pub(super) fn push(&mut self, op: impl Into<Op>, fact: Fact) {
        let op = Op { offset: self.at.offset, ..op.into() };
        if let Some(register) = op.instruction.destination() {
            self.facts.set(register, fact);
            self.high_of[register.index()] = op.high;
        }
        self.nodes.push(Node::Op(op));
    }

    /// Notes that a register has changed otherwise than by [`push`](Lowering::push).
    pub(super) fn forget(&mut self, register: Reg) {
        self.facts.set(register, Fact::Unknown);
        self.high_of[register.index()] = None;
    }

    pub(super) fn value(&self, x: X) -> Value {
        let Some(register) = x else { return Value { number: Some(0), register: None } };
        match self.facts.get(register) {
            Fact::Number(number) => Value { number: Some(number), register: Some(register) },
            Fact::Sum { base, add: 0 } => Value { number: None, register: Some(base) },
            _ => Value { number: None, register: Some(register) },
        }
    }

    fn operand(&self, operand: Operand) -> Value {
        match operand {
            Operand::Register(x) => self.value(x),
            Operand::Immediate(number) => Value { number: Some(i64::from(number) as u64), register: None },
        }
    }

    /// Puts a number into a register, unless it is there already.
    pub(super) fn set_number(&mut self, rd: Reg, number: u64) {
        if self.facts.get(rd) == Fact::Number(number) {
            // From here on the value is read by somebody who knows nothing of the `auipc` that it may come from.
            self.incomplete.extend(self.high_of[rd.index()]);
            return;
        }
        let opcode = if fits(number) { Opcode::LoadImm } else { Opcode::LoadImm64 };
        self.push(make::reg_imm(opcode, rd, number), Fact::Number(number));
    }

    /// Puts the jump-table address of a block into a register.
    fn set_code(&mut self, rd: Reg, block: BlockId) {
        let instruction = make::reg_imm(Opcode::LoadImm, rd, 0);
        self.push(Op { address_of: Some(block), ..instruction.into() }, Fact::Code(block));
    }

    fn item(&mut self, item: &Item) -> Result<(), LinkError> {
        let behind = At { offset: item.offset + u32::from(item.length), ..self.at };
        match item.step {
            Step::Plain(rv) => self.plain(rv)?,
            Step::Address { rd, target, is_high } => self.address(rd, target, is_high)?,
            Step::AbsoluteHigh { rd: None, .. } => {}
            Step::AbsoluteHigh { rd: Some(rd), target: Target::Code(to) } => self.set_code(rd, self.id(to)),
            Step::AbsoluteHigh { rd: Some(rd), target } => {
                let (high, _) = self.absolute(target)?;
                self.set_number(rd, high);
            }
            Step::AbsoluteLow { rv, target } => self.absolute_low(rv, target, behind)?,
            Step::RelativeLow { rv, high } => self.relative_low(rv, high, behind)?,
            Step::Jump { link, to } => self.jump(link, self.id(to), behind),
            Step::JumpRegister { link, base } => self.jump_register(link, base, 0, behind)?,
            Step::Branch { compare, left, right, to } => self.branch(compare, left, right, self.id(to)),
            Step::Trap => self.push(Instruction::new(Opcode::Trap), Fact::Unknown),
        }
        Ok(())
    }

    /// The instruction that completes what the `auipc` at `high` began. If the address is known here it needs nothing of
    /// that; if not, it reads the register.
    fn relative_low(&mut self, rv: Rv, high: At, behind: At) -> Result<(), LinkError> {
        let fact = base_of(rv).map_or(Fact::Unknown, |base| self.facts.get(base));
        let is_complete = match (rv, fact) {
            (Rv::Binary { op: Binary::Add, rd, .. }, Fact::Code(to)) => {
                if let Some(rd) = rd {
                    self.set_code(rd, to);
                }
                return Ok(());
            }
            (Rv::Binary { .. } | Rv::Load { .. } | Rv::Store { .. }, Fact::Number(_)) => true,
            (Rv::Jalr { .. }, Fact::Code(_)) => true,
            _ => false,
        };
        if !is_complete {
            self.incomplete.insert(high);
        }
        self.offset_or_jump(rv, behind)
    }

    fn address(&mut self, rd: X, target: Target, is_high: bool) -> Result<(), LinkError> {
        let Some(rd) = rd else { return Ok(()) };
        let high = is_high.then_some(self.at);
        let before = self.nodes.len();
        match target {
            Target::Code(to) => self.set_code(rd, self.id(to)),
            target => {
                let address = self.layout.address(target).unwrap_or(0) as u64;
                self.set_number(rd, address);
            }
        }
        if let Some(Node::Op(op)) = self.nodes.get_mut(before) {
            op.high = high;
            self.high_of[rd.index()] = high;
        }
        Ok(())
    }

    /// The high and the low part of an address that is no code.
    fn absolute(&self, target: Target) -> Result<(u64, i32), LinkError> {
        let address = self.layout.address(target).unwrap_or(0);
        let high = address.wrapping_add(0x800) & !0xFFF;
        if !fits(high as u64) {
            return Err(self.refuse(InstructionError::AddressRange(address)));
        }
        Ok((high as u64, address.wrapping_sub(high) as i32))
    }

    fn absolute_low(&mut self, rv: Rv, target: Target, behind: At) -> Result<(), LinkError> {
        let has_high = base_of(rv).is_some();
        let low = match target {
            // The high part of a code address is all of it.
            Target::Code(_) if has_high => 0,
            Target::Code(to) => match rv {
                Rv::Binary { rd: Some(rd), .. } => {
                    self.set_code(rd, self.id(to));
                    return Ok(());
                }
                _ => return Err(self.refuse(InstructionError::AccessToCode(self.name_of(self.id(to))))),
            },
            target => {
                let (high, low) = self.absolute(target)?;
                // Without a high part the low one is the whole address.
                if has_high { low } else { (high as i32).wrapping_add(low) }
            }
        };
        self.offset_or_jump(with_offset(rv, low).unwrap_or(rv), behind)
    }

    /// What a low part belongs to: arithmetic, an access, or a jump.
    fn offset_or_jump(&mut self, rv: Rv, behind: At) -> Result<(), LinkError> {
        match rv {
            Rv::Jalr { rd, base, offset } => self.jump_register(rd, base, offset, behind),
            other => self.plain(other),
        }
    }

    fn plain(&mut self, rv: Rv) -> Result<(), LinkError> {
        match rv {
            Rv::Lui { rd: Some(rd), value } => self.set_number(rd, i64::from(value) as u64),
            Rv::Load { width, rd, base, offset } => self.load(width, rd, base, offset)?,
            Rv::Store { bytes, source, base, offset } => self.store(bytes, source, base, offset)?,
            Rv::Binary { op, rd: Some(rd), left, right } => {
                let (first, second) = (self.value(left), self.operand(right));
                self.check_code_arithmetic(op, left, second)?;
                self.binary(op, rd, first, second);
            }
            Rv::Unary { op, rd: Some(rd), source } => self.unary(op, rd, source),
            Rv::ConditionalMove { if_zero, rd: Some(rd), source, condition } => {
                let (source, condition) = (self.value(source), self.value(condition));
                self.conditional_move(if_zero, rd, source, condition);
            }
            Rv::ConditionalZero { if_zero, rd: Some(rd), source, condition } => {
                let (source, condition) = (self.value(source), self.value(condition));
                self.conditional_zero(if_zero, rd, source, condition);
            }
            Rv::Ecall => self.kernel(Instruction::new(Opcode::Ecall)),
            Rv::Ecalli { slot } => self.kernel(Instruction { x: slot.into(), ..Instruction::new(Opcode::Ecalli) }),
            // What is written to x0 is forgotten. With one thread there is nothing to order. The rest never comes here:
            // control flow has steps of its own.
            Rv::Lui { rd: None, .. }
            | Rv::Binary { rd: None, .. }
            | Rv::Unary { rd: None, .. }
            | Rv::ConditionalMove { rd: None, .. }
            | Rv::ConditionalZero { rd: None, .. }
            | Rv::Fence
            | Rv::Auipc { .. }
            | Rv::Jal { .. }
            | Rv::Jalr { .. }
            | Rv::Branch { .. }
            | Rv::Trap => {}
        }
        Ok(())
    }

    /// Refuses to add a number to the address of code: the next instructions are not at the next addresses.
    fn check_code_arithmetic(&self, op: Binary, left: X, right: Value) -> Result<(), LinkError> {
        let is_moved = matches!(op, Binary::Add | Binary::Sub) && right.number.is_some_and(|number| number != 0);
        match left.map(|left| self.facts.get(left)) {
            Some(Fact::Code(_)) if is_moved => Err(self.refuse(InstructionError::CodeArithmetic)),
            _ => Ok(()),
        }
    }

    /// A call of the kernel; whatever is behind it may change any register.
    fn kernel(&mut self, instruction: Instruction) {
        self.push(instruction, Fact::Unknown);
        self.facts = Facts::none();
    }

    fn jump(&mut self, link: X, to: BlockId, behind: At) {
        let op = match link {
            None => Op { target: Some(to), ..Instruction::new(Opcode::Jump).into() },
            Some(link) => Op {
                target: Some(to),
                address_of: Some(self.id(behind)),
                ..make::reg_imm(Opcode::LoadImmJump, link, 0).into()
            },
        };
        self.push(op, Fact::Unknown);
    }

    fn jump_register(&mut self, link: X, base: X, offset: i32, behind: At) -> Result<(), LinkError> {
        // A jump to address zero is what a call of a missing weak function comes to.
        let Some(base) = base else {
            self.push(Instruction::new(Opcode::Trap), Fact::Unknown);
            return Ok(());
        };
        if offset != 0 {
            return Err(self.refuse(InstructionError::JumpWithOffset));
        }
        if let Fact::Code(to) = self.facts.get(base) {
            self.jump(link, to, behind);
            return Ok(());
        }
        let base = self.value(Some(base)).register.unwrap_or(base);
        match link {
            None => self.push(make::reg_imm(Opcode::JumpInd, base, 0), Fact::Unknown),
            Some(link) => {
                let instruction = Instruction { a: link, b: base, ..Instruction::new(Opcode::LoadImmJumpInd) };
                let address_of = Some(self.id(behind));
                self.push(Op { address_of, ..instruction.into() }, Fact::Unknown);
            }
        }
        Ok(())
    }

    fn branch(&mut self, compare: Compare, left: X, right: X, to: BlockId) {
        let (left, right) = (self.value(left), self.value(right));
        let comparison = match decide(compare, left, right) {
            Decision::Known(true) => {
                return self.push(Op { target: Some(to), ..Instruction::new(Opcode::Jump).into() }, Fact::Unknown);
            }
            Decision::Known(false) => return,
            Decision::Open(comparison) => self.simplify(comparison),
        };
        let Comparison { opcode, left, right } = comparison;
        let instruction = match right {
            Right::Register(right) => make::reg_reg_imm(opcode, left, right, 0),
            Right::Immediate(right) => make::reg_imm(opcode, left, right),
        };
        self.push(Op { target: Some(to), ..instruction.into() }, Fact::Unknown);
    }

    /// A comparison of a comparison's result with zero is that comparison.
    fn simplify(&self, comparison: Comparison) -> Comparison {
        match (comparison, self.facts.get(comparison.left)) {
            (Comparison { opcode: Opcode::BranchNeImm, right: Right::Immediate(0), .. }, Fact::Comparison(inner)) => {
                inner
            }
            (Comparison { opcode: Opcode::BranchEqImm, right: Right::Immediate(0), .. }, Fact::Comparison(inner)) => {
                inner.inverse()
            }
            _ => comparison,
        }
    }
}

/// The register that an instruction with an offset adds it to.
fn base_of(rv: Rv) -> X {
    match rv {
        Rv::Load { base, .. } | Rv::Store { base, .. } | Rv::Jalr { base, .. } => base,
        Rv::Binary { left, .. } => left,
        _ => None,
    }
}

/// What is known of a comparison.
pub(super) enum Decision {
    Known(bool),
    Open(Comparison),
}

/// The comparison of two values as a branch.
pub(super) fn decide(compare: Compare, left: Value, right: Value) -> Decision {
    if let (Some(left), Some(right)) = (left.number, right.number) {
        return Decision::Known(match compare {
            Compare::Equal => left == right,
            Compare::NotEqual => left != right,
            Compare::Less => (left as i64) < right as i64,
            Compare::GreaterEqual => left as i64 >= right as i64,
            Compare::LessUnsigned => left < right,
            Compare::GreaterEqualUnsigned => left >= right,
        });
    }
    // With registers; with a number on the right; with a number on the left, turned around.
    let (registers, number_right, number_left) = match compare {
        Compare::Equal => (Opcode::BranchEq, Opcode::BranchEqImm, Opcode::BranchEqImm),
        Compare::NotEqual => (Opcode::BranchNe, Opcode::BranchNeImm, Opcode::BranchNeImm),
        Compare::Less => (Opcode::BranchLtS, Opcode::BranchLtSImm, Opcode::BranchGtSImm),
        Compare::GreaterEqual => (Opcode::BranchGeS, Opcode::BranchGeSImm, Opcode::BranchLeSImm),
        Compare::LessUnsigned => (Opcode::BranchLtU, Opcode::BranchLtUImm, Opcode::BranchGtUImm),
        Compare::GreaterEqualUnsigned => (Opcode::BranchGeU, Opcode::BranchGeUImm, Opcode::BranchLeUImm),
    };
    match (left, right) {
        (Value { register: Some(left), .. }, right) if right.immediate().is_some() => {
            let right = Right::Immediate(right.immediate().unwrap_or(0));
            Decision::Open(Comparison { opcode: number_right, left, right })
        }
        (left, Value { register: Some(right), .. }) if left.immediate().is_some() => {
            let number = Right::Immediate(left.immediate().unwrap_or(0));
            Decision::Open(Comparison { opcode: number_left, left: right, right: number })
        }
        (Value { register: Some(left), .. }, Value { register: Some(right), .. }) => {
            Decision::Open(Comparison { opcode: registers, left, right: Right::Register(right) })
        }
        // A value without register is a number that fits, and two numbers were decided above.
        _ => Decision::Known(false),
    }
}
