//! The loops that are timed. Each takes a memory base in a0 and a size in a1 and leaves a result in a0.

use Opcode::*;
use javm_isa::{Instruction, Lengths, Opcode, Program, ProgramBuilder, Reg};

const RA: Reg = Reg::RA;
const SP: Reg = Reg::SP;
const T0: Reg = Reg::T0;
const T1: Reg = Reg::T1;
const T2: Reg = Reg::T2;
const S0: Reg = Reg::S0;
const S1: Reg = Reg::S1;
const A0: Reg = Reg::A0;
const A1: Reg = Reg::A1;
const A2: Reg = Reg::A2;
const A3: Reg = Reg::A3;

pub struct Workload {
    pub name: &'static str,
    pub program: Program,
    pub size: u64,
}

pub fn all() -> Vec<Workload> {
    vec![sieve(), fib(), hash(), copy(), sort(), calls()]
}

/// A program with places to jump to.
#[derive(Default)]
struct Assembly {
    lines: Vec<(Instruction, Option<&'static str>)>,
    labels: Vec<(&'static str, usize)>,
    returns: Vec<&'static str>,
}

impl Assembly {
    /// A place to jump to, which has to be the start of a block.
    fn label(&mut self, name: &'static str) {
        if self.lines.last().is_some_and(|(instruction, _)| !instruction.opcode.is_terminator()) {
            self.push(Instruction::new(Fallthrough));
        }
        self.labels.push((name, self.lines.len()));
    }
    fn push(&mut self, instruction: Instruction) {
        self.lines.push((instruction, None));
    }
    /// `d = a op b`.
    fn op(&mut self, opcode: Opcode, d: Reg, a: Reg, b: Reg) {
        self.push(Instruction { d, a, b, ..Instruction::new(opcode) });
    }
    /// `a = b op x`, and loads and stores of a at b + x.
    fn imm(&mut self, opcode: Opcode, a: Reg, b: Reg, x: i64) {
        self.push(Instruction { a, b, x: x as u64, ..Instruction::new(opcode) });
    }
    fn set(&mut self, a: Reg, x: i64) {
        self.imm(LoadImm, a, RA, x);
    }
    fn mov(&mut self, d: Reg, a: Reg) {
        self.op(MoveReg, d, a, RA);
    }
    fn branch(&mut self, opcode: Opcode, a: Reg, b: Reg, to: &'static str) {
        self.lines.push((Instruction { a, b, ..Instruction::new(opcode) }, Some(to)));
    }
    fn branch_imm(&mut self, opcode: Opcode, a: Reg, x: i64, to: &'static str) {
        self.lines.push((Instruction { a, x: x as u64, ..Instruction::new(opcode) }, Some(to)));
    }
    fn jump(&mut self, to: &'static str) {
        self.branch(Jump, RA, RA, to);
    }
    fn call(&mut self, to: &'static str, back: &'static str) {
        self.returns.push(back);
        let address = 2 * self.returns.len() as i64;
        self.branch_imm(LoadImmJump, RA, address, to);
        self.label(back);
    }
    fn ret(&mut self) {
        self.imm(JumpInd, RA, RA, 0);
    }

    fn build(&self) -> Program {
        // Offsets of four bytes, so that the places do not depend on each other.
        let lengths = Lengths { x: None, y: Some(4) };
        let lengths_of = |instruction: &Instruction| match instruction.opcode.row().form {
            javm_isa::Form::Offset | javm_isa::Form::RegRegOffset => Lengths { x: Some(4), y: None },
            javm_isa::Form::RegImmOffset => lengths,
            _ => Lengths::default(),
        };
        let mut places = Vec::new();
        let mut draft = ProgramBuilder::new();
        for (instruction, _) in &self.lines {
            places.push(draft.push_with(instruction, lengths_of(instruction)).expect("it fits"));
        }
        let place = |name: &str| {
            places[self.labels.iter().find(|(label, _)| *label == name).unwrap_or_else(|| panic!("{name}")).1]
        };
        let mut builder = ProgramBuilder::new();
        for (instruction, to) in &self.lines {
            let mut instruction = *instruction;
            if let Some(to) = to {
                instruction.target = place(to);
            }
            builder.push_with(&instruction, lengths_of(&instruction)).expect("it fits");
        }
        for back in &self.returns {
            builder.push_jump_target(place(back));
        }
        builder.build().expect("a short program")
    }
}

fn sieve() -> Workload {
    let mut p = Assembly::default();
    p.op(Add64, S0, A0, A1);
    p.mov(T0, A0);
    p.set(A2, 0);
    p.label("clear");
    p.imm(StoreIndU8, A2, T0, 0);
    p.imm(AddImm64, T0, T0, 1);
    p.branch(BranchNe, T0, S0, "clear");
    p.set(T0, 2);
    p.label("outer");
    p.op(Add64, T1, A0, T0);
    p.imm(LoadIndU8, T2, T1, 0);
    p.branch_imm(BranchNeImm, T2, 0, "next");
    p.imm(AddImm64, A2, A2, 1);
    p.op(Mul64, S1, T0, T0);
    p.branch(BranchGeU, S1, A1, "next");
    p.op(Add64, S1, S1, A0);
    p.set(T2, 1);
    p.label("mark");
    p.imm(StoreIndU8, T2, S1, 0);
    p.op(Add64, S1, S1, T0);
    p.branch(BranchLtU, S1, S0, "mark");
    p.label("next");
    p.imm(AddImm64, T0, T0, 1);
    p.branch(BranchNe, T0, A1, "outer");
    p.mov(A0, A2);
    p.ret();
    Workload { name: "sieve", program: p.build(), size: 1_000_000 }
}

fn fib() -> Workload {
    let mut p = Assembly::default();
    p.imm(AddImm64, SP, SP, -8);
    p.imm(StoreIndU64, RA, SP, 0);
    p.mov(A0, A1);
    p.call("fib", "done");
    p.imm(LoadIndU64, RA, SP, 0);
    p.imm(AddImm64, SP, SP, 8);
    p.ret();
    p.label("fib");
    p.branch_imm(BranchLtUImm, A0, 2, "small");
    p.imm(AddImm64, SP, SP, -24);
    p.imm(StoreIndU64, RA, SP, 0);
    p.imm(StoreIndU64, S0, SP, 8);
    p.imm(StoreIndU64, S1, SP, 16);
    p.mov(S0, A0);
    p.imm(AddImm64, A0, A0, -1);
    p.call("fib", "first");
    p.mov(S1, A0);
    p.imm(AddImm64, A0, S0, -2);
    p.call("fib", "second");
    p.op(Add64, A0, A0, S1);
    p.imm(LoadIndU64, RA, SP, 0);
    p.imm(LoadIndU64, S0, SP, 8);
    p.imm(LoadIndU64, S1, SP, 16);
    p.imm(AddImm64, SP, SP, 24);
    p.label("small");
    p.ret();
    Workload { name: "fib", program: p.build(), size: 25 }
}

fn hash() -> Workload {
    let mut p = Assembly::default();
    p.set(T0, 0x1234_5678);
    p.set(T2, 0);
    p.label("loop");
    p.imm(ShloLImm64, T1, T0, 13);
    p.op(Xor, T0, T0, T1);
    p.imm(ShloRImm64, T1, T0, 7);
    p.op(Xor, T0, T0, T1);
    p.imm(ShloLImm64, T1, T0, 17);
    p.op(Xor, T0, T0, T1);
    p.imm(RotR64Imm, T1, T0, 11);
    p.op(Mul64, T1, T1, T0);
    p.op(Add32, S0, T1, T2);
    p.op(SetLtU, S1, S0, T1);
    p.op(Add64, T2, T2, S1);
    p.op(AndInv, S0, T2, T1);
    p.op(Sub64, T2, T2, S0);
    p.imm(AddImm64, A1, A1, -1);
    p.branch_imm(BranchNeImm, A1, 0, "loop");
    p.op(Xor, A0, T0, T2);
    p.ret();
    Workload { name: "hash", program: p.build(), size: 500_000 }
}

fn copy() -> Workload {
    let mut p = Assembly::default();
    p.label("again");
    p.mov(T0, A0);
    p.imm(AddImm64, T1, A0, 0x40000);
    p.mov(S0, T1);
    p.label("loop");
    p.imm(LoadIndU64, T2, T0, 0);
    p.imm(LoadIndU64, A2, T0, 8);
    p.imm(StoreIndU64, T2, T1, 0);
    p.imm(StoreIndU64, A2, T1, 8);
    p.imm(AddImm64, T0, T0, 16);
    p.imm(AddImm64, T1, T1, 16);
    p.branch(BranchNe, T0, S0, "loop");
    p.imm(AddImm64, A1, A1, -1);
    p.branch_imm(BranchNeImm, A1, 0, "again");
    p.imm(LoadIndU64, A0, T1, -8);
    p.ret();
    Workload { name: "copy", program: p.build(), size: 60 }
}

/// Insertion sort of pseudo-random 32-bit numbers: branches that are hard to predict.
fn sort() -> Workload {
    let mut p = Assembly::default();
    p.imm(ShloLImm64, A1, A1, 2);
    p.op(Add64, S0, A0, A1);
    p.set(T1, 12345);
    p.mov(T0, A0);
    p.label("fill");
    p.imm(MulImm32, T1, T1, 1_103_515_245);
    p.imm(AddImm32, T1, T1, 12345);
    p.imm(StoreIndU32, T1, T0, 0);
    p.imm(AddImm64, T0, T0, 4);
    p.branch(BranchLtU, T0, S0, "fill");
    p.imm(AddImm64, T0, A0, 4);
    p.label("outer");
    p.imm(LoadIndU32, T1, T0, 0);
    p.mov(T2, T0);
    p.label("inner");
    p.imm(LoadIndU32, A2, T2, -4);
    p.branch(BranchGeU, T1, A2, "place");
    p.imm(StoreIndU32, A2, T2, 0);
    p.imm(AddImm64, T2, T2, -4);
    p.branch(BranchNe, T2, A0, "inner");
    p.label("place");
    p.imm(StoreIndU32, T1, T2, 0);
    p.imm(AddImm64, T0, T0, 4);
    p.branch(BranchLtU, T0, S0, "outer");
    p.imm(LoadIndU32, A0, A0, 400);
    p.ret();
    Workload { name: "sort", program: p.build(), size: 2_000 }
}

/// A loop around a small function, with a comparison chain as a switch makes them.
fn calls() -> Workload {
    let mut p = Assembly::default();
    p.imm(AddImm64, SP, SP, -8);
    p.imm(StoreIndU64, RA, SP, 0);
    p.set(T0, 0);
    p.label("loop");
    p.imm(AndImm, A2, A1, 3);
    p.call("step", "back");
    p.op(Add64, T0, T0, A3);
    p.imm(AddImm64, A1, A1, -1);
    p.branch_imm(BranchNeImm, A1, 0, "loop");
    p.mov(A0, T0);
    p.imm(LoadIndU64, RA, SP, 0);
    p.imm(AddImm64, SP, SP, 8);
    p.ret();
    p.label("step");
    p.branch_imm(BranchEqImm, A2, 0, "zero");
    p.branch_imm(BranchEqImm, A2, 1, "one");
    p.op(Mul64, A3, A2, A1);
    p.ret();
    p.label("zero");
    p.set(A3, 7);
    p.ret();
    p.label("one");
    p.op(Xor, A3, A1, T0);
    p.jump("end");
    p.label("end");
    p.ret();
    Workload { name: "calls", program: p.build(), size: 500_000 }
}
