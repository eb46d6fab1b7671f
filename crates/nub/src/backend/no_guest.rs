//! Where there is no virtual machine: what stands for one, and cannot be made.

use std::time::Duration;

use javm_cap::{CapHash, Capability, Instance, Path, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_kernel::bare::Range;
use nub_kernel::{Call, Chain, Outcome};

use super::{End, Machine, Trouble};
use crate::builder::{Builder, Disturbance, Failure, Privilege};
use crate::description::Description;
use crate::error::Error;
use crate::health::Stats;

/// There is none of these.
pub(crate) enum Guest {}

impl Guest {
    pub(crate) fn start(_: &Builder) -> Result<Guest, Error> {
        Err(Error::NoKvm(if cfg!(feature = "kvm") {
            format!("KVM is a part of Linux on x86-64, and this is {}", std::env::consts::OS)
        } else {
            "this program was built without it (feature `kvm` of the crate `nub`)".into()
        }))
    }

    pub(crate) fn end(&self) -> Option<End> {
        match *self {}
    }

    pub(crate) fn privilege(&self) -> Privilege {
        match *self {}
    }

    pub(crate) fn boot_time(&self) -> Duration {
        match *self {}
    }

    pub(crate) fn lanes(&self) -> usize {
        match *self {}
    }

    pub(crate) fn exits(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn fail(&self, _: Failure, _: bool) -> Result<(), Trouble> {
        match *self {}
    }

    pub(crate) fn disturb(&self, _: Disturbance) -> Result<(), Trouble> {
        match *self {}
    }
}

impl Machine for Guest {
    fn set_chain(&self, _: &Chain) -> Result<(), Trouble> {
        match *self {}
    }

    fn publish(&self, _: &ValidImage) -> Result<(), Trouble> {
        match *self {}
    }

    fn unpublish(&self, _: &CapHash) -> Result<bool, Trouble> {
        match *self {}
    }

    fn instantiate(&self, _: &ValidImage, _: &[(u8, Service)]) -> Result<u64, Trouble> {
        match *self {}
    }

    fn copy(&self, _: u64) -> Result<u64, Trouble> {
        match *self {}
    }

    fn drop_instance(&self, _: u64) -> Result<(), Trouble> {
        match *self {}
    }

    fn root(&self, _: u64) -> Result<CapHash, Trouble> {
        match *self {}
    }

    fn invoke(&self, _: u64, _: &Call<'_>) -> Result<Outcome, Trouble> {
        match *self {}
    }

    fn query(&self, _: u64, _: &Call<'_>) -> Result<Outcome, Trouble> {
        match *self {}
    }

    fn hold(&self, _: &Capability) -> Result<(), Trouble> {
        match *self {}
    }

    fn release(&self, _: &CapHash) -> Result<(), Trouble> {
        match *self {}
    }

    fn load(&self, _: &Instance) -> Result<u64, Trouble> {
        match *self {}
    }

    fn image_at(&self, _: u64, _: &Path) -> Result<CapHash, Trouble> {
        match *self {}
    }

    fn describe(&self, _: u64, _: &Path) -> Result<Option<Description>, Trouble> {
        match *self {}
    }

    fn capability(&self, _: u64, _: &Path) -> Result<Option<Capability>, Trouble> {
        match *self {}
    }

    fn prove(&self, _: u64, _: &Path, _: Option<(u64, u64)>) -> Result<(Vec<u8>, Vec<u8>), Trouble> {
        match *self {}
    }

    fn run_bare(&self, _: &Program, _: &mut State, _: &mut [Range]) -> Result<Exit, Trouble> {
        match *self {}
    }

    fn stats(&self) -> Result<Stats, Trouble> {
        match *self {}
    }
}
