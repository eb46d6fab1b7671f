//! The steps of a basic block: an instruction with what makes it interesting before it.

use javm_isa::asm::{Content, Statement};
use javm_isa::{Form, Instruction, Kind, Lengths, Mode, Opcode, Reg};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use crate::config::Config;
use crate::operands::{address, immediate, lengths, sign_extended, value};

/// Appends random steps to a list of statements.
pub(crate) struct Steps<'a> {
    pub(crate) rng: &'a mut ChaCha8Rng,
    pub(crate) config: &'a Config,
    /// The registers to use.
    pub(crate) registers: Vec<Reg>,
    /// The opcodes that compute, to use.
    pub(crate) compute: Vec<Opcode>,
    pub(crate) statements: Vec<Statement>,
}

impl Steps<'_> {
    /// One step: one to four instructions.
    pub(crate) fn step(&mut self) {
        match self.rng.random_range(0..40) {
            0..=17 => self.compute(),
            18..=29 => self.access(),
            30..=32 => self.any(&[Opcode::LoadImm, Opcode::LoadImm64, Opcode::MoveReg]),
            33 => self.any(&[Opcode::Unlikely]),
            34 if self.config.host_calls => {
                let in_image = self.config.mode == Mode::Image;
                self.any(if in_image { &[Opcode::Ecalli, Opcode::Ecall] } else { &[Opcode::Ecalli] });
            }
            35 if self.config.sbrk && self.config.mode == Mode::Bare => self.sbrk(),
            36 | 37 => self.odd_encoding(),
            38 if !self.config.only_valid => self.nonsense(),
            _ => self.compute(),
        }
    }

    pub(crate) fn register(&mut self) -> Reg {
        self.registers.choose(self.rng).copied().unwrap_or(Reg::A0)
    }

    /// Appends an instruction with immediates as short as possible.
    pub(crate) fn push(&mut self, instruction: Instruction) {
        self.push_with(instruction, Lengths::default(), None);
    }

    pub(crate) fn push_with(&mut self, instruction: Instruction, lengths: Lengths, label: Option<String>) {
        self.push_content(Content::Instruction { instruction, lengths, label });
    }

    fn push_content(&mut self, content: Content) {
        self.statements.push(Statement { labels: Vec::new(), content });
    }

    /// Appends one of `opcodes` with random operands and lengths.
    fn any(&mut self, opcodes: &[Opcode]) {
        let Some(&opcode) = opcodes.choose(self.rng) else { return };
        let instruction = self.operands(opcode);
        let mut lengths = lengths(self.rng, instruction.x, instruction.y);
        if opcode.row().form == Form::RegImm64 {
            lengths = Lengths::default();
        }
        self.push_with(instruction, lengths, None);
    }

    /// `opcode` with random operands; those that its form does not have are left alone.
    pub(crate) fn operands(&mut self, opcode: Opcode) -> Instruction {
        let mut i = Instruction::new(opcode);
        let form = opcode.row().form;
        if !matches!(form, Form::None | Form::Imm | Form::ImmImm | Form::Offset) {
            i.a = self.register();
        }
        if matches!(form, Form::RegRegImm | Form::RegRegOffset | Form::RegRegImmImm | Form::RegRegReg) {
            i.b = self.register();
        }
        if matches!(form, Form::RegReg | Form::RegRegReg) {
            i.d = self.register();
        }
        match form {
            Form::RegImm64 => i.x = value(self.rng),
            Form::None | Form::RegReg | Form::RegRegReg | Form::Offset | Form::RegRegOffset => {}
            _ => i.x = immediate(self.rng),
        }
        if matches!(form, Form::ImmImm | Form::RegImmImm | Form::RegRegImmImm) {
            i.y = immediate(self.rng);
        }
        i
    }

    /// Sets `register` to `value`.
    pub(crate) fn set(&mut self, register: Reg, value: u64) {
        let short = value == sign_extended(value as u32);
        let opcode = if short && self.rng.random_ratio(3, 4) { Opcode::LoadImm } else { Opcode::LoadImm64 };
        self.push(Instruction { a: register, x: value, ..Instruction::new(opcode) });
    }

    /// A computation, often on fresh edge values.
    fn compute(&mut self) {
        let Some(&opcode) = self.compute.choose(self.rng) else { return };
        let instruction = self.operands(opcode);
        for source in instruction.sources().into_iter().flatten() {
            if self.rng.random_ratio(1, 4) {
                let value = value(self.rng);
                self.set(source, value);
            }
        }
        let lengths = lengths(self.rng, instruction.x, instruction.y);
        self.push_with(instruction, if opcode == Opcode::LoadImm64 { Lengths::default() } else { lengths }, None);
    }

    /// A memory access, mostly with its base register set to where it is interesting.
    fn access(&mut self) {
        let accesses: Vec<(Opcode, u8)> = Opcode::ALL
            .iter()
            .filter_map(|&opcode| match opcode.row().kind {
                Kind::Load { bytes, .. } | Kind::Store { bytes } => Some((opcode, bytes)),
                _ => None,
            })
            .collect();
        let Some(&(opcode, bytes)) = accesses.choose(self.rng) else { return };
        let address = address(self.rng, self.config, u32::from(bytes));
        let mut instruction = self.operands(opcode);
        let base = match opcode.row().form {
            Form::RegRegImm => Some(instruction.b),
            Form::RegImmImm => Some(instruction.a),
            _ => None,
        };
        match base {
            None => instruction.x = sign_extended(address),
            Some(base) => {
                // What addresses cannot be told of is left to chance only where chance may go anywhere.
                if !self.config.wrapping_accesses || self.rng.random_ratio(7, 8) {
                    let low = u64::from(address).wrapping_sub(instruction.x) & 0xFFFF_FFFF;
                    // The upper half of a base does not count.
                    let high = if self.rng.random_ratio(1, 8) { value(self.rng) << 32 } else { 0 };
                    let value = if high == 0 && self.rng.random() { sign_extended(low as u32) } else { low | high };
                    self.set(base, value);
                }
            }
        }
        let lengths = lengths(self.rng, instruction.x, instruction.y);
        self.push_with(instruction, lengths, None);
    }

    /// `sbrk` of an amount that often is there to be had.
    fn sbrk(&mut self) {
        let instruction = self.operands(Opcode::Sbrk);
        if self.rng.random_ratio(7, 8) {
            let amount = *[0, 1, 4095, 4096, 4097, 0x1_0000].choose(self.rng).unwrap_or(&0);
            self.set(instruction.a, amount);
        }
        self.push(instruction);
    }

    /// A valid instruction with operand bytes as they come: too few, too many, lengths above four. (None of the
    /// instructions that end a block or leave the engine.)
    fn odd_encoding(&mut self) {
        let Some(&opcode) = self.compute.choose(self.rng) else { return };
        let mut bytes = vec![opcode.number()];
        let operands = match opcode.row().form {
            // The byte that names D decides whether polkavm agrees: see `jam_v1`.
            Form::RegRegReg if self.config.only_valid => 2..=6,
            _ if self.rng.random_ratio(1, 8) => 0..=30,
            _ => 0..=12,
        };
        for index in 0..self.rng.random_range(operands) {
            let byte = if self.rng.random() { self.rng.random() } else { self.rng.random_range(0..=12) };
            let names_d = index == 1 && opcode.row().form == Form::RegRegReg && self.config.only_valid;
            bytes.push(if names_d { byte & 15 } else { byte });
        }
        if self.config.only_valid {
            // Further than one byte more the machine does not see: the rest would be code that nothing starts.
            bytes.truncate(24);
        }
        self.push_content(Content::Raw(bytes));
    }

    /// Bytes that mean nothing.
    fn nonsense(&mut self) {
        let bytes: Vec<u8> = (0..self.rng.random_range(1..=8)).map(|_| self.rng.random()).collect();
        let content = if self.rng.random() { Content::Raw(bytes) } else { Content::Gap(bytes) };
        self.push_content(content);
    }
}
