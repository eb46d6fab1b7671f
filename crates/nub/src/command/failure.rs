//! Why the command could not do what it was asked, and the exit codes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use javm_link::LinkError;
use thiserror::Error;

use super::files;

macro_rules! exits {
    ($($number:literal $name:ident $doc:literal;)*) => {
        /// What the process's exit code says. The numbers are part of the command's interface.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(super) enum Exit {
            $(
                #[doc = $doc]
                $name = $number,
            )*
        }

        /// The table as `nub --help` shows it.
        pub(super) const EXIT_CODES_HELP: &str =
            concat!("Exit codes:\n", $("  ", $number, "\t", $doc, "\n",)*);
    };
}

exits! {
    0 Success "done";
    1 CheckFailed "a check failed: test vectors, a proof";
    2 Usage "wrong flags or arguments";
    3 Input "a file is missing, unreadable, or not what it should be";
    4 Refused "the program could not be called: endpoint, arguments, imports";
    5 Output "the result could not be written";
    6 Machine "the machine that was asked for is not there, or came to its end";
    10 ProgramPanic "the program panicked";
    11 ProgramFault "the program touched memory that it must not";
    12 ProgramOutOfGas "the program ran out of gas";
    13 ProgramRefused "the call would have left more than a bound or quota allows";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why the command could not do what it was asked.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    Read { path: PathBuf, what: &'static str, error: io::Error },
    /// A file is larger than anything that it could be.
    #[error("{}: {length} bytes; {what} has at most {most}", path.display())]
    TooLarge { path: PathBuf, length: u64, what: &'static str, most: u64 },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String, hint: Option<&'static str> },
    /// A file could not be linked.
    #[error("{}: {error}", path.display())]
    Link { path: PathBuf, error: Box<LinkError> },
    /// The library refused.
    #[error("{}: {error}", path.display())]
    Nub { path: PathBuf, error: Box<nub::Error>, hint: Option<String> },
    /// A flag's value does not go with the others.
    #[error("{0}")]
    Usage(String),
    /// A result could not be written.
    #[error("{what}: {error}")]
    Write { what: String, error: io::Error },
    /// Whoever read standard output has stopped doing so; not an error.
    #[error("nobody reads the output any more")]
    ReaderGone,
}

impl Failure {
    /// `what` says what it should be.
    pub(super) fn read(path: &Path, what: &'static str, error: io::Error) -> Failure {
        Failure::Read { path: path.into(), what, error }
    }

    pub(super) fn nub(path: &Path, error: impl Into<nub::Error>) -> Failure {
        Failure::Nub { path: path.into(), error: Box::new(error.into()), hint: None }
    }

    /// With what to do about it, where that is known of this one.
    pub(super) fn hinted(self, said: Option<String>) -> Failure {
        match self {
            Failure::Nub { path, error, hint } => Failure::Nub { path, error, hint: said.or(hint) },
            other => other,
        }
    }

    pub(super) fn malformed(path: &Path, reason: impl ToString) -> Failure {
        Failure::Malformed { path: path.into(), reason: reason.to_string(), hint: None }
    }

    pub(super) fn write(what: impl ToString, error: io::Error) -> Failure {
        Failure::Write { what: what.to_string(), error }
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Read { .. } | Failure::TooLarge { .. } | Failure::Malformed { .. } | Failure::Link { .. } => {
                Exit::Input
            }
            Failure::Nub { error, .. } => match **error {
                nub::Error::Publish(_) => Exit::Input,
                nub::Error::NoKvm(_)
                | nub::Error::Setting(_)
                | nub::Error::NotStarted(_)
                | nub::Error::GuestDied { .. }
                | nub::Error::GuestHung { .. }
                | nub::Error::Restarted { .. }
                | nub::Error::GuestDown(_)
                | nub::Error::Differs(_) => Exit::Machine,
                _ => Exit::Refused,
            },
            Failure::Write { .. } => Exit::Output,
            Failure::ReaderGone => Exit::Success,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<&str> {
        match self {
            Failure::Nub { hint: Some(hint), .. } => Some(hint),
            Failure::Read { error, what, .. } => match error.kind() {
                io::ErrorKind::NotFound => Some(match *what {
                    files::IMAGE => "check the path; the example Images are in guests/images/",
                    files::MANIFEST => "check the path; docs/manifest.md shows how a manifest is written",
                    files::VECTOR => "check the path; the vectors of nub are in vectors/",
                    _ => "check the path",
                }),
                io::ErrorKind::PermissionDenied => Some("you may not read it: check its permissions"),
                io::ErrorKind::IsADirectory => Some("this is a directory: name a file in it"),
                _ => None,
            },
            Failure::Malformed { hint, .. } => *hint,
            Failure::TooLarge { .. } => Some("check that this is the file you mean"),
            Failure::Nub { error, .. } => match **error {
                nub::Error::Publish(_) => {
                    Some("make Images with `nub image build`; a RISC-V ELF or object file is its input")
                }
                nub::Error::LocalOnly(_) => Some("add `--arch local`: every machine comes to the same results"),
                nub::Error::NoKvm(_) | nub::Error::NotStarted(_) => {
                    Some("`--arch local` needs nothing; `nub doctor` shows what there is")
                }
                nub::Error::Instantiate(_) => Some("`nub image inspect` shows what the Image imports"),
                nub::Error::Invoke(_) => {
                    Some("`nub image inspect` shows the endpoints and how many arguments they take")
                }
                _ => None,
            },
            Failure::Write { error, .. } => match error.kind() {
                io::ErrorKind::StorageFull => Some("free some space; nothing was left half-written"),
                io::ErrorKind::PermissionDenied => Some("you may not write there: choose another place with --output"),
                io::ErrorKind::NotFound => Some("the directory does not exist: make it first"),
                _ => None,
            },
            Failure::Link { .. } | Failure::Usage(_) | Failure::ReaderGone => None,
        }
    }

    /// A stable word for machines.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Failure::Read { .. } => "read",
            Failure::TooLarge { .. } => "too-large",
            Failure::Malformed { .. } => "malformed",
            Failure::Link { .. } => "link",
            Failure::Nub { .. } => "nub",
            Failure::Usage(_) => "usage",
            Failure::Write { .. } => "write",
            Failure::ReaderGone => "reader-gone",
        }
    }

    /// The library's number for it, where it has one.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Failure::Nub { error, .. } => Some(error.code() as u16),
            _ => None,
        }
    }
}
