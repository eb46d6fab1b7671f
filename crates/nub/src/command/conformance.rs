//! `nub conformance`: runs the public test vectors of the bare machine.

use std::path::{Path, PathBuf};

use clap::Args;
use javm_interpreter::bare::{Access, BareMemory};
use javm_interpreter::{Code, Exit as EngineExit, State, run as run_engine};
use javm_isa::{CostModel, Mode, Program, REG_COUNT};
use serde::Deserialize;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::files;
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
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let bytes = files::read(&file, "a test vector", MAX_VECTOR_BYTES)?;
        let vector: Vector = serde_json::from_slice(&bytes).map_err(|error| Failure::Malformed {
            path: file.clone(),
            reason: error.to_string(),
            hint: Some("a test vector is a JSON object as the JAM community publishes them"),
        })?;
        let differences = check(&vector);
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
        output.object(&json!({ "passed": passed, "failed": failed }))?;
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
fn check(vector: &Vector) -> Vec<String> {
    let program = match Program::parse(&vector.program) {
        Ok(program) => program,
        Err(error) => return vec![error.to_string()],
    };
    let mut memory = BareMemory::new();
    for range in &vector.initial_page_map {
        let access = if range.is_writable { Access::ReadWrite } else { Access::ReadOnly };
        if let Err(error) = memory.map(range.address, range.length, access) {
            return vec![format!("initial-page-map: {error}")];
        }
    }
    for chunk in &vector.initial_memory {
        if let Err(error) = memory.write(chunk.address, &chunk.contents) {
            return vec![format!("initial-memory: {error}")];
        }
    }
    let code = Code::new(&program, Mode::Bare, CostModel::Flat);
    let mut state =
        State { registers: vector.initial_regs, pc: vector.initial_pc, gas: vector.initial_gas, block_paid: false };
    let exit = run_engine(&code, &mut state, &mut memory);

    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let (status, fault) = match exit {
        EngineExit::Halt => ("halt", None),
        EngineExit::Panic => ("panic", None),
        EngineExit::Fault(page) => ("page-fault", Some(page)),
        EngineExit::OutOfGas => ("out-of-gas", None),
        EngineExit::Host(_) | EngineExit::Operation => ("host-call", None),
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
        match memory.read(chunk.address, &mut found) {
            Ok(()) => compare(
                &format!("memory at {:#x}", chunk.address),
                format!("{:02x?}", chunk.contents),
                format!("{found:02x?}"),
            ),
            Err(error) => compare("memory", "readable".into(), error.to_string()),
        }
    }
    differences
}
