//! `cargo nub new|build|test`: from an empty folder to an Image, in Rust or in C.
//!
//! # How to read this crate
//! - `new`: the folder of a new program, from `templates/`.
//! - `compilers`: which compilers there are, and where; `toolchain/debian` fetches those of Debian's packages.
//! - `rust`, `c`: a program to one RISC-V object with every relocation. `toolchain/` has the description of the machine and
//!   what makes the compiler's output the same everywhere.
//! - `c_test`: the tests of a program in C, as host code.
//! - `image`: the object to an Image, by `javm-link`.
//! - `failure`: why something could not be done, and the exit codes.
//!
//! `guests/build` makes the example programs with it.

mod c;
mod c_test;
mod compilers;
mod failure;
mod image;
mod new;
mod run;
mod rust;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use failure::Failure;

/// Make programs for nub: from an empty folder to an Image
#[derive(Parser)]
#[command(name = "cargo-nub", bin_name = "cargo nub", version, max_term_width = 100, after_help = failure::EXIT_CODES_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(NewArguments),
    Build(BuildArguments),
    Test(TestArguments),
    Compilers(CompilersArguments),
}

/// Make the folder of a new program: a counter, to begin with
#[derive(Args)]
#[command(after_help = "Example:\n  cargo nub new counter && cd counter && cargo nub test && cargo nub build")]
struct NewArguments {
    /// The folder; its last part is the name of the program
    path: PathBuf,
    /// A program in C instead of Rust
    #[arg(long)]
    c: bool,
    /// Where the crate javm-guest is, for a program in Rust
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

/// Build a program into an Image
#[derive(Args)]
#[command(after_help = "Example:\n  cargo nub build && nub run target/nub/counter.nub --endpoint add --arg 5")]
struct BuildArguments {
    /// The program's folder: a package of cargo, or the `.c` files of one program, with compile_flags.txt
    /// where the compiler is to be told more
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only these binaries of a package or a workspace; otherwise all
    #[arg(long = "bin", value_name = "NAME")]
    bins: Vec<String>,
    /// Where Images go, NAME.nub and NAME.nub.sym [default: the folder of --target-dir]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Where everything else goes [default: target/nub in the program's folder]
    #[arg(long, value_name = "FOLDER")]
    target_dir: Option<PathBuf>,
    /// Stop at the RISC-V objects, riscv/NAME.o in --target-dir
    #[arg(long)]
    objects: bool,
    #[command(flatten)]
    cargo: CargoArguments,
    #[command(flatten)]
    choice: Choice,
}

/// Run a program's tests, as host code: of Rust the unit tests, of C each tests/NAME.c
#[derive(Args)]
struct TestArguments {
    /// The program's folder
    #[arg(default_value = ".")]
    path: PathBuf,
    #[command(flatten)]
    cargo: CargoArguments,
    /// For the tests
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Say which compilers `build` would take, and fetch them if need be
#[derive(Args)]
struct CompilersArguments {
    #[command(flatten)]
    choice: Choice,
}

#[derive(Args)]
struct CargoArguments {
    /// Cargo.lock has to be up to date
    #[arg(long)]
    locked: bool,
    /// No network
    #[arg(long)]
    offline: bool,
}

impl CargoArguments {
    fn flags(&self) -> Vec<&'static str> {
        let flags = [(self.locked, "--locked"), (self.offline, "--offline")];
        flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag).collect()
    }
}

#[derive(Args)]
struct Choice {
    /// Whose compilers
    #[arg(long, value_enum, default_value_t = Whose::Any)]
    compilers: Whose,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// The first that can: rustup's with rust-src, those in PATH, those of Debian's packages
    Any,
    /// Those of Debian's packages, which are the same everywhere
    Debian,
}

fn main() -> ExitCode {
    // Cargo calls `cargo-nub nub …`.
    let mut words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_some_and(|word| word == "nub") {
        words.remove(1);
    }
    match Cli::parse_from(words).command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            if let Some(hint) = failure.hint() {
                eprintln!("hint: {hint}");
            }
            failure.exit_code()
        }
    }
}

impl Command {
    fn run(&self) -> Result<(), Failure> {
        match self {
            Command::New(arguments) => new::run(arguments),
            Command::Build(arguments) => build(arguments),
            Command::Test(arguments) => test(arguments),
            Command::Compilers(arguments) => {
                let compilers = compilers::rust(arguments.choice.compilers)?;
                println!("{}", compilers.version()?);
                let compilers = compilers::c(arguments.choice.compilers)?;
                println!("{}", compilers.version()?);
                Ok(())
            }
        }
    }
}

fn test(arguments: &TestArguments) -> Result<(), Failure> {
    let path = run::existing_folder(&arguments.path)?;
    if path.join("Cargo.toml").is_file() { rust::test(&path, arguments) } else { c_test::test(&path) }
}

fn build(arguments: &BuildArguments) -> Result<(), Failure> {
    let path = run::existing_folder(&arguments.path)?;
    let target = match &arguments.target_dir {
        Some(folder) => folder.clone(),
        None => path.join("target/nub"),
    };
    let target = run::folder(&target)?;
    let project = run::Project { path, objects: run::folder(&target.join("riscv"))?, target };
    let programs = if project.path.join("Cargo.toml").is_file() {
        rust::build(&project, &arguments.bins, &arguments.cargo, arguments.choice.compilers)?
    } else {
        c::build(&project, arguments.choice.compilers)?
    };
    if arguments.objects {
        programs.iter().for_each(|name| println!("{}", project.object(name).display()));
        return Ok(());
    }
    let out = run::folder(arguments.out.as_ref().unwrap_or(&project.target))?;
    programs.iter().try_for_each(|name| image::build(&project.object(name), &out.join(format!("{name}.nub"))))
}
