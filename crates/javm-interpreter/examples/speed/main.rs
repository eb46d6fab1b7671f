//! Nanoseconds an instruction, beside polkavm's interpreter running the same code bytes with the same kind of gas, and
//! nanoseconds to predecode one: `cargo run --release -p javm-interpreter --example speed`.
//!
//! - `assembled`: loops written for this.
//! - `images`: the example programs of the repository.
//! - `workload`: what both come down to.
//! - `peer`: polkavm.

mod assembled;
mod images;
mod peer;
mod workload;

use std::hint::black_box;
use std::time::Instant;

use javm_interpreter::bare::BareMemory;
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::{CostModel, Mode, Program, assemble};
use javm_testgen::{Config, generate};

use peer::Peer;
use workload::{GAS, Outcome, Workload};

const RUNS: usize = 15;

fn main() {
    println!("{:<14} {:>12} {:>8} {:>11} {:>7}", "workload", "instructions", "nub ns", "polkavm ns", "ratio");
    let mut logarithms = Vec::new();
    let images = images::all();
    for workload in assembled::all().iter().chain(&images) {
        logarithms.extend(compare(workload).map(f64::ln));
    }
    let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
    println!("geometric mean of the ratios: {:.2}", mean.exp());

    time_host_calls();
    for workload in &images {
        time_predecode(workload.name, &workload.program);
    }
    time_predecode("generated", &generate(&Config { blocks: 20_000..=20_000, ..Config::default() }, 1).program());
}

/// Prints a line and gives how many times as long polkavm takes.
fn compare(workload: &Workload) -> Option<f64> {
    let code = Code::new(&workload.program, Mode::Bare, CostModel::Flat);
    let mut memory = workload.memory();
    let mut peer = Peer::new(workload);
    // In turns, so that a busy moment of the machine hits both.
    let (mut ours, mut theirs, mut instructions) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..RUNS {
        let mut state = workload.state();
        let (time, exit) = timed(|| run(&code, &mut state, &mut memory));
        assert_eq!(exit, Exit::Halt, "{}", workload.name);
        let outcome = Outcome { result: state.registers[7], instructions: GAS - state.gas };
        ours = ours.min(time);
        if let Some(peer) = &mut peer {
            let (time, peer_outcome) = timed(|| peer.run(workload));
            assert_eq!(outcome, peer_outcome, "{}", workload.name);
            theirs = theirs.min(time);
        }
        instructions = outcome.instructions;
    }
    let each = |time: f64| time / instructions as f64;
    print!("{:<14} {instructions:>12} {:>8.3}", workload.name, each(ours));
    let ratio = peer.is_some().then_some(theirs / ours);
    match ratio {
        Some(ratio) => println!(" {:>11.3} {ratio:>7.2}", each(theirs)),
        None => println!(" {:>11} {:>7}", "-", "-"),
    }
    ratio
}

/// Leaves the engine at a host call, steps over it and enters again, in a loop of three instructions.
fn time_host_calls() {
    const CALLS: u64 = 1_000_000;
    let program = assemble("@again:\n ecalli 7\n add_imm_64 a0, a0, -1\n branch_ne_imm a0, 0, @again\n trap");
    let code = Code::new(&program.expect("it assembles"), Mode::Bare, CostModel::Flat);
    let mut memory = BareMemory::new();
    let times = (0..RUNS).map(|_| {
        let mut state = State::new(0, GAS);
        state.registers[7] = CALLS;
        let (time, ()) = timed(|| {
            while run(&code, &mut state, &mut memory) == Exit::Host(7) {
                code.step_over(&mut state);
            }
        });
        time
    });
    println!("host call and two instructions: {:.1} ns", times.fold(f64::INFINITY, f64::min) / CALLS as f64);
}

fn time_predecode(name: &str, program: &Program) {
    let instructions = program.instructions(Mode::Bare).count();
    // Short programs often, so that the clock is precise enough.
    let repeats = (20_000 / instructions).max(1);
    print!("predecode {name:<14} {instructions:>7} instructions");
    for model in [CostModel::Flat, CostModel::Pipeline] {
        let times = (0..RUNS).map(|_| {
            timed(|| (0..repeats).for_each(|_| drop(black_box(Code::new(black_box(program), Mode::Bare, model))))).0
        });
        let best = times.fold(f64::INFINITY, f64::min);
        print!(", {model:?} {:.1} ns each", best / (repeats * instructions) as f64);
    }
    println!();
}

/// Nanoseconds and what came out.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed().as_nanos() as f64, value)
}
