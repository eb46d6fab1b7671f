//! `nub doctor`: what nub finds on this machine, and what that means for it. Only what was looked at or measured.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use javm_cap::Page;
use nub::Nub;
use serde_json::{Map, Value, json};

use super::bench::measure::{self, Times, nanoseconds};
use super::bench::{self, time_text};
use super::failure::{Exit, Failure};
use super::guest_figures::{self, GuestFigures};
use super::machine;
use super::output::{FAINT, Output, STRONG};

/// Show what this machine can do for nub
#[derive(Args, Debug)]
pub(super) struct Arguments {}

/// How long each figure is measured.
const TIME: Duration = Duration::from_millis(200);

const KVM: &str = "/dev/kvm";

pub(super) fn run(_: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let cores = std::thread::available_parallelism().ok().map(std::num::NonZero::get);
    let cpu = field_of("/proc/cpuinfo", "model name");
    let memory = field_of("/proc/meminfo", "MemTotal").and_then(|text| kibibytes(&text));
    let huge_page = field_of("/proc/meminfo", "Hugepagesize").and_then(|text| kibibytes(&text));
    let reserved: Option<u64> = field_of("/proc/meminfo", "HugePages_Total").and_then(|text| text.parse().ok());
    let transparent = chosen("/sys/kernel/mm/transparent_hugepage/enabled");
    let kvm = guest_figures::is_possible();
    let nub = Nub::builder().build().map_err(|error| Failure::nub(Path::new(KVM), error))?;
    let started = Nub::builder().build().map_err(|error| Failure::nub(Path::new(KVM), error))?;
    let calls = bench::empty_call(started)?.single(TIME)?;
    let clock = measure::sample(TIME / 10, || {
        let start = Instant::now();
        Ok(nanoseconds(start.elapsed()))
    })?;
    let copies = copy_page()?;
    let guest = if nub.arch() == "kvm" { guest_figures::measure(TIME)? } else { None };

    if output.is_json() {
        let mut object = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            object.extend(value.map(|value| (key.to_string(), value)));
        };
        put("version", Some(env!("CARGO_PKG_VERSION").into()));
        put("os", Some(std::env::consts::OS.into()));
        put("machine", Some(std::env::consts::ARCH.into()));
        put("cpu", cpu.map(Value::from));
        put("cores", cores.map(Value::from));
        put("memory_bytes", memory.map(Value::from));
        put("huge_page_bytes", huge_page.map(Value::from));
        put("huge_pages_reserved", reserved.map(Value::from));
        put("transparent_huge_pages", transparent.map(Value::from));
        put("kvm", Some(kvm.is_ok().into()));
        put("arch", Some(nub.arch().into()));
        put("privilege", machine::privilege(&nub).map(Value::from));
        put("why_local", nub.why_local().map(|why| why.to_string().into()));
        put("engine", Some(nub.engine().into()));
        put("clock_ns", Some(json!(clock.at(0.5))));
        put("call_ns", Some(quantiles(&calls)));
        put("copy_page_ns", Some(json!((copies.at(0.5) * 10.0).round() / 10.0)));
        if let Some(guest) = guest {
            guest.put(&mut object);
        }
        output.object(&Value::Object(object))?;
        return Ok(Exit::Success);
    }

    let mut line = |label: &str, text: &str| output.line(format_args!("{STRONG}{label:<13}{STRONG:#} {text}"));
    line("nub", &format!("{} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH))?;
    if let Some(cpu) = cpu {
        line("processor", &cpu)?;
    }
    if let Some(cores) = cores {
        line("cores", &cores.to_string())?;
    }
    if let Some(bytes) = memory {
        line("memory", &super::number::size(bytes))?;
    }
    if let (Some(bytes), Some(reserved)) = (huge_page, reserved) {
        let transparent = transparent.map(|mode| format!("; transparent ones: {mode}")).unwrap_or_default();
        line("huge pages", &format!("of {}, {reserved} reserved{transparent}", super::number::size(bytes)))?;
    }
    match kvm {
        Ok(()) => line("KVM", &format!("yes: {KVM} can be used"))?,
        Err(why) => line("KVM", &format!("no: {why}"))?,
    }
    let engine = nub.engine();
    match nub.why_local() {
        Some(why) => line("nub runs on", &format!("{}, {engine} {FAINT}({why}){FAINT:#}", machine::name(&nub)))?,
        None => line("nub runs on", &format!("{}, {engine}", machine::name(&nub)))?,
    }
    let [least, median, p99, p999] = [0.0, 0.5, 0.99, 0.999].map(|part| time_text(calls.at(part)));
    let clock = time_text(clock.at(0.5));
    let spread = format!("at least {least}, p99 {p99}, p99.9 {p999}");
    line("a call", &format!("{median}, {spread} {FAINT}({clock} of it the clock's){FAINT:#}"))?;
    line("a page copied", &time_text(copies.at(0.5)))?;
    for (label, text) in guest.iter().flat_map(GuestFigures::lines) {
        line(label, &text)?;
    }
    Ok(Exit::Success)
}

fn quantiles(times: &Times) -> Value {
    json!({ "min": times.at(0.0), "p50": times.at(0.5), "p99": times.at(0.99), "p999": times.at(0.999) })
}

/// How long it takes to copy a page to another.
fn copy_page() -> Result<Times, Failure> {
    // As many as a small cache holds, each time all of them.
    const PAGES: usize = 32;
    let from = vec![Page::zero().clone(); PAGES];
    let mut to = from.clone();
    let times = measure::sample(TIME / 10, || {
        let start = Instant::now();
        to.clone_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
        Ok(nanoseconds(start.elapsed()) / PAGES as f64)
    })?;
    Ok(times)
}

/// What stands behind `name` and a colon in a file of Linux's; `None` where there is no such thing.
fn field_of(path: &str, name: &str) -> Option<String> {
    let text = std::io::read_to_string(File::open(path).ok()?).ok()?;
    field(&text, name).map(str::to_string)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        (label.trim() == name).then(|| value.trim())
    })
}

/// `16384 kB` in bytes.
fn kibibytes(text: &str) -> Option<u64> {
    text.strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The one of several words that stands in brackets.
fn chosen(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(word, _)| word.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "MemTotal:       16384 kB\nHugePages_Total:       3\nmodel name\t: A: b\n";
        assert_eq!(field(text, "MemTotal").and_then(kibibytes), Some(16 << 20));
        assert_eq!(field(text, "HugePages_Total"), Some("3"));
        assert_eq!(field(text, "model name"), Some("A: b"));
        assert_eq!(field(text, "HugePages"), None);
        assert_eq!(kibibytes("12 MB"), None);
    }
}
