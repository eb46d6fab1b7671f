//! What goes wrong beside the calls and in the middle of them: windows and programs that are taken away, guests that end, memory that
//! is not there. Nobody notices, or everybody does who has to, and goes on.

mod endings;
mod evictions;
mod memory;

use std::time::Duration;

use nub::{ArchChoice, Builder, Error, Nub};
use nub_conformance::hosted::Hosted;

/// Settings for guests that can be made to fail.
fn failing() -> Builder {
    Nub::builder().arch(ArchChoice::Kvm).memory(128 << 20).patience(Duration::from_secs(20)).failures(true)
}

/// A handle, or `None`, with the reason printed, where this computer has no virtual machine.
fn built(builder: Builder) -> Option<Hosted> {
    match builder.build() {
        Ok(nub) => Some(nub.into()),
        Err(Error::NoKvm(why)) => {
            nub_test_skip::without_kvm(&why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}
