//! A scratchpad of 64 MiB through three programs.

use nub::InvokeOptions;

use crate::tree::{Tree, loud};

#[test]
fn a_scratchpad_goes_through_three_programs() {
    let last = loud("convoy", []);
    let middle = loud("convoy", [(20, last.into())]);
    let mut tree = Tree::new(loud("convoy", [(20, middle.into())]));
    let mut bytes = vec![0; 64 << 20];
    let offset = (64 << 20) - 3;
    bytes[offset..].copy_from_slice(&[1, 10, 100]);
    let options = InvokeOptions { scratchpad: Some(bytes), ..InvokeOptions::default() };
    let outcome = tree.nub.invoke(tree.root, "carry", &[offset as u64], &options).expect("it is called");
    assert_eq!((outcome.ended, outcome.value), (nub::Ended::Halt, 111));
    let back = outcome.scratchpad.expect("it comes back");
    let mut end = [0; 3];
    back.read(offset as u64, &mut end).expect("inside");
    assert_eq!((back.size(), end), (64 << 20, [1, 10, 100]));
}
