//! A callee that does not keep to what was agreed: what it does to the scratchpad is not its caller's loss.

use crate::nesting::{ADA, BOB};
use crate::tree::{Tree, loud, program};

/// What `rude` does, by number: all that it comes back from, and all that it does not.
const RETURNS: [u64; 4] = [0, 1, 2, 3];
const FAILS: [(u64, &str); 2] = [(4, "FAULT"), (5, "OUT_OF_GAS")];

fn tree(manners: u64) -> Tree {
    let mut tree = Tree::new(loud("relay", [(20, program("rude", []).into())]));
    assert_eq!(tree.call::<_, u64>(&[20], "behave", &(manners,)), manners);
    tree
}

#[test]
fn a_scratchpad_that_is_taken_away_is_none_of_the_caller_s() {
    for manners in RETURNS {
        let mut tree = tree(manners);
        let before = tree.hash(&[]);
        // The caller's own arguments stand in its scratchpad meanwhile, and its log lines are made there afterwards.
        assert_eq!(tree.call::<_, u64>(&[], "balance", &(ADA,)), manners);
        assert_eq!(tree.hash(&[]), before, "nothing is left in the slot where the scratchpad was aside");
        // A method that returns nothing returns 0. All but the first break that, too.
        if manners == 0 {
            tree.call::<_, ()>(&[], "relay", &(ADA, BOB, 1_u64));
        } else {
            let told = tree.refusal::<_, ()>(&[], "relay", &(ADA, BOB, 1_u64));
            let why = format!("φ7: {manners:#x} is not zero, but the method returns nothing");
            assert!(told.ends_with(&format!("token.transfer at 20: the result is none of its type: {why}")), "{told}");
            assert_eq!(tree.hash(&[]), before);
        }
    }
}

#[test]
fn a_callee_that_fails_takes_its_caller_s_call_with_it_and_no_more() {
    for (manners, status) in FAILS {
        let mut tree = tree(manners);
        let before = tree.hash(&[]);
        let told = tree.refusal::<_, u64>(&[], "balance", &(ADA,));
        assert!(told.ends_with(&format!("token.balance at 20: {status}")), "{told}");
        // Whoever wants to know is told, and goes on.
        let found: u64 = tree.call(&[], "stingy", &(100_000_u64, ADA, BOB, 1_u64));
        assert_eq!(found, if status == "FAULT" { 2 } else { 3 });
        assert_eq!(tree.hash(&[]), before);
    }
}
