//! Programs that run side by side, a slice of gas each in turn.

use javm_guest::Typed;
use nub::cap::CNode;

use crate::tree::{Tree, loud, program};

#[derive(Typed, Clone, PartialEq, Debug)]
struct Ended {
    program: u8,
    round: u32,
    status: u64,
    result: u64,
}

/// The n-th Fibonacci number.
fn fib(n: u64) -> u64 {
    (0..n).fold((0_u64, 1_u64), |(a, b), _| (b, a.wrapping_add(b))).0
}

/// Three programs that compute, one that traps at once, and one that never ends.
fn tree() -> Tree {
    let fib = || program("fib", []);
    let slots = [(1, fib()), (2, fib()), (3, program("faults", [])), (4, fib())];
    Tree::new(loud("scheduler", [(20, CNode::from_slots(slots).expect("small").into())]))
}

#[test]
fn each_gets_its_slices_and_comes_to_its_end() {
    let n = 20_000_u64;
    // All in one slice.
    let mut tree = self::tree();
    let ended: Vec<Ended> = tree.call(&[], "start", &(2_u8, n, 1_u64 << 30, 1_u32));
    let halted = |program, round| Ended { program, round, status: 0, result: fib(n) };
    assert_eq!(ended, [halted(1, 1), halted(2, 1)]);
    // In slices, all in turn: the third, which spins, never comes to its end, and takes nothing from the others.
    let mut tree = self::tree();
    let ended: Vec<Ended> = tree.call(&[], "start", &(4_u8, n, 10_000_u64, 1000_u32));
    let [first, second, fourth] = &ended[..] else { panic!("{ended:?}") };
    assert_eq!([first.result, second.result, fourth.result], [fib(n); 3]);
    assert_eq!([first.program, second.program, fourth.program], [1, 2, 4]);
    assert!(first.round > 3 && first.round == second.round && second.round == fourth.round, "{ended:?}");
}

#[test]
fn what_was_stopped_goes_on_in_a_later_call() {
    let n = 20_000_u64;
    let mut tree = self::tree();
    let mut ended: Vec<Ended> = tree.call(&[], "start", &(2_u8, n, 10_000_u64, 2_u32));
    assert_eq!(ended, []);
    let mut calls = 0;
    while ended.len() < 2 {
        ended.extend(tree.call::<_, Vec<Ended>>(&[], "proceed", &(2_u8, 10_000_u64, 2_u32)));
        calls += 1;
    }
    assert_eq!(ended.iter().map(|ended| ended.result).collect::<Vec<_>>(), [fib(n); 2]);
    assert!(calls > 1);
}
