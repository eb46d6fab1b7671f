//! Capabilities by name, kept for whom the badge of a right says: against a map, and against callers who want what is not theirs.

use std::collections::BTreeMap;

use javm_guest::types::Decode;
use javm_guest::types::typed::LowerArguments;
use nub::cap::{CNode, Capability, Mask};
use nub::{Data, Ended};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::interfaces::Directory;
use crate::nesting::{ADA, BOB, right, token_interface};
use crate::tree::{Tree, image, lines, log, loud, program, right_by, typedef};

const DIRECTORY: &[u8] = &[10];
const TOKEN: &[u8] = &[11];
/// Clients with badges of their own, and one with a right to `get` and `list` only.
const CLIENTS: [&[u8]; 2] = [&[12], &[13]];
const READER: &[u8] = &[14];

fn tree() -> Tree {
    let client = |badge, methods| {
        let right = right_by(typedef!(dyn Directory), methods, badge, DIRECTORY);
        Capability::from(loud("client", [(20, right.into())]))
    };
    let (all, look) = (Mask::first(4), Mask::default().with(1).with(3));
    let programs = [(10, loud("directory", []).into()), (11, loud("token", []).into())];
    let clients = [(12, client(1, all)), (13, client(2, all)), (14, client(1, look))];
    let mut root = loud("relay", programs);
    for (slot, client) in clients {
        root.put_at(&[slot], client).expect("it is small");
    }
    Tree::new(root)
}

/// What a call returns, and the gift that comes back; or all that was said when it failed, and then nothing has happened.
fn ask<A: LowerArguments, R: for<'a> Decode<'a>>(
    tree: &mut Tree,
    whom: &[u8],
    endpoint: &str,
    arguments: &A,
    gift: Option<Capability>,
) -> Result<(R, Option<Capability>), String> {
    let before = tree.hash(&[]);
    let returned = tree.outcome_with(whom, endpoint, arguments, gift);
    let said = lines(&returned.outcome.logs).join("\n");
    match returned.value {
        Some(value) => Ok((value, returned.outcome.gift)),
        None => {
            assert_eq!(returned.outcome.ended, Ended::Panic, "{endpoint}: {said}");
            assert_eq!(tree.hash(&[]), before, "{endpoint}: {said}");
            Err(said)
        }
    }
}

fn put(tree: &mut Tree, whom: &[u8], name: &str, gift: impl Into<Capability>) -> Result<(), String> {
    let ((), back) = ask(tree, whom, "put", &(name,), Some(gift.into()))?;
    assert_eq!(back, None, "it stays there");
    Ok(())
}

/// `get` or `remove`.
fn take(tree: &mut Tree, whom: &[u8], endpoint: &str, name: &str) -> Result<Capability, String> {
    let ((), back) = ask(tree, whom, endpoint, &(name,), None)?;
    Ok(back.expect("something comes back"))
}

fn list(tree: &mut Tree, from: &str, count: u16) -> Vec<String> {
    ask(tree, READER, "list", &(from, count), None).expect("it is never refused").0
}

/// Something that is like nothing else.
fn thing(number: u64) -> Capability {
    let mut data = Data::new(1).expect("not too long");
    data.write(0, &number.to_le_bytes()).expect("inside");
    data.into()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, String>, why: &str) {
    let said = outcome.expect_err(why);
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_token_is_used_by_who_knows_its_name() {
    let mut tree = tree();
    tree.call::<_, u64>(TOKEN, "mint", &(ADA, ADA, 100_u64));
    put(&mut tree, CLIENTS[0], "gold", right(TOKEN)).expect("nobody has the name");
    put(&mut tree, CLIENTS[0], "lead", thing(1)).expect("nobody has the name");
    let mut pay =
        |client, name: &str, amount: u64| ask::<_, ()>(&mut tree, client, "pay", &(name, ADA, BOB, amount), None);
    for client in [CLIENTS[0], CLIENTS[1], READER] {
        pay(client, "gold", 10).expect("Ada has it");
    }
    refused(pay(CLIENTS[1], "gold", 71), "token.transfer at 1: PANIC");
    refused(pay(CLIENTS[1], "lead", 1), "token.transfer at 1: KIND");
    refused(pay(CLIENTS[1], "silver", 1), "directory.get at 20: PANIC");
    assert_eq!([ADA, BOB].map(|who| tree.call::<_, u64>(TOKEN, "balance", &(who,))), [70, 30]);
}

#[test]
fn what_has_a_name_belongs_to_a_badge() {
    let mut tree = tree();
    let [ada, bob] = CLIENTS;
    put(&mut tree, ada, "a", thing(1)).expect("nobody has the name");
    let panic = |method: &str| format!("directory.{method} at 20: PANIC");
    for (whom, name, why) in [
        (bob, "a", &*panic("remove")),
        (READER, "a", "directory.remove at 20: DENIED"),
        // The host has no badge, and so nothing is its own.
        (DIRECTORY, "a", "call by one"),
        (ada, "b", &panic("remove")),
    ] {
        refused(take(&mut tree, whom, "remove", name), why);
    }
    let long = "x".repeat(65);
    for (whom, name, why) in [
        (ada, "a", &*panic("put")),
        (bob, "a", &panic("put")),
        (bob, "", &panic("put")),
        (bob, &long, &panic("put")),
        (READER, "b", "directory.put at 20: DENIED"),
        (DIRECTORY, "b", "call by one"),
    ] {
        refused(put(&mut tree, whom, name, thing(2)), why);
    }
    refused(ask::<_, ()>(&mut tree, bob, "put", &("b",), None), &panic("put"));
    refused(take(&mut tree, DIRECTORY, "get", "b"), "nothing has the name");
    let full = ask::<_, ()>(&mut tree, DIRECTORY, "get", &("a",), Some(thing(3)));
    refused(full, "there is a gift where one is to come back");
    for whom in [ada, bob, READER, DIRECTORY] {
        assert_eq!(take(&mut tree, whom, "get", "a"), Ok(thing(1)));
    }
    assert_eq!(take(&mut tree, ada, "remove", "a"), Ok(thing(1)));
    refused(take(&mut tree, ada, "get", "a"), &panic("get"));
    put(&mut tree, bob, "a", thing(4)).expect("nobody has the name any more");
    refused(take(&mut tree, ada, "remove", "a"), &panic("remove"));
    assert_eq!(take(&mut tree, bob, "remove", "a"), Ok(thing(4)));
}

#[test]
fn anything_can_have_a_name() {
    let mut tree = tree();
    let slots = BTreeMap::from([(7, thing(7)), (255, right(TOKEN).into())]);
    let things: [(&str, Capability); 7] = [
        ("data", thing(1)),
        ("table", CNode::from_slots(slots).expect("small").into()),
        ("image", image("counter").into()),
        ("interface", token_interface().into()),
        ("program", program("counter", [(20, thing(2))]).into()),
        ("right", right(TOKEN).into()),
        ("service", log().into()),
    ];
    let [ada, bob] = CLIENTS;
    for (name, thing) in things.clone() {
        put(&mut tree, ada, name, thing).expect("nobody has the name");
    }
    for (name, thing) in things {
        for (whom, endpoint) in [(bob, "get"), (bob, "get"), (ada, "remove")] {
            assert_eq!(take(&mut tree, whom, endpoint, name).as_ref(), Ok(&thing), "{name}");
        }
    }
    assert_eq!(list(&mut tree, "", 9), [""; 0]);
}

#[test]
fn there_is_room_for_more_than_a_table_has() {
    let mut tree = tree();
    let name = |number: u64| format!("{number:03}");
    let stands = |tree: &mut Tree, slots: [u8; 2]| tree.hash(&[DIRECTORY, &[20], &slots].concat()).is_some();
    for number in 0..600 {
        put(&mut tree, CLIENTS[number as usize % 2], &name(number), thing(number)).expect("nobody has the name");
    }
    assert_eq!(
        [[1, 0], [1, 255], [2, 0], [3, 87], [3, 88]].map(|slots| stands(&mut tree, slots)),
        [true, true, true, true, false]
    );
    assert_eq!(list(&mut tree, "254", 4), ["254", "255", "256", "257"]);
    assert_eq!(list(&mut tree, "2559", 1), ["256"], "from where it would be");
    assert_eq!(list(&mut tree, "", u16::MAX).len(), 600);
    for number in (0..600).step_by(3) {
        let owner = CLIENTS[number as usize % 2];
        assert_eq!(take(&mut tree, owner, "remove", &name(number)), Ok(thing(number)));
    }
    // Slots are used again before there are more.
    for number in 1000..1200 {
        put(&mut tree, CLIENTS[0], &name(number), thing(number)).expect("nobody has the name");
    }
    assert!(!stands(&mut tree, [3, 88]));
    put(&mut tree, CLIENTS[0], "one more", thing(0)).expect("nobody has the name");
    assert!(stands(&mut tree, [3, 88]));
    for number in (0..600).filter(|number| number % 3 != 0).chain(1000..1200) {
        assert_eq!(take(&mut tree, READER, "get", &name(number)), Ok(thing(number)));
    }
}

#[test]
fn it_is_a_map_with_owners() {
    let seed = std::env::var("NUB_SEED").map_or(6, |text| text.parse().expect("NUB_SEED is a number"));
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tree = tree();
    let mut model: BTreeMap<String, (usize, Capability)> = BTreeMap::new();
    let names: Vec<String> = (0..12).map(|number| "n".repeat(number % 5 + 1) + &number.to_string()).collect();
    let (mut done, mut refusals) = (0, 0);
    for step in 0..400 {
        let who = random.random_range(0..CLIENTS.len());
        let client = CLIENTS[who];
        let name = names.choose(&mut random).expect("there are some");
        let known = model.get(name).cloned();
        let (outcome, expected) = match random.random_range(0..3) {
            0 => {
                let gift = if random.random() { thing(step) } else { right(&[step as u8]).into() };
                let outcome = put(&mut tree, client, name, gift.clone()).map(|()| gift.clone());
                if known.is_none() {
                    model.insert(name.clone(), (who, gift.clone()));
                }
                (outcome, known.is_none().then_some(gift))
            }
            1 => (take(&mut tree, client, "get", name), known.map(|(_, thing)| thing)),
            _ => {
                let mine = known.filter(|(owner, _)| *owner == who).map(|(_, thing)| thing);
                if mine.is_some() {
                    model.remove(name);
                }
                (take(&mut tree, client, "remove", name), mine)
            }
        };
        if expected.is_some() {
            done += 1
        } else {
            refusals += 1
        }
        assert_eq!(outcome.ok(), expected, "step {step}: {name}");
        let from = names.choose(&mut random).expect("there are some");
        let count = random.random_range(0..8);
        let listed: Vec<String> =
            model.range(from.clone()..).take(count.into()).map(|(name, _)| name.clone()).collect();
        assert_eq!(list(&mut tree, from, count), listed, "step {step}");
    }
    assert!(done > 100 && refusals > 100, "{done} done, {refusals} refused");
}
