//! Why there is no virtual machine, and why one came to an end.

use std::io;

use nub_arch_x86_abi::WireError;
use nub_arch_x86_abi::layout::{self, Stack};
use nub_arch_x86_abi::trap::{Cause, Report, vector_name};
use thiserror::Error;

/// What a machine with KVM would have and this one has not.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Missing {
    /// There is no `/dev/kvm`.
    #[error(
        "there is no /dev/kvm: enable virtualization (VT-x or SVM) in the firmware and load the module kvm_intel or \
         kvm_amd; inside a virtual machine or container, have its host pass the device on"
    )]
    Device,
    /// `/dev/kvm` may not be opened.
    #[error("no permission to use /dev/kvm: add the user to the group that owns it (often 'kvm') and log in again")]
    Permission,
    /// `/dev/kvm` cannot be opened.
    #[error("cannot open /dev/kvm: {0}")]
    Open(io::Error),
    /// What stands at `/dev/kvm` is something else.
    #[error(
        "what is at /dev/kvm is not the KVM device but {0}: something else was mounted or made there; undo that, or have \
         the host pass the device on"
    )]
    NotKvm(String),
    /// An interface older or newer than any that can be used.
    #[error("/dev/kvm has interface version {0}; version 12 is needed, which Linux has had since 2.6.22")]
    Version(i32),
    /// Something that KVM can do elsewhere.
    #[error("this machine's KVM lacks {0}; a newer Linux has it")]
    Capability(&'static str),
    /// Linux has no seccomp, under which the threads of processors run.
    #[error("a processor's thread cannot be confined: {0}. Linux needs CONFIG_SECCOMP_FILTER")]
    Seccomp(String),
    /// It refuses to make a virtual machine.
    #[error("KVM makes no virtual machine: {0}. Another hypervisor may be using the processor's virtualization")]
    Machine(io::Error),
}

/// Why a guest came to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Death {
    /// It said why itself.
    Reported {
        /// What it said.
        report: Report,
        /// The lane that said it.
        lane: usize,
        /// The address that the last page fault was about.
        fault_address: u64,
        /// The functions of the report's addresses, innermost first.
        backtrace: Vec<String>,
    },
    /// Its processor found no way to deliver a trap.
    TripleFault {
        /// Where it was, with the function's name.
        place: String,
        /// The address that the last page fault was about.
        fault_address: u64,
    },
    /// It did not answer in time.
    Hung {
        /// How long was waited.
        waited: std::time::Duration,
        /// The lane that did not answer.
        lane: usize,
        /// Where it was then, with the function's name, if that could be found out.
        place: Option<String>,
    },
    /// It answered what no guest answers.
    Nonsense(String),
    /// The hypervisor could not run it any more.
    Hypervisor(String),
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Death::Reported { report, lane, fault_address, backtrace } => {
                match &report.cause {
                    Cause::Panic { message } => write!(f, "the kernel panicked: {message}")?,
                    Cause::Trap { vector, error } => {
                        let overflown = Stack::overflown(*lane, *fault_address);
                        match overflown.filter(|_| matches!(vector, 8 | 14)) {
                            Some(stack) => write!(f, "the kernel's {stack:?} stack ran over on lane {lane}")?,
                            None => write!(f, "{} (vector {vector}, error code {error:#x})", vector_name(*vector))?,
                        }
                        if matches!(vector, 8 | 14) {
                            write!(f, ", address {fault_address:#x}")?;
                        }
                        write!(f, ", stack pointer {:#x}", report.rsp)?;
                    }
                }
                for same in backtrace.chunk_by(|left, right| left == right) {
                    write!(f, "\n    at {}", same[0])?;
                    if same.len() > 1 {
                        write!(f, ", {} times", same.len())?;
                    }
                }
                Ok(())
            }
            Death::TripleFault { place, fault_address } => {
                write!(f, "triple fault at {place}; the last page fault was about address {fault_address:#x}")
            }
            Death::Hung { waited, lane, place: Some(place) } => {
                write!(f, "no answer within {waited:?} on lane {lane}; it was at {place}")
            }
            Death::Hung { waited, lane, place: None } => write!(f, "no answer within {waited:?} on lane {lane}"),
            Death::Nonsense(what) => write!(f, "it answered nonsense: {what}"),
            Death::Hypervisor(what) => write!(f, "the hypervisor gave up: {what}"),
        }
    }
}

/// Everything that can go wrong with a virtual machine.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// This machine cannot run one.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A setting that makes no sense.
    #[error("{0}")]
    Config(String),
    /// The kernel's binary is not one that this monitor can start.
    #[error("the kernel image: {0}")]
    Image(String),
    /// The host has no memory for the guest.
    #[error(
        "no {size} bytes of memory for the guest: {error}. Let it have less at most, or raise the limit of this process's \
         address space (ulimit -v)"
    )]
    Memory {
        /// How much was asked for.
        size: u64,
        /// What the system said.
        error: io::Error,
    },
    /// The hypervisor refused something.
    #[error("KVM refused to {what}: {error}")]
    Refused {
        /// What.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A thread could not be started.
    #[error("no thread for a lane: {0}")]
    Thread(io::Error),
    /// The guest came to an end.
    #[error("the guest came to an end: {0}")]
    Died(Box<Death>),
    /// A message that is longer than any may be.
    #[error("a request of {0} bytes: at most {max} are possible", max = nub_arch_x86_abi::slot::MAX_MESSAGE)]
    TooLong(usize),
    /// There is no such lane.
    #[error("there is no lane {0}")]
    NoLane(usize),
}

impl From<WireError> for Death {
    fn from(error: WireError) -> Death {
        Death::Nonsense(error.to_string())
    }
}

const _: () = assert!(layout::MAX_LANES > 0);
