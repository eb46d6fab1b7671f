//! What differs between nub and a host. Both have the same items:
//!
//! - `call`, `operate`: the kernel's two entry instructions;
//! - `scratchpad`, `persistent_heap`, `HEAP`: memory;
//! - `per_call!`: a variable that is zero at the start of each call;
//! - `import!`: a wish for a service, written where the service is called, so that only programs that call it have it.

#[cfg(target_os = "none")]
mod nub;
#[cfg(target_os = "none")]
pub(crate) use nub::*;

#[cfg(not(target_os = "none"))]
pub(crate) mod host;
#[cfg(not(target_os = "none"))]
pub(crate) use host::*;
