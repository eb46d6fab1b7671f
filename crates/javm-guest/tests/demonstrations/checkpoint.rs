//! Checkpoints and rollback, by a program.

use crate::tree::{Tree, loud, program};

#[test]
fn what_is_tried_out_on_a_copy_changes_the_copy() {
    let mut tree = Tree::new(loud("checkpoint", [(20, program("counter", []).into())]));
    assert_eq!(tree.call::<_, u64>(&[20], "add", &(10_u64,)), 10);
    let (root, counter) = (tree.hash(&[]), tree.hash(&[20]));
    let totals: Vec<u64> = tree.call(&[], "foresee", &(vec![1_u64, 2, 3],));
    assert_eq!(totals, [11, 13, 16]);
    assert_eq!((tree.hash(&[]), tree.hash(&[20])), (root, counter), "the original is as it was");
    assert_eq!(tree.call::<_, u64>(&[20], "get", &()), 10);
}

#[test]
fn what_goes_too_far_is_put_back() {
    let mut tree = Tree::new(loud("checkpoint", [(20, program("counter", []).into())]));
    let add = |tree: &mut Tree, amounts: Vec<u64>| tree.call::<_, Option<u64>>(&[], "add_all", &(amounts, 100_u64));
    assert_eq!(add(&mut tree, vec![60, 30]), Some(90));
    let before = tree.hash(&[]);
    assert_eq!(add(&mut tree, vec![5, 5, 1]), None, "101 is too much");
    assert_eq!(tree.hash(&[]), before);
    assert_eq!(add(&mut tree, vec![5, 5]), Some(100));
    assert_eq!(tree.call::<_, u64>(&[20], "additions", &()), 4);
}
