//! `nub bench`: how fast nub is on this machine, by itself. Comparisons with others are `javm-bench`'s.
//!
//! - [`programs`] is what it brings along to run.
//! - [`capabilities`] is what values cost.
//! - [`trees`] is what calls and operations of programs cost.
//! - [`measure`] is how samples are taken.

mod capabilities;
pub(super) mod measure;
mod programs;
mod trees;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use javm_cap::{Capability, ValidImage};
use javm_interpreter::Code;
use javm_isa::{CostModel, Mode};
use nub::{Ended, EndpointRef, Grants, InstanceId, InvokeOptions, Nub};
use serde_json::json;

use super::failure::{Exit, Failure};
use super::machine::{self, Machine};
use super::output::{FAINT, Output, STRONG, say};
use super::{arguments, files, number, run};
use measure::{Times, nanoseconds};

/// Measure how fast nub is on this machine
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  nub bench\n  nub bench capabilities\n  nub bench guests/images/sieve.nub --endpoint sieve --arg 1000000"
)]
pub(super) struct Arguments {
    /// An Image to measure instead of the programs that nub brings along; or `capabilities`: copies, hashes and memory
    image: Option<PathBuf>,
    /// The endpoint, by name or number; may be left out where there is only one
    #[arg(long, short, value_name = "NAME|N", requires = "image")]
    endpoint: Option<String>,
    /// An argument, as `nub run` takes it; once for each
    #[arg(long = "arg", short, value_name = "V", allow_negative_numbers = true, requires = "image")]
    args: Vec<String>,
    /// The gas limit of each call
    #[arg(long, default_value_t = nub::DEFAULT_GAS, value_parser = run::parse_gas, allow_negative_numbers = true)]
    gas: u64,
    /// Where the scratchpad's first bytes come from
    #[arg(long, value_name = "FILE", requires = "image")]
    scratchpad: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    /// How long to measure each figure
    #[arg(long, value_name = "S", default_value_t = 0.3, value_parser = parse_seconds)]
    seconds: f64,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0 to 3600".into()),
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    if cfg!(debug_assertions) {
        say(STRONG, "note", "nub was built without optimisation; its figures mean little");
    }
    let time = Duration::from_secs_f64(arguments.seconds);
    match &arguments.image {
        // A file of that name is `./capabilities`.
        Some(group) if group.as_os_str() == "capabilities" => {
            of_values(time, output)?;
            of_trees(arguments, time, output)?;
        }
        Some(path) => of_image(arguments, path, time, output)?,
        None => of_machine(arguments, time, output)?,
    }
    Ok(Exit::Success)
}

/// Where a figure was measured.
#[derive(Clone, Copy)]
struct Place {
    arch: &'static str,
    privilege: Option<&'static str>,
}

impl Place {
    /// What the host itself does, whichever machine is chosen.
    const HOST: Place = Place { arch: "local", privilege: None };

    fn of(nub: &Nub) -> Place {
        Place { arch: nub.arch(), privilege: machine::privilege(nub) }
    }
}

/// The head of the table, for people.
fn head(name: &str, output: &mut Output) -> Result<(), Failure> {
    match output.is_json() {
        true => Ok(()),
        false => output
            .line(format_args!("{STRONG}{name:<NAME_WIDTH$} {:>12} {:>12} {:>12}{STRONG:#}", "median", "p10", "p90")),
    }
}

/// The first line, for people; and how long a virtual machine takes to its first reply.
fn begin(arguments: &Arguments, path: &Path, time: Duration, output: &mut Output) -> Result<Nub, Failure> {
    let nub = arguments.machine.start(path)?;
    head(&machine::name(&nub), output)?;
    if nub.health().boot_time.is_some() {
        let times = measure::sample(time, || {
            let boot = arguments.machine.start(path)?.health().boot_time;
            Ok(boot.map_or(0.0, nanoseconds))
        })?;
        print(output, Place::of(&nub), "boot", NANOSECONDS, &times)?;
    }
    Ok(nub)
}

/// The figures of an Image that was given.
fn of_image(arguments: &Arguments, path: &Path, time: Duration, output: &mut Output) -> Result<(), Failure> {
    let image = super::image::load(path)?;
    let endpoint = run::choose_endpoint(arguments.endpoint.as_deref(), &image)?;
    let scratchpad = match &arguments.scratchpad {
        Some(file) => Some(files::read(file, "a scratchpad", files::MAX_SCRATCHPAD_BYTES)?),
        None => None,
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let nub = begin(arguments, path, time, output)?;
    let place = Place::of(&nub);
    let mut subject = Subject::new(path, nub, &image, endpoint, Vec::new(), InvokeOptions::default())?;
    let called = subject.nub.endpoint(subject.instance, endpoint).map_err(|error| Failure::nub(path, error))?;
    let prepared = arguments::prepare(&arguments.args, &called, false)?;
    subject.options = prepared.options(path, arguments.gas, scratchpad)?;
    subject.arguments = prepared.registers;
    print(output, place, &format!("exec/{name}"), NANOSECONDS, &subject.fresh(time)?)?;
    // A program need not be one that can be called again and again.
    match subject.ready(time) {
        Ok(times) => print(output, place, &format!("call/{name}"), NANOSECONDS, &times)?,
        Err(failure) => say(STRONG, "note", &format!("call/{name} is left out: {failure}")),
    }
    compile(output, &name, &image, time)
}

/// The figures of the machine, by programs that nub brings along.
fn of_machine(given: &Arguments, time: Duration, output: &mut Output) -> Result<(), Failure> {
    let path = Path::new("a program of nub's own");
    let own = |image: Result<ValidImage, String>| image.map_err(|error| Failure::malformed(path, error));
    let place = Place::of(&begin(given, path, time, output)?);
    for program in programs::WORK.iter().chain(programs::CALLS) {
        let image = own(program.image())?;
        let options = InvokeOptions { gas: given.gas, ..InvokeOptions::default() };
        let arguments = vec![program.times];
        let nub = given.machine.start(path)?;
        let mut subject = Subject::new(path, nub, &image, EndpointRef::Number(0), arguments, options)?;
        let times = match program.name.starts_with("exec/") {
            true => subject.fresh(time)?,
            false => subject.ready(time)?.divided(program.times as f64),
        };
        print(output, place, program.name, NANOSECONDS, &times)?;
        if program.name == programs::EMPTY.name {
            print(output, place, "spawn", NANOSECONDS, &subject.spawned(time)?)?;
        }
    }
    publish(given.machine.start(path)?, path, time, output)?;
    compile(output, "blocks", &own(programs::long())?, time)
}

/// Putting an Image of 1 MiB that was not there before, and putting it again.
fn publish(mut nub: Nub, path: &Path, time: Duration, output: &mut Output) -> Result<(), Failure> {
    let place = Place::of(&nub);
    let mut seed = 0;
    let mut put = |image: &ValidImage| {
        let capability = Capability::Image(image.clone());
        let start = Instant::now();
        let done = nub.put_cap(&capability);
        let took = start.elapsed();
        done.map(|_| nanoseconds(took)).map_err(|error| Failure::nub(path, error))
    };
    let mut last = None;
    let first = measure::sample(time, || {
        seed += 1;
        let image = programs::large(seed).map_err(|error| Failure::malformed(path, error))?;
        let took = put(&image)?;
        last = Some(image);
        Ok(took)
    })?;
    print(output, place, "put/1MiB", NANOSECONDS, &first)?;
    let Some(image) = last else { return Ok(()) };
    print(output, place, "put/again", NANOSECONDS, &measure::sample(time, || put(&image))?)
}

/// The figures of values, in this process.
fn of_values(time: Duration, output: &mut Output) -> Result<(), Failure> {
    head("values", output)?;
    capabilities::measure(time, |(name, unit, times)| print(output, Place::HOST, name, unit, &times))
}

/// The figures of programs that call each other and work with capabilities.
fn of_trees(arguments: &Arguments, time: Duration, output: &mut Output) -> Result<(), Failure> {
    let mut nub = arguments.machine.start(Path::new("a program of nub's own"))?;
    let place = Place::of(&nub);
    head(&machine::name(&nub), output)?;
    trees::measure(&mut nub, time, |name, unit, measured| match measured {
        Ok(times) => print(output, place, name, unit, &times),
        Err(why) => {
            say(STRONG, "note", &format!("{name} is left out: {why}"));
            Ok(())
        }
    })
}

/// The smallest call there is, for others to measure: reads a number from memory.
pub(super) fn empty_call(nub: Nub) -> Result<Subject<'static>, Failure> {
    let path = Path::new("a program of nub's own");
    let image = programs::EMPTY.image().map_err(|error| Failure::malformed(path, error))?;
    Subject::new(path, nub, &image, EndpointRef::Number(0), vec![0], InvokeOptions::default())
}

/// The Image of [`empty_call`], in its canonical encoding.
#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "x86_64"))]
pub(super) fn empty_image() -> Result<Vec<u8>, Failure> {
    let image =
        programs::EMPTY.image().map_err(|error| Failure::malformed(Path::new("a program of nub's own"), error))?;
    Ok(image.image().encode())
}

/// A call that can be made again and again.
pub(super) struct Subject<'a> {
    path: &'a Path,
    nub: Nub,
    instance: InstanceId,
    endpoint: EndpointRef<'a>,
    arguments: Vec<u64>,
    options: InvokeOptions,
}

impl<'a> Subject<'a> {
    fn new(
        path: &'a Path,
        mut nub: Nub,
        image: &ValidImage,
        endpoint: EndpointRef<'a>,
        arguments: Vec<u64>,
        options: InvokeOptions,
    ) -> Result<Subject<'a>, Failure> {
        let hash = nub.publish_image(image.clone()).map_err(|error| Failure::nub(path, error))?;
        let instance = nub.instantiate(&hash, &Grants::services()).map_err(|error| Failure::nub(path, error))?;
        Ok(Subject { path, nub, instance, endpoint, arguments, options })
    }

    /// Makes the call, and gives how long it took.
    fn call(&mut self, instance: InstanceId) -> Result<Duration, Failure> {
        let start = Instant::now();
        let outcome = self.nub.invoke(instance, self.endpoint, &self.arguments, &self.options);
        let time = start.elapsed();
        let outcome = outcome.map_err(|error| Failure::nub(self.path, error))?;
        match outcome.ended {
            Ended::Halt => Ok(time),
            _ => Err(Failure::Usage(format!(
                "{}: the call ends with {}, and only calls that return are measured; `nub run` says more",
                self.path.display(),
                outcome.status()
            ))),
        }
    }

    fn copy(&mut self) -> Result<InstanceId, Failure> {
        self.nub.copy(self.instance).map_err(|error| Failure::nub(self.path, error))
    }

    /// The call of an Instance that nobody has called.
    fn fresh(&mut self, time: Duration) -> Result<Times, Failure> {
        measure::sample(time, || {
            let instance = self.copy()?;
            let done = self.call(instance);
            self.nub.drop_instance(instance);
            done.map(nanoseconds)
        })
    }

    /// The call of one Instance again and again.
    fn ready(&mut self, time: Duration) -> Result<Times, Failure> {
        let instance = self.copy()?;
        let times = measure::repeated(time, || self.call(instance).map(drop));
        self.nub.drop_instance(instance);
        times
    }

    /// A new Instance, called once, and dropped.
    fn spawned(&mut self, time: Duration) -> Result<Times, Failure> {
        measure::repeated(time, || {
            let instance = self.copy()?;
            let done = self.call(instance).map(drop);
            self.nub.drop_instance(instance);
            done
        })
    }

    /// Single calls of one Instance, two looks at the clock included.
    pub(super) fn single(&mut self, time: Duration) -> Result<Times, Failure> {
        measure::sample(time, || self.call(self.instance).map(nanoseconds))
    }
}

const NANOSECONDS: &str = "ns";
const PER_INSTRUCTION: &str = "ns/instruction";
const BYTES: &str = "bytes";
const PAGES: &str = "pages";

/// The width of the column of names.
const NAME_WIDTH: usize = 34;

/// What an instruction costs before a program can run, with gas of either model.
fn compile(output: &mut Output, name: &str, image: &ValidImage, time: Duration) -> Result<(), Failure> {
    let program = image.program();
    let instructions = program.instructions(Mode::Image).count().max(1);
    for (group, model) in [("compile-flat", CostModel::Flat), ("compile-pipeline", CostModel::Pipeline)] {
        let times = measure::repeated(time, || {
            drop(black_box(Code::new(black_box(program), Mode::Image, model)));
            Ok(())
        })?;
        print(output, Place::HOST, &format!("{group}/{name}"), PER_INSTRUCTION, &times.divided(instructions as f64))?;
    }
    Ok(())
}

fn print(output: &mut Output, place: Place, name: &str, unit: &str, times: &Times) -> Result<(), Failure> {
    let [median, p10, p90] = [0.5, 0.1, 0.9].map(|part| times.at(part));
    if output.is_json() {
        let [median, p10, p90] = [median, p10, p90].map(|time| (time * 10.0).round() / 10.0);
        return output.object(&json!({
            "name": name,
            "arch": place.arch,
            "privilege": place.privilege,
            "engine": "interpreter",
            "unit": unit,
            "median": median,
            "p10": p10,
            "p90": p90,
        }));
    }
    let text = |value: f64| match unit {
        BYTES | PAGES => format!("{value:.0} {unit}"),
        _ => time_text(value),
    };
    let [median, p10, p90] = [median, p10, p90].map(text);
    let what = if unit == PER_INSTRUCTION { format!(" {FAINT}an instruction{FAINT:#}") } else { String::new() };
    output.line(format_args!("{name:<NAME_WIDTH$} {median:>12} {p10:>12} {p90:>12}{what}"))
}

/// Nanoseconds in the unit that reads best.
pub(super) fn time_text(nanoseconds: f64) -> String {
    match nanoseconds {
        _ if nanoseconds < 1e3 => format!("{nanoseconds:.1} ns"),
        _ => number::duration(Duration::from_nanos(nanoseconds as u64)),
    }
}
