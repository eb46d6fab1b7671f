//! A case on the interpreter, on a reference, and on polkavm.
//!
//! - [`machine`]: the case on the interpreter and on the reference, and what came out.
//! - [`reference`](mod@reference): the reference.
//! - [`peer`]: the case on polkavm, and where polkavm is known to differ.

pub mod machine;
pub mod peer;
pub mod reference;
