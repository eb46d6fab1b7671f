//! A generator: it yields, and is resumed in a later call, in a later block, on another machine, too.

use nub::cap::{Capability, Instance, Service};
use nub::{Block, Chain};

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

/// Begins a block of this height on the state as it is.
fn begin_block(tree: &mut Tree, height: u64) {
    let prior_root = tree.hash(&[]).unwrap_or_else(|| panic!("there is a root")).0;
    let chain = Chain { block: Block { height, prior_root }, ..tree.nub.chain() };
    tree.nub.set_chain(chain).unwrap_or_else(|error| panic!("block {height}: {error}"));
    // A block by itself changes nothing.
    assert_eq!(tree.hash(&[]).map(|root| root.0), Some(prior_root));
}

#[test]
fn what_yields_goes_on_in_a_later_block_and_sees_it() {
    let block = Service { id: javm_guest::block::SERVICE, parameter: 0 };
    let heights = program("heights", [(javm_guest::block::SLOT, block.into())]);
    let mut tree = Tree::new(loud("sequence", [(20, heights.into())]));
    begin_block(&mut tree, 7);
    assert_eq!(tree.call::<_, u64>(&[], "begin", &(0_u64,)), 7);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(2_u16,)), [7; 2]);
    begin_block(&mut tree, 8);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(3_u16,)), [8; 3]);
    // Blocks in which nobody asks are none to it.
    begin_block(&mut tree, 1000);
    let mut tree = restarted(tree);
    begin_block(&mut tree, 1 << 40);
    assert_eq!(tree.call::<_, Vec<u64>>(&[], "next", &(1_u16,)), [1 << 40]);
    // What it knows of the blocks before stands on its stack.
    begin_block(&mut tree, u64::MAX);
    assert_eq!(tree.call::<_, u64>(&[], "end", &()), 3);
}
