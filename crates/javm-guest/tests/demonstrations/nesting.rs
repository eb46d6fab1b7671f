//! A chain that was built for `/`, run as a child of another one.

use javm_guest::Address;
use nub::cap::{Callable, Import, Instance, Mask, Path, TypeDef, Wanted};

use crate::interfaces::Token;
use crate::tree::{Tree, image, loud, right_by, typedef};

pub const ADA: Address = Address([1; 32]);
pub const BOB: Address = Address([2; 32]);

/// The interface of the token, as callers have it.
pub fn token_interface() -> TypeDef {
    typedef!(dyn Token)
}

/// The right to use the token at `place`, made by the root.
pub fn right(place: &[u8]) -> Callable {
    let methods = token_interface().definition().methods().len();
    right_by(token_interface(), Mask::first(methods), 0, place)
}

/// A chain of a token, `/10`, and a program that may use it, the root. It is written for `/`.
fn chain() -> Instance {
    let mut root = loud("relay", [(10, loud("token", []).into()), (20, right(&[10]).into())]);
    root.set_home(Some(Path::ROOT));
    root
}

/// What happens on it.
fn happen(tree: &mut Tree, at: &[u8]) -> u64 {
    let token = [at, &[10]].concat();
    assert_eq!(tree.call::<_, u64>(&token, "mint", &(ADA, ADA, 100_u64)), 100);
    tree.call::<_, ()>(at, "relay", &(ADA, BOB, 30_u64));
    tree.call::<_, ()>(at, "twice", &(BOB, ADA, 10_u64));
    tree.call(at, "balance", &(BOB,))
}

#[test]
fn images_say_what_they_implement_and_want() {
    assert!(image("token").image().typedefs.contains(&token_interface().hash()));
    let relay = image("relay");
    let wanted = Import { required: false, wanted: Wanted::TypeDef(token_interface().hash()) };
    assert_eq!(relay.image().imports.get(&20), Some(&wanted));
    assert_eq!(relay.image().typedefs.len(), 1);
}

#[test]
fn a_chain_runs_below_another_unchanged() {
    let mut alone = Tree::new(chain());
    let before = alone.hash(&[]);
    assert_eq!(happen(&mut alone, &[]), 10);
    let after = alone.hash(&[]);
    assert_ne!(before, after);
    // The same bytes at a place of an outer chain, which has a token of its own at /10, and calls it as its child.
    let mut outer = Tree::new(loud("relay", [(10, loud("token", []).into()), (21, chain().into())]));
    let own = outer.hash(&[10]);
    assert_eq!(outer.hash(&[21]), before);
    assert_eq!(happen(&mut outer, &[21]), 10);
    assert_eq!((outer.hash(&[21]), outer.hash(&[10])), (after, own), "inside the same, outside nothing");
    // The outer chain's own program has it pay, too.
    outer.call::<_, ()>(&[], "relay", &(BOB, ADA, 10_u64));
    alone.call::<_, ()>(&[], "relay", &(BOB, ADA, 10_u64));
    assert_eq!((outer.hash(&[21]), outer.hash(&[10])), (alone.hash(&[]), own));
}
