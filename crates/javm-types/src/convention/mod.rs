//! How a call passes arguments and results. The normative text is `docs/spec/types.md`.
//!
//! `values` lowers and lifts [`Value`](crate::Value)s by the [`Method`](crate::Method), for hosts; [`typed`] does the
//! same with Rust types, for programs and for callers who know the types when they are compiled. *Lowering* makes
//! registers and scratchpad of values, *lifting* the reverse. The caller lowers arguments and lifts the result, the
//! callee lifts arguments and lowers the result.

pub mod typed;
mod values;

use alloc::vec::Vec;

use thiserror::Error;

pub use values::{lift_arguments, lift_result, lower_arguments, lower_result};

use crate::codec::RegisterError;
use crate::limits::ARGUMENT_REGISTERS;
use crate::value::ValueDecodeError;

/// What the caller gives to a callee.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lowered {
    /// φ7 to φ10. Those above the arity are zero.
    pub registers: [u64; ARGUMENT_REGISTERS],
    /// How many of them are arguments: the [arity](crate::Method::arity) of the endpoint.
    pub arity: u8,
    /// What the scratchpad starts with, when the arguments stand there.
    pub scratchpad: Option<Vec<u8>>,
}

/// What a callee gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoweredResult {
    /// φ7.
    pub register: u64,
    /// What the scratchpad starts with, when the result stands there.
    pub scratchpad: Option<Vec<u8>>,
}

/// Why registers and scratchpad are not what a method takes or returns.
///
/// `E` says why an encoding is none: [`ValueDecodeError`], or [`DecodeError`](crate::DecodeError) for Rust types.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LiftError<E = ValueDecodeError> {
    /// A register does not hold a value of its type.
    #[error("φ{register}: {error}")]
    Register {
        /// Its number, 7 to 10.
        register: u8,
        /// What is wrong with it.
        error: RegisterError,
    },
    /// The register behind a result without content is not zero.
    #[error("φ7: {0:#x} is not zero, but the method returns nothing")]
    NotUnit(u64),
    /// The scratchpad is shorter than it is said to be filled.
    #[error("φ7: {length} bytes of the scratchpad are meant, but it has {available}")]
    Length {
        /// What φ7 says.
        length: u64,
        /// The bytes of the scratchpad.
        available: usize,
    },
    /// The scratchpad does not hold an encoding.
    #[error("scratchpad: {0}")]
    Encoding(E),
}

/// The bytes of the scratchpad that φ7 says.
fn filled<E>(length: u64, scratchpad: &[u8]) -> Result<&[u8], LiftError<E>> {
    let part = usize::try_from(length).ok().and_then(|length| scratchpad.get(..length));
    part.ok_or(LiftError::Length { length, available: scratchpad.len() })
}

/// φ7 to φ10 with their numbers.
fn numbered(registers: [u64; ARGUMENT_REGISTERS]) -> impl Iterator<Item = (u8, u64)> {
    (7..).zip(registers)
}
