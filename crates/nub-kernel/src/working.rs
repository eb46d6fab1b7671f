//! The table that a frame works on.

use core::ops::{Deref, DerefMut};

use javm_cap::CNode;

/// A copy of a table that knows whether anybody has had it to change it.
#[derive(Default)]
pub(crate) struct Working {
    table: CNode,
    is_changed: bool,
}

impl Working {
    pub(crate) fn new(table: CNode) -> Working {
        Working { table, is_changed: false }
    }

    /// Whether it may be another table than the one that it was made of.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }

    pub(crate) fn into_table(self) -> CNode {
        self.table
    }
}

impl Deref for Working {
    type Target = CNode;

    #[inline]
    fn deref(&self) -> &CNode {
        &self.table
    }
}

impl DerefMut for Working {
    #[inline]
    fn deref_mut(&mut self) -> &mut CNode {
        self.is_changed = true;
        &mut self.table
    }
}
