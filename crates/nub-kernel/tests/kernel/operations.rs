//! Programs that ask for operations at random, here and in a virtual machine. What they should come to is compared with the
//! model by `nub-conformance`.

use javm_model::Value;
use javm_model::generate::generate;
use javm_testgen::seeds;
use nub_conformance::real::Builder;

use super::*;

#[test]
fn operations_come_to_the_same_everywhere() {
    for seed in seeds("NUB_SEQUENCES", 100) {
        let mut plan = generate(seed);
        let mut builder = Builder::default();
        builder.root(&mut plan);
        for (_, value) in plan.world.values() {
            let Value::Instance(instance) = value else { continue };
            let image = builder.image(&instance.image).1;
            if image.image().imports.values().any(|import| import.required) {
                continue;
            }
            let mut machine = Machine::of(image);
            for call in &plan.calls {
                let bytes = call.scratchpad.as_ref().map(|data| data.read(0, data.bytes()));
                let name = if call.endpoint == 0 { "e0" } else { "e1" };
                machine.call_endpoint(name, &call.arguments, call.gas, bytes.as_deref());
            }
        }
    }
}
