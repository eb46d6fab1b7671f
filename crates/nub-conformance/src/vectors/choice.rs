//! Which calls become vectors.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;

use javm_model::Operation;
use javm_model::generate::generate;

use super::case::Vector;
use super::json::Shared;
use crate::coverage::Outcomes;
use crate::directed::CASES;

/// The file of generated worlds.
pub(super) const GENERATED: &str = "worlds.json";
/// How many generated worlds are among the vectors, and the most bytes of one, its Images included; how many they are chosen from,
/// those with the fewest values of the first so many seeds.
const WORLDS: usize = 40;
const BYTES_OF_A_WORLD: usize = 32_000;
const CANDIDATES: usize = 400;
const SEEDS: u64 = 4_000;
/// The most vectors of one directed case.
const OF_A_CASE: usize = 6;

/// Files of directed cases: name, what they are about, and the modules whose cases are in them.
const GROUPS: [(&str, &str, &[&str]); 5] = [
    ("calls.json", "CALL, RESUME and YIELD: ends, flags, gas, what goes with a call and comes back", &["calls"]),
    ("places.json", "Places, pins, home, quotas and bounds", &["places", "bounds", "references"]),
    ("spaces.json", "Memory maps, and Instances that are Suspended", &["spaces", "states"]),
    ("services.json", "Services", &["services"]),
    ("mistakes.json", "What went wrong elsewhere", &["mistakes"]),
];

/// How long it is where it stands alone.
fn length(vector: &Vector) -> usize {
    vector.write(&mut Shared::default()).to_string().len()
}

/// A file: its name, what it is about, its vectors.
type File = (PathBuf, String, Vec<Vector>);

/// The files.
pub(super) fn files() -> Vec<File> {
    let mut by_case = Vec::new();
    for case in CASES {
        let calls = case.run().into_iter().enumerate();
        let name = |index: usize| format!("{} {index}", case.name);
        let vectors = calls.map(|(index, recorded)| Vector::new(name(index), recorded.world, vec![recorded.call]));
        by_case.push((case.name, vectors.collect::<Vec<_>>()));
    }
    let mut files = by_operation(by_case.iter().flat_map(|(_, vectors)| vectors));
    for (name, about, modules) in GROUPS {
        let of_group =
            by_case.iter().filter(|(case, _)| modules.iter().any(|module| case.starts_with(&format!("{module}::"))));
        let vectors = of_group.flat_map(|(_, vectors)| {
            // Evenly over the case, its first and last call included.
            let most = vectors.len().min(OF_A_CASE);
            (0..most).map(move |index| &vectors[index * (vectors.len().max(1) - 1) / (most.max(2) - 1)])
        });
        let vectors = vectors.map(|vector| vector.named(vector.name().into())).collect();
        files.push((name.into(), about.into(), vectors));
    }
    files.push((GENERATED.into(), "Generated worlds".into(), worlds()));
    files
}

/// Generated worlds: one after the other that which comes to most that the ones before did not, the shortest of those.
fn worlds() -> Vec<Vector> {
    let mut plans: Vec<_> = (1..=SEEDS).map(generate).collect();
    plans.sort_by_key(|plan| (plan.world.values().len(), plan.seed));
    let candidates = plans.into_iter().take(CANDIDATES).map(|plan| {
        let vector = Vector::new(format!("seed {}", plan.seed), plan.world, plan.calls);
        let mut shared = Shared::default();
        let length = vector.write(&mut shared).to_string().len() + shared.into_json().0.to_string().len();
        (length, plan.seed, vector)
    });
    let mut candidates: Vec<_> = candidates.filter(|(length, ..)| *length <= BYTES_OF_A_WORLD).collect();
    candidates.sort_by_key(|(length, seed, _)| (*length, *seed));
    let mut candidates: Vec<(Outcomes, Vector)> =
        candidates.into_iter().map(|(.., vector)| (vector.outcomes(), vector)).collect();
    let (mut met, mut chosen) = (Outcomes::new(), Vec::new());
    while chosen.len() < WORLDS && !candidates.is_empty() {
        let new = |index: usize| candidates[index].0.difference(&met).count();
        let best = (0..candidates.len()).max_by_key(|&index| (new(index), Reverse(index))).unwrap_or(0);
        let (outcomes, vector) = candidates.remove(best);
        met.extend(outcomes);
        chosen.push(vector);
    }
    chosen
}

/// A file for each operation, with the shortest vector for each status that it comes to.
fn by_operation<'a>(vectors: impl Iterator<Item = &'a Vector>) -> Vec<File> {
    let mut shortest: BTreeMap<_, (usize, &Vector)> = BTreeMap::new();
    for vector in vectors {
        let length = length(vector);
        for outcome in vector.outcomes() {
            let best = shortest.entry(outcome).or_insert((length, vector));
            if length < best.0 {
                *best = (length, vector);
            }
        }
    }
    let mut files: BTreeMap<Option<Operation>, Vec<Vector>> = BTreeMap::new();
    for ((operation, status), (_, vector)) in shortest {
        files.entry(operation).or_default().push(vector.named(status.name().into()));
    }
    let named = files.into_iter().map(|(operation, vectors)| {
        let (name, about) = match operation {
            Some(operation) => (operation.name(), format!("{}: a vector for each status", operation.name())),
            None => ("unknown", "Numbers that no operation has".into()),
        };
        (PathBuf::from("operations").join(format!("{}.json", name.to_lowercase())), about, vectors)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use javm_model::{Operation, Status};

    use super::{Outcomes, WORLDS, worlds};

    /// The generated worlds do everything that there is to do. A YIELD that is done is the end of a CALL or RESUME.
    #[test]
    fn worlds_do_everything() {
        let worlds = worlds();
        assert_eq!(worlds.len(), WORLDS);
        let met: Outcomes = worlds.iter().flat_map(|vector| vector.outcomes()).collect();
        for &operation in Operation::ALL {
            let done = match operation {
                Operation::Yield => (Some(Operation::Call), Status::Yield),
                _ => (Some(operation), Status::Halt),
            };
            assert!(met.contains(&done), "{operation:?} is never done");
        }
        println!("{} of {} outcomes", met.len(), crate::coverage::reachable().len());
    }
}
