//! At which privilege the kernel runs here.
//!
//! Hardware virtualization runs ring 0 as fast as ring 3. Some hosts have KVM without it, and emulate ring 0 one
//! instruction at a time, without SSE. Which it is shows in how long a loop of integer instructions takes in ring 0.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use nub_arch_x86_abi::Privilege;

use crate::bell::lock;
use crate::error::Error;
use crate::hypervisor::Hypervisor;
use crate::trial::Trial;

/// What was found out about this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// The privilege that suits it.
    pub privilege: Privilege,
    /// Why, for people.
    pub reason: String,
}

/// How often the loop runs.
const ITERATIONS: u32 = 4000;
/// Slower than this an iteration, and ring 0 is emulated.
const SLOWEST: Duration = Duration::from_nanos(50);

/// Finds out: once for each start of this computer, and after that from a file.
pub(crate) fn probe<H: Hypervisor>(open: impl FnOnce() -> Result<H, Error>) -> Result<&'static Probe, Error> {
    let mut found = lock(&FOUND);
    if let Some((probe, _)) = *found {
        return Ok(probe);
    }
    let (probe, is_remembered): (&Probe, bool) = match cache::place().as_ref().and_then(cache::read) {
        Some(probe) => (Box::leak(Box::new(probe)), true),
        None => (measured(&open()?)?, false),
    };
    Ok(found.insert((probe, is_remembered)).0)
}

/// Finds out again what came from the file, which may be of another time: a computer can be moved while it runs. `false`
/// where this process has found it out itself.
pub(crate) fn probe_again(hypervisor: &impl Hypervisor) -> Result<bool, Error> {
    let mut found = lock(&FOUND);
    let is_remembered = matches!(*found, Some((_, true)));
    if is_remembered {
        *found = Some((measured(hypervisor)?, false));
    }
    Ok(is_remembered)
}

/// What was found out, and whether that came from the file.
static FOUND: Mutex<Option<(&'static Probe, bool)>> = Mutex::new(None);

fn measured(hypervisor: &impl Hypervisor) -> Result<&'static Probe, Error> {
    let probe = Box::leak(Box::new(measure(hypervisor)?));
    // A cache that cannot be written costs a measurement next time.
    let _ = cache::place().map(|place| cache::write(&place, probe));
    Ok(probe)
}

/// What was found out, in a file of the user's: a line that names the start of this computer that it holds for, one with
/// the privilege, one with the reason.
mod cache {
    use std::path::PathBuf;
    use std::{env, fs, io, process};

    use nub_arch_x86_abi::Privilege;

    use super::Probe;

    /// The file, and the name that Linux gives to this start.
    pub(super) struct Place {
        file: PathBuf,
        start: String,
    }

    pub(super) fn place() -> Option<Place> {
        let start = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(Place { file: folder.join("nub").join("privilege"), start })
    }

    pub(super) fn read(place: &Place) -> Option<Probe> {
        let text = fs::read_to_string(&place.file).ok()?;
        let mut lines = text.lines();
        if lines.next()? != place.start {
            return None;
        }
        let name = lines.next()?;
        let privilege = [Privilege::Supervisor, Privilege::User].into_iter().find(|known| known.name() == name)?;
        Some(Probe { privilege, reason: lines.next()?.to_owned() })
    }

    pub(super) fn write(place: &Place, probe: &Probe) -> io::Result<()> {
        if let Some(folder) = place.file.parent() {
            fs::create_dir_all(folder)?;
        }
        // Whole or not at all, whoever else writes it.
        let new = place.file.with_extension(format!("{}.new", process::id()));
        fs::write(&new, format!("{}\n{}\n{}\n", place.start, probe.privilege.name(), probe.reason))
            .and_then(|()| fs::rename(&new, &place.file))
            // Nothing half-written stays.
            .inspect_err(|_| drop(fs::remove_file(&new)))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_was_found_out_holds_until_the_computer_starts_again() {
            let folder = env::temp_dir().join(format!("nub-privilege-{}", process::id()));
            let mut place = Place { file: folder.join("cache").join("privilege"), start: "first".into() };
            assert_eq!(read(&place), None);
            for privilege in [Privilege::User, Privilege::Supervisor] {
                let probe = Probe { privilege, reason: "measured".into() };
                assert!(write(&place, &probe).is_ok());
                assert_eq!(read(&place), Some(probe));
            }
            place.start = "second".into();
            assert_eq!(read(&place), None);
            place.start = "first".into();
            assert!(fs::write(&place.file, "first\nroot\nwhatever\n").is_ok());
            assert_eq!(read(&place), None);
            // Where it cannot be written, nothing is left lying about.
            assert!(
                fs::remove_file(&place.file).and_then(|()| fs::create_dir_all(place.file.join("in the way"))).is_ok()
            );
            assert!(write(&place, &Probe { privilege: Privilege::User, reason: "measured".into() }).is_err());
            let left = fs::read_dir(folder.join("cache")).map(|files| files.count());
            assert!(matches!(left, Ok(1)), "{left:?}");
            assert!(fs::remove_dir_all(folder).is_ok());
        }
    }
}

fn measure(hypervisor: &impl Hypervisor) -> Result<Probe, Error> {
    // mov ecx, ITERATIONS; again: dec ecx; jnz again
    let mut code = vec![0xb9];
    code.extend_from_slice(&ITERATIONS.to_le_bytes());
    code.extend_from_slice(&[0xff, 0xc9, 0x75, 0xfc]);
    let mut trial = Trial::new(hypervisor, Privilege::Supervisor, 0, &code)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        if let Err(exit) = trial.run() {
            return Ok(Probe { privilege: Privilege::User, reason: format!("ring 0 does not run: {exit:?}") });
        }
        best = best.min(begun.elapsed());
    }
    let iteration = best / ITERATIONS;
    let (privilege, how) = if iteration > SLOWEST {
        (Privilege::User, "so slowly that it must be emulated")
    } else {
        (Privilege::Supervisor, "natively")
    };
    Ok(Probe { privilege, reason: format!("ring 0 runs {how}: {iteration:?} for an iteration of a loop") })
}
