//! What of the input the endpoints need: follows control flow and references from them.
//!
//! Code is followed instruction by instruction, so that what nobody can reach is never even decoded. That is exact,
//! because every way to a place in the code is known: fixed jumps from the instruction or its relocation, jumps through
//! registers only to places whose address a relocation takes, returns only behind calls. Data is kept by whole sections.

use std::collections::BTreeSet;

use crate::elf::{Class, Object, Relocation};
use crate::error::{InstructionError, LinkError, RelocationError};
use crate::relocation::{self, Action};
use crate::resolve::{At, Resolver, Target};
use crate::riscv::{self, Binary, Compare, Operand, Rv, Width, Word, X};

/// An instruction (or a pair that means one thing) with its relocations resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    /// Where it stands in its section.
    pub offset: u32,
    /// How many bytes it takes: 2, 4, 8 for a pair, 0 for the trap behind the end of a section.
    pub length: u8,
    pub step: Step,
}

/// What an instruction does, once it is known what its relocation refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// What it says. Never a jump or branch.
    Plain(Rv),
    /// Puts an address into a register. `is_high`: this is an `auipc` whose value only [`Step::RelativeLow`] uses.
    Address {
        rd: X,
        target: Target,
        is_high: bool,
    },
    /// Puts the high part of an absolute address into a register.
    AbsoluteHigh {
        rd: X,
        target: Target,
    },
    /// An instruction whose offset is the low part of an absolute address.
    AbsoluteLow {
        rv: Rv,
        target: Target,
    },
    /// An instruction whose offset completes the address that the `auipc` at `high` began.
    RelativeLow {
        rv: Rv,
        high: At,
    },
    /// A jump; a call if there is a register for the return address.
    Jump {
        link: X,
        to: At,
    },
    /// A jump to where a register says; a call if there is a register for the return address.
    JumpRegister {
        link: X,
        base: X,
    },
    Branch {
        compare: Compare,
        left: X,
        right: X,
        to: At,
    },
    Trap,
}

impl Step {
    /// Whether the next instruction comes next.
    pub fn falls_through(&self) -> bool {
        match self {
            Step::Jump { .. } | Step::JumpRegister { .. } | Step::Trap => false,
            Step::AbsoluteLow { rv, .. } | Step::RelativeLow { rv, .. } => !matches!(rv, Rv::Jalr { .. }),
            Step::Plain(_) | Step::Address { .. } | Step::AbsoluteHigh { .. } | Step::Branch { .. } => true,
        }
    }

    /// Whether the next instruction is where a callee returns to.
    pub fn is_call(&self) -> bool {
        match self {
            Step::Jump { link, .. } | Step::JumpRegister { link, .. } => link.is_some(),
            Step::AbsoluteLow { rv, .. } | Step::RelativeLow { rv, .. } => matches!(rv, Rv::Jalr { rd: Some(_), .. }),
            _ => false,
        }
    }
}

/// What the program consists of.
pub(crate) struct Flow {
    /// The reachable instructions of each section, by offset.
    pub code: Vec<Vec<Item>>,
    /// Where control can come to other than from the instruction before.
    pub leaders: BTreeSet<At>,
    /// Whether each section is data that is needed.
    pub data: Vec<bool>,
}

/// Follows everything from `entries` on.
pub(crate) fn follow(object: &Object, resolver: &Resolver, entries: &[At]) -> Result<Flow, LinkError> {
    let sections = object.sections.len();
    let mut follower = Follower {
        object,
        resolver,
        flow: Flow { code: vec![Vec::new(); sections], leaders: BTreeSet::new(), data: vec![false; sections] },
        visited: vec![Vec::new(); sections],
        code_work: Vec::new(),
        data_work: Vec::new(),
    };
    for &entry in entries {
        follower.lead(entry);
    }
    loop {
        if let Some(at) = follower.code_work.pop() {
            follower.walk(at)?;
        } else if let Some(section) = follower.data_work.pop() {
            follower.visit_data(section)?;
        } else {
            break;
        }
    }
    let mut flow = follower.flow;
    for (section, items) in flow.code.iter_mut().enumerate() {
        items.sort_unstable_by_key(|item| item.offset);
        if let Some(pair) = items.windows(2).find(|pair| pair[0].offset + u32::from(pair[0].length) > pair[1].offset) {
            let offset = u64::from(pair[0].offset);
            let place = object.place(section, offset);
            let word = word_at(object, section, offset);
            return Err(LinkError::Instruction { place, word, why: InstructionError::Overlap });
        }
    }
    Ok(flow)
}

/// The instruction at a place, for messages.
pub(crate) fn word_at(object: &Object, section: usize, offset: u64) -> Word {
    let data = object.sections[section].data;
    let rest = usize::try_from(offset).ok().and_then(|offset| data.get(offset..)).unwrap_or(&[]);
    match riscv::decode(rest) {
        Some((word, _)) => word,
        // What is left of it.
        None => {
            let bytes = rest.len().min(2);
            Word {
                bits: rest[..bytes].iter().rev().fold(0, |bits, &byte| bits << 8 | u32::from(byte)),
                bytes: bytes as u8,
            }
        }
    }
}

struct Follower<'a> {
    object: &'a Object<'a>,
    resolver: &'a Resolver<'a>,
    flow: Flow,
    /// For each section and each even offset whether an instruction there is known.
    visited: Vec<Vec<bool>>,
    code_work: Vec<At>,
    data_work: Vec<usize>,
}

impl Follower<'_> {
    /// Notes that control can come to a place.
    fn lead(&mut self, at: At) {
        if self.flow.leaders.insert(at) {
            self.code_work.push(at);
        }
    }

    /// Notes that an address is used.
    fn refer(&mut self, target: Target) {
        match target {
            Target::Code(at) => self.lead(at),
            Target::Data { section, .. } if !self.flow.data[section] => {
                self.flow.data[section] = true;
                self.data_work.push(section);
            }
            Target::Data { .. } | Target::Region { .. } | Target::Number(_) => {}
        }
    }

    fn visit_data(&mut self, section: usize) -> Result<(), LinkError> {
        let found = &self.object.sections[section];
        for relocation in &found.relocations {
            let refuse = |why| Err(self.resolver.refuse(section, relocation, why));
            match relocation::action(relocation.kind) {
                Ok(Action::Data(_, size)) => {
                    let end = relocation.offset.checked_add(size.bytes().into());
                    if end.is_none_or(|end| end > found.data.len() as u64) {
                        return refuse(RelocationError::PastEnd(found.size));
                    }
                    let target = self.resolver.target(section, relocation)?;
                    self.refer(target);
                }
                Ok(Action::Ignore) => {}
                Ok(_) => return refuse(RelocationError::Unsupported),
                Err(why) => return refuse(why),
            }
        }
        match found.dynamic.iter().find(|&&offset| found.relocations_at(offset).is_empty()) {
            Some(&offset) => Err(LinkError::DynamicOnly { place: self.object.place(section, offset) }),
            None => Ok(()),
        }
    }

    /// Decodes from `at` on until control cannot go on or comes to what is known.
    fn walk(&mut self, mut at: At) -> Result<(), LinkError> {
        let section = at.section();
        let data = self.object.sections[section].data;
        if data.len() as u64 != self.object.sections[section].size {
            return Err(self.instruction(at, InstructionError::Cut));
        }
        if self.visited[section].is_empty() {
            self.visited[section] = vec![false; data.len() / 2 + 1];
        }
        loop {
            match self.visited[section].get_mut(at.offset as usize / 2) {
                Some(known @ false) => *known = true,
                Some(true) => return Ok(()),
                None => return Err(self.instruction(at, InstructionError::Cut)),
            }
            if at.offset as usize == data.len() {
                self.flow.code[section].push(Item { offset: at.offset, length: 0, step: Step::Trap });
                return Ok(());
            }
            let (step, length) = self.read(at)?;
            self.flow.code[section].push(Item { offset: at.offset, length, step });
            self.follow_step(&step);
            let next = at.plus(length.into());
            if step.is_call() {
                self.lead(next);
            }
            if !step.falls_through() {
                return Ok(());
            }
            at = next;
        }
    }

    fn follow_step(&mut self, step: &Step) {
        match *step {
            Step::Jump { to, .. } | Step::Branch { to, .. } => self.lead(to),
            Step::Address { target, .. } | Step::AbsoluteHigh { target, .. } | Step::AbsoluteLow { target, .. } => {
                self.refer(target);
            }
            Step::Plain(_) | Step::RelativeLow { .. } | Step::JumpRegister { .. } | Step::Trap => {}
        }
    }

    fn instruction(&self, at: At, why: InstructionError) -> LinkError {
        let place = self.object.place(at.section(), at.offset.into());
        LinkError::Instruction { place, word: word_at(self.object, at.section(), at.offset.into()), why }
    }

    fn decode(&self, at: At) -> Result<(Word, Rv), LinkError> {
        let rest = self.object.sections[at.section()].data.get(at.offset as usize..).unwrap_or(&[]);
        match riscv::decode(rest) {
            Some((word, Ok(rv))) => Ok((word, rv)),
            Some((_, Err(why))) => Err(self.instruction(at, why.into())),
            None => Err(self.instruction(at, InstructionError::Cut)),
        }
    }

    /// The relocation that applies to the instruction at `at`, if there is one.
    fn relocation(&self, at: At) -> Result<Option<(&Relocation, Action)>, LinkError> {
        let mut found: Option<(&Relocation, Action)> = None;
        for relocation in self.object.sections[at.section()].relocations_at(at.offset.into()) {
            let action = relocation::action(relocation.kind)
                .map_err(|why| self.resolver.refuse(at.section(), relocation, why))?;
            if action == Action::Ignore {
                continue;
            }
            if let Some((first, _)) = found {
                let why = RelocationError::Second(relocation::name(first.kind));
                return Err(self.resolver.refuse(at.section(), relocation, why));
            }
            found = Some((relocation, action));
        }
        Ok(found)
    }

    fn read(&self, at: At) -> Result<(Step, u8), LinkError> {
        let (word, rv) = self.decode(at)?;
        match self.relocation(at)? {
            Some((relocation, action)) => self.read_relocated(at, word, rv, relocation, action),
            None => self.read_plain(at, word, rv),
        }
    }

    /// The place that an instruction at `at` reaches with `offset`.
    fn relative(&self, at: At, offset: i32) -> Result<At, LinkError> {
        // A wrapped offset lies far outside of every section.
        let to = At { offset: at.offset.wrapping_add_signed(offset), ..at };
        self.resolver.check_code(at.section(), at.offset.into(), to)
    }

    /// An instruction without relocation: the assembler knew everything.
    fn read_plain(&self, at: At, word: Word, rv: Rv) -> Result<(Step, u8), LinkError> {
        let step = match rv {
            Rv::Jal { rd, offset } => Step::Jump { link: rd, to: self.relative(at, offset)? },
            Rv::Branch { compare, left, right, offset } => {
                Step::Branch { compare, left, right, to: self.relative(at, offset)? }
            }
            Rv::Jalr { rd, base, offset: 0 } => Step::JumpRegister { link: rd, base },
            Rv::Jalr { .. } => return Err(self.instruction(at, InstructionError::JumpWithOffset)),
            Rv::Auipc { rd, value } => return self.read_local_pair(at, rd, value),
            Rv::Trap => Step::Trap,
            other => Step::Plain(other),
        };
        Ok((step, word.bytes))
    }

    /// An `auipc` that the assembler completed itself: both ends are in one section and nothing moves between them.
    fn read_local_pair(&self, at: At, high: X, value: i32) -> Result<(Step, u8), LinkError> {
        let unknown = || self.instruction(at, InstructionError::AuipcWithoutRelocation);
        let second = at.plus(4);
        let (Some(_), Ok((word, rv)), Ok(None)) = (high, self.decode(second), self.relocation(second)) else {
            return Err(unknown());
        };
        let to = |low: i32| self.relative(at, value.wrapping_add(low)).map_err(|_| unknown());
        let step = match rv {
            Rv::Jalr { rd, base, offset } if base == high => Step::Jump { link: rd, to: to(offset)? },
            Rv::Binary { op: Binary::Add, rd, left, right: Operand::Immediate(low) } if left == high && rd == high => {
                Step::Address { rd, target: Target::Code(to(low)?), is_high: false }
            }
            _ => return Err(unknown()),
        };
        Ok((step, 4 + word.bytes))
    }

    fn read_relocated(
        &self,
        at: At,
        word: Word,
        rv: Rv,
        relocation: &Relocation,
        action: Action,
    ) -> Result<(Step, u8), LinkError> {
        let section = at.section();
        let refuse = |why| Err(self.resolver.refuse(section, relocation, why));
        let wrong = || self.resolver.refuse(section, relocation, RelocationError::WrongInstruction(word));
        let target = || self.resolver.target(section, relocation);
        let step = match (action, rv) {
            (Action::Branch, Rv::Branch { compare, left, right, .. }) => match target()? {
                Target::Code(to) => Step::Branch { compare, left, right, to },
                _ => return refuse(RelocationError::NotCode),
            },
            (Action::Jump, Rv::Jal { rd, .. }) => self.jump(section, relocation, rd, target()?)?,
            (Action::Call, Rv::Auipc { rd: Some(high), .. }) => {
                let (second, rv) = self.decode(at.plus(4))?;
                match rv {
                    Rv::Jalr { rd, base: Some(base), .. } if base == high => {
                        return Ok((self.jump(section, relocation, rd, target()?)?, 4 + second.bytes));
                    }
                    _ => return Err(wrong()),
                }
            }
            (Action::RelativeHigh | Action::TableHigh, Rv::Auipc { rd, .. }) => {
                Step::Address { rd, target: target()?, is_high: true }
            }
            (Action::AbsoluteHigh, Rv::Lui { rd, .. }) => Step::AbsoluteHigh { rd, target: target()? },
            (Action::AbsoluteLow, rv) => {
                Step::AbsoluteLow { rv: with_offset(rv, 0).ok_or_else(wrong)?, target: target()? }
            }
            (Action::RelativeLow, rv) => {
                let rv = with_offset(rv, 0).ok_or_else(wrong)?;
                if relocation.addend != 0 {
                    return refuse(RelocationError::Addend(relocation.addend));
                }
                let Target::Code(high) = target()? else { return refuse(RelocationError::NoHighPart) };
                match (self.relocation(high)?, rv) {
                    (Some((_, Action::RelativeHigh)), rv) => Step::RelativeLow { rv, high },
                    (Some((table, Action::TableHigh)), Rv::Load { width: Width { bytes: 8, .. }, rd, .. }) => {
                        let target = self.resolver.target(high.section(), table)?;
                        Step::Address { rd, target, is_high: false }
                    }
                    (Some((_, Action::TableHigh)), _) => return Err(wrong()),
                    _ => return refuse(RelocationError::NoHighPart),
                }
            }
            (Action::Data(..), _) => return refuse(RelocationError::Unsupported),
            _ => return Err(wrong()),
        };
        Ok((step, word.bytes))
    }

    fn jump(&self, section: usize, relocation: &Relocation, link: X, target: Target) -> Result<Step, LinkError> {
        match target {
            Target::Code(to) => Ok(Step::Jump { link, to }),
            // A weak function that nobody defines: the program checks for that before it calls.
            Target::Number(0) => Ok(Step::Trap),
            _ => Err(self.resolver.refuse(section, relocation, RelocationError::NotCode)),
        }
    }
}

/// The instruction with another offset, if it is one that adds an offset to a register.
pub(crate) fn with_offset(rv: Rv, offset: i32) -> Option<Rv> {
    match rv {
        Rv::Load { width, rd, base, .. } => Some(Rv::Load { width, rd, base, offset }),
        Rv::Store { bytes, source, base, .. } => Some(Rv::Store { bytes, source, base, offset }),
        Rv::Jalr { rd, base, .. } => Some(Rv::Jalr { rd, base, offset }),
        Rv::Binary { op: op @ (Binary::Add | Binary::Add32), rd, left, right: Operand::Immediate(_) } => {
            Some(Rv::Binary { op, rd, left, right: Operand::Immediate(offset) })
        }
        _ => None,
    }
}

/// Whether a section of this class holds data of the program.
pub(crate) fn is_data(class: Class) -> bool {
    matches!(class, Class::ReadOnly | Class::Persistent | Class::Ephemeral)
}
