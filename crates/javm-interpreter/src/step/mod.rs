//! The steps that run operations, and how one follows the other.
//!
//! - `compute`: registers from registers.
//! - `access`: loads and stores.
//! - `control`: jumps, exits.
//! - this file: what a step is, the tables that find the step of an operation, the loop.
//!
//! # How one step follows the other
//! Each step ends by calling the step of the next operation, found by its handler number in a table. In an optimised
//! build that call is a jump: the machine's registers keep cursor, gas and the pointers, and each step has an indirect
//! jump of its own for the processor to predict. Nothing may depend on that, however: the language promises no tail
//! calls, so that a chain of calls may take stack. So every chain is short: it starts with [`SLICE`] gas at most, which
//! bounds how many blocks it enters, and long blocks are [`Cut`]. What ends a chain returns to [`execute`], which goes
//! on where it ended.

#![allow(unsafe_code)]

mod access;
mod compute;
mod control;

use access::*;
use compute::*;
use control::*;

use crate::code::Code;
use crate::memory::{Fault, Memory};
use crate::op::{Handler, Op, Registers, with_handlers};
use crate::run::{Exit, State};
use crate::sealed::{Cursor, Ops};

/// The most gas that a chain of steps starts with.
const SLICE: u64 = 128;

/// After this many operations without a jump a block is cut.
pub(crate) const LONGEST_CHAIN: u32 = 128;

/// What runs an operation.
trait Step {
    /// Runs the operation at the cursor, whose handler is this step (or begins with it), and what follows: all of it if
    /// `CHAIN`, otherwise nothing. Why it came back is in the context.
    fn run<'a, M: Memory, const CHAIN: bool>(
        at: Cursor<'a>,
        registers: &mut Registers,
        memory: &mut M,
        gas: u64,
        context: &mut Context<'a>,
    );
}

/// A step that, unless it faults, goes on with the next operation of the block.
trait Straight {
    /// Does it, if that can be done without calling anything. Otherwise gives false and has done nothing.
    fn quick<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> bool;

    /// Does it, after the quick way has given up. On a fault it has done nothing.
    fn slow<M: Memory>(op: &Op, registers: &mut Registers, memory: &mut M) -> Result<(), Fault>;
}

impl<S: Straight> Step for S {
    #[inline(always)]
    fn run<'a, M: Memory, const CHAIN: bool>(
        at: Cursor<'a>,
        registers: &mut Registers,
        memory: &mut M,
        gas: u64,
        context: &mut Context<'a>,
    ) {
        if S::quick(at.op(), registers, memory) {
            // SAFETY: a straight step runs no trap.
            let following = unsafe { at.following() };
            next::<M, CHAIN>(following, registers, memory, gas, context);
        } else {
            slow::<S, M, CHAIN>(at, registers, memory, gas, context);
        }
    }
}

/// Two steps under one dispatch. The second operation stays complete, so that the second step may fault, and a jump or
/// a resumed run may begin with it.
struct Pair<A, B>(core::marker::PhantomData<(A, B)>);

impl<A: Straight, B: Step> Step for Pair<A, B> {
    #[inline(always)]
    fn run<'a, M: Memory, const CHAIN: bool>(
        at: Cursor<'a>,
        registers: &mut Registers,
        memory: &mut M,
        gas: u64,
        context: &mut Context<'a>,
    ) {
        if A::quick(at.op(), registers, memory) {
            // SAFETY: a straight step runs no trap.
            let following = unsafe { at.following() };
            B::run::<M, CHAIN>(following, registers, memory, gas, context);
        } else {
            slow::<A, M, CHAIN>(at, registers, memory, gas, context);
        }
    }
}

/// The way of a straight step that has to call something: apart, so that the quick one needs no stack.
#[cold]
#[inline(never)]
fn slow<'a, S: Straight, M: Memory, const CHAIN: bool>(
    at: Cursor<'a>,
    registers: &mut Registers,
    memory: &mut M,
    gas: u64,
    context: &mut Context<'a>,
) {
    match S::slow(at.op(), registers, memory) {
        Ok(()) => {
            // SAFETY: a straight step runs no trap.
            let following = unsafe { at.following() };
            next::<M, CHAIN>(following, registers, memory, gas, context);
        }
        Err(Fault::Page(page)) => context.stop(at, gas, Exit::Fault(page)),
        Err(Fault::Panic) => context.stop(at, gas, Exit::Panic),
    }
}

/// Goes on with the operation at the cursor.
#[inline(always)]
fn next<'a, M: Memory, const CHAIN: bool>(
    at: Cursor<'a>,
    registers: &mut Registers,
    memory: &mut M,
    gas: u64,
    context: &mut Context<'a>,
) {
    if CHAIN {
        Table::<M>::CHAINED[at.op().handler as usize](at, registers, memory, gas, context);
    } else {
        context.pause(at, gas);
    }
}

/// What a chain of steps knows and leaves behind.
struct Context<'a> {
    ops: &'a Ops,
    at: Cursor<'a>,
    gas: u64,
    exit: Option<Exit>,
}

impl<'a> Context<'a> {
    /// Ends the run at this operation.
    #[inline(always)]
    fn stop(&mut self, at: Cursor<'a>, gas: u64, exit: Exit) {
        self.pause(at, gas);
        self.exit = Some(exit);
    }

    /// Ends the chain; the run goes on with this operation.
    #[inline(always)]
    fn pause(&mut self, at: Cursor<'a>, gas: u64) {
        self.at = at;
        self.gas = gas;
    }
}

type Run<M> = for<'a, 'b, 'c, 'd> fn(Cursor<'a>, &'b mut Registers, &'c mut M, u64, &'d mut Context<'a>);

/// The steps by the numbers of their handlers.
struct Table<M>(core::marker::PhantomData<M>);

macro_rules! define_tables {
    (plain: $($plain:ident)*; cut: $cut:ident; fused: $($fused:ident = $first:ident $second:ident;)*) => {
        impl<M: Memory> Table<M> {
            /// Each goes on with the next.
            const CHAINED: [Run<M>; Handler::COUNT] = [
                $(<$plain as Step>::run::<M, true>,)*
                <$cut as Step>::run::<M, true>,
                $(<Pair<$first, $second> as Step>::run::<M, true>,)*
            ];

            /// Each comes back; a fused one after its first half.
            const SINGLE: [Run<M>; Handler::COUNT] = [
                $(<$plain as Step>::run::<M, false>,)*
                <$cut as Step>::run::<M, false>,
                $(<$first as Step>::run::<M, false>,)*
            ];
        }
    };
}
with_handlers!(define_tables);

/// Who looks on while a program runs. It is a type, so that a run nobody looks at has no trace of it.
pub(crate) trait Observer {
    /// Whether anybody looks.
    const ACTIVE: bool;

    /// Called before the instruction at `state.pc`.
    fn before(&mut self, state: &State, code: &Code);
}

/// Runs from the operation `start`, whose block has been paid.
pub(crate) fn execute<M: Memory, O: Observer>(
    code: &Code,
    start: u32,
    state: &mut State,
    memory: &mut M,
    observer: &mut O,
) -> Exit {
    let ops = &code.ops;
    let slice = state.gas.min(SLICE);
    let mut reserve = state.gas - slice;
    let mut context = Context { ops, at: ops.cursor(start), gas: slice, exit: None };
    let exit = loop {
        let Context { at, gas, .. } = context;
        // A bad jump target is an operation, too, but no instruction.
        if O::ACTIVE && code.is_instruction(ops.index_of(at)) {
            state.pc = code.pc_of(ops.index_of(at));
            state.gas = gas + reserve;
            state.block_paid = true;
            observer.before(state, code);
        }
        let handler = match at.op().handler {
            Handler::Cut => at.op().cost as usize,
            handler => handler as usize,
        };
        let run = if O::ACTIVE { Table::<M>::SINGLE[handler] } else { Table::<M>::CHAINED[handler] };
        run(at, &mut state.registers, memory, gas, &mut context);
        match context.exit {
            None => {}
            Some(Exit::OutOfGas) => {
                // Only the slice may be used up: the block is entered here if all there is pays for it.
                let gas = context.gas + reserve;
                let Some(rest) = gas.checked_sub(u64::from(context.at.op().cost)) else { break Exit::OutOfGas };
                context.gas = rest.min(SLICE);
                context.exit = None;
                reserve = rest - context.gas;
            }
            Some(exit) => break exit,
        }
    };
    state.pc = code.pc_of(ops.index_of(context.at));
    state.gas = context.gas + reserve;
    state.block_paid = exit != Exit::OutOfGas;
    exit
}
