//! Callers that give too little gas, call from too deep, or fail halfway: a shared token is never brought out of order.

use javm_guest::Status;
use nub::cap::{Callable, Mask};

use crate::interfaces::Relay;
use crate::nesting::{ADA, BOB, right};
use crate::tree::{Tree, loud, right_by, typedef};

/// The right to have the relay at `place` pay.
fn next(place: &[u8]) -> Callable {
    right_by(typedef!(dyn Relay), Mask::first(1), 0, place)
}

/// The first relay's slot; each has the right to have the next one pay, the last one to use the token at `/10`.
const FIRST: u8 = 100;

/// A token with 1000 for Ada and Bob each, and so many relays.
fn tree(relays: u8) -> Tree {
    let mut root = loud("relay", [(10, loud("token", []).into())]);
    for relay in 0..relays {
        let mut program = loud("relay", [(20, right(&[10]).into())]);
        if relay + 1 < relays {
            program.put_at(&[21], next(&[FIRST + relay + 1])).expect("it is small");
        }
        root.put_at(&[FIRST + relay], program).expect("it is small");
    }
    let mut tree = Tree::new(root);
    for who in [ADA, BOB] {
        tree.call::<_, u64>(&[10], "mint", &(ADA, who, 1000_u64));
    }
    tree
}

fn balances(tree: &mut Tree) -> [u64; 2] {
    [ADA, BOB].map(|who| tree.call(&[10], "balance", &(who,)))
}

#[test]
fn a_stingy_caller_gets_all_or_nothing() {
    let mut tree = tree(1);
    let before = tree.hash(&[10]);
    let mut gas = 1_u64;
    let (mut out_of_gas, mut halted) = (0, 0);
    while halted < 3 {
        let status: u64 = tree.call(&[FIRST], "stingy", &(gas, ADA, BOB, 1_u64));
        match status {
            0 => halted += 1,
            status => {
                assert_eq!((status, tree.hash(&[10])), (Status::OUT_OF_GAS.number(), before), "{gas} gas");
                assert_eq!(halted, 0, "more gas is enough where less was");
                out_of_gas += 1;
            }
        }
        gas += gas / 8 + 1;
        assert!(gas < 1 << 40, "no gas is enough");
    }
    assert!(out_of_gas > 20);
    assert_eq!(balances(&mut tree), [997, 1003]);
}

#[test]
fn a_deep_caller_gets_all_or_nothing() {
    // With the token there are 64 calls inside of each other.
    let mut deep = tree(63);
    deep.call::<_, ()>(&[FIRST], "relay", &(ADA, BOB, 5_u64));
    assert_eq!(balances(&mut deep), [995, 1005]);
    let mut deeper = tree(64);
    let before = deeper.hash(&[]);
    let told = deeper.refusal::<_, ()>(&[FIRST], "relay", &(ADA, BOB, 5_u64));
    assert!(told.ends_with("relay.relay at 21: PANIC"), "{told}");
    assert_eq!(deeper.hash(&[]), before);
    // From where there is room for it the token works as ever.
    deeper.call::<_, ()>(&[FIRST + 1], "relay", &(ADA, BOB, 5_u64));
    assert_eq!(balances(&mut deeper), [995, 1005]);
}

#[test]
fn a_caller_that_fails_halfway_has_done_nothing() {
    let mut tree = tree(1);
    let before = tree.hash(&[]);
    let told = tree.refusal::<_, ()>(&[FIRST], "twice", &(ADA, BOB, 600_u64));
    assert!(told.ends_with("token.transfer at 20: PANIC"), "{told}");
    assert_eq!(tree.hash(&[]), before);
    tree.call::<_, ()>(&[FIRST], "twice", &(ADA, BOB, 500_u64));
    assert_eq!(balances(&mut tree), [0, 2000]);
}
