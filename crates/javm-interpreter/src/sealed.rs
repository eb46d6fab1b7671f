//! The array of operations and the cursor that walks it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::op::Op;

pub(crate) struct Ops {
    ops: Box<[Op]>,
}

impl Ops {
    pub fn seal(ops: Vec<Op>) -> Ops {
        Ops { ops: ops.into() }
    }

    pub fn cost(&self, index: u32) -> u32 {
        self.ops[index as usize].cost
    }

    pub fn cursor(&self, index: u32) -> Cursor<'_> {
        Cursor { ops: &self.ops, at: index as usize }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    ops: &'a [Op],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub fn op(&self) -> &'a Op {
        &self.ops[self.at]
    }
    #[inline(always)]
    pub fn index(&self) -> u32 {
        self.at as u32
    }
    #[inline(always)]
    pub fn advance(&mut self) {
        self.at += 1;
    }
    #[inline(always)]
    pub fn go(&mut self, index: u32) {
        self.at = index as usize;
    }
}
