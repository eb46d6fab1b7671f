//! Why something could not be done, and the exit codes.

use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use javm_link::LinkError;
use thiserror::Error;

/// As `cargo nub --help` shows them.
pub const EXIT_CODES_HELP: &str = "Exit codes:\n  0  done\n  1  the program does not build, link, or pass its tests\n  2  wrong arguments\n  3  no compilers";

/// How to get compilers, word for word.
const COMPILERS_HINT: &str = "install one of these:
  Rust, by rustup      rustup toolchain install nightly --component rust-src
  Rust and C, Debian   nothing to install: `apt-get update`, and they are fetched; this needs Debian 12 or newer with
                       'deb http://deb.debian.org/debian-security bookworm-security main' among its sources
  C, by apt            apt-get install clang-19 lld-19";

/// Why something could not be done.
#[derive(Debug, Error)]
pub enum Failure {
    /// The arguments make no sense.
    #[error("{0}")]
    Usage(String),
    /// A file or folder could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another program could not be started.
    #[error("{program}: {error}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// Another program has failed, and said why.
    #[error("{program} failed ({status})")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// Another program has answered what it never does.
    #[error("{program}: not understood: {reason}")]
    Answer {
        /// Which.
        program: String,
        /// What is wrong.
        reason: String,
    },
    /// The linker refuses the program.
    #[error("{}: {error}", path.display())]
    Link {
        /// The object.
        path: PathBuf,
        /// Why.
        error: Box<LinkError>,
    },
    /// There is nothing that compiles C for this machine.
    #[error("no compiler for C here: cc, gcc or clang")]
    NoHostCompiler,
    /// There is nothing that compiles for the machine.
    #[error("no compiler for {language} here that can make programs for nub{tried}")]
    NoCompiler {
        /// Of which language.
        language: &'static str,
        /// What was looked at, a line each.
        tried: String,
    },
    /// There is no cargo.
    #[error("there is no 'cargo' here")]
    NoCargo,
}

impl Failure {
    /// A program did not start.
    pub fn start(command: &Command, error: io::Error) -> Failure {
        Failure::Start { program: command.get_program().to_string_lossy().into_owned(), error }
    }

    /// A program failed.
    pub fn failed(command: &Command, status: ExitStatus) -> Failure {
        Failure::Failed { program: command.get_program().to_string_lossy().into_owned(), status }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Failure::NoCompiler { .. } => Some(COMPILERS_HINT),
            Failure::NoHostCompiler => Some("install one, for instance `apt-get install gcc`"),
            Failure::NoCargo => Some("install Rust: https://rustup.rs"),
            _ => None,
        }
    }

    /// What the process's exit code says.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Usage(_) => 2,
            Failure::NoCompiler { .. } | Failure::NoHostCompiler | Failure::NoCargo => 3,
            _ => 1,
        })
    }
}
