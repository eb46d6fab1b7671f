//! Which outcomes of which operations were met.

use std::collections::BTreeMap;

use javm_model::{Operation, Status, World};

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

    /// How often an operation came to a status; `None` stands for numbers that no operation has.
    #[must_use]
    pub fn count(&self, operation: Option<Operation>, status: Status) -> u64 {
        self.counts.get(&(operation, status)).copied().unwrap_or(0)
    }

    /// All that was met.
    pub fn met(&self) -> impl Iterator<Item = (Option<Operation>, Status)> {
        self.counts.keys().copied()
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
