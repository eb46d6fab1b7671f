//! The same child under a real Service and under a program that stands in for it.

use javm_guest::log::SLOT;
use nub::Returned;

use crate::tree::{Tree, image, lines, log, program};

/// The topic that the policy puts lines under.
const TOPIC: u64 = 0x706f_6c69_6379;

/// Five additions by a `counter` that has this for LOG: totals, lines, topics.
fn additions(given: impl Into<nub::cap::Capability>) -> (Vec<u64>, Vec<String>, Vec<u64>) {
    let mut tree = Tree::new(program("counter", [(SLOT, given.into())]));
    let (mut totals, mut said, mut topics) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=5_u64 {
        let Returned { value, outcome } = tree.outcome::<_, u64>(&[], "add", &(n,));
        totals.push(value.expect("it halts"));
        said.extend(lines(&outcome.logs));
        topics.extend(outcome.logs.iter().map(|entry| entry.topic));
    }
    (totals, said, topics)
}

#[test]
fn a_program_stands_in_for_a_service() {
    let (totals, said, topics) = additions(log());
    assert_eq!((totals.len(), said.len(), topics), (5, 5, vec![0; 5]));
    let (under_policy, let_through, topics) = additions(program("policy", [(SLOT, log().into())]));
    // The child computes the same; three of its lines come through.
    assert_eq!(under_policy, totals);
    assert_eq!((&let_through[..], topics), (&said[..3], vec![TOPIC; 3]));
}

#[test]
fn the_policy_says_that_it_implements_the_service_s_interface() {
    let definition = "interface log { append(offset: u64, length: u64, topic: u64) -> u64; }".parse();
    let interface = nub::cap::TypeDef::new(definition.expect("it is right")).hash();
    assert!(image("policy").image().typedefs.contains(&interface));
}
