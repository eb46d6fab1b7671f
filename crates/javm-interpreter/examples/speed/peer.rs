//! polkavm's interpreter in its fastest setting: static memory, no tracing.

use javm_interpreter::bare::Access;
use javm_isa::Mode;
use javm_isa::program::HALT_ADDRESS;
use polkavm::{
    ArcBytes, BackendKind, Config, Engine, GasMeteringKind, InterruptKind, Module, ModuleConfig, ProgramBlob,
    ProgramCounter, ProgramParts, RawInstance, Reg,
};
use polkavm_common::program::InstructionSetKind;

use crate::workload::{GAS, Outcome, Workload};

/// Where its read-only data lies.
const READ_ONLY: u32 = 0x1_0000;

pub struct Peer {
    instance: RawInstance,
    stack_pointer: u64,
}

impl Peer {
    /// `None` where the workload's memory cannot lie where polkavm's static memory does: read-only data at 0x1_0000,
    /// read-write data behind it, stack anywhere.
    pub fn new(workload: &Workload) -> Option<Peer> {
        let mut parts = ProgramParts::empty(InstructionSetKind::JamV1);
        parts.code_and_jump_table = ArcBytes::from(javm_testgen::jam_v1::blob(&workload.program, Mode::Bare)?);
        let mut read_write = None;
        for mapping in &workload.memory {
            let length = mapping.content.len() as u32;
            let content = ArcBytes::from(mapping.content.clone());
            match mapping.access {
                _ if mapping.is_stack => parts.stack_size = length,
                Access::ReadOnly if mapping.address == READ_ONLY => {
                    parts.ro_data_size = length;
                    parts.ro_data = content;
                }
                Access::ReadWrite if read_write.is_none() => {
                    read_write = Some(mapping.address);
                    parts.rw_data_size = length;
                    parts.rw_data = content;
                }
                _ => return None,
            }
        }
        let mut config = Config::new();
        config.set_backend(Some(BackendKind::Interpreter));
        let engine = Engine::new(&config).expect("polkavm's interpreter works everywhere");
        let mut config = ModuleConfig::new();
        config.set_gas_metering(Some(GasMeteringKind::Sync));
        let blob = ProgramBlob::from_parts(parts).expect("the blob formats are the same");
        let module = Module::from_blob(&engine, &config, blob).expect("a valid program");
        let map = module.memory_map();
        if read_write.is_some_and(|address| address != map.rw_data_address()) {
            return None;
        }
        let stack_pointer = module.default_sp();
        let instance = module.instantiate().expect("an instance");
        Some(Peer { instance, stack_pointer })
    }

    pub fn run(&mut self, workload: &Workload) -> Outcome {
        let instance = &mut self.instance;
        for (reg, value) in Reg::ALL.into_iter().zip(workload.registers) {
            instance.set_reg(reg, value);
        }
        instance.set_reg(Reg::RA, u64::from(HALT_ADDRESS));
        if workload.memory.iter().any(|mapping| mapping.is_stack) {
            instance.set_reg(Reg::SP, self.stack_pointer);
        }
        instance.set_gas(GAS as i64);
        instance.set_next_program_counter(ProgramCounter(workload.entry));
        assert_eq!(instance.run().expect("it runs"), InterruptKind::Finished, "{}", workload.name);
        Outcome { result: instance.reg(Reg::A0), instructions: GAS - instance.gas() as u64 }
    }
}
