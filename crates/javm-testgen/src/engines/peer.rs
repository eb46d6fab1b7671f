//! The `polkavm` crate's interpreter on a generated case, and the one filter of where it is known to differ.

use javm_interpreter::{Code, Exit, run_traced};
use javm_isa::{CostModel, Form, Instruction, Kind, REG_COUNT};
use polkavm::{
    ArcBytes, BackendKind, CacheModel, Config, CostModelKind, Engine, GasMeteringKind, InterruptKind, MemoryProtection,
    Module, ModuleConfig, ProgramBlob, ProgramCounter, ProgramParts, RawInstance, Reg,
};
use polkavm_common::program::InstructionSetKind;

use super::machine::{Host, MOST_EXITS, Outcome, engine_with, initial_memory};
use crate::case::Case;
use crate::config::Region;
use crate::jam_v1;

/// polkavm, ready to run programs.
pub struct Peer {
    engine: Engine,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer::new()
    }
}

impl Peer {
    /// With its interpreter.
    ///
    /// # Panics
    /// If that is not there, which is on no machine.
    #[must_use]
    pub fn new() -> Peer {
        let mut config = Config::new();
        config.set_backend(Some(BackendKind::Interpreter));
        // Only then it says which page faulted.
        config.set_allow_dynamic_paging(true);
        Peer { engine: Engine::new(&config).expect("polkavm's interpreter works everywhere") }
    }

    /// What polkavm makes of it, unless it cannot take the program. Program counters at a halt, which it does not keep,
    /// are given as zero; so is `block_paid`.
    ///
    /// # Panics
    /// If polkavm fails to run what it has loaded.
    pub fn run(&self, case: &Case, model: CostModel, host: &mut impl Host) -> Option<Outcome> {
        let mut parts = ProgramParts::empty(InstructionSetKind::JamV1);
        parts.code_and_jump_table = ArcBytes::from(jam_v1::blob(&case.program(), case.mode)?);
        let blob = ProgramBlob::from_parts(parts).ok()?;
        let mut config = ModuleConfig::new();
        config.set_gas_metering(Some(GasMeteringKind::Sync));
        config.set_dynamic_paging(true);
        config.set_cost_model(Some(match model {
            CostModel::Flat => CostModelKind::Simple(polkavm::CostModel::naive_ref()),
            CostModel::Pipeline => CostModelKind::Full(CacheModel::L1Hit),
        }));
        let module = Module::from_blob(&self.engine, &config, blob).ok()?;
        let mut instance = module.instantiate().expect("an instance");
        for region in &case.memory {
            let protection = if region.writable { MemoryProtection::ReadWrite } else { MemoryProtection::Read };
            instance
                .zero_memory_with_memory_protection(region.address, region.length, MemoryProtection::ReadWrite)
                .expect("regions are pages");
            for (address, bytes) in case.contents.iter().filter(|(address, _)| region_holds(region, *address)) {
                instance.write_memory(*address, bytes).expect("regions are pages");
            }
            if protection == MemoryProtection::Read {
                instance.protect_memory(region.address, region.length).expect("regions are pages");
            }
        }
        for (reg, value) in Reg::ALL.into_iter().zip(case.registers) {
            instance.set_reg(reg, value);
        }
        instance.set_gas(case.gas as i64);
        instance.set_next_program_counter(ProgramCounter(0));
        Some(run(case, &mut instance, host))
    }
}

fn region_holds(region: &Region, address: u32) -> bool {
    (region.address..=region.address + (region.length - 1)).contains(&address)
}

fn registers(instance: &RawInstance) -> [u64; REG_COUNT] {
    Reg::ALL.map(|reg| instance.reg(reg))
}

fn run(case: &Case, instance: &mut RawInstance, host: &mut impl Host) -> Outcome {
    let mut exits = Vec::new();
    let mut pages: Vec<(u32, bool)> = initial_memory(case)
        .pages()
        .map(|(address, access, _)| (address, access == javm_interpreter::bare::Access::ReadWrite))
        .collect();
    loop {
        let exit = match instance.run().expect("it runs") {
            InterruptKind::Finished => Exit::Halt,
            InterruptKind::Trap => Exit::Panic,
            InterruptKind::Ecalli(number) => Exit::Host(number),
            InterruptKind::Segfault(fault) => Exit::Fault(fault.page_address),
            InterruptKind::NotEnoughGas => Exit::OutOfGas,
            InterruptKind::Step => unreachable!("not asked for"),
        };
        exits.push((exit, instance.program_counter().map_or(0, |pc| pc.0)));
        let goes_on = exits.len() < MOST_EXITS
            && match exit {
                Exit::Host(number) => {
                    let mut values = registers(instance);
                    let goes_on = host.host_call(number, &mut values);
                    Reg::ALL.into_iter().zip(values).for_each(|(reg, value)| instance.set_reg(reg, value));
                    goes_on
                }
                Exit::Fault(page) => host.page_in(page),
                Exit::OutOfGas => host.refill().is_some_and(|more| {
                    instance.set_gas(instance.gas() + more as i64);
                    true
                }),
                Exit::Halt | Exit::Panic | Exit::Operation => false,
            };
        if !goes_on {
            break;
        }
        if let Exit::Fault(page) = exit {
            match pages.iter_mut().find(|(address, _)| *address == page) {
                Some((_, writable)) => {
                    instance.unprotect_memory(page, 4096).expect("regions are pages");
                    *writable = true;
                }
                None => {
                    instance
                        .zero_memory_with_memory_protection(page, 4096, MemoryProtection::ReadWrite)
                        .expect("regions are pages");
                    pages.push((page, true));
                }
            }
        }
    }
    pages.sort_unstable();
    let gas = instance.gas().try_into().expect("gas is not used up below zero");
    let values = registers(instance);
    let mut page =
        |(address, writable)| (address, writable, instance.read_memory(address, 4096).expect("the page is mapped"));
    Outcome { exits, registers: values, gas, block_paid: false, memory: pages.into_iter().map(&mut page).collect() }
}

/// What polkavm does differently, for a reason that is known. Each has a test of its own beside those of the interpreter. (It also
/// refuses invalid opcodes and has no `sbrk` with dynamic paging; such programs never come here.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// It faults or traps at an access that runs past 2^32, depending on what is mapped there; ours panics.
    WrappingAccess,
    /// It traps at a branch with a bad target even if the branch is not taken; ours panics only if it is.
    UntakenBadBranch,
}

/// What of [`Known`] the run of `case` comes by first.
#[must_use]
pub fn known_difference(case: &Case, model: CostModel, host: &mut impl Host) -> Option<Known> {
    let code = Code::new(&case.program(), case.mode, model);
    let mut found = None;
    let mut bad_branch = false;
    engine_with(&code, case, host, |state, memory| {
        run_traced(&code, state, memory, &mut |state, instruction| {
            if bad_branch {
                found = found.or(Some(Known::UntakenBadBranch));
            }
            let kind = instruction.opcode.row().kind;
            let bad_target = instruction.static_target().is_some_and(|target| !code.is_block_start(target));
            bad_branch = kind == Kind::Branch && bad_target;
            if wraps(instruction, &state.registers) {
                found = found.or(Some(Known::WrappingAccess));
            }
        })
    });
    found
}

fn wraps(instruction: &Instruction, registers: &[u64; REG_COUNT]) -> bool {
    let row = instruction.opcode.row();
    let (Kind::Load { bytes, .. } | Kind::Store { bytes }) = row.kind else { return false };
    let base = match row.form {
        Form::RegRegImm => registers[instruction.b.index()],
        Form::RegImmImm => registers[instruction.a.index()],
        _ => 0,
    };
    let address = base.wrapping_add(instruction.x) as u32;
    address.checked_add(u32::from(bytes) - 1).is_none()
}

/// Ours in the terms in which [`Peer::run`] gives theirs.
#[must_use]
pub fn comparable(mut ours: Outcome) -> Outcome {
    ours.block_paid = false;
    for (exit, pc) in &mut ours.exits {
        if *exit == Exit::Halt {
            *pc = 0;
        }
    }
    ours
}
