//! `nub image`: makes Images and shows what is in them.

mod build;
mod disasm;
mod inspect;
mod sizes;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use javm_cap::ValidImage;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::files;
use super::output::{GOOD, Output};

/// Make Images and show what is in them
#[derive(Subcommand, Debug)]
pub(in crate::command) enum Command {
    Build(build::Arguments),
    Inspect(inspect::Arguments),
    Disasm(disasm::Arguments),
    Verify(VerifyArguments),
}

/// Check that a file is an Image that may be published
#[derive(Args, Debug)]
pub(in crate::command) struct VerifyArguments {
    /// The Images
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

pub(super) fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Build(arguments) => build::run(&arguments, output),
        Command::Inspect(arguments) => inspect::run(&arguments, output),
        Command::Disasm(arguments) => disasm::run(&arguments, output),
        Command::Verify(arguments) => verify(&arguments, output),
    }
}

/// Reads and checks an Image.
pub(super) fn load(path: &Path) -> Result<ValidImage, Failure> {
    let bytes = files::read(path, files::IMAGE, files::MAX_IMAGE_BYTES)?;
    ValidImage::load(&bytes).map_err(|error| Failure::nub(path, error))
}

fn verify(arguments: &VerifyArguments, output: &mut Output) -> Result<Exit, Failure> {
    for path in &arguments.images {
        let image = load(path)?;
        if output.is_json() {
            output.object(&json!({ "file": path, "valid": true, "hash": image.hash().to_string() }))?;
        } else {
            output.line(format_args!("{GOOD}valid{GOOD:#}  {}  {}", image.hash(), path.display()))?;
        }
    }
    Ok(Exit::Success)
}
