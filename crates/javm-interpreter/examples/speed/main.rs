//! Nanoseconds an instruction, beside polkavm's interpreter running the same code bytes with the same kind of gas:
//! `cargo run --release -p javm-interpreter --example speed`.

mod programs;

use std::hint::black_box;
use std::time::Instant;

use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit, State, run};
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{CostModel, Mode, Reg};
use javm_testgen::{Config, generate};
use polkavm::{BackendKind, Engine, GasMeteringKind, InterruptKind, Module, ModuleConfig, RawInstance};
use polkavm_common::program::{InstructionSetKind, ProgramBlob, ProgramParts};

use programs::Workload;

const GAS: u64 = 1 << 40;
const RUNS: usize = 15;
const MEMORY_BYTES: u32 = 1 << 20;

fn main() {
    println!("{:<12} {:>12} {:>10} {:>10} {:>8}", "workload", "instructions", "nub ns", "polkavm ns", "ratio");
    let mut product = 1.0;
    let workloads = programs::all();
    for workload in &workloads {
        let mut peer = Peer::new(workload);
        let mut ours = Ours::new(workload, peer.base);
        // In turns, so that a busy moment of the machine hits both.
        let (mut nub, mut polkavm, mut instructions) = (f64::INFINITY, f64::INFINITY, 0);
        for _ in 0..RUNS {
            let (time, outcome) = timed(|| ours.run(workload));
            let (peer_time, peer_outcome) = timed(|| peer.run(workload));
            assert_eq!(outcome, peer_outcome, "{}: result and gas", workload.name);
            nub = nub.min(time);
            polkavm = polkavm.min(peer_time);
            instructions = outcome.1;
        }
        product *= polkavm / nub;
        println!(
            "{:<12} {instructions:>12} {:>10.3} {:>10.3} {:>8.2}",
            workload.name,
            nub / instructions as f64,
            polkavm / instructions as f64,
            polkavm / nub,
        );
    }
    println!("geometric mean of the ratios: {:.2}", product.powf(1.0 / workloads.len() as f64));
    time_predecode();
}

/// Nanoseconds and what came out.
fn timed<T>(run: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed().as_nanos() as f64, value)
}

/// Predecodes a long generated program.
fn time_predecode() {
    let config = Config { blocks: 20_000..=20_000, ..Config::default() };
    let program = generate(&config, 1).program();
    let instructions = program.instructions(Mode::Bare).count();
    for model in [CostModel::Flat, CostModel::Pipeline] {
        let best = (0..RUNS)
            .map(|_| timed(|| black_box(Code::new(black_box(&program), Mode::Bare, model))).0)
            .fold(f64::INFINITY, f64::min);
        println!("predecode, {model:?}: {:.1} ns an instruction ({instructions} of them)", best / instructions as f64);
    }
}

struct Ours {
    code: Code,
    memory: BareMemory,
    base: u32,
}

impl Ours {
    fn new(workload: &Workload, base: u32) -> Ours {
        let mut memory = BareMemory::new();
        memory.map(base, MEMORY_BYTES, Access::ReadWrite).expect("page-aligned");
        Ours { code: Code::new(&workload.program, Mode::Bare, CostModel::Flat), memory, base }
    }

    /// Result and gas.
    fn run(&mut self, workload: &Workload) -> (u64, u64) {
        let mut state = State::new(0, GAS);
        state.registers[Reg::RA.index()] = u64::from(HALT_ADDRESS);
        state.registers[Reg::SP.index()] = u64::from(self.base + MEMORY_BYTES);
        state.registers[Reg::A0.index()] = u64::from(self.base);
        state.registers[Reg::A1.index()] = workload.size;
        assert_eq!(run(&self.code, &mut state, &mut self.memory), Exit::Halt);
        (state.registers[Reg::A0.index()], GAS - state.gas)
    }
}

/// polkavm's interpreter in its fastest setting: static memory, no tracing.
struct Peer {
    instance: RawInstance,
    base: u32,
}

impl Peer {
    fn new(workload: &Workload) -> Peer {
        let mut config = polkavm::Config::new();
        config.set_backend(Some(BackendKind::Interpreter));
        let engine = Engine::new(&config).expect("an engine");
        let mut parts = ProgramParts::empty(InstructionSetKind::JamV1);
        parts.rw_data_size = MEMORY_BYTES;
        parts.code_and_jump_table = workload.program.blob().into();
        let blob = ProgramBlob::from_parts(parts).expect("the blob formats are the same");
        let mut config = ModuleConfig::new();
        config.set_gas_metering(Some(GasMeteringKind::Sync));
        let module = Module::from_blob(&engine, &config, blob).expect("a valid program");
        let base = module.memory_map().rw_data_address();
        Peer { instance: module.instantiate().expect("an instance"), base }
    }

    /// Result and gas.
    fn run(&mut self, workload: &Workload) -> (u64, u64) {
        let (instance, base) = (&mut self.instance, self.base);
        instance.set_gas(GAS as i64);
        instance.set_reg(polkavm::Reg::RA, u64::from(HALT_ADDRESS));
        instance.set_reg(polkavm::Reg::SP, u64::from(base + MEMORY_BYTES));
        instance.set_reg(polkavm::Reg::A0, u64::from(base));
        instance.set_reg(polkavm::Reg::A1, workload.size);
        instance.set_next_program_counter(polkavm::ProgramCounter(0));
        assert_eq!(instance.run().expect("it runs"), InterruptKind::Finished);
        (instance.reg(polkavm::Reg::A0), GAS - instance.gas() as u64)
    }
}
