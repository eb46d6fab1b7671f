//! One vector: a world, and calls that are made in it one after the other.

use javm_model::generate::Plan;
use javm_model::{HostCall, Value, World};
use serde_json::{Value as Json, json};

use super::json::{Shared, chain, hashes, outcome, trace};
use crate::comparison::{Built, arity, as_a_host_calls};
use crate::coverage::{Coverage, Outcomes};

/// A world and calls, ready to be written.
pub(super) struct Vector {
    name: String,
    plan: Plan,
}

impl Vector {
    pub(super) fn new(name: String, world: World, calls: Vec<HostCall>) -> Vector {
        Vector { name, plan: Plan { seed: 0, world, calls } }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// It under another name.
    pub(super) fn named(&self, name: String) -> Vector {
        Vector { name, plan: self.plan.clone() }
    }

    /// What its operations come to.
    pub(super) fn outcomes(&self) -> Outcomes {
        let Built { mut world, calls, .. } = Built::new(&self.plan);
        let mut coverage = Coverage::default();
        for (call, _) in calls {
            let call = as_a_host_calls(&world, &call);
            world.call_from_host(call);
            coverage.add(&world);
        }
        coverage.met()
    }

    /// As a file has it; Images and TypeDefs go to what is shared in the file.
    pub(super) fn write(&self, shared: &mut Shared) -> Json {
        let Built { mut world, calls, mut builder, .. } = Built::new(&self.plan);
        let root = shared.value(&world.state.root, &mut builder);
        let chain = chain(&world);
        let mut before = hashes(&world);
        let calls = calls.iter().map(|(call, _)| {
            let call = as_a_host_calls(&world, call);
            let asked = shared.call(&call, arity(&world, &call), &mut builder);
            let came = world.call_from_host(call);
            let came = javm_model::Outcome {
                // Hosts see bytes.
                live: [came.live[0].clone().filter(|value| matches!(value, Value::Data(_))), came.live[1].clone()],
                ..came
            };
            let after = hashes(&world);
            let came = outcome(&came, &world.root(), &before, &after);
            before = after;
            json!({ "call": asked, "trace": trace(&world), "outcome": came })
        });
        let calls: Vec<Json> = calls.collect();
        let mut vector = json!({ "name": self.name, "root": root, "calls": calls });
        if let Some(chain) = chain {
            vector["chain"] = chain;
        }
        vector
    }
}
