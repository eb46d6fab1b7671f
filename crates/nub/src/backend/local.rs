//! The kernel in this process.

use javm_cap::{CapHash, Capability, Service, ValidImage};
use javm_interpreter::{Exit, State};
use javm_isa::Program;
use nub_arch_local::LocalArch;
use nub_kernel::bare::{self, Range};
use nub_kernel::{Call, Grants, InstanceId, Kernel, Outcome, Trace};

use super::{Machine, Trouble};
use crate::health::Stats;

impl Machine for Kernel<LocalArch> {
    fn publish(&mut self, image: &ValidImage) -> Result<(), Trouble> {
        Kernel::publish(self, image.clone());
        Ok(())
    }

    fn instantiate(&mut self, image: &ValidImage, services: &[(u8, Service)]) -> Result<u64, Trouble> {
        let grants = services
            .iter()
            .fold(Grants::none(), |grants, &(slot, service)| grants.with(slot, Capability::Service(service)));
        Ok(Kernel::instantiate(self, &image.hash(), &grants)?.number())
    }

    fn copy(&mut self, instance: u64) -> Result<u64, Trouble> {
        Ok(Kernel::copy(self, InstanceId::from_number(instance))?.number())
    }

    fn prepare(&mut self, instance: u64) -> Result<(), Trouble> {
        Ok(Kernel::prepare(self, InstanceId::from_number(instance))?)
    }

    fn drop_instance(&mut self, instance: u64) -> Result<(), Trouble> {
        Kernel::drop_instance(self, InstanceId::from_number(instance));
        Ok(())
    }

    fn root(&mut self, instance: u64) -> Result<CapHash, Trouble> {
        Ok(self.instance(InstanceId::from_number(instance))?.hash())
    }

    fn invoke(&mut self, instance: u64, _: &ValidImage, call: &Call<'_>) -> Result<Outcome, Trouble> {
        Ok(Kernel::invoke(self, InstanceId::from_number(instance), call, None)?)
    }

    fn invoke_traced(
        &mut self,
        instance: u64,
        _: &ValidImage,
        call: &Call<'_>,
        trace: Trace<'_>,
    ) -> Result<Outcome, Trouble> {
        Ok(Kernel::invoke(self, InstanceId::from_number(instance), call, Some(trace))?)
    }

    fn run_bare(&mut self, program: &Program, state: &mut State, memory: &mut [Range]) -> Result<Exit, Trouble> {
        Ok(bare::run(&mut LocalArch, program, state, memory))
    }

    fn stats(&mut self) -> Result<Stats, Trouble> {
        Ok(Stats { images: self.image_count() as u64, instances: self.instance_count() as u64, ..Stats::default() })
    }
}
