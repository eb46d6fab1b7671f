//! What a program does: actions where a real one has code.

use crate::table::Operation;

/// One step of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A basic block starts here, and costs so much.
    Block(u64),
    /// Ends a block; the next one follows.
    Fallthrough,
    /// Sets a register.
    Set(u8, u64),
    /// Stores the lowest byte of a register at an address.
    Store(u8, u32),
    /// Loads the byte at an address to a register.
    Load(u8, u32),
    /// The operation in φ11.
    Ecall,
    /// CALL of what this reference names.
    Ecalli(u32),
    /// Jumps to φ0: the end of the call, as long as φ0 is what the call began with.
    Return,
    /// Traps.
    Trap,
}

/// A program's actions. Code offsets are those of the actions that stand for instructions, so all but [`Action::Block`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Script {
    actions: Vec<Action>,
    offsets: Vec<u32>,
}

impl Script {
    /// These actions, at the offsets 0, 1, 2 …
    ///
    /// # Panics
    /// If a block starts where code runs into it: only behind what ends a block is there a place for one.
    #[must_use]
    pub fn new(actions: Vec<Action>) -> Script {
        let offsets = actions.iter().scan(0, |next, action| {
            let offset = *next;
            *next += u32::from(!matches!(action, Action::Block(_)));
            Some(offset)
        });
        let offsets = offsets.collect();
        Script::at(actions, offsets)
    }

    /// These actions, at the offsets of real code. A block has that of the action behind it.
    ///
    /// # Panics
    /// As [`Script::new`].
    #[must_use]
    pub fn at(actions: Vec<Action>, offsets: Vec<u32>) -> Script {
        assert_eq!(actions.len(), offsets.len(), "an offset for each action");
        for (index, action) in actions.iter().enumerate() {
            let ends = |action: &Action| matches!(action, Action::Fallthrough | Action::Return | Action::Trap);
            let starts = matches!(action, Action::Block(_));
            let may_start = index == 0 || ends(&actions[index - 1]);
            assert_eq!(starts, may_start, "action {index} {action:?}: a block starts behind the end of another one");
        }
        Script { actions, offsets }
    }

    /// The action with this index.
    #[must_use]
    pub fn action(&self, index: usize) -> Option<Action> {
        self.actions.get(index).copied()
    }

    /// All of them.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The code offset of an action; behind the last one, that of the trap that stands there.
    #[must_use]
    pub fn offset(&self, index: usize) -> u32 {
        let behind = || self.offsets.last().map_or(0, |last| last + 1);
        self.offsets.get(index).copied().unwrap_or_else(behind)
    }

    /// The action at a code offset: the block's start where it is not paid.
    #[must_use]
    pub fn index(&self, offset: u32, paid: bool) -> usize {
        let is_block = |index: usize| matches!(self.actions.get(index), Some(Action::Block(_)));
        (0..self.actions.len())
            .find(|&index| self.offsets[index] == offset && (!paid || !is_block(index)))
            .unwrap_or(self.actions.len())
    }

    /// Whether a basic block starts at a code offset.
    #[must_use]
    pub fn starts_block(&self, offset: u32) -> bool {
        matches!(self.action(self.index(offset, false)), Some(Action::Block(_)))
    }

    /// The offsets of the blocks that are first or behind a [`Action::Return`] or [`Action::Trap`].
    #[must_use]
    pub fn endpoints(&self) -> Vec<u32> {
        let starts = |&index: &usize| {
            matches!(self.actions[index], Action::Block(_))
                && (index == 0 || !matches!(self.actions[index - 1], Action::Fallthrough))
        };
        (0..self.actions.len()).filter(starts).map(|index| self.offsets[index]).collect()
    }
}

/// An operation with everything that it is asked with: φ7 to φ12.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// φ7 to φ10.
    pub operands: [u64; 4],
    /// φ11.
    pub word: u64,
    /// φ12.
    pub last: u64,
}

impl Request {
    /// An operation with operands and without flags.
    #[must_use]
    pub fn new(operation: Operation, operands: &[u64]) -> Request {
        let mut request = Request { operands: [0; 4], word: operation.number().into(), last: 0 };
        request.operands[..operands.len()].copy_from_slice(operands);
        request
    }

    /// With these flags.
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Request {
        self.word |= u64::from(flags) << 8;
        self
    }

    /// With this φ12: a gas limit, or the access of MAP.
    #[must_use]
    pub fn last(mut self, last: u64) -> Request {
        self.last = last;
        self
    }

    /// CALL of an endpoint or method of what a reference names.
    #[must_use]
    pub fn call(reference: u32, endpoint: u16, arguments: &[u64]) -> Request {
        let mut request = Request::new(Operation::Call, arguments);
        request.word |= u64::from(endpoint) << 16 | u64::from(reference) << 32;
        request
    }

    /// RESUME of what a reference names.
    #[must_use]
    pub fn resume(reference: u32, value: u64) -> Request {
        let mut request = Request::new(Operation::Resume, &[value]);
        request.word |= u64::from(reference) << 32;
        request
    }

    /// The actions that ask for it.
    #[must_use]
    pub fn actions(self) -> Vec<Action> {
        let registers = self.operands.into_iter().chain([self.word, self.last]);
        let set = (7..).zip(registers).map(|(register, value)| Action::Set(register, value));
        set.chain([Action::Ecall]).collect()
    }
}
