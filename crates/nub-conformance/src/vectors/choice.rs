//! Which calls become vectors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use javm_model::Operation;
use javm_model::generate::generate;

use super::case::Vector;
use super::json::Shared;
use crate::directed::CASES;

/// The generated worlds that are among the vectors: as many from the first seed on, without those that take more bytes.
const WORLDS: u64 = 60;
const BYTES_OF_A_WORLD: usize = 80_000;
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
    let worlds = (1..=WORLDS).map(|seed| {
        let plan = generate(seed);
        Vector::new(format!("seed {seed}"), plan.world, plan.calls)
    });
    let worlds = worlds.filter(|vector| length(vector) < BYTES_OF_A_WORLD).collect();
    files.push(("worlds.json".into(), "Generated worlds".into(), worlds));
    files
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
