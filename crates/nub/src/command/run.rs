//! `nub run`: calls an endpoint of an Image.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use javm_cap::{Capability, Path as CapPath, ValidImage};
use javm_isa::{BlockCosts, Mode};
use nub::{Ended, EndpointRef, Grants, InstanceId, InvokeOptions, InvokeOutcome, LogEntry, Nub, TraceLine};
use serde_json::{Value, json};

use super::arguments::{self, ResultValue};
use super::backtrace::{self, Backtrace};
use super::calls::Calls;
use super::diagnosis;
use super::failure::{Exit, Failure};
use super::files;
use super::hex;
use super::machine::{self, Machine};
use super::manifest::Tree;
use super::number;
use super::output::{BAD, FAINT, GOOD, Output, STRONG, say};
use super::place::Nearest;
use super::profile::{self, Profile};
use super::symbols::Symbols;

/// Call an endpoint of an Image and print what it returns
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  nub run guests/images/counter.nub --endpoint add --arg 5")]
pub(super) struct Arguments {
    /// The Image
    #[arg(required_unless_present = "manifest")]
    image: Option<PathBuf>,
    /// A tree of Images, Instances and whatever else, of which one Instance is called (docs/manifest.md)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "trace", "profile"])]
    manifest: Option<PathBuf>,
    /// Where in the tree what is called stands: slots behind a / each, as /10/1
    #[arg(long, value_name = "PATH", requires = "manifest")]
    at: Option<CapPath>,
    /// The endpoint, by name or number; may be left out where there is only one
    #[arg(long, short, value_name = "NAME|N")]
    endpoint: Option<String>,
    /// An argument, as its type is written in JSON: 5, 0x10, true, "text", '["a", 3]'; quotes around a text or hexadecimal
    /// digits can be left out. Once for each, or once as an array of all. Without a signature a 64-bit integer
    #[arg(long = "arg", short, value_name = "V", allow_negative_numbers = true)]
    args: Vec<String>,
    /// Take arguments and result as numbers in registers, whatever the endpoint's signature says
    #[arg(long)]
    raw: bool,
    /// The gas limit of each call
    #[arg(long, default_value_t = nub::DEFAULT_GAS, value_parser = parse_gas, allow_negative_numbers = true)]
    gas: u64,
    /// Where the scratchpad's first bytes come from
    #[arg(long, value_name = "FILE")]
    scratchpad: Option<PathBuf>,
    /// The scratchpad's first bytes
    #[arg(long, value_name = "HEX", conflicts_with = "scratchpad", value_parser = hex::parse)]
    scratchpad_hex: Option<hex::Bytes>,
    /// Where the scratchpad is written to after the (last) call
    #[arg(long, value_name = "FILE")]
    scratchpad_out: Option<PathBuf>,
    /// Make the same call this often, each finding what the one before has left
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Write a line for each instruction that runs, to FILE or standard error
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    trace: Option<Option<PathBuf>>,
    /// Write where the gas went: a flame graph (SVG), or stacks as text if FILE ends in .folded
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

pub(super) fn parse_gas(text: &str) -> Result<u64, String> {
    match number::parse(text)? {
        0 => Err("nothing runs without gas: give at least 1".into()),
        _ if text.starts_with('-') => Err("gas cannot be negative".into()),
        gas => Ok(gas),
    }
}

/// What all calls of one command came to.
struct Run {
    outcome: InvokeOutcome,
    /// Calls that were made.
    calls: u32,
    /// Gas of all of them.
    gas_used: u64,
    time: Duration,
    /// What it returned, by its signature.
    result: ResultValue,
}

/// What is called.
struct Subject {
    /// Of its Image.
    file: PathBuf,
    image: ValidImage,
    /// Where it stands, in a tree.
    at: CapPath,
    tree: Option<Tree>,
}

impl Subject {
    fn of(arguments: &Arguments) -> Result<Subject, Failure> {
        let at = arguments.at.unwrap_or_default();
        if let Some(file) = &arguments.manifest {
            let tree = Tree::read(file)?;
            let Some(Capability::Instance(instance)) = tree.at(&at) else {
                let nearest = Nearest::to(&at, |place| tree.at(place).map(|found| found.tag()));
                let way = nearest.map_or_else(String::new, |nearest| format!(": {}", nearest.way_to(&at, file)));
                return Err(Failure::Usage(format!("--at {at}: no Instance stands there{way}")));
            };
            let image = instance.image().clone();
            let file = tree.image_file(&image.hash()).unwrap_or(file).to_path_buf();
            return Ok(Subject { file, image, at, tree: Some(tree) });
        }
        let Some(path) = &arguments.image else { return Err(Failure::Usage("which Image?".into())) };
        let bytes = files::read(path, files::IMAGE, files::MAX_IMAGE_BYTES)?;
        let image = ValidImage::load(&bytes).map_err(|error| Failure::nub(path, error))?;
        Ok(Subject { file: path.clone(), image, at, tree: None })
    }

    /// Makes it on a machine, to be called.
    fn make(&self, nub: &mut Nub) -> Result<InstanceId, Failure> {
        let in_image = |error: nub::Error| Failure::nub(&self.file, error);
        match &self.tree {
            Some(tree) => tree.load(nub),
            None => {
                let image = nub.publish_image(self.image.clone()).map_err(in_image)?;
                nub.instantiate(&image, &Grants::services()).map_err(in_image)
            }
        }
    }
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let subject = Subject::of(arguments)?;
    let (path, valid) = (subject.file.as_path(), subject.image.clone());
    let in_image = |error: nub::Error| Failure::nub(path, error);
    let mut nub = match (&arguments.trace, &arguments.profile) {
        (None, None) => arguments.machine.start(path)?,
        _ => arguments.machine.start_watched(path)?,
    };
    let image = valid.hash();
    let symbols = Symbols::beside(path, &image);
    let endpoint = choose_endpoint(arguments.endpoint.as_deref(), &valid)?;
    let instance = subject.make(&mut nub)?;
    let called = nub.reader().endpoint_at(instance, &subject.at, endpoint).map_err(in_image)?;
    let prepared = arguments::prepare(&arguments.args, &called, arguments.raw)?;
    let given = match (&arguments.scratchpad, &arguments.scratchpad_hex) {
        (Some(file), _) => Some(files::read(file, "a scratchpad", files::MAX_SCRATCHPAD_BYTES)?),
        (None, Some(hex::Bytes(bytes))) => Some(bytes.clone()),
        (None, None) => None,
    };
    let options = InvokeOptions { path: subject.at, ..prepared.options(path, arguments.gas, given)? };

    let mut tracer = Tracer::open(arguments.trace.as_ref())?;
    let profile_file = profile::destination(arguments.profile.as_ref())?;
    let mut profile = profile_file.map(|_| {
        let starts = valid.program().block_starts(Mode::Image);
        let costs = BlockCosts::of(valid.program(), Mode::Image, valid.image().cost_model, &starts);
        Profile::new(valid.program(), costs, &symbols)
    });
    let spinner = (!output.is_json() && tracer.is_none()).then(Spinner::start);
    let start = Instant::now();
    let mut gas_used = 0;
    let mut calls = 0;
    let outcome = loop {
        if let Some(profile) = &mut profile {
            profile.begin(called.entry, arguments.gas);
        }
        let outcome = match (&mut tracer, &mut profile) {
            (None, None) => nub.invoke(instance, endpoint, &prepared.registers, &options),
            (tracer, profile) => nub.invoke_traced(instance, endpoint, &prepared.registers, &options, |line| {
                if let Some(tracer) = tracer {
                    tracer.line(&line, &symbols);
                }
                if let Some(profile) = profile {
                    profile.step(&line);
                }
            }),
        }
        .map_err(in_image)?;
        if let Some(profile) = &mut profile {
            profile.end(arguments.gas.saturating_sub(outcome.gas_used));
        }
        calls += 1;
        gas_used += outcome.gas_used;
        if calls == arguments.repeat || outcome.ended != Ended::Halt {
            break outcome;
        }
    };
    let time = start.elapsed();
    let backtrace = match (outcome.ended, &mut profile) {
        (Ended::Halt, _) => None,
        (_, Some(profile)) => Some(Backtrace::new(profile.calls(), &outcome, valid.program(), &symbols)),
        // Calls of many programs are not told apart there.
        (_, None) if subject.tree.is_some() => None,
        (_, None) if gas_used <= backtrace::MAX_GAS => {
            let mut followed = Calls::new(valid.program(), &symbols);
            let again = watch_again(&valid, endpoint, &prepared.registers, &options, calls, |line| {
                followed.step(&line, 0);
            });
            let again = again.map_err(in_image)?;
            let is_same = (again.ended, again.pc, again.gas_used) == (outcome.ended, outcome.pc, outcome.gas_used);
            is_same.then(|| Backtrace::new(&mut followed, &outcome, valid.program(), &symbols))
        }
        (_, None) => None,
    };
    drop(spinner);
    if let (Some(file), Some(profile)) = (profile_file, &mut profile) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        profile.write(file, &format!("{name}: {}", called.name))?;
    }
    if let Some(tracer) = tracer {
        tracer.close()?;
    }
    if let Some(file) = &arguments.scratchpad_out {
        write_scratchpad(file, &outcome)?;
    }

    let result = ResultValue::of(prepared.signature, &outcome);
    let run = Run { outcome, calls, gas_used, time, result };
    let diagnosis =
        diagnosis::of(&run.outcome, arguments.gas, valid.image(), valid.program(), &symbols, backtrace.as_ref());
    if output.is_json() {
        let root = nub.state_root(instance).map_err(in_image)?;
        let mut object = json!({
            "status": run.outcome.status().name(),
            "value": run.outcome.value,
            "result": run.result.json(),
            "gas_used": run.gas_used,
            "gas_limit": arguments.gas,
            "calls": run.calls,
            "logs": run.outcome.logs.iter().map(log_object).collect::<Vec<_>>(),
            "pc": run.outcome.pc,
            "registers": run.outcome.registers,
            "image": image.to_string(),
            "state_root": root.to_string(),
            "arch": nub.arch(),
            "privilege": machine::privilege(&nub),
            "why_local": nub.why_local().map(ToString::to_string),
            "engine": nub.engine(),
            "time_ns": u64::try_from(run.time.as_nanos()).unwrap_or(u64::MAX),
        });
        if let Ended::Fault { page } = run.outcome.ended {
            object["fault_page"] = page.into();
        }
        if let Some(error) = run.result.error() {
            object["message"] = error.into();
        }
        if let Some(diagnosis) = &diagnosis {
            object["message"] = diagnosis.message.clone().into();
        }
        if let Some(backtrace) = &backtrace {
            object["stack"] = backtrace.object();
        }
        output.object(&object)?;
    } else {
        print(&run, &nub, output)?;
        output.finish()?;
        if let Some(why) = nub.why_local() {
            say(STRONG, "note", &machine::why_here(why));
        }
        if let Some(error) = run.result.error() {
            say(BAD, "error", error);
        }
        if let Some(diagnosis) = &diagnosis {
            say(BAD, "error", &diagnosis.message);
            if let Some(hint) = &diagnosis.hint {
                say(STRONG, "hint", hint);
            }
        }
        match &backtrace {
            Some(backtrace) => backtrace.print(),
            None if run.outcome.ended == Ended::Halt || subject.tree.is_some() => {}
            None => {
                let most = number::grouped(backtrace::MAX_GAS);
                say(STRONG, "note", &format!("the calls that led there are not shown for more than {most} gas"));
            }
        }
    }
    Ok(match run.outcome.ended {
        Ended::Halt if run.result.error().is_some() => Exit::Refused,
        Ended::Halt => Exit::Success,
        Ended::Panic => Exit::ProgramPanic,
        Ended::Fault { .. } => Exit::ProgramFault,
        Ended::OutOfGas => Exit::ProgramOutOfGas,
        Ended::Refused(_) => Exit::ProgramRefused,
    })
}

/// Makes the same calls of a new Instance in this process, where the last one can be watched: every machine comes to the
/// same.
fn watch_again(
    image: &ValidImage,
    endpoint: EndpointRef<'_>,
    registers: &[u64],
    options: &InvokeOptions,
    calls: u32,
    follow: impl FnMut(TraceLine<'_>),
) -> Result<InvokeOutcome, nub::Error> {
    let mut nub = Nub::new_local();
    let image = nub.publish_image(image.clone())?;
    let instance = nub.instantiate(&image, &Grants::services())?;
    for _ in 1..calls {
        nub.invoke(instance, endpoint, registers, options)?;
    }
    nub.invoke_traced(instance, endpoint, registers, options, follow)
}

/// The endpoint that was asked for, by name or number, or the only one.
pub(super) fn choose_endpoint<'a>(asked: Option<&'a str>, image: &ValidImage) -> Result<EndpointRef<'a>, Failure> {
    let endpoints = &image.image().endpoints;
    match asked {
        Some(asked) if endpoints.iter().any(|endpoint| endpoint.name.as_str() == asked) => Ok(EndpointRef::Name(asked)),
        Some(asked) => Ok(asked.parse().map_or(EndpointRef::Name(asked), EndpointRef::Number)),
        None if endpoints.len() == 1 => Ok(EndpointRef::Number(0)),
        None => {
            let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            Err(Failure::Usage(format!("which endpoint? Say one with --endpoint: {}", names.join(", "))))
        }
    }
}

fn write_scratchpad(file: &std::path::Path, outcome: &InvokeOutcome) -> Result<(), Failure> {
    let Some(data) = &outcome.scratchpad else {
        return Err(Failure::Usage("--scratchpad-out: the call had no scratchpad, the Image maps none".into()));
    };
    let mut bytes = vec![0; usize::try_from(data.size()).unwrap_or(usize::MAX)];
    data.read(0, &mut bytes).map_err(|error| Failure::malformed(file, error))?;
    files::write(file, &bytes)
}

fn print(run: &Run, nub: &Nub, output: &mut Output) -> Result<(), Failure> {
    let outcome = &run.outcome;
    let (style, status) = match outcome.ended {
        Ended::Halt => (GOOD, run.result.text(outcome.value)),
        _ => (BAD, outcome.status().to_string()),
    };
    let other = if run.result.is_number() { other_reading(outcome) } else { String::new() };
    output.line(format_args!("{STRONG}result{STRONG:#}  {style}{status}{style:#}{other}"))?;
    let calls = if run.calls > 1 { format!(" in {} calls", number::grouped(run.calls.into())) } else { String::new() };
    output.line(format_args!("{STRONG}gas{STRONG:#}     {}{calls}", number::grouped(run.gas_used)))?;
    for entry in &outcome.logs {
        output.line(format_args!("{STRONG}log{STRONG:#}     [{}] {}", entry.topic, log_text(entry)))?;
    }
    output.line(format_args!(
        "{STRONG}time{STRONG:#}    {} {FAINT}({}, {}){FAINT:#}",
        number::duration(run.time),
        machine::name(nub),
        nub.engine()
    ))
}

/// How a large result may have been meant otherwise.
fn other_reading(outcome: &InvokeOutcome) -> String {
    let signed = outcome.value as i64;
    match outcome.ended {
        Ended::Halt if signed < 0 => format!(" {FAINT}({:#x}, {signed}){FAINT:#}", outcome.value),
        Ended::Halt if outcome.value > 0xFFFF => format!(" {FAINT}({:#x}){FAINT:#}", outcome.value),
        _ => String::new(),
    }
}

fn log_text(entry: &LogEntry) -> String {
    match std::str::from_utf8(&entry.bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_string(),
        _ => format!("0x{}", hex::text(&entry.bytes)),
    }
}

fn log_object(entry: &LogEntry) -> Value {
    json!({ "topic": entry.topic, "bytes": hex::text(&entry.bytes), "text": std::str::from_utf8(&entry.bytes).ok() })
}

/// Writes a line an instruction. What goes wrong is kept until the end: a run is not stopped half-way for it.
struct Tracer {
    out: Box<dyn Write>,
    name: String,
    failed: Option<std::io::Error>,
}

impl Tracer {
    fn open(trace: Option<&Option<PathBuf>>) -> Result<Option<Tracer>, Failure> {
        let (out, name): (Box<dyn Write>, String) = match trace {
            None => return Ok(None),
            Some(None) => (Box::new(std::io::stderr().lock()), "standard error".into()),
            Some(Some(path)) => {
                let file = File::create(path).map_err(|error| Failure::write(path.display(), error))?;
                (Box::new(file), path.display().to_string())
            }
        };
        Ok(Some(Tracer { out: Box::new(BufWriter::with_capacity(1 << 16, out)), name, failed: None }))
    }

    /// Offset, gas left, function, instruction, and the values of the registers that it reads.
    fn line(&mut self, line: &TraceLine<'_>, symbols: &Symbols) {
        if self.failed.is_some() {
            return;
        }
        let place = match symbols.function(line.pc) {
            Some((name, offset)) => format!("{name}+{offset:#x}"),
            None => "?".into(),
        };
        let mut values = String::new();
        for register in line.instruction.sources().into_iter().flatten() {
            values.push_str(&format!(" {register}={:#x}", line.registers[register.index()]));
        }
        let text = line.instruction.to_string();
        let written = writeln!(self.out, "{:08x} {:>12} {place:<40} {text:<44}{values}", line.pc, line.gas);
        self.failed = written.err();
    }

    fn close(mut self) -> Result<(), Failure> {
        let failed = self.failed.take().or_else(|| self.out.flush().err());
        failed.map_or(Ok(()), |error| Err(Failure::write(self.name, error)))
    }
}

/// Shows that something is going on once a call has taken a second.
struct Spinner {
    stop: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Spinner {
    fn start() -> Spinner {
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            if stopped.recv_timeout(Duration::from_secs(1)) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} running for {elapsed}, Ctrl-C ends it") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            let _ = stopped.recv();
            bar.finish_and_clear();
        });
        Spinner { stop, thread: Some(thread) }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
