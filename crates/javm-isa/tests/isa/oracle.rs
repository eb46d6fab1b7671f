//! What the public `polkavm` crate says a basic block costs.

use std::sync::LazyLock;

use javm_isa::{BlockCosts, CostModel, Mode, Program};
use javm_testgen::jam_v1;
use polkavm::{ArcBytes, BackendKind, CacheModel, Config, CostModelKind, Engine, Module, ModuleConfig, ProgramBlob};
use polkavm::{ProgramCounter, ProgramParts};
use polkavm_common::program::{ISA_JamV1, InstructionSetKind, Instructions, ParsingVisitor};
use polkavm_common::simulator::Simulator;
use polkavm_common::utils::{B64, GasVisitorT};

/// The block at `start` according to the simulator inside of polkavm, which takes any code.
pub fn simulated_cost(program: &Program, code: &[u8], start: u32) -> u32 {
    let mut simulator = Simulator::<B64, ()>::new(code, InstructionSetKind::JamV1, CacheModel::L1Hit, ());
    let mut instructions = Instructions::new_bounded(ISA_JamV1, code, mask(program), start);
    while instructions.visit_parsing(&mut simulator).is_some() {
        if let Some(cost) = simulator.take_block_cost() {
            return cost;
        }
    }
    // The code ended without a terminator.
    simulator.trap(0, 0);
    simulator.take_block_cost().expect("a trap ends a block")
}

fn mask(program: &Program) -> &[u8] {
    let blob = program.blob();
    &blob[blob.len() - program.code().len().div_ceil(8)..]
}

/// polkavm, ready to load programs.
pub struct Polkavm {
    engine: Engine,
    config: ModuleConfig,
}

impl Polkavm {
    pub fn new() -> Polkavm {
        let mut config = Config::new();
        config.set_backend(Some(BackendKind::Interpreter));
        let engine = Engine::new(&config).expect("polkavm's interpreter works everywhere");
        let mut config = ModuleConfig::new();
        config.set_cost_model(Some(CostModelKind::Full(CacheModel::L1Hit)));
        Polkavm { engine, config }
    }

    /// Loads `program`, unless polkavm cannot be asked for costs here or cannot take it: see `jam_v1`.
    pub fn load(&self, program: &Program, mode: Mode) -> Option<Module> {
        if !can_be_asked() {
            return None;
        }
        let mut parts = ProgramParts::empty(InstructionSetKind::JamV1);
        parts.code_and_jump_table = ArcBytes::from(jam_v1::blob(program, mode)?);
        let blob = ProgramBlob::from_parts(parts).ok()?;
        Module::from_blob(&self.engine, &self.config, blob).ok()
    }
}

/// Whether polkavm's simulator works on this machine. It says so once if not.
pub fn can_be_asked() -> bool {
    static ANSWER: LazyLock<bool> = LazyLock::new(|| {
        #[cfg(target_arch = "x86_64")]
        let answer = is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let answer = true;
        if !answer {
            let why = "it needs a processor with AVX2; the machine of the page stands in for it";
            nub_test_skip::skipped("polkavm's cost model", &why);
        }
        answer
    });
    *ANSWER
}

/// Compares each block of `program` with the simulator and, if it loads, with the loaded program. Gives the number of
/// blocks (none if polkavm would read the program differently: see `jam_v1`), or what is different in which of them.
pub fn compare(program: &Program, mode: Mode, module: Option<&Module>) -> Result<u64, String> {
    let Some(code) = jam_v1::code(program, mode) else { return Ok(0) };
    let costs = BlockCosts::of(program, mode, CostModel::Pipeline, &program.block_starts(mode));
    for (start, ours) in costs.iter() {
        if !can_be_asked() {
            let described = crate::model::cost(program, mode, start);
            if ours != described {
                return Err(format!("the block at {start:#x} costs {ours}, as the page describes it {described}"));
            }
            continue;
        }
        let simulated = simulated_cost(program, &code, start);
        if ours != simulated {
            return Err(format!("the block at {start:#x} costs {ours}, in polkavm's simulator {simulated}"));
        }
        if let Some(module) = module {
            let loaded = module.calculate_gas_cost_for(ProgramCounter(start));
            if loaded != Some(i64::from(ours)) {
                return Err(format!("the block at {start:#x} costs {ours}, in polkavm {loaded:?}"));
            }
        }
    }
    Ok(costs.iter().len() as u64)
}
