//! `polkavm`'s interpreter on the code bytes, the jump table and the memory contents of an Image, with gas of the same
//! kind, and the services of nub's kernel behind its host calls.
//!
//! - [`memory`]: where the Image's memory lies in the peer.
//! - [`services`]: what its host calls answer.

mod memory;
mod services;

use javm_cap::ValidImage;
use javm_isa::program::HALT_ADDRESS;
use javm_isa::{CostModel, Mode};
use polkavm::{
    BackendKind, CacheModel, Config, CostModelKind, Engine, GasMeteringKind, InterruptKind, Module, ModuleConfig,
    ProgramBlob, ProgramCounter, ProgramParts, RawInstance, Reg,
};
use polkavm_common::program::InstructionSetKind;

use crate::exec::{GAS, Outcome};
use crate::workload::{Call, Workload};
use memory::Plan;

/// The number that polkavm's interpreter has among the peers.
pub const INTERPRETER: &str = "polkavm-interpreter";

/// An instance that is ready to be called again and again.
pub struct Peer {
    module: Module,
    instance: RawInstance,
    plan: Plan,
    before: Vec<Prepared>,
    measured: Prepared,
    services: services::Services,
}

/// A call: what memory and registers hold when it begins.
struct Prepared {
    entry: u32,
    registers: [u64; Reg::ALL.len()],
    scratchpad: Option<(u32, Vec<u8>)>,
}

impl Peer {
    /// The call of `workload`, prepared.
    ///
    /// # Errors
    /// Why polkavm cannot run it.
    pub fn new(image: &ValidImage, workload: &Workload) -> Result<Peer, String> {
        let plan = Plan::of(image)?;
        let mut parts = ProgramParts::empty(InstructionSetKind::JamV1);
        let blob = javm_testgen::jam_v1::blob(image.program(), Mode::Image)
            .ok_or("its code cannot be expressed in polkavm's instruction set")?;
        parts.code_and_jump_table = blob.into();
        plan.declare(&mut parts);
        let blob = ProgramBlob::from_parts(parts).map_err(|error| format!("its blob: {error}"))?;

        let mut config = Config::new();
        config.set_backend(Some(BackendKind::Interpreter));
        config.set_allow_dynamic_paging(true);
        let engine = Engine::new(&config).map_err(|error| error.to_string())?;
        let mut config = ModuleConfig::new();
        config.set_gas_metering(Some(GasMeteringKind::Sync));
        config.set_dynamic_paging(plan.is_paged());
        config.set_page_size(plan.page_size());
        config.set_cost_model(Some(match image.image().cost_model {
            CostModel::Flat => CostModelKind::Simple(polkavm::CostModel::naive_ref()),
            CostModel::Pipeline => CostModelKind::Full(CacheModel::L1Hit),
        }));
        let module = Module::from_blob(&engine, &config, blob).map_err(|error| error.to_string())?;
        let instance = module.instantiate().map_err(|error| error.to_string())?;

        let before = workload.before.iter().map(|call| Prepared::new(call, image, &plan, &module));
        let before = before.collect::<Result<_, _>>()?;
        let measured = Prepared::new(&workload.call, image, &plan, &module)?;
        let services = services::Services::of(image.image(), plan.scratchpad_range());
        let mut peer = Peer { module, instance, plan, before, measured, services };
        peer.prepare()?;
        Ok(peer)
    }

    /// Which kind of memory it has, in words.
    pub fn note(&self) -> String {
        format!("polkavm with {} memory", if self.plan.is_paged() { "paged" } else { "static" })
    }

    /// Makes a new instance and drops the old one.
    ///
    /// # Errors
    /// polkavm's.
    pub fn spawn(&mut self) -> Result<(), String> {
        self.instance = self.module.instantiate().map_err(|error| error.to_string())?;
        self.prepare()
    }

    /// Makes memory what a fresh instance has, and makes the calls that come before.
    ///
    /// # Errors
    /// polkavm's.
    pub fn prepare(&mut self) -> Result<(), String> {
        self.services.clear();
        self.plan.fill(&mut self.instance)?;
        for call in &self.before {
            call.run(&mut self.instance, &mut self.services)?;
            self.services.clear();
            self.plan.forget(&mut self.instance, self.module.memory_map())?;
        }
        Ok(())
    }

    /// The call: arguments and scratchpad in, until the program ends.
    ///
    /// # Errors
    /// How else than by a halt it ended.
    pub fn call(&mut self) -> Result<Outcome, String> {
        self.measured.run(&mut self.instance, &mut self.services)
    }

    /// The first bytes of the scratchpad as the call left them.
    ///
    /// # Errors
    /// polkavm's.
    pub fn scratchpad(&mut self, length: usize) -> Result<Vec<u8>, String> {
        let address = self.plan.scratchpad().ok_or("it maps no scratchpad")?;
        self.instance.read_memory(address, length as u32).map_err(|error| error.to_string())
    }
}

impl Prepared {
    fn new(call: &Call, image: &ValidImage, plan: &Plan, module: &Module) -> Result<Prepared, String> {
        let number = image.endpoint(call.endpoint).ok_or_else(|| format!("no endpoint {}", call.endpoint))?;
        let endpoint = &image.image().endpoints[number];
        let mut registers = endpoint.registers;
        registers[Reg::RA.to_usize()] = u64::from(HALT_ADDRESS);
        registers[Reg::SP.to_usize()] = plan.stack_pointer(registers[Reg::SP.to_usize()], module.memory_map());
        for (register, &argument) in registers[Reg::A0.to_usize()..].iter_mut().zip(&call.registers) {
            *register = argument;
        }
        let scratchpad = call.scratchpad.clone().zip(plan.scratchpad()).map(|(bytes, address)| (address, bytes));
        Ok(Prepared { entry: endpoint.entry, registers, scratchpad })
    }

    /// Arguments and scratchpad in, until the program ends.
    fn run(&self, instance: &mut RawInstance, services: &mut services::Services) -> Result<Outcome, String> {
        if let Some((address, bytes)) = &self.scratchpad {
            instance.write_memory(*address, bytes).map_err(|error| error.to_string())?;
        }
        for (reg, value) in Reg::ALL.into_iter().zip(self.registers) {
            instance.set_reg(reg, value);
        }
        instance.set_gas(GAS as i64);
        instance.set_next_program_counter(ProgramCounter(self.entry));
        loop {
            match instance.run().map_err(|error| error.to_string())? {
                InterruptKind::Finished => break,
                InterruptKind::Ecalli(number) => services.answer(number, instance)?,
                other => return Err(format!("it ended with {other:?} at {:?}", instance.program_counter())),
            }
        }
        let gas_used = GAS.wrapping_sub(instance.gas() as u64);
        Ok(Outcome { value: instance.reg(Reg::A0), gas_used })
    }
}
