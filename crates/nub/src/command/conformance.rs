//! `nub conformance`: runs the public test vectors of the bare machine.

use std::path::{Path, PathBuf};

use clap::Args;
use javm_cap::{Access, PAGE_SIZE};
use javm_isa::{Program, REG_COUNT};
use nub::{Data, Exit as Ended, Nub, Range, State};
use serde::Deserialize;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::files;
use super::machine::{self, Machine};
use super::output::{BAD, Output};

const MAX_VECTOR_BYTES: u64 = 64 << 20;

/// Run the public JSON test vectors; the last line is `N passed, N failed`
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The directory that holds them, or one of them
    path: PathBuf,
    /// Name those that pass too
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    machine: Machine,
}

/// One test vector, as its file has it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Vector {
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

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let files = vector_files(&arguments.path)?;
    let mut nub = arguments.machine.start(&arguments.path)?;
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let bytes = files::read(&file, "a test vector", MAX_VECTOR_BYTES)?;
        let vector: Vector = serde_json::from_slice(&bytes).map_err(|error| Failure::Malformed {
            path: file.clone(),
            reason: error.to_string(),
            hint: Some("a test vector is a JSON object as the JAM community publishes them"),
        })?;
        let differences = check(&vector, &mut nub).map_err(|error| Failure::nub(&file, error))?;
        if differences.is_empty() {
            passed += 1;
        } else {
            failed += 1;
        }
        if output.is_json() {
            output.object(&json!({
                "name": vector.name, "passed": differences.is_empty(), "differences": differences,
            }))?;
        } else if !differences.is_empty() {
            output.line(format_args!("{BAD}FAILED{BAD:#} {}", vector.name))?;
            for difference in differences {
                output.line(format_args!("       {difference}"))?;
            }
        } else if arguments.verbose {
            output.line(format_args!("passed {}", vector.name))?;
        }
    }
    if output.is_json() {
        output.object(&json!({
            "passed": passed, "failed": failed, "arch": nub.arch(), "privilege": machine::privilege(&nub),
        }))?;
    } else {
        output.line(format_args!("{passed} passed, {failed} failed"))?;
    }
    Ok(if failed == 0 { Exit::Success } else { Exit::CheckFailed })
}

/// The vectors of a directory, by name.
fn vector_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| Failure::read(path, error))? {
        let file = entry.map_err(|error| Failure::read(path, error))?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Failure::Malformed {
            path: path.into(),
            reason: "no test vectors: not one file ends in .json".into(),
            hint: Some("name the directory that holds the JSON files"),
        });
    }
    files.sort();
    Ok(files)
}

/// Runs a vector and says in which points the result differs.
fn check(vector: &Vector, nub: &mut Nub) -> Result<Vec<String>, nub::Error> {
    let program = match Program::parse(&vector.program) {
        Ok(program) => program,
        Err(error) => return Ok(vec![error.to_string()]),
    };
    let mut memory = match memory_of(vector) {
        Ok(memory) => memory,
        Err(reason) => return Ok(vec![reason]),
    };
    let mut state =
        State { registers: vector.initial_regs, pc: vector.initial_pc, gas: vector.initial_gas, block_paid: false };
    let exit = nub.run_bare(&program, &mut state, &mut memory)?;

    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let (status, fault) = match exit {
        Ended::Halt => ("halt", None),
        Ended::Panic => ("panic", None),
        Ended::Fault(page) => ("page-fault", Some(page)),
        Ended::OutOfGas => ("out-of-gas", None),
        Ended::Host(_) | Ended::Operation => ("host-call", None),
    };
    compare("status", vector.expected_status.clone(), status.into());
    compare("pc", vector.expected_pc.to_string(), state.pc.to_string());
    compare("gas", vector.expected_gas.to_string(), state.gas.to_string());
    if let Some(expected) = vector.expected_page_fault_address {
        compare("fault address", format!("{expected:#x}"), fault.map_or("none".into(), |page| format!("{page:#x}")));
    }
    for (index, (expected, found)) in vector.expected_regs.iter().zip(state.registers).enumerate() {
        compare(&format!("register {index}"), format!("{expected:#x}"), format!("{found:#x}"));
    }
    for chunk in &vector.expected_memory {
        let mut found = vec![0; chunk.contents.len()];
        match place(&memory, chunk.address).map(|(index, offset)| memory[index].content.read(offset, &mut found)) {
            Some(Ok(())) => compare(
                &format!("memory at {:#x}", chunk.address),
                format!("{:02x?}", chunk.contents),
                format!("{found:02x?}"),
            ),
            _ => compare("memory", "readable".into(), format!("nothing at {:#x}", chunk.address)),
        }
    }
    Ok(differences)
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
