//! The `nub` command: a thin shell around the library.
//!
//! One file a subcommand; [`failure`] has the table of exit codes, [`output`] is the one way to standard output.

mod arguments;
mod backtrace;
mod bench;
mod calls;
mod conformance;
mod diagnosis;
mod doctor;
mod failure;
mod files;
mod guest_figures;
mod hex;
mod image;
mod machine;
mod manifest;
mod number;
mod output;
mod place;
mod profile;
mod run;
mod shell;
mod state;
mod symbols;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

use failure::Failure;
use output::Output;

/// Runs untrusted, metered programs deterministically.
#[derive(Parser, Debug)]
#[command(name = "nub", version, propagate_version = true, max_term_width = 100, after_help = failure::EXIT_CODES_HELP)]
struct Cli {
    /// Print one JSON object a line instead of text for people (errors too)
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(run::Arguments),
    #[command(subcommand)]
    Image(image::Command),
    #[command(subcommand)]
    State(state::Command),
    Conformance(conformance::Arguments),
    Bench(bench::Arguments),
    Doctor(doctor::Arguments),
    #[command(flatten)]
    Shell(shell::Command),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    let done = match cli.command {
        Command::Run(arguments) => run::run(&arguments, &mut output),
        Command::Image(command) => image::run(command, &mut output),
        Command::State(command) => state::run(command, &mut output),
        Command::Conformance(arguments) => conformance::run(&arguments, &mut output),
        Command::Bench(arguments) => bench::run(&arguments, &mut output),
        Command::Doctor(arguments) => doctor::run(&arguments, &mut output),
        Command::Shell(command) => shell::run(command, &mut output),
    };
    let done = done.and_then(|code| output.finish().map(|()| code));
    match done {
        Ok(code) => code.into(),
        Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}
