//! `nub conformance`: runs test vectors, the public ones of the bare machine and those of the capability layer.
//!
//! - `bare`: a program without an Image, as the JAM community publishes them.
//! - `capabilities`: trees and calls, as `vectors/` has them. `values`: the values in them.

mod bare;
mod capabilities;
mod values;

use std::path::{Path, PathBuf};

use clap::Args;
use nub::Nub;
use serde_json::{Value as Json, json};

use super::failure::{Exit, Failure};
use super::files;
use super::machine::{self, Machine};
use super::output::{BAD, Output};

const MAX_VECTOR_BYTES: u64 = 64 << 20;

/// Run JSON test vectors; the last line is `N passed, N failed`
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The directory that holds them, at any depth, or one file of them
    path: PathBuf,
    /// Name those that pass too
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    machine: Machine,
}

/// A vector that was run: its name, and in what it differs from what its file says.
struct Ran {
    name: String,
    differences: Vec<String>,
}

/// In what things differ.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        if expected != found {
            self.0.push(format!("{what}: {found} instead of {expected}"));
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let files = vector_files(&arguments.path)?;
    let mut nub = arguments.machine.start(&arguments.path)?;
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        for Ran { name, differences } in run_file(&file, &mut nub)? {
            if differences.is_empty() {
                passed += 1;
            } else {
                failed += 1;
            }
            if output.is_json() {
                output
                    .object(&json!({ "name": name, "passed": differences.is_empty(), "differences": differences }))?;
            } else if !differences.is_empty() {
                output.line(format_args!("{BAD}FAILED{BAD:#} {name}"))?;
                for difference in differences {
                    output.line(format_args!("       {difference}"))?;
                }
            } else if arguments.verbose {
                output.line(format_args!("passed {name}"))?;
            }
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

/// Runs what a file holds.
fn run_file(file: &Path, nub: &mut Nub) -> Result<Vec<Ran>, Failure> {
    let malformed = |reason: String| Failure::Malformed {
        path: file.into(),
        reason,
        hint: Some("a test vector is a JSON object as the JAM community publishes them, or as vectors/README.md says"),
    };
    let bytes = files::read(file, files::VECTOR, MAX_VECTOR_BYTES)?;
    let json: Json = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if json.get("version").is_some() {
        let parsed = serde_json::from_value(json).map_err(|error| malformed(error.to_string()))?;
        capabilities::run(file, parsed, nub, &malformed)
    } else {
        let vector = serde_json::from_value(json).map_err(|error| malformed(error.to_string()))?;
        Ok(vec![bare::run(&vector, nub).map_err(|error| Failure::nub(file, error))?])
    }
}

/// The vectors of a directory and of those in it, by name.
fn vector_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.into()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::from(path)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|error| Failure::read(&folder, files::VECTOR, error))? {
            let entry = entry.map_err(|error| Failure::read(&folder, files::VECTOR, error))?;
            // What a link leads to is not gone into: it could lead back.
            if entry.file_type().map_err(|error| Failure::read(&folder, files::VECTOR, error))?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "json") {
                files.push(entry.path());
            }
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
