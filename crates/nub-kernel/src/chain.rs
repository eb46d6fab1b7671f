//! The chain that calls are made in: what it has fixed, and which block there is.

use thiserror::Error;

use crate::service::{Block, LOG_BYTES_LIMIT};

/// How many frames there may be on the call stack, the first included: `MAX_DEPTH` of `docs/spec/capabilities.md`.
pub const MAX_DEPTH: usize = 64;

/// The most that any chain may let log entries hold, in bytes: with the largest scratchpad, what a machine can send at once.
pub const MOST_LOG_BYTES: usize = 64 << 20;

/// What a chain fixes when it is made. The default is that of a chain that does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameters {
    /// How many pages the frames on the call stack may write to together.
    pub writable_pages: u32,
    /// How many pages a block may change.
    pub changed_pages: u64,
    /// What the log entries of a call from the host may hold together, in bytes: each counts its own and 16 more. At most
    /// [`MOST_LOG_BYTES`].
    pub log_bytes: usize,
    /// How many frames there may be on the call stack, the first included: [`MAX_DEPTH`] in every chain; less for tests.
    pub depth: usize,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { writable_pages: 1 << 16, changed_pages: 1 << 17, log_bytes: LOG_BYTES_LIMIT, depth: MAX_DEPTH }
    }
}

/// Why no chain has these parameters.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ParametersError {
    /// More frames than [`MAX_DEPTH`].
    #[error("a depth of {0} frames: there may be at most {max}", max = MAX_DEPTH)]
    Depth(usize),
    /// More than [`MOST_LOG_BYTES`].
    #[error("{0} bytes of log entries: there may be at most {max}", max = MOST_LOG_BYTES)]
    LogBytes(usize),
}

impl Parameters {
    /// Whether a chain may have them.
    ///
    /// # Errors
    /// [`ParametersError`]: which one is out of its range.
    pub fn check(&self) -> Result<(), ParametersError> {
        if self.depth > MAX_DEPTH {
            return Err(ParametersError::Depth(self.depth));
        }
        if self.log_bytes > MOST_LOG_BYTES {
            return Err(ParametersError::LogBytes(self.log_bytes));
        }
        Ok(())
    }
}

/// What calls are a part of. The default is outside of blocks, in a chain that does not say.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Chain {
    /// What the chain has fixed.
    pub parameters: Parameters,
    /// The block, as the service BLOCK tells programs.
    pub block: Block,
}
