//! The portable crates on no operating system: a kernel over the simplest machine there is publishes an Image, calls it
//! twice, and says by its exit code whether the results and the state are right. Nothing of `std` or libc is linked;
//! if one of the crates needed either, this would not link.
#![no_std]
#![no_main]

extern crate alloc;

mod heap;
mod space;
mod support;
mod system;

use javm_cap::ValidImage;
use nub_kernel::{Call, Ended, EndpointRef, Grants, Kernel};
use space::Simplest;

static IMAGE: &[u8] = include_bytes!("../../../guests/images/counter.nub");

/// The steps, each with the exit code that says that it went wrong.
fn run() -> Result<(), i32> {
    let image = ValidImage::load(IMAGE).map_err(|_| 10)?;
    let mut kernel = Kernel::new(Simplest);
    let hash = kernel.publish(image);
    let instance = kernel.instantiate(&hash, &Grants::services()).map_err(|_| 11)?;
    let fresh = kernel.instance(instance).map_err(|_| 12)?.hash();
    for total in [5, 10] {
        let call = Call::new(EndpointRef::Name("add"), &[5], 1_000_000);
        let outcome = kernel.invoke(instance, &call, None).map_err(|_| 13)?;
        if outcome.ended != Ended::Halt || outcome.value != total {
            return Err(14);
        }
    }
    let used = kernel.instance(instance).map_err(|_| 15)?.hash();
    if used == fresh {
        return Err(16);
    }
    let interface: javm_types::TypeDef = "interface counter { add(n: u64) -> u64; }".parse().map_err(|_| 17)?;
    if javm_types::TypeDef::decode(&interface.encode()).map_err(|_| 18)? != interface {
        return Err(19);
    }
    Ok(())
}

pub(crate) extern "C" fn main() -> ! {
    system::exit(run().err().unwrap_or(0))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    system::exit(101)
}
