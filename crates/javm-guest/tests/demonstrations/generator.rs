//! A generator: it yields, and is resumed in a later call, on another machine, too.

use nub::cap::{Capability, Instance};

use crate::tree::{Tree, loud, path, program};

const PRIMES: [u64; 12] = [101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157];

/// The tree as it is, in a machine that has never heard of it.
fn restarted(mut tree: Tree) -> Tree {
    let read = tree.nub.capability(tree.root, &path(&[])).expect("it answers");
    let Some(Capability::Instance(root)) = read else { panic!("it is an Instance") };
    let before = root.hash();
    drop(tree.nub);
    let root: Instance = root;
    let mut tree = Tree::new(root);
    assert_eq!(tree.hash(&[]), Some(before));
    tree
}

#[test]
fn what_yields_goes_on_later() {
    let mut tree = Tree::new(loud("sequence", [(20, program("primes", []).into())]));
    assert_eq!(tree.call::<_, u64>(&[], "begin", &(100_u64,)), PRIMES[0]);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(2_u16,)), PRIMES[1..3]);
    // It stands Suspended, and cannot be called.
    assert_eq!(tree.refusal::<_, u64>(&[], "begin", &(2_u64,)), "begin failed: BUSY");
    let mut tree = restarted(tree);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(5_u16,)), PRIMES[3..8]);
    let mut tree = restarted(tree);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(4_u16,)), PRIMES[8..]);
    assert_eq!(tree.call::<_, u64>(&[], "end", &()), 12);
    // Idle again.
    assert_eq!(tree.call::<_, u64>(&[], "begin", &(2_u64,)), 2);
}
