//! What this crate does by command: the vectors, and comparing for as long as one likes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nub_conformance::vectors;

/// Compares kernels with the reference model
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the vectors of the capability layer
    Vectors {
        /// Where they are
        #[arg(default_value = "vectors")]
        directory: PathBuf,
        /// Write nothing, but name what is not as it would be written
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Vectors { directory, check: false } => match vectors::write(&directory) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{}: {error}", directory.display())),
        },
        Command::Vectors { directory, check: true } => match vectors::differing(&directory) {
            Ok(differing) if differing.is_empty() => ExitCode::SUCCESS,
            Ok(differing) => fail(&format!("{}: not as the model writes them: {differing:?}", directory.display())),
            Err(error) => fail(&format!("{}: {error}", directory.display())),
        },
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::FAILURE
}
