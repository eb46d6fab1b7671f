//! The group `exec`: whole calls of programs that are ready, in nub, in polkavm's interpreter, and as host code.

use std::path::{Path, PathBuf};
use std::time::Duration;

use javm_cap::{Backing, Data, PAGE_SIZE, SCRATCHPAD_SLOT};
use nub::{ArchChoice, Ended, Grants, InstanceId, InvokeOptions, InvokeOutcome, Nub, ValidImage};

use crate::measure::{self, Contender, Times, timed};
use crate::native;
use crate::peer::{self, Peer};
use crate::report::{Line, Report};
use crate::workload::{self, Call, Expected, Workload};
use crate::{Arch, Selection};

/// The gas limit of every call: more than any needs.
pub const GAS: u64 = 1 << 40;

/// The name of host code among the peers.
const NATIVE: &str = "native";
/// The name of the same kernel in this process, where nub's is in a virtual machine.
const HERE: &str = "nub-local";

/// What a call came to; equal on both sides, or nothing is timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What it returned.
    pub value: u64,
    /// What it used.
    pub gas_used: u64,
}

/// The committed Image of an example program.
pub fn image_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/images").join(name).with_extension("nub")
}

/// Reads the Image of a workload.
///
/// # Errors
/// What is wrong with the file.
pub fn load(name: &str) -> Result<ValidImage, String> {
    let path = image_path(name);
    let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    ValidImage::load(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Measures every selected workload.
///
/// # Errors
/// When standard output cannot be written. A workload or peer that cannot run is left out, and standard error says why.
pub fn run(selection: &Selection) -> std::io::Result<()> {
    let mut report = match selection.arch {
        Arch::Local => Report::start(selection.json, "local", &[peer::INTERPRETER, NATIVE])?,
        Arch::Kvm => Report::start(selection.json, "kvm", &[HERE, peer::INTERPRETER, NATIVE])?,
    };
    let coming_and_going = "call/nothing";
    if selection.arch == Arch::Kvm {
        match measure(coming_and_going, &workload::nothing(), selection.arch, selection.time) {
            Ok(line) => report.aside(&line)?,
            Err(reason) => eprintln!("{coming_and_going} is left out: {reason}"),
        }
    }
    for workload in workload::all() {
        let name = format!("exec/{}", workload.name);
        if !selection.takes(&name) {
            continue;
        }
        match measure(&name, &workload, selection.arch, selection.time) {
            Ok(line) => report.line(&line)?,
            Err(reason) => eprintln!("{name} is left out: {reason}"),
        }
    }
    report.finish()
}

/// How much of the scratchpad a program maps, in bytes.
pub fn scratchpad_bytes(image: &ValidImage) -> usize {
    let ends = image.image().memory.values().filter_map(|mapping| match mapping.backing {
        Backing::Persistent { slot: SCRATCHPAD_SLOT, offset_pages } => Some(offset_pages + mapping.pages),
        _ => None,
    });
    ends.max().unwrap_or(0) as usize * PAGE_SIZE
}

/// A guest that was not called while the peers were sleeps, and does so sooner the next time. After so many requests it is as
/// one that is called all the time.
const UNTIL_AWAKE: usize = 32;

/// Calls of nub, each on a copy of an Instance that has done what comes before.
struct Ours<'a> {
    arch: Arch,
    nub: Nub,
    ready: InstanceId,
    workload: &'a Workload,
    options: InvokeOptions,
}

impl Ours<'_> {
    fn new<'a>(image: &ValidImage, workload: &'a Workload, arch: Arch) -> Result<Ours<'a>, String> {
        let choice = match arch {
            Arch::Local => ArchChoice::Local,
            Arch::Kvm => ArchChoice::Kvm,
        };
        let mut nub = Nub::builder().arch(choice).build().map_err(|error| error.to_string())?;
        let hash = nub.publish_image(image.clone()).map_err(|error| error.to_string())?;
        let ready = nub.instantiate(&hash, &Grants::services()).map_err(|error| error.to_string())?;
        for call in &workload.before {
            let options = options_of(call);
            let outcome = nub.invoke(ready, call.endpoint, &call.registers, &options);
            halted(&outcome.map_err(|error| error.to_string())?)?;
        }
        let options = options_of(&workload.call);
        Ok(Ours { arch, nub, ready, workload, options })
    }

    /// Nanoseconds of the call alone, if it comes to what is right.
    fn timed(&mut self, right: Outcome) -> Result<f64, String> {
        let (time, again, _) = self.call()?;
        if again == right { Ok(time) } else { Err(format!("nub on {}: {again:?} after {right:?}", self.nub.arch())) }
    }

    /// How often the call finds a page that the guest does not show yet; for people. Nothing in this process.
    fn faults(&mut self) -> Result<String, String> {
        let mut count = || self.nub.stats().map(|stats| stats.window_faults).map_err(|error| error.to_string());
        let before = count()?;
        self.call()?;
        let after = self.nub.stats().map_err(|error| error.to_string())?.window_faults;
        let faults = before.zip(after).map(|(before, after)| format!(" {} faults a call", after - before));
        Ok(faults.unwrap_or_default())
    }

    /// Nanoseconds of the call alone, what it came to, and the scratchpad.
    fn call(&mut self) -> Result<(f64, Outcome, Option<Data>), String> {
        let Call { endpoint, registers, .. } = &self.workload.call;
        let nub = &mut self.nub;
        let instance = nub.copy(self.ready).map_err(|error| error.to_string())?;
        // As the peer, whose memory is filled before: the call is of something that is ready.
        nub.prepare(instance).map_err(|error| error.to_string())?;
        if self.arch == Arch::Kvm {
            for _ in 0..UNTIL_AWAKE {
                nub.stats().map_err(|error| error.to_string())?;
            }
        }
        let (time, outcome) = timed(|| nub.invoke(instance, *endpoint, registers, &self.options));
        nub.drop_instance(instance);
        let outcome = outcome.map_err(|error| error.to_string())?;
        halted(&outcome)?;
        Ok((time, Outcome { value: outcome.value, gas_used: outcome.gas_used }, outcome.scratchpad))
    }

    /// The first call: what it came to, and the first `mapped` bytes of the scratchpad. It is what is expected, where that
    /// is known.
    fn checked(&mut self, mapped: usize) -> Result<(Outcome, Vec<u8>), String> {
        let (_, outcome, scratchpad) = self.call()?;
        let mut bytes = vec![0; mapped];
        if let Some(data) = scratchpad {
            data.read(0, &mut bytes).map_err(|error| error.to_string())?;
        }
        if let Expected::Known(expected, result) = &self.workload.expected {
            if outcome.value != *expected {
                return Err(format!("nub returns {} where {expected} is right", outcome.value));
            }
            if !bytes.starts_with(result) {
                return Err("nub leaves another result in the scratchpad than is right".into());
            }
        }
        Ok((outcome, bytes))
    }
}

fn options_of(call: &Call) -> InvokeOptions {
    InvokeOptions { gas: GAS, scratchpad: call.scratchpad.clone(), ..InvokeOptions::default() }
}

fn halted(outcome: &InvokeOutcome) -> Result<(), String> {
    if outcome.ended == Ended::Halt {
        return Ok(());
    }
    let said: String =
        outcome.logs.iter().map(|entry| format!(": {}", String::from_utf8_lossy(&entry.bytes))).collect();
    Err(format!("nub: it ended with {:?} at {:#x}{said}", outcome.ended, outcome.pc))
}

fn measure(name: &str, workload: &Workload, arch: Arch, time: Duration) -> Result<Line, String> {
    let image = load(workload.image)?;
    let mapped = scratchpad_bytes(&image);
    let mut ours = Ours::new(&image, workload, arch)?;
    let (outcome, bytes) = ours.checked(mapped)?;
    let mut here = match arch {
        Arch::Local => None,
        Arch::Kvm => Some(Ours::new(&image, workload, Arch::Local)?),
    };
    if let Some(here) = &mut here
        && here.checked(mapped)? != (outcome, bytes.clone())
    {
        return Err("the virtual machine and this process differ".into());
    }

    let left_out = |peer: &str, reason: &str| eprintln!("{name}: {peer} is left out: {reason}");
    let mut peer = match check_peer(&image, workload, outcome, &bytes) {
        Ok(peer) => Some(peer),
        Err(reason) => {
            left_out(peer::INTERPRETER, &reason);
            None
        }
    };
    let native = check_native(workload, outcome, &bytes).map_err(|reason| left_out(NATIVE, &reason)).is_ok();

    let mut contenders: Vec<Contender<'_>> = vec![Box::new(|| ours.timed(outcome))];
    let mut names = Vec::new();
    if let Some(here) = &mut here {
        names.push(HERE);
        contenders.push(Box::new(|| here.timed(outcome)));
    }
    if let Some(peer) = &mut peer {
        names.push(peer::INTERPRETER);
        contenders.push(Box::new(|| {
            peer.prepare()?;
            let (time, again) = timed(|| peer.call());
            if again? != outcome { Err("polkavm: another outcome than before".into()) } else { Ok(time) }
        }));
    }
    if native {
        names.push(NATIVE);
        contenders.push(Box::new(|| Ok(native::run(workload, mapped).ok_or(NO_NATIVE)?.time)));
    }
    let mut times: Vec<Times> = measure::in_turns(&mut contenders, time)?;
    drop(contenders);
    let nub = times.remove(0);
    let note = peer.map(|peer| peer.note()).unwrap_or_default() + &ours.faults()?;
    Ok(Line { name: name.into(), unit: "ns", nub, peers: names.into_iter().zip(times).collect(), note })
}

/// polkavm, after it has given what nub gave.
fn check_peer(image: &ValidImage, workload: &Workload, outcome: Outcome, bytes: &[u8]) -> Result<Peer, String> {
    let mut peer = Peer::new(image, workload)?;
    let theirs = peer.call()?;
    if theirs != outcome {
        return Err(format!("{theirs:?}, where nub gives {outcome:?}"));
    }
    if !bytes.is_empty() && peer.scratchpad(bytes.len())? != bytes {
        return Err("the scratchpads differ".into());
    }
    Ok(peer)
}

/// Why there are no figures of host code.
const NO_NATIVE: &str = "there is no native build of it";

fn check_native(workload: &Workload, outcome: Outcome, bytes: &[u8]) -> Result<(), String> {
    let done = native::run(workload, bytes.len()).ok_or(NO_NATIVE)?;
    if done.value != outcome.value {
        return Err(format!("it returns {}, where nub gives {}", done.value, outcome.value));
    }
    if done.scratchpad != bytes {
        return Err("the scratchpads differ".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_gives_the_same_everywhere() {
        for workload in workload::all().into_iter().chain([workload::nothing()]) {
            let image = load(workload.image).unwrap();
            let mut ours = Ours::new(&image, &workload, Arch::Local).unwrap();
            let (outcome, bytes) = ours.checked(scratchpad_bytes(&image)).unwrap();
            let mut peer = check_peer(&image, &workload, outcome, &bytes).unwrap();
            // Once more, after memory was made fresh.
            peer.prepare().unwrap();
            assert_eq!(peer.call().unwrap(), outcome, "{}", workload.name);
            if workload.call.native.is_some() {
                check_native(&workload, outcome, &bytes).unwrap();
            }
        }
    }

    #[test]
    fn a_wrong_result_is_not_timed() {
        let wrong = workload::all().into_iter().find(|workload| workload.name == "fib").unwrap();
        let wrong = Workload { expected: Expected::Known(1, Vec::new()), ..wrong };
        let refused = measure("exec/fib", &wrong, Arch::Local, Duration::ZERO).map(|_| ()).unwrap_err();
        assert!(refused.contains("is right"), "{refused}");
        let image = load("fib").unwrap();
        let other = Outcome { value: 0, gas_used: 0 };
        assert!(check_peer(&image, &wrong, other, &[]).map(|_| ()).unwrap_err().contains("where nub gives"));
    }
}
