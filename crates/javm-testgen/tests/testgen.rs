//! The generator reaches what it promises; the shrinker shrinks.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use javm_isa::asm::{Content, Listing};
use javm_isa::{Form, Kind, Mode, Opcode, assemble};
use javm_testgen::{Case, Config, generate, jam_v1, shrink};

fn cases(config: &Config, count: u64) -> impl Iterator<Item = Case> + '_ {
    (1..=count).map(|seed| generate(config, seed))
}

#[test]
fn a_seed_is_a_case() {
    let config = Config::default();
    for case in cases(&config, 200) {
        assert_eq!(generate(&config, case.seed), case);
        assert_eq!(generate(&config, case.seed).program().blob(), case.program().blob());
    }
}

#[test]
fn a_case_is_text() {
    for case in cases(&Config { only_valid: false, ..Config::default() }, 500) {
        let program = assemble(&case.to_string()).unwrap_or_else(|error| panic!("{error}\n{case}"));
        assert_eq!(program, case.program(), "{case}");
    }
}

#[test]
fn every_opcode_with_every_length_occurs() {
    for mode in [Mode::Bare, Mode::Image] {
        let mut seen = BTreeSet::new();
        for case in cases(&Config { mode, ..Config::default() }, 4000) {
            let program = case.program();
            for (pc, instruction) in program.instructions(mode) {
                seen.insert((instruction.opcode, program.next(pc) - pc));
            }
        }
        for opcode in Opcode::ALL {
            if Opcode::in_mode(opcode.number(), mode).is_none() {
                continue;
            }
            let lengths: BTreeSet<u32> = seen.iter().filter(|(seen, _)| seen == opcode).map(|(_, l)| *l).collect();
            let expected: Vec<u32> = match opcode.row().form {
                Form::None => vec![1],
                Form::Imm => (1..=5).collect(),
                Form::RegImm64 => vec![10],
                Form::Offset => (2..=3).chain([5]).collect(),
                // Two bytes would store zero at zero, which happens too rarely.
                Form::ImmImm => (3..=10).collect(),
                Form::RegImmImm => (2..=10).collect(),
                Form::RegImm | Form::RegRegImm => (2..=6).collect(),
                Form::RegImmOffset => (3..=10).collect(),
                Form::RegReg => vec![2],
                Form::RegRegOffset => (3..=4).chain([6]).collect(),
                Form::RegRegImmImm => (3..=11).collect(),
                Form::RegRegReg => vec![3],
            };
            for length in expected {
                assert!(lengths.contains(&length), "{opcode:?} never took {length} bytes in {mode:?}: {lengths:?}");
            }
        }
    }
}

#[test]
fn valid_code_is_valid() {
    for case in cases(&Config::default(), 1000) {
        let program = case.program();
        let mut last = None;
        for (pc, instruction) in program.instructions(case.mode) {
            assert!(program.opcode_at(pc, case.mode).is_some(), "no instruction at {pc}\n{case}");
            last = Some(instruction.opcode);
        }
        let kind = last.expect("code").row().kind;
        assert!(matches!(kind, Kind::Trap | Kind::Jump | Kind::IndirectJump), "{case}");
    }
}

#[test]
fn jam_v1_differs_in_opcodes_only() {
    let mut expressed = 0;
    for case in cases(&Config { sbrk: false, ..Config::default() }, 300) {
        let program = case.program();
        let Some(code) = jam_v1::code(&program, case.mode) else { continue };
        expressed += 1;
        for (pc, (ours, theirs)) in (0..).zip(program.code().iter().zip(&code)) {
            let renumbered = program.is_instruction_start(pc) && (102..=111).contains(ours);
            assert_eq!(ours - u8::from(renumbered), *theirs);
        }
        let blob = jam_v1::blob(&program, case.mode).expect("as its code");
        assert_eq!(javm_isa::Program::parse(&blob).expect("a blob").code(), code);
    }
    assert!(expressed > 280, "only {expressed} of 300 programs can be expressed");
}

#[test]
fn a_failure_shrinks_to_its_cause() {
    // "Fails" when anything multiplies by minus one.
    let multiplies = |listing: &Listing| {
        listing.statements.iter().any(|statement| {
            matches!(&statement.content, Content::Instruction { instruction, .. }
                if instruction.opcode == Opcode::MulImm64 && instruction.x == u64::MAX)
        })
    };
    let config = Config::default();
    let found = cases(&config, 20_000).find(|case| multiplies(&case.listing)).expect("a failing case");
    let small = shrink(&found, |case| multiplies(&case.listing));
    assert_eq!(small.listing.statements.len(), 1, "{small}");
    assert_eq!(small.registers, [0; 13]);
    assert!(small.memory.is_empty() && small.contents.is_empty() && small.listing.jump_table.is_empty());
    assert_eq!(small.seed, found.seed);
}
