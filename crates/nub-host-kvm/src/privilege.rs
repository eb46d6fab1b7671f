//! At which privilege the kernel runs here.
//!
//! Hardware virtualization runs ring 0 as fast as ring 3. Some hosts have KVM without it, and emulate ring 0 one
//! instruction at a time, without SSE. Which it is shows in how long a loop of integer instructions takes in ring 0.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nub_arch_x86_abi::Privilege;
use nub_arch_x86_abi::layout::{IMAGE_BASE, MIN_MEMORY};
use nub_arch_x86_abi::port::{EVENT_PORT, Event};

use crate::boot::Loader;
use crate::error::Error;
use crate::hypervisor::{Exit, Hypervisor, Machine as _, Processor as _};
use crate::memory::GuestMemory;

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
    static PROBE: OnceLock<Probe> = OnceLock::new();
    if let Some(probe) = PROBE.get() {
        return Ok(probe);
    }
    let place = cache::place();
    let remembered = place.as_ref().and_then(cache::read);
    let found = match remembered {
        Some(probe) => probe,
        None => {
            let probe = measure(&open()?)?;
            // A cache that cannot be written costs a measurement next time.
            let _ = place.as_ref().map(|place| cache::write(place, &probe));
            probe
        }
    };
    Ok(PROBE.get_or_init(|| found))
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
        fs::write(&new, format!("{}\n{}\n{}\n", place.start, probe.privilege.name(), probe.reason))?;
        fs::rename(new, &place.file)
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
            assert!(fs::remove_dir_all(folder).is_ok());
        }
    }
}

fn measure(hypervisor: &impl Hypervisor) -> Result<Probe, Error> {
    // mov ecx, ITERATIONS; again: dec ecx; jnz again; mov eax, Answered; mov edx, EVENT_PORT; out dx, eax; jmp to start
    let mut code = vec![0xb9];
    code.extend_from_slice(&ITERATIONS.to_le_bytes());
    code.extend_from_slice(&[0xff, 0xc9, 0x75, 0xfc, 0xb8]);
    code.extend_from_slice(&(Event::Answered as u32).to_le_bytes());
    code.push(0xba);
    code.extend_from_slice(&u32::from(EVENT_PORT).to_le_bytes());
    code.push(0xef);
    let back = -(code.len() as i8 + 2);
    code.extend_from_slice(&[0xeb, back as u8]);

    let memory = Arc::new(GuestMemory::new(MIN_MEMORY)?);
    let mut loader = Loader::new(&memory, 1, false)?;
    loader.load(IMAGE_BASE, &code, code.len() as u64, false, true)?;
    let interrupts = loader.interrupts(IMAGE_BASE)?;
    let start = loader.start(0, IMAGE_BASE, interrupts, 0)?;
    let mut machine = hypervisor.create()?;
    machine.map(memory.region())?;
    let mut processor = machine.processor(0)?;
    processor.start(&start)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let exit = loop {
            match processor.run() {
                Exit::Kicked => {}
                exit => break exit,
            }
        };
        match exit {
            Exit::Port(EVENT_PORT, _) => best = best.min(begun.elapsed()),
            other => {
                return Ok(Probe { privilege: Privilege::User, reason: format!("ring 0 does not run: {other:?}") });
            }
        }
    }
    let iteration = best / ITERATIONS;
    let (privilege, how) = if iteration > SLOWEST {
        (Privilege::User, "so slowly that it must be emulated")
    } else {
        (Privilege::Supervisor, "natively")
    };
    Ok(Probe { privilege, reason: format!("ring 0 runs {how}: {iteration:?} for an iteration of a loop") })
}
