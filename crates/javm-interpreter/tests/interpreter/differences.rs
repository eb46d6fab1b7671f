//! What polkavm does differently. One test for each difference of the filter: that polkavm does it, that ours does not,
//! that the filter says so.

use javm_interpreter::Exit;
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{CostModel, Listing, Mode, Program, REG_COUNT};
use javm_testgen::Case;

use crate::machine::{Calls, Outcome, engine};
use crate::peer::{Known, Peer, comparable, known_difference};

fn case(text: &str) -> Case {
    let listing = Listing::read(text).unwrap();
    Case {
        seed: 0,
        mode: Mode::Bare,
        listing,
        registers: [0; REG_COUNT],
        memory: vec![javm_testgen::Region { address: 0x2_0000, length: 4096, writable: true }],
        contents: Vec::new(),
        gas: 100,
    }
}

/// Ours, theirs, and what the filter says.
fn outcomes(case: &Case) -> (Outcome, Outcome, Option<Known>) {
    let model = CostModel::Flat;
    let theirs = Peer::new().run(case, model, &mut Calls).expect("polkavm takes it");
    (comparable(engine(case, model, &mut Calls)), theirs, known_difference(case, model, &mut Calls))
}

#[test]
fn an_access_that_runs_past_the_end_of_memory() {
    let (ours, theirs, known) = outcomes(&case("load_u32 a0, [-2]\n trap"));
    assert_eq!(ours.exits, [(Exit::Panic, 0)]);
    assert_eq!(theirs.exits, [(Exit::Fault(0xFFFF_F000), 0)]);
    assert_eq!(known, Some(Known::WrappingAccess));
    // Up to the end they agree.
    let (ours, theirs, known) = outcomes(&case("load_u32 a0, [-4]\n trap"));
    assert_eq!(ours, theirs);
    assert_eq!((ours.exits, known), (vec![(Exit::Fault(0xFFFF_F000), 0)], None));
}

#[test]
fn a_branch_with_a_bad_target_that_is_not_taken() {
    let (ours, theirs, known) = outcomes(&case("branch_ne_imm a0, 0, 1000\n trap"));
    assert_eq!(ours.exits, [(Exit::Panic, ours.exits[0].1)]);
    assert_ne!(ours.exits[0].1, 0, "it went on to the trap");
    assert_eq!(theirs.exits, [(Exit::Panic, 0)]);
    assert_eq!(known, Some(Known::UntakenBadBranch));
    // Taken they agree.
    let (ours, theirs, known) = outcomes(&case("branch_eq_imm a0, 0, 1000\n trap"));
    assert_eq!(ours, theirs);
    assert_eq!((ours.exits, known), (vec![(Exit::Panic, 0)], None));
}

#[test]
fn invalid_opcodes_are_refused_when_loading() {
    // One instruction of the number 99, then a trap.
    let program = Program::parse(&[0, 0, 2, 99, 0, 0b11]).unwrap();
    let invalid = Case { listing: Listing::of(&program), ..case("trap") };
    assert_eq!(Peer::new().run(&invalid, CostModel::Flat, &mut Calls), None);
    assert_eq!(engine(&invalid, CostModel::Flat, &mut Calls).exits, [(Exit::Panic, 0)]);
}

#[test]
fn sbrk_has_no_opcode() {
    let case = case("sbrk a0, a1\n trap");
    assert_eq!(Peer::new().run(&case, CostModel::Flat, &mut Calls), None);
}

#[test]
fn the_program_counter_of_a_halt_is_not_kept() {
    let mut halting = case("fallthrough\n jump_ind ra, 0");
    halting.registers[0] = u64::from(HALT_ADDRESS);
    let theirs = Peer::new().run(&halting, CostModel::Flat, &mut Calls).unwrap();
    assert_eq!(theirs.exits, [(Exit::Halt, 0)]);
    assert_eq!(engine(&halting, CostModel::Flat, &mut Calls).exits, [(Exit::Halt, 1)]);
}
