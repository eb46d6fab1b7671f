//! Sequences of calls, copies, drops and new Instances of a program that swaps words: for tests that no such sequence shows
//! where memory was mounted before.

use proptest::prelude::*;
use proptest::sample::Index;

/// Swaps a word in memory: address, new value, whether to trap afterwards. Returns what was there.
pub const SWAP: &str = "
    load_ind_u64 a3, [a0]
    store_ind_u64 [a0], a1
    branch_ne_imm a2, 0, @fail
    move_reg a0, a3
    jump_ind ra, 0
 @fail:
    trap
";

const PAGE: usize = 4096;

/// A call of [`SWAP`].
#[derive(Clone, Debug)]
pub struct Swap {
    /// φ7.
    pub address: u32,
    /// φ8.
    pub value: u64,
    /// Whether φ9 is not 0.
    pub fails: bool,
    /// The scratchpad that goes with it.
    pub scratchpad: Option<Vec<u8>>,
}

impl Swap {
    /// φ7 to φ9.
    #[must_use]
    pub fn arguments(&self) -> [u64; 3] {
        [u64::from(self.address), self.value, u64::from(self.fails)]
    }
}

/// What is done next. Instances are meant by their place in those that there are.
#[derive(Clone, Debug)]
pub enum Action {
    /// Calls an Instance.
    Swap(Index, Swap),
    /// Makes an Instance of one of the Images.
    New(Index),
    /// Copies an Instance.
    Copy(Index),
    /// Drops an Instance.
    Drop(Index),
}

/// Sequences of at most `most` actions, with words at these addresses.
pub fn actions(addresses: impl Strategy<Value = u32> + 'static, most: usize) -> impl Strategy<Value = Vec<Action>> {
    let scratchpad = prop_oneof![
        3 => Just(None),
        1 => Just(Some(vec![])),
        2 => prop::collection::vec(any::<u8>(), 8).prop_map(Some),
        1 => Just(Some(vec![9; 3 * PAGE])),
    ];
    let swap = (any::<Index>(), addresses, 0..4_u64, prop::bool::weighted(0.2), scratchpad);
    let action = prop_oneof![
        8 => swap.prop_map(|(instance, address, value, fails, scratchpad)| {
            Action::Swap(instance, Swap { address, value, fails, scratchpad })
        }),
        2 => any::<Index>().prop_map(Action::New),
        2 => any::<Index>().prop_map(Action::Copy),
        3 => any::<Index>().prop_map(Action::Drop),
    ];
    prop::collection::vec(action, 1..most)
}
