//! A game at 60 frames a second whose world has its own gas.

use javm_guest::Typed;

use crate::tree::{Tree, loud, program};

#[derive(Typed, Clone, PartialEq, Debug)]
struct Played {
    new: u32,
    late: u32,
}

/// Plenty for a step.
const ENOUGH: u64 = 1 << 32;

fn tree() -> Tree {
    let mut tree = Tree::new(loud("arcade", [(20, program("frames", []).into())]));
    tree.call::<_, ()>(&[], "reset", &(12_u32, 7_u64));
    tree
}

#[test]
fn a_step_that_takes_longer_than_a_frame_is_gone_on_with_in_the_next() {
    let mut fast = tree();
    assert_eq!(fast.call::<_, Played>(&[], "play", &(30_u32, ENOUGH)), Played { new: 30, late: 0 });
    // The same world with little gas a frame, until it has come as far.
    let mut slow = tree();
    let (mut new, mut late) = (0, 0);
    while new < 30 {
        let played: Played = slow.call(&[], "play", &(1_u32, 20_000_u64));
        (new, late) = (new + played.new, late + played.late);
        assert!(late < 100_000, "it does not go on");
    }
    assert!(late >= 30, "{late} frames without a new picture");
    // Whoever looks sees the same.
    assert_eq!(slow.hash(&[20]), fast.hash(&[20]));
}
