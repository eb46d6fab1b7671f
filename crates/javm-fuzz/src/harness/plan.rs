//! How much is run.

use std::env;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use javm_testgen::seeds::SEED_VARIABLE;

/// The first seed of a test that says nothing else: it does the same on every machine, for as far as time allows.
const FIRST_SEED: u64 = 1;
/// Generated inputs that run whatever time it takes.
const LEAST: u64 = 200;
/// How long generated inputs run otherwise.
const TIME: Duration = Duration::from_secs(2);

/// What is run.
pub(super) struct Plan {
    pub first: u64,
    pub least: u64,
    pub time: Duration,
    /// The only input, if there is one.
    pub input: Option<PathBuf>,
    pub keep: bool,
}

impl Plan {
    pub fn from_environment() -> Result<Plan, String> {
        let seed = number(SEED_VARIABLE)?;
        let seconds = number("NUB_FUZZ_SECONDS")?;
        Ok(Plan {
            first: seed.unwrap_or_else(|| if seconds.is_some() { new_seed() } else { FIRST_SEED }),
            least: if seed.is_some() && seconds.is_none() { 1 } else { LEAST },
            time: match (seed, seconds) {
                (_, Some(seconds)) => Duration::from_secs(seconds),
                (Some(_), None) => Duration::ZERO,
                (None, None) => TIME,
            },
            input: env::var_os("NUB_FUZZ_INPUT").map(PathBuf::from),
            keep: env::var_os("NUB_FUZZ_KEEP").is_some(),
        })
    }
}

/// The number in an environment variable.
fn number(variable: &str) -> Result<Option<u64>, String> {
    let Some(text) = env::var_os(variable) else { return Ok(None) };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| format!("{variable} is {text:?}, which is not a number"))
}

/// A seed that no run before had: long runs are to see something new.
fn new_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(FIRST_SEED, |time| time.as_nanos() as u64)
}
