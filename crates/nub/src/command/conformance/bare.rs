//! The public vectors of the bare machine.

use javm_cap::{Access, PAGE_SIZE};
use javm_isa::{Program, REG_COUNT};
use nub::{Data, Exit as Ended, Nub, Range, State};
use serde::Deserialize;

use super::{Differences, Ran};

/// One test vector, as its file has it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Vector {
    name: String,
    initial_regs: [u64; REG_COUNT],
    initial_pc: u32,
    initial_page_map: Vec<PageRange>,
    initial_memory: Vec<Chunk>,
    initial_gas: u64,
    program: Vec<u8>,
    expected_status: String,
    expected_regs: [u64; REG_COUNT],
    expected_pc: u32,
    expected_memory: Vec<Chunk>,
    expected_gas: u64,
    expected_page_fault_address: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PageRange {
    address: u32,
    length: u32,
    is_writable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk {
    address: u32,
    contents: Vec<u8>,
}

/// Runs a vector.
pub(super) fn run(vector: &Vector, nub: &mut Nub) -> Result<Ran, nub::Error> {
    let ran = |differences| Ran { name: vector.name.clone(), differences };
    let program = match Program::parse(&vector.program) {
        Ok(program) => program,
        Err(error) => return Ok(ran(vec![error.to_string()])),
    };
    let mut memory = match memory_of(vector) {
        Ok(memory) => memory,
        Err(reason) => return Ok(ran(vec![reason])),
    };
    let mut state =
        State { registers: vector.initial_regs, pc: vector.initial_pc, gas: vector.initial_gas, block_paid: false };
    let exit = nub.run_bare(&program, &mut state, &mut memory)?;

    let mut differences = Differences::default();
    let (status, fault) = match exit {
        Ended::Halt => ("halt", None),
        Ended::Panic => ("panic", None),
        Ended::Fault(page) => ("page-fault", Some(page)),
        Ended::OutOfGas => ("out-of-gas", None),
        Ended::Host(_) | Ended::Operation => ("host-call", None),
    };
    differences.compare("status", vector.expected_status.clone(), status);
    differences.compare("pc", vector.expected_pc.to_string(), state.pc.to_string());
    differences.compare("gas", vector.expected_gas.to_string(), state.gas.to_string());
    if let Some(expected) = vector.expected_page_fault_address {
        differences.compare(
            "fault address",
            format!("{expected:#x}"),
            fault.map_or("none".into(), |page| format!("{page:#x}")),
        );
    }
    for (index, (expected, found)) in vector.expected_regs.iter().zip(state.registers).enumerate() {
        differences.compare(&format!("register {index}"), format!("{expected:#x}"), format!("{found:#x}"));
    }
    for chunk in &vector.expected_memory {
        let mut found = vec![0; chunk.contents.len()];
        match place(&memory, chunk.address).map(|(index, offset)| memory[index].content.read(offset, &mut found)) {
            Some(Ok(())) => differences.compare(
                &format!("memory at {:#x}", chunk.address),
                format!("{:02x?}", chunk.contents),
                format!("{found:02x?}"),
            ),
            _ => differences.compare("memory", "readable", format!("nothing at {:#x}", chunk.address)),
        }
    }
    Ok(ran(differences.0))
}

/// The memory that a vector's program finds, or why there can be none.
fn memory_of(vector: &Vector) -> Result<Vec<Range>, String> {
    const PAGE: u32 = PAGE_SIZE as u32;
    let mut memory = Vec::new();
    for range in &vector.initial_page_map {
        let end = u64::from(range.address) + u64::from(range.length);
        if !range.address.is_multiple_of(PAGE) || !range.length.is_multiple_of(PAGE) || end > 1 << 32 {
            return Err(format!("initial-page-map: {} bytes at {:#x} are no pages", range.length, range.address));
        }
        let access = if range.is_writable { Access::ReadWrite } else { Access::ReadOnly };
        let content = Data::new(range.length / PAGE).map_err(|error| format!("initial-page-map: {error}"))?;
        memory.push(Range { first_page: range.address / PAGE, access, content });
    }
    for chunk in &vector.initial_memory {
        let (index, offset) = place(&memory, chunk.address)
            .ok_or_else(|| format!("initial-memory: nothing is mapped at {:#x}", chunk.address))?;
        let written = memory[index].content.write(offset, &chunk.contents);
        written.map_err(|error| format!("initial-memory at {:#x}: {error}", chunk.address))?;
    }
    Ok(memory)
}

/// The range that an address lies in, and where in it.
fn place(memory: &[Range], address: u32) -> Option<(usize, u64)> {
    memory.iter().enumerate().find_map(|(index, range)| {
        let offset = u64::from(address).checked_sub(u64::from(range.first_page) * PAGE_SIZE as u64)?;
        (offset < range.content.size()).then_some((index, offset))
    })
}
