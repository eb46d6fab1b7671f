//! Nub runs untrusted, metered programs deterministically: the library that a host links.
//!
//! # How to read this crate
//! - [`Nub`]: the handle. Publish an Image, make an Instance of it, call its endpoints.
//! - [`Builder`]: how a handle is set up, and on which machine the kernel runs; [`Nub::new_local`], [`Nub::new_kvm`] are the
//!   short forms.
//! - [`Nub::load`], [`Nub::capability`]: trees of capabilities, to the machine and back; [`cap`] builds them. [`InvokeOptions`]:
//!   what calls bring, among it the path of what is called below a root.
//! - [`Nub::prove`]: what convinces who has a root hash alone.
//! - [`Nub::invoke_values`], [`Nub::invoke_typed`]: calls with values by an endpoint's signature; [`types`] has them.
//! - [`Reader`]: queries, calls that change nothing, from any number of threads.
//! - [`Nub::keep`], [`Nub::invoke_cached`]: calls of Instances by their hash, which change nothing.
//! - [`Health`], [`Stats`]: how the machine is, and what is there. Every machine comes to the same results; a virtual
//!   machine that ends is started again.
//! - [`Error`]: everything that can go wrong, each with a stable [code](Error::code).
//!
//! What runs, and what it may do, is in `docs/spec/`; the house as a whole in `ARCHITECTURE.md`.
//!
//! # Example
//! ```
//! # fn main() -> Result<(), nub::Error> {
//! # let bytes = include_bytes!("../../../guests/images/counter.nub");
//! let mut nub = nub::Nub::new_local();
//! let image = nub.publish(bytes)?;
//! let counter = nub.instantiate(&image, &nub::Grants::services())?;
//! let options = nub::InvokeOptions::default();
//! nub.invoke(counter, "add", &[5], &options)?;
//! let outcome = nub.invoke(counter, "add", &[2], &options)?;
//! assert_eq!((outcome.ended, outcome.value), (nub::Ended::Halt, 7));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod backend;
mod backoff;
mod builder;
mod description;
mod error;
mod handle;
mod health;
mod kept;
mod last_called;
mod options;
mod proof;
mod reader;
mod supervisor;
mod trace;
mod tree;
mod typed;

pub use builder::{ArchChoice, Builder, Disturbance, Failure, Privilege};
pub use description::{Description, Standing};
pub use error::{Error, ErrorCode, Recovery, TypeMismatch};
pub use handle::Nub;
pub use health::{Health, Stats};
pub use kept::InvocationResult;
pub use options::{DEFAULT_GAS, InvokeOptions};
pub use proof::{Claim, MAX_PROVED_BYTES, Proof};
pub use reader::Reader;
pub use trace::TraceLine;
pub use typed::{Returned, lift};

pub use javm_cap as cap;
pub use javm_cap::{CapHash, Capability, Data, Endpoint, Image, ValidImage};
pub use javm_interpreter::{Exit, State};
pub use javm_types as types;
pub use nub_kernel::bare::Range;
pub use nub_kernel::{
    Block, Chain, Ended, EndpointRef, Grants, InstanceId, InvokeError, LogEntry, Outcome as InvokeOutcome, Parameters,
    Status,
};
