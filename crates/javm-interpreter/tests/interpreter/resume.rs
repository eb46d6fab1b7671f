//! Runs that stop and go on are as runs that do not. Traces show what happens.

use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit, State, run, run_traced};
use javm_isa::{CostModel, Mode};
use javm_testgen::{Case, Config, generate, seeds};

use crate::machine::{Calls, Outcome, Pager, Portions, engine, engine_with, initial_memory, initial_state, reference};
use crate::reference::Reference;

const PROGRAMS: u64 = 1_000;

fn cases() -> impl Iterator<Item = (Case, CostModel)> {
    seeds("NUB_PROGRAMS", PROGRAMS).map(|seed| {
        let mode = if seed % 2 == 0 { Mode::Bare } else { Mode::Image };
        let model = if seed % 3 == 0 { CostModel::Flat } else { CostModel::Pipeline };
        (generate(&Config { mode, only_valid: seed % 5 != 0, gas: 3_000, ..Config::default() }, seed), model)
    })
}

/// Whether so few cases were asked for that what a test looks for may be in none of them.
fn runs_few() -> bool {
    seeds("NUB_PROGRAMS", PROGRAMS).count() < 100
}

/// Without the exits that were gone on from.
fn final_of(outcome: &Outcome) -> Outcome {
    let last = *outcome.exits.last().unwrap();
    Outcome { exits: vec![last], ..outcome.clone() }
}

#[test]
fn gas_in_portions_goes_as_far_as_gas_at_once() {
    let mut went_on = 0;
    for (case, model) in cases() {
        let whole = engine(&case, model, &mut Calls);
        // As many exits as the machine follows, or fewer.
        let portion = (case.gas / 50).max(1 + case.seed % 97);
        let first = Case { gas: portion, ..case.clone() };
        let mut host = Portions { portion, left: case.gas - portion };
        let mut split = engine(&first, model, &mut host);
        if split.exits.len() >= crate::machine::MOST_EXITS {
            continue;
        }
        went_on += u32::from(split.exits.len() > whole.exits.len());
        split.gas += host.left;
        assert_eq!(final_of(&split), final_of(&whole), "NUB_SEED={}:\n{case}", case.seed);
    }
    assert!(went_on > 0 || runs_few());
}

#[test]
fn resumed_faults_pay_once_and_repeat_nothing() {
    let mut paged = 0;
    for (case, model) in cases() {
        let mut pager = Pager::default();
        let stopping = engine(&case, model, &mut pager);
        assert_eq!(stopping, reference(&case, model, &mut Pager::default()), "NUB_SEED={}:\n{case}", case.seed);
        if pager.pages.is_empty() || stopping.exits.len() >= crate::machine::MOST_EXITS {
            continue;
        }
        paged += 1;
        // The same with everything mapped from the start.
        let code = Code::new(&case.program(), case.mode, model);
        let mut mapped = false;
        let through = engine_with(&code, &case, &mut Calls, |state, memory| {
            if !mapped {
                pager.pages.iter().for_each(|&page| memory.map(page, 4096, Access::ReadWrite).unwrap());
                mapped = true;
            }
            run(&code, state, memory)
        });
        assert_eq!(final_of(&stopping), final_of(&through), "NUB_SEED={}:\n{case}", case.seed);
    }
    assert!(paged > 0 || runs_few());
}

#[test]
fn a_host_call_that_is_not_stepped_over_comes_again() {
    for (case, model) in cases() {
        let code = Code::new(&case.program(), case.mode, model);
        let mut state = initial_state(&case);
        let mut memory = initial_memory(&case);
        let exit = run(&code, &mut state, &mut memory);
        if matches!(exit, Exit::Host(_) | Exit::Operation) {
            let before = state.clone();
            assert!(state.block_paid);
            assert_eq!(run(&code, &mut state, &mut memory), exit);
            assert_eq!(state, before, "NUB_SEED={}:\n{case}", case.seed);
        }
    }
}

#[test]
fn a_trace_shows_every_instruction_and_changes_nothing() {
    for (case, model) in cases() {
        let program = case.program();
        let code = Code::new(&program, case.mode, model);
        let mut seen = Vec::new();
        let traced = engine_with(&code, &case, &mut Calls, |state, memory| {
            run_traced(&code, state, memory, &mut |state, instruction| {
                assert_eq!(*instruction, program.decode(state.pc, case.mode));
                seen.push(state.clone());
            })
        });
        assert_eq!(traced, engine(&case, model, &mut Calls), "NUB_SEED={}:\n{case}", case.seed);

        // Up to the first exit the reference goes through the same states.
        let mut reference = on_reference(&case, model);
        let mut expected = Vec::new();
        if reference.begin().is_ok() {
            loop {
                expected.push(reference.state.clone());
                if reference.step().is_err() {
                    break;
                }
            }
        }
        assert_eq!(seen[..expected.len()], expected, "NUB_SEED={}:\n{case}", case.seed);
    }
}

#[test]
fn a_run_can_begin_at_any_instruction_of_a_paid_block() {
    for (case, model) in cases().take(300) {
        let code = Code::new(&case.program(), case.mode, model);
        let mut reference = on_reference(&case, model);
        if reference.begin().is_err() {
            continue;
        }
        let mut last = None;
        // Past the beginning not every step, to be done in time.
        for step in 0..400 {
            if step < 40 || step % 16 == 0 {
                let (mut state, mut memory) = (reference.state.clone(), memory_of(&reference));
                let exit = run(&code, &mut state, &mut memory);
                let end = (exit, state, memory.pages().map(|(_, _, page)| page.to_vec()).collect::<Vec<_>>());
                assert_eq!(
                    *last.get_or_insert_with(|| end.clone()),
                    end,
                    "NUB_SEED={}, step {step}:\n{case}",
                    case.seed
                );
            }
            if reference.step().is_err() {
                break;
            }
        }
    }
}

fn on_reference(case: &Case, model: CostModel) -> Reference {
    let mut bytes = crate::reference::Bytes {
        heap_end: crate::machine::HEAP.0,
        heap_limit: crate::machine::HEAP.1,
        ..Default::default()
    };
    for (address, access, page) in initial_memory(case).pages() {
        bytes.pages.insert(address, (access == Access::ReadWrite, page.to_vec()));
    }
    Reference::new(&case.program(), case.mode, model, initial_state(case), bytes)
}

fn memory_of(reference: &Reference) -> BareMemory {
    let mut memory = BareMemory::new();
    memory.set_heap(reference.memory.heap_end, reference.memory.heap_limit);
    for (&address, (writable, page)) in &reference.memory.pages {
        memory.map(address, 4096, if *writable { Access::ReadWrite } else { Access::ReadOnly }).unwrap();
        memory.write(address, page).unwrap();
    }
    memory
}

/// The chain of steps takes a bounded stack, also in builds that make no tail calls; so long blocks are cut wherever
/// fused operations begin, and blocks that cost little end their chains too.
#[test]
fn a_long_run_needs_little_stack() {
    let long = |instruction: &str| format!("{instruction}\n").repeat(50_000);
    let bodies = [
        long("add_imm_64 t0, t0, 1"),
        format!("unlikely\n {}", long("add_imm_64 t0, t0, 1")),
        long("sub_64 t0, t0, s0"),
        long("add_imm_64 t0, t0, 1\n unlikely\n load_ind_u64 a1, [a2]"),
        long("add_imm_64 t0, t0, 1\n move_reg t1, t2\n fallthrough"),
    ];
    for body in bodies {
        let text = format!(
            "load_imm a0, 20\n fallthrough\n@loop:\n{body} add_imm_64 a0, a0, -1\n branch_ne_imm a0, 0, @loop\n trap"
        );
        let program = javm_isa::assemble(&text).unwrap();
        let runs = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
            [CostModel::Flat, CostModel::Pipeline].map(|model| {
                let code = Code::new(&program, Mode::Bare, model);
                let mut memory = BareMemory::new();
                memory.map(0x2_0000, 4096, Access::ReadOnly).unwrap();
                let mut state = State::new(0, u64::MAX);
                state.registers[5] = u64::MAX;
                state.registers[9] = 0x2_0000;
                (run(&code, &mut state, &mut memory), state.registers[2])
            })
        });
        assert_eq!(runs.unwrap().join().unwrap(), [(Exit::Panic, 1_000_000); 2]);
    }
}
