//! Instances that come and go find their memory mounted.

use nub::{Ended, Grants, InvokeOptions, Nub};

use crate::{COUNTER, built, kvm};

/// A new Instance, called so often, and dropped.
fn spawn(nub: &mut Nub, image: &nub::CapHash, calls: u64) {
    let counter = nub.instantiate(image, &Grants::services()).expect("it is made");
    for call in 1..=calls {
        let outcome = nub.invoke(counter, "add", &[1], &InvokeOptions::default()).expect("it is called");
        assert_eq!((outcome.ended, outcome.value), (Ended::Halt, call), "it has begun with nothing");
    }
    assert!(nub.drop_instance(counter));
}

#[test]
fn the_next_instance_of_an_image_costs_no_fault_and_no_flush() {
    let Some(mut nub) = built(kvm()) else { return };
    let image = nub.publish(COUNTER).expect("an Image");
    for calls in [1, 3] {
        // The first one finds nothing, and the second may find pages that the first has only read.
        (0..2).for_each(|_| spawn(&mut nub, &image, calls));
        let cost = |nub: &mut Nub| nub.stats().map(|stats| (stats.window_faults, stats.flushes, stats.windows));
        let before = cost(&mut nub).expect("it answers");
        (0..200).for_each(|_| spawn(&mut nub, &image, calls));
        assert_eq!(cost(&mut nub), Ok(before));
    }
}
