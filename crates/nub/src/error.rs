//! Everything that can go wrong in the library.

use std::time::Duration;

use javm_cap::{BoundsError, CapHash, InstanceError, InvalidInstance, LoadError, PlaceError};
use javm_types::{EncodeError, Method, ValueError};
use nub_kernel::{InstantiateError, InvokeError, ParametersError, Status, UnpublishError};
use thiserror::Error;

/// What failed, where, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The Image was not published.
    #[error(transparent)]
    Publish(#[from] LoadError),
    /// The Instance was not made.
    #[error(transparent)]
    Instantiate(#[from] InstantiateError),
    /// The call was not made.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The Image stays published.
    #[error(transparent)]
    Unpublish(#[from] UnpublishError),
    /// A call with values of an endpoint without a signature.
    #[error(
        "endpoint {0} has no signature, so that values cannot be checked: call it with registers, or link the program with signatures"
    )]
    NoSignature(String),
    /// Values are not what the endpoint's signature says.
    #[error(transparent)]
    Values(#[from] ValueError),
    /// Rust values cannot be encoded.
    #[error("the arguments cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// Rust types are not those of the endpoint's signature.
    #[error(transparent)]
    Mismatch(#[from] TypeMismatch),
    /// Two things for one scratchpad.
    #[error("the arguments travel in the scratchpad; a call cannot bring another one")]
    ScratchpadTaken,
    /// The program does not keep to its signature.
    #[error("the program returned something else than its signature says: {0}")]
    Result(String),
    /// A capability is larger or higher than any can be.
    #[error("it cannot be taken: {0}")]
    Bounds(#[from] BoundsError),
    /// An Instance in what a host hands over may not enter the state.
    #[error(transparent)]
    Invalid(#[from] InvalidInstance),
    /// There is no proof of what was asked for.
    #[error("there is no proof of that: {0}")]
    NoProof(String),
    /// A capability has another hash than was said.
    #[error("the capability has the hash {found}, not {said} as was said")]
    WrongHash {
        /// What was said.
        said: CapHash,
        /// What it is.
        found: CapHash,
    },
    /// No Instance is kept under a hash.
    #[error(
        "no Instance is kept under {0}: keep it first; those not used for long, and all when a guest ends, are forgotten"
    )]
    NotKept(CapHash),
    /// This computer has no virtual machine for the kernel.
    #[error("no virtual machine can be had: {0}. Without one, choose the arch 'local'")]
    NoKvm(String),
    /// A setting is out of its range.
    #[error("{0}")]
    Setting(String),
    /// The virtual machine did not start.
    #[error("the virtual machine did not start: {0}")]
    NotStarted(String),
    /// The guest came to its end in this call. What became of the call's work is not known, and gone either way.
    #[error("the guest came to its end in this call: {why}\n{then}")]
    GuestDied {
        /// Why, as far as is known.
        why: String,
        /// What was done about it.
        then: Recovery,
    },
    /// The guest did not answer this call in time, or one that was made beside it. That is no verdict on the program: the call is not made again.
    #[error("the guest did not answer a call within {waited:?}, more than that call's gas can take. {then}")]
    GuestHung {
        /// How long was waited.
        waited: Duration,
        /// What was done about it.
        then: Recovery,
    },
    /// The guest had come to its end before this call, which was not made. Each handle is told once.
    #[error("the guest had come to its end before this call, which was not made: {why}\n{then}")]
    Restarted {
        /// Why, as far as is known.
        why: String,
        /// What was done about it.
        then: Recovery,
    },
    /// There is no guest: another try to start one has failed, or it is too early for one.
    #[error("there is no guest: {0}")]
    GuestDown(Recovery),
    /// The guest has too little memory for the request. Nothing was done, and everything is as it was.
    #[error(
        "the guest is out of memory: the request needs {needed} bytes, of the guest's {memory} bytes {free} are free. Drop \
         Instances, unpublish Images, or give it more memory"
    )]
    OutOfMemory {
        /// How many bytes have to be free for it, with those that are kept back for what frees memory.
        needed: u64,
        /// How many are free.
        free: u64,
        /// How many the guest has at all.
        memory: u64,
    },
    /// The guest refused what it should not.
    #[error("the guest refused the request: {0}")]
    Refused(String),
    /// What only the machine in this process does.
    #[error("{0} is possible in this process only: choose the arch 'local'")]
    LocalOnly(&'static str),
    /// The two machines of the arch `both` differ.
    #[error("the machines differ, which is the worst bug there is; please report it: {0}")]
    Differs(String),
}

/// What was done about a guest that had come to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// A new guest runs. Every Image is published again; every Instance is what it was when it was made.
    Restarted,
    /// No new guest could be started, for this reason. The next request tries again.
    Failed(String),
    /// None was started yet, as guests keep ending: a request makes the next try, when that time is over.
    Delayed {
        /// How many have ended in a row.
        ended: u32,
        /// How long it is until the next one may be started.
        left: Duration,
    },
}

impl From<ParametersError> for Error {
    fn from(error: ParametersError) -> Error {
        Error::Setting(error.to_string())
    }
}

impl core::fmt::Display for Recovery {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Recovery::Restarted => {
                f.write_str("a new guest runs: Images are published again, Instances are as they were made")
            }
            Recovery::Failed(why) => write!(f, "no new guest could be started, the next call tries again: {why}"),
            Recovery::Delayed { ended, left } => {
                write!(f, "{ended} guests in a row have ended: no new one is started for another {left:.1?}")
            }
        }
    }
}

/// A Rust type is not that of an endpoint's signature.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{what} does not have the type of the signature, {method}")]
pub struct TypeMismatch {
    /// Which one.
    what: String,
    /// The signature.
    method: String,
}

impl TypeMismatch {
    pub(crate) fn new(what: &str, method: &Method) -> TypeMismatch {
        TypeMismatch { what: what.into(), method: method.to_string() }
    }
}

/// The number that stands for a kind of [error](enum@Error), for machines. Numbers are never used again for something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The bytes are no Image.
    MalformedImage = 100,
    /// The Image breaks a rule.
    InvalidImage = 101,
    /// A capability has another hash than was said.
    WrongHash = 102,
    /// A capability is larger or higher than any can be.
    Bounds = 104,
    /// There is no proof of what was asked for.
    NoProof = 105,
    /// An Instance is larger than its quota.
    Quota = 106,
    /// An Instance is Suspended as no call can be.
    Suspended = 107,
    /// The Image was not published.
    UnknownImage = 110,
    /// A required import was not granted.
    Denied = 111,
    /// A grant that the Image does not import.
    NoImport = 112,
    /// There are Instances of the Image.
    ImageInUse = 113,
    /// There is no such Instance.
    UnknownInstance = 120,
    /// There is no such endpoint.
    UnknownEndpoint = 121,
    /// More or fewer arguments than the endpoint takes.
    Arguments = 122,
    /// The scratchpad is too large.
    Scratchpad = 123,
    /// No Instance is kept under the hash.
    NotKept = 124,
    /// Nothing stands at the path.
    Empty = 125,
    /// What stands at the path is no Instance.
    NoInstance = 126,
    /// The Instance at the path is Suspended.
    Busy = 127,
    /// The call would pass a bound, with a status that says which.
    CallRefused = 128,
    /// The endpoint has no signature.
    NoSignature = 130,
    /// Values, or their types, are not what the signature says.
    Values = 131,
    /// Two things for one scratchpad.
    ScratchpadTaken = 132,
    /// The program returned something else than its signature says.
    Result = 133,
    /// This computer has no virtual machine for the kernel.
    NoKvm = 200,
    /// A setting is out of its range.
    Setting = 201,
    /// The virtual machine did not start.
    NotStarted = 202,
    /// What only the machine in this process does.
    LocalOnly = 203,
    /// The guest came to its end in this call.
    GuestDied = 210,
    /// The guest did not answer in time.
    GuestHung = 211,
    /// The guest had come to its end before this call.
    Restarted = 212,
    /// There is no guest, and none can be started.
    GuestDown = 213,
    /// The guest refused what it should not.
    Refused = 214,
    /// The guest has too little memory for the request.
    OutOfMemory = 215,
    /// Two machines differ.
    Differs = 220,
    /// Something that this version has no number for.
    Other = 999,
}

impl Error {
    /// Why something cannot stand in a place that is there.
    pub(crate) fn from_bounds(why: PlaceError) -> Error {
        match why {
            PlaceError::Bounds(why) => why.into(),
            other => Error::Setting(other.to_string()),
        }
    }

    /// The status that a program would find that makes the call which was refused with this, where there is one.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            Error::Invoke(error) => error.status(),
            _ => None,
        }
    }

    /// The number of its kind.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Publish(LoadError::Encoding(_)) => ErrorCode::MalformedImage,
            Error::Publish(LoadError::Invalid(_)) => ErrorCode::InvalidImage,
            Error::Instantiate(InstantiateError::UnknownImage(_)) => ErrorCode::UnknownImage,
            Error::Instantiate(InstantiateError::Denied { .. }) => ErrorCode::Denied,
            Error::Instantiate(InstantiateError::NoImport(_)) => ErrorCode::NoImport,
            Error::Unpublish(UnpublishError::InUse { .. }) => ErrorCode::ImageInUse,
            Error::OutOfMemory { .. } => ErrorCode::OutOfMemory,
            Error::Invoke(InvokeError::UnknownInstance(_)) => ErrorCode::UnknownInstance,
            Error::Invoke(InvokeError::UnknownEndpoint { .. }) => ErrorCode::UnknownEndpoint,
            Error::Invoke(InvokeError::Arguments { .. }) => ErrorCode::Arguments,
            Error::Invoke(InvokeError::Scratchpad(_)) => ErrorCode::Scratchpad,
            Error::Invoke(InvokeError::Refused { status: Status::Empty, .. }) => ErrorCode::Empty,
            Error::Invoke(InvokeError::Refused { status: Status::Kind, .. }) => ErrorCode::NoInstance,
            Error::Invoke(InvokeError::Refused { status: Status::Busy, .. }) => ErrorCode::Busy,
            Error::Invoke(InvokeError::Refused { .. }) => ErrorCode::CallRefused,
            Error::NoSignature(_) => ErrorCode::NoSignature,
            Error::Values(_) | Error::Encode(_) | Error::Mismatch(_) => ErrorCode::Values,
            Error::ScratchpadTaken => ErrorCode::ScratchpadTaken,
            Error::Result(_) => ErrorCode::Result,
            Error::Bounds(_) => ErrorCode::Bounds,
            Error::Invalid(InvalidInstance { why: InstanceError::Quota { .. }, .. }) => ErrorCode::Quota,
            Error::Invalid(_) => ErrorCode::Suspended,
            Error::NoProof(_) => ErrorCode::NoProof,
            Error::WrongHash { .. } => ErrorCode::WrongHash,
            Error::NotKept(_) => ErrorCode::NotKept,
            Error::NoKvm(_) => ErrorCode::NoKvm,
            Error::Setting(_) => ErrorCode::Setting,
            Error::NotStarted(_) => ErrorCode::NotStarted,
            Error::GuestDied { .. } => ErrorCode::GuestDied,
            Error::GuestHung { .. } => ErrorCode::GuestHung,
            Error::Restarted { .. } => ErrorCode::Restarted,
            Error::GuestDown(_) => ErrorCode::GuestDown,
            Error::Refused(_) => ErrorCode::Refused,
            Error::LocalOnly(_) => ErrorCode::LocalOnly,
            Error::Differs(_) => ErrorCode::Differs,
            // The enums of the kernel may grow; a number is given here when they do.
            _ => ErrorCode::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_numbers() {
        let unknown: Error = InstantiateError::UnknownImage(javm_cap::CapHash([0; 32])).into();
        assert_eq!(unknown.code() as u16, 110);
        let scratchpad: Error = InvokeError::Scratchpad(1 << 30).into();
        assert_eq!(scratchpad.code() as u16, 123);
        assert_eq!(scratchpad.to_string(), "a scratchpad of 1073741824 bytes: at most 67108864 are possible");
    }
}
