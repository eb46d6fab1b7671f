//! What is random in a kernel shows nowhere: kernels of different seeds come to the same.

use nub_arch_local::LocalSpace;
use nub_kernel::Arch;
use nub_kernel::random::Seed;

use super::*;

/// The local machine with a seed of the test's.
struct Seeded(LocalArch, Seed);

impl Arch for Seeded {
    type Space = LocalSpace;

    const NAME: &'static str = "seeded";

    fn seed(&mut self) -> Seed {
        self.1
    }

    fn create_space(&mut self) -> LocalSpace {
        self.0.create_space()
    }
}

/// All that can be seen of a kernel with many Images, Instances and calls.
fn history(seed: Seed) -> Vec<(Ended, u64, u64, CapHash)> {
    let mut kernel = Kernel::new(Seeded(LocalArch, seed));
    let mut seen = Vec::new();
    for number in 0..40 {
        let image = image(&format!("load_imm a0, {number}\n jump_ind ra, 0"), 0).validate().expect("it is right");
        let hash = kernel.publish(image.clone());
        assert_eq!(kernel.publish(image), hash);
        let instance = kernel.instantiate(&hash, &Grants::services()).expect("it imports services");
        let call = Call::new(EndpointRef::Number(0), &[], 1000);
        let outcome = kernel.invoke(instance, &call, None).expect("the call is right");
        let root = kernel.instance(instance).expect("it is there").hash();
        seen.push((outcome.ended, outcome.value, outcome.gas_used, root));
    }
    assert_eq!((kernel.image_count(), kernel.instance_count()), (40, 40));
    seen
}

#[test]
fn kernels_of_two_seeds_come_to_the_same() {
    let first = history([1; 32]);
    assert!(first.iter().zip(0..).all(|(seen, number)| (seen.0, seen.1) == (Ended::Halt, number)));
    assert_eq!(first, history([2; 32]));
    assert_ne!(LocalArch.seed(), LocalArch.seed());
}
