//! Which outcomes of which operations were met.

use std::collections::{BTreeMap, BTreeSet};

use javm_model::Operation::{self, *};
use javm_model::Status::{
    self, Busy, Denied, Depth, Empty, Fault, Full, Halt, Kind, NoEndpoint, OutOfGas, Panic, Range,
};
use javm_model::World;

/// What every operation can come to that takes a reference: nothing that is wrong with references is left out anywhere.
const WALKED: [Status; 5] = [Halt, Empty, Kind, Busy, Range];

/// What else each operation can come to, by its section in `docs/spec/operations.md`. A YIELD that is done comes to nothing in
/// who yields: its owner finds it as the end of a CALL or RESUME.
const MOREOVER: &[(Operation, &[Status])] = &[
    (Copy, &[Full, Status::Quota]),
    (Move, &[Full, Status::Quota]),
    (Swap, &[Status::Quota]),
    (Drop, &[]),
    (NewData, &[Full, Status::Quota]),
    (NewCNode, &[Full, Status::Quota]),
    (Resize, &[Status::Quota]),
    (Read, &[]),
    (Write, &[Status::Quota]),
    (Spawn, &[Full, Denied, Status::Quota]),
    (Upgrade, &[Status::Quota]),
    (Mint, &[Full, NoEndpoint, Status::Quota]),
    (Attenuate, &[Full, Status::Quota]),
    (Map, &[Full, Status::Quota]),
    (Unmap, &[Full]),
    (Call, &[Panic, Fault, OutOfGas, Status::Yield, Denied, NoEndpoint, Depth, Status::Quota]),
    (Resume, &[Panic, Fault, OutOfGas, Status::Yield, Full, Depth, Status::Quota]),
    (RegsGet, &[]),
    (RegsSet, &[]),
    (Stat, &[]),
    (Hash, &[Status::Quota]),
    (SetQuota, &[Status::Quota]),
];

/// What the operations can come to that take no reference.
const WITHOUT_REFERENCES: &[(Operation, &[Status])] = &[
    (Gas, &[Halt, Range]),
    (SelfRecord, &[Halt, Range]),
    (Operation::Quota, &[Halt, Range]),
    (Operation::Yield, &[Denied, Range]),
];

/// Every operation with every status that it can come to.
#[must_use]
pub fn reachable() -> Outcomes {
    let walked = MOREOVER
        .iter()
        .flat_map(|&(operation, statuses)| WALKED.iter().chain(statuses).map(move |&status| (Some(operation), status)));
    let others = WITHOUT_REFERENCES
        .iter()
        .flat_map(|&(operation, statuses)| statuses.iter().map(move |&status| (Some(operation), status)));
    walked.chain(others).chain([(None, Status::Unknown)]).collect()
}

/// Operations with statuses that they came to; `None` for numbers that no operation has.
pub type Outcomes = BTreeSet<(Option<Operation>, Status)>;

/// How often each operation came to each status.
#[derive(Clone, Default, Debug)]
pub struct Coverage {
    counts: BTreeMap<(Option<Operation>, Status), u64>,
}

impl Coverage {
    /// Counts the operations of the last call in a world.
    pub fn add(&mut self, world: &World) {
        for step in &world.steps {
            let operation = match step.ecalli {
                Some(_) => Some(Operation::Call),
                None => Operation::from_number(step.request.word as u8),
            };
            *self.counts.entry((operation, step.status)).or_default() += 1;
        }
    }

    /// Counts what another one has, too.
    pub fn merge(&mut self, other: &Coverage) {
        for (&pair, &count) in &other.counts {
            *self.counts.entry(pair).or_default() += count;
        }
    }

    /// All that was met.
    #[must_use]
    pub fn met(&self) -> Outcomes {
        self.counts.keys().copied().collect()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for operation in Operation::ALL.iter().copied().map(Some).chain([None]) {
            let met = Status::ALL.iter().filter_map(|&status| Some((status, self.counts.get(&(operation, status))?)));
            let met: Vec<String> = met.map(|(status, count)| format!("{} {count}", status.name())).collect();
            writeln!(f, "{:9} {}", operation.map_or("(unknown)", Operation::name), met.join(", "))?;
        }
        Ok(())
    }
}
