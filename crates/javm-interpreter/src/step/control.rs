//! What decides where the run goes on, or that it does not.

#![allow(unsafe_code)]

use javm_isa::program::HALT_ADDRESS;

use super::{Context, Step, Straight, next};
use crate::memory::{Fault, Memory};
use crate::op::{Op, Registers};
use crate::run::Exit;
use crate::sealed::Cursor;

/// Enters the block that `at` stands at: pays for it, or ends the run in front of it.
#[inline(always)]
fn enter<'a, M: Memory, const CHAIN: bool>(
    at: Cursor<'a>,
    registers: &mut Registers,
    memory: &mut M,
    gas: u64,
    context: &mut Context<'a>,
) {
    match gas.checked_sub(u64::from(at.op().cost)) {
        Some(rest) => next::<M, CHAIN>(at, registers, memory, rest, context),
        None => context.stop(at, gas, Exit::OutOfGas),
    }
}

/// Steps that end the run where they stand.
macro_rules! exits {
    ($($name:ident: |$op:pat_param| $exit:expr;)*) => {$(
        pub(crate) struct $name;

        impl Step for $name {
            #[inline(always)]
            fn run<'a, M: Memory, const CHAIN: bool>(
                at: Cursor<'a>,
                _: &mut Registers,
                _: &mut M,
                gas: u64,
                context: &mut Context<'a>,
            ) {
                let $op = at.op();
                context.stop(at, gas, $exit);
            }
        }
    )*};
}

exits! {
    Trap: |_| Exit::Panic;
    Ecall: |_| Exit::Operation;
    Ecalli: |op| Exit::Host(op.x as u32);
}

/// A hint to the cost model.
pub(crate) struct Unlikely;

impl Straight for Unlikely {
    #[inline(always)]
    fn quick<M: Memory>(_: &Op, _: &mut Registers, _: &mut M) -> bool {
        true
    }

    fn slow<M: Memory>(_: &Op, _: &mut Registers, _: &mut M) -> Result<(), Fault> {
        Ok(())
    }
}

/// Steps into the next block.
pub(crate) struct Fallthrough;

impl Step for Fallthrough {
    #[inline(always)]
    fn run<'a, M: Memory, const CHAIN: bool>(
        at: Cursor<'a>,
        registers: &mut Registers,
        memory: &mut M,
        gas: u64,
        context: &mut Context<'a>,
    ) {
        // SAFETY: this is a fallthrough, no trap.
        let following = unsafe { at.following() };
        enter::<M, CHAIN>(following, registers, memory, gas, context);
    }
}

/// Steps to a fixed place, or into the next block unless the condition holds.
macro_rules! branches {
    ($($name:ident: |$op:pat_param, $registers:pat_param| $condition:expr;)*) => {$(
        pub(crate) struct $name;

        impl Step for $name {
            #[inline(always)]
            fn run<'a, M: Memory, const CHAIN: bool>(
                at: Cursor<'a>,
                registers: &mut Registers,
                memory: &mut M,
                gas: u64,
                context: &mut Context<'a>,
            ) {
                let taken = {
                    let ($op, $registers) = (at.op(), &mut *registers);
                    $condition
                };
                // In each case on its own, so that the processor predicts the way instead of waiting for it.
                if taken {
                    // SAFETY: this is a static jump.
                    let target = unsafe { at.target() };
                    enter::<M, CHAIN>(target, registers, memory, gas, context);
                } else {
                    // SAFETY: this is a static jump, no trap.
                    let following = unsafe { at.following() };
                    enter::<M, CHAIN>(following, registers, memory, gas, context);
                }
            }
        }
    )*};
}

branches! {
    Jump: |_, _| true;
    LoadImmJump: |op, registers| {
        registers[op.a as usize] = op.x();
        true
    };
    BranchEq: |op, registers| registers[op.a as usize] == registers[op.b as usize];
    BranchNe: |op, registers| registers[op.a as usize] != registers[op.b as usize];
    BranchLtU: |op, registers| registers[op.a as usize] < registers[op.b as usize];
    BranchLtS: |op, registers| (registers[op.a as usize] as i64) < registers[op.b as usize] as i64;
    BranchGeU: |op, registers| registers[op.a as usize] >= registers[op.b as usize];
    BranchGeS: |op, registers| registers[op.a as usize] as i64 >= registers[op.b as usize] as i64;
    BranchEqImm: |op, registers| registers[op.a as usize] == op.x();
    BranchNeImm: |op, registers| registers[op.a as usize] != op.x();
    BranchLtUImm: |op, registers| registers[op.a as usize] < op.x();
    BranchLeUImm: |op, registers| registers[op.a as usize] <= op.x();
    BranchGeUImm: |op, registers| registers[op.a as usize] >= op.x();
    BranchGtUImm: |op, registers| registers[op.a as usize] > op.x();
    BranchLtSImm: |op, registers| (registers[op.a as usize] as i64) < op.x() as i64;
    BranchLeSImm: |op, registers| registers[op.a as usize] as i64 <= op.x() as i64;
    BranchGeSImm: |op, registers| registers[op.a as usize] as i64 >= op.x() as i64;
    BranchGtSImm: |op, registers| registers[op.a as usize] as i64 > op.x() as i64;
}

/// Steps to where the jump table says.
macro_rules! indirect_jumps {
    ($($name:ident: |$op:pat_param, $registers:pat_param| $address:expr;)*) => {$(
        pub(crate) struct $name;

        impl Step for $name {
            #[inline(always)]
            fn run<'a, M: Memory, const CHAIN: bool>(
                at: Cursor<'a>,
                registers: &mut Registers,
                memory: &mut M,
                gas: u64,
                context: &mut Context<'a>,
            ) {
                let address: u32 = {
                    let ($op, $registers) = (at.op(), &mut *registers);
                    $address
                };
                if let Some(target) = context.ops.jump_target(address) {
                    enter::<M, CHAIN>(target, registers, memory, gas, context);
                } else {
                    context.stop(at, gas, if address == HALT_ADDRESS { Exit::Halt } else { Exit::Panic });
                }
            }
        }
    )*};
}

indirect_jumps! {
    JumpInd: |op, registers| (registers[op.a as usize] as u32).wrapping_add(op.x as u32);
    LoadImmJumpInd: |op, registers| {
        let address = (registers[op.b as usize] as u32).wrapping_add(op.y);
        registers[op.a as usize] = op.x();
        address
    };
}

/// Leaves the chain: [`super::execute`] goes on here with the step that this one stands for.
pub(crate) struct Cut;

impl Step for Cut {
    #[inline(always)]
    fn run<'a, M: Memory, const CHAIN: bool>(
        at: Cursor<'a>,
        _: &mut Registers,
        _: &mut M,
        gas: u64,
        context: &mut Context<'a>,
    ) {
        context.pause(at, gas);
    }
}
