//! Runs a target: its corpus, then generated and mutated inputs for a time.
//!
//! - this file: what is run.
//! - `plan`: how much, as the environment says.
//! - `attempt`: one run, and its panic as a value.
//! - `shrink`: the smallest input that still fails.
//! - `watch`: says which input it is that takes long.
//!
//! | variable | meaning |
//! |---|---|
//! | `NUB_FUZZ_SECONDS` | how long generated inputs run for each target (2 by default), from a new seed on unless one is given |
//! | `NUB_SEED` | the first seed; without `NUB_FUZZ_SECONDS` the only one |
//! | `NUB_FUZZ_INPUT` | a file: the only input |
//! | `NUB_FUZZ_KEEP` | if set, each input is written to a file before it runs: for what ends the process |

mod attempt;
mod plan;
mod shrink;
mod watch;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use self::attempt::{Failure, attempt};
use self::plan::Plan;
use self::watch::Watch;
use crate::target::{Reached, Target};

/// From how many generated inputs on their share of accepted ones is looked at.
const ENOUGH: u64 = 200;

/// Runs `target` as the environment says. `folder` is where inputs are written that it fails on; it is made if it is
/// not there.
///
/// # Panics
/// If the target fails: with the seed, the panic, the smallest input found as hexadecimal digits, and where it was
/// written to. Also if hardly any input gets past the first checks, and for settings that make no sense.
pub fn check(target: &Target, folder: &Path) {
    let plan = match Plan::from_environment() {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    };
    let run = Run { target, folder: folder.join(target.name), keep: plan.keep, watch: Watch::new(target.name) };
    if let Some(path) = plan.input {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("NUB_FUZZ_INPUT={}: {error}", path.display()));
        let reached = run.one(&bytes, &path.display().to_string(), "input");
        println!("{}: {} was {reached:?}", target.name, path.display());
        return;
    }
    let corpus = corpus(target);
    for (path, bytes) in &corpus {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        run.one(bytes, &path.display().to_string(), &name);
    }
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();

    let start = Instant::now();
    let mut count = 0;
    let mut accepted = 0;
    while count < plan.least || start.elapsed() < plan.time {
        let seed = plan.first.wrapping_add(count);
        let bytes = target.input(seed, &inputs);
        accepted += u64::from(run.one(&bytes, &format!("NUB_SEED={seed}"), &seed.to_string()) == Reached::Accepted);
        count += 1;
    }
    println!(
        "{}: {} inputs of the corpus; {count} from NUB_SEED={} on in {:.1} s, {} % of them accepted",
        target.name,
        inputs.len(),
        plan.first,
        start.elapsed().as_secs_f64(),
        100 * accepted / count.max(1),
    );
    assert!(
        count < ENOUGH || 100 * accepted >= target.least_accepted * count,
        "{}: of {count} inputs only {accepted} were accepted, {} % are expected: corpus or mutations are not what the \
         format is any more",
        target.name,
        target.least_accepted,
    );
}

/// The committed inputs of a target, by name.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let wrong = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", folder.display()) };
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| wrong(&error));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap_or_else(|error| wrong(&error)).path()).collect();
    files.sort();
    if files.is_empty() {
        wrong(&"no inputs");
    }
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

struct Run<'a> {
    target: &'a Target,
    folder: PathBuf,
    keep: bool,
    watch: Watch,
}

impl Run<'_> {
    /// Runs one input. `origin` says where it comes from, `name` names its files.
    fn one(&self, bytes: &[u8], origin: &str, name: &str) -> Reached {
        if self.keep {
            self.write("last", bytes);
        }
        self.watch.begin(bytes, &self.folder);
        let reached = attempt(self.target, bytes);
        self.watch.end();
        match reached {
            Ok(reached) => reached,
            Err(failure) => self.report(bytes, &failure, origin, name),
        }
    }

    fn report(&self, bytes: &[u8], failure: &Failure, origin: &str, name: &str) -> ! {
        let smallest = shrink::shrink(self.target, bytes, failure);
        let found = self.write(name, bytes);
        let small = self.write(&format!("{name}.min"), &smallest);
        let hex: String = smallest.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!(
            "target {target} fails on {origin}\n\
             {failure}\n\
             input:    {found} ({length} bytes)\n\
             smallest: {small} ({smallest_length} bytes)\n\
             {hex}\n\
             again:    NUB_FUZZ_INPUT={small} cargo test -p javm-fuzz {target} -- --nocapture",
            target = self.target.name,
            length = bytes.len(),
            smallest_length = smallest.len(),
        )
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        write(&self.folder, name, bytes)
    }
}

/// Writes a file and says where, or why not.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    match fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes)) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("(not written: {}: {error})", path.display()),
    }
}
