//! Values as JSON: what people write on a command line and read there. With the feature `json`.
//!
//! Numbers are read from their digits, never through floating point, so that all of them are exact. The normative text
//! is `docs/spec/types.md`.

mod reading;
mod writing;

pub use reading::{JsonError, JsonErrorReason, parse, parse_argument_list, parse_arguments};
pub use writing::Json;
