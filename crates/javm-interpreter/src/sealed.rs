//! The array of operations and the cursor that walks it without bounds checks.
//!
//! # Why that is sound
//! [`Ops::seal`] makes sure of three things, and nothing can change the operations afterwards:
//! 1. The last operation is a trap, which ends the run. Every other one has a next one.
//! 2. The distance of every static jump, its own and that of the second half of a fused operation, ends in the array.
//! 3. Every entry of the jump table is an operation of the array, or [`NOWHERE`].
//!
//! The steps (`step`) keep the other side: a step runs only operations that carry its handler, so that it knows whether
//! there is a next one ([`Cursor::following`]) and whether a distance stands in it ([`Cursor::target`]).
#![allow(unsafe_code)]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::op::{Handler, Op};

/// The jump table entry that leads to no operation.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// The operations of a program and its jump table.
pub(crate) struct Ops {
    ops: Box<[Op]>,
    jumps: Box<[u32]>,
}

impl Ops {
    /// Takes over operations, with the distances of their jumps, and for each entry of the jump table an index into
    /// them or [`NOWHERE`].
    ///
    /// # Panics
    /// If that would not be sound to run: a bug of this crate, whatever the program.
    pub fn seal(ops: Vec<Op>, jumps: Vec<u32>) -> Ops {
        let ops: Box<[Op]> = ops.into();
        let jumps: Box<[u32]> = jumps.into();
        assert!(u32::try_from(ops.len()).is_ok_and(|length| length < NOWHERE), "too many operations");
        assert_eq!(ops.last().map(|op| op.handler), Some(Handler::Trap), "the last operation does not trap");
        let last = ops.len() - 1;
        for (index, op) in ops[..last].iter().enumerate() {
            let handler = match op.handler {
                Handler::Cut => Handler::from_number(op.cost).expect("a cut stands for a handler"),
                handler => handler,
            };
            // The first half of a fused operation is straight; the second belongs to the next operation.
            let (jump, jumping) = if handler.is_fused() { (index + 1, &ops[index + 1]) } else { (index, op) };
            assert!(jump < last, "a fused operation has no next one");
            if handler.jumps() {
                assert!(target(jump, jumping) <= last, "a jump leads out of the operations");
            }
        }
        assert!(jumps.iter().all(|&index| index == NOWHERE || (index as usize) <= last), "the jump table leads out");
        Ops { ops, jumps }
    }

    /// What entering a block at this operation costs.
    pub fn cost(&self, index: u32) -> u32 {
        self.ops[index as usize].cost
    }

    /// A cursor on this operation.
    #[inline]
    pub fn cursor(&self, index: u32) -> Cursor<'_> {
        assert!((index as usize) < self.ops.len());
        // SAFETY: just checked.
        unsafe { self.cursor_unchecked(index) }
    }

    /// # Safety
    /// `index` is one of an operation.
    #[inline(always)]
    unsafe fn cursor_unchecked(&self, index: u32) -> Cursor<'_> {
        // From the pointer to the whole array, not to the element, so that the cursor may walk.
        let first = NonNull::from(&*self.ops).cast::<Op>();
        // SAFETY: the caller's promise.
        Cursor { op: unsafe { first.add(index as usize) }, ops: PhantomData }
    }

    /// Which operation the cursor stands on; it has to be one of these.
    #[inline]
    pub fn index_of(&self, cursor: Cursor<'_>) -> u32 {
        let bytes = cursor.op.addr().get() - self.ops.as_ptr().addr();
        (bytes / size_of::<Op>()) as u32
    }

    /// The operation that a jump to `address` leads to, if that is a block start.
    #[inline(always)]
    pub fn jump_target(&self, address: u32) -> Option<Cursor<'_>> {
        // Two to a table entry, the first at 2: zero and odd addresses become indices behind every table.
        let entry = address.rotate_right(1).wrapping_sub(1);
        match self.jumps.get(entry as usize) {
            Some(&index) if index != NOWHERE => {
                // SAFETY: `seal` has checked every entry.
                Some(unsafe { self.cursor_unchecked(index) })
            }
            _ => None,
        }
    }
}

/// Where the jump at `index` goes; an index out of reach if it goes nowhere near.
fn target(index: usize, op: &Op) -> usize {
    usize::try_from(index as i64 + i64::from(op.y as i32)).unwrap_or(usize::MAX)
}

/// A place in [`Ops`].
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    op: NonNull<Op>,
    ops: PhantomData<&'a [Op]>,
}

impl<'a> Cursor<'a> {
    /// The operation here.
    #[inline(always)]
    pub fn op(&self) -> &'a Op {
        // SAFETY: a cursor always stands on an operation, which lives as long as the array.
        unsafe { self.op.as_ref() }
    }

    /// The place of the next operation.
    ///
    /// # Safety
    /// The operation here is no trap. (It may be the second half of the one whose step is running.)
    #[inline(always)]
    pub unsafe fn following(self) -> Cursor<'a> {
        debug_assert_ne!(self.op().handler, Handler::Trap);
        // SAFETY: only the last operation has no next one, and `seal` has checked that it is a trap.
        Cursor { op: unsafe { self.op.add(1) }, ..self }
    }

    /// The place that the static jump here goes to.
    ///
    /// # Safety
    /// The operation here is a static jump, by its handler or as the second half of the one whose step is running.
    #[inline(always)]
    pub unsafe fn target(self) -> Cursor<'a> {
        // SAFETY: `seal` has checked where every static jump goes.
        Cursor { op: unsafe { self.op.offset(self.op().y as i32 as isize) }, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Index;
    use std::vec;

    fn op(handler: Handler, y: i32) -> Op {
        Op { handler, a: Index::R0, b: Index::R0, d: Index::R0, x: 0, y: y as u32, cost: 0 }
    }

    const TRAP: Handler = Handler::Trap;

    #[test]
    fn sound_operations_are_taken() {
        let ops = vec![op(Handler::AddImm64BranchNe, 0), op(Handler::BranchNe, -1), op(Handler::Jump, 1), op(TRAP, 0)];
        let ops = Ops::seal(ops, vec![NOWHERE, 2]);
        // SAFETY: these are jumps.
        let target = |index| ops.index_of(unsafe { ops.cursor(index).target() });
        assert_eq!((target(1), target(2)), (0, 3));
        // SAFETY: this is no trap.
        assert_eq!(ops.index_of(unsafe { ops.cursor(2).following() }), 3);
        assert_eq!(ops.jump_target(4).map(|cursor| ops.index_of(cursor)), Some(2));
        assert!([0, 1, 2, 3, 5, 6, u32::MAX].into_iter().all(|address| ops.jump_target(address).is_none()));
    }

    #[test]
    #[should_panic(expected = "does not trap")]
    fn operations_that_run_out_are_not() {
        Ops::seal(vec![op(TRAP, 0), op(Handler::MoveReg, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "does not trap")]
    fn no_operations_are_not() {
        Ops::seal(vec![], vec![]);
    }

    #[test]
    #[should_panic(expected = "leads out of the operations")]
    fn a_jump_behind_the_end_is_not() {
        Ops::seal(vec![op(Handler::Jump, 2), op(TRAP, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "leads out of the operations")]
    fn a_jump_before_the_beginning_is_not() {
        Ops::seal(vec![op(Handler::Jump, -1), op(TRAP, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "leads out of the operations")]
    fn a_cut_jump_is_looked_at() {
        let cut = Op { cost: Handler::Jump as u32, ..op(Handler::Cut, 2) };
        Ops::seal(vec![cut, op(TRAP, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "leads out of the operations")]
    fn the_second_half_of_a_fused_operation_is_looked_at() {
        // Only the fused handler says that the second operation is taken for a branch.
        Ops::seal(vec![op(Handler::AddImm64BranchNe, 0), op(Handler::LoadImm64, 7), op(TRAP, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "has no next one")]
    fn a_fused_operation_at_the_end_is_not() {
        Ops::seal(vec![op(Handler::MoveRegMoveReg, 0), op(TRAP, 0)], vec![]);
    }

    #[test]
    #[should_panic(expected = "the jump table leads out")]
    fn a_jump_table_that_leads_out_is_not() {
        Ops::seal(vec![op(TRAP, 0)], vec![1]);
    }
}
