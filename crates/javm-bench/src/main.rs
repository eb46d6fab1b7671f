//! `javm-bench`: nub and its peers side by side in one run.
//!
//! ```sh
//! cargo run --release -p javm-bench -- exec [--filter NAME] [--seconds S] [--json]
//! ```
//!
//! # How to read this crate
//! - [`workload`]: the table of what is run: program, input, the result that is right.
//! - [`exec`], [`compile`], [`calls`]: the groups of figures, one a subcommand.
//! - [`peer`]: `polkavm` on the same code bytes, memory contents and gas.
//! - [`native`]: the same source files as host code.
//! - [`measure`], [`report`]: turns and medians; the table and the JSON lines.
//!
//! What makes it fair: everything is measured in one run and in turns; results, and gas where it is metered, are
//! compared before anything is timed; a call is what a host pays for a call, with arguments and scratchpad going in;
//! gas is metered on both sides by the same model. What a fresh Instance costs to make is not part of it.

// Modules of the example programs name it.
extern crate alloc;

mod calls;
mod compile;
mod exec;
#[cfg(test)]
mod inputs;
mod measure;
mod native;
mod peer;
mod report;
mod workload;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Nub and its peers side by side.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    group: Group,
}

#[derive(Subcommand)]
enum Group {
    /// Calls of whole programs: nub, polkavm's interpreter on the same code bytes, the same source as host code
    Exec(Options),
    /// What an instruction costs before a program can run
    Compile(Options),
    /// Calls that do nothing, services, and programs that are called again and again
    Calls(Options),
}

#[derive(Args)]
struct Options {
    /// The engine that nub runs programs on
    #[arg(long, value_enum, default_value_t = Engine::Interpreter)]
    engine: Engine,
    /// The machine that nub's kernel runs on
    #[arg(long, value_enum, default_value_t = Arch::Local)]
    arch: Arch,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Only figures whose name contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// How long to measure each figure
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = parse_seconds)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Engine {
    /// The portable one
    Interpreter,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arch {
    /// This process
    Local,
    /// A virtual machine; beside it the same kernel in this process. For `exec` only
    Kvm,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0 to 3600".into()),
    }
}

/// What is measured and for how long.
struct Selection {
    json: bool,
    filter: Option<String>,
    time: Duration,
    arch: Arch,
}

impl Selection {
    fn takes(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }
}

impl From<Options> for Selection {
    fn from(options: Options) -> Selection {
        // There is one so far.
        let Engine::Interpreter = options.engine;
        let time = Duration::from_secs_f64(options.seconds);
        Selection { json: options.json, filter: options.filter, time, arch: options.arch }
    }
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("warning: built without optimisation; the figures mean nothing (cargo run --release)");
    }
    let done = match Cli::parse().group {
        Group::Exec(options) => exec::run(&options.into()),
        Group::Compile(options) => compile::run(&options.into()),
        Group::Calls(options) => calls::run(&options.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
    }
}
