//! `nub bench` and `nub doctor`: what they say, not how fast anything is.

use super::{guest, nub};

/// Every line is a figure: its name, and that its numbers are in order.
#[track_caller]
fn figures(stdout: &str) -> Vec<String> {
    let figure = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(object["engine"], "interpreter", "{line}");
        assert_eq!(object["arch"] == "local", object["privilege"].is_null(), "{line}");
        let [p10, median, p90] = ["p10", "median", "p90"].map(|key| object[key].as_f64().expect("a number"));
        assert!(0.0 < p10 && p10 <= median && median <= p90, "{line}");
        let name = object["name"].as_str().expect("a name").to_string();
        let unit = match name.split_once('/') {
            Some(("compile-flat" | "compile-pipeline", _)) => "ns/instruction",
            Some(("instances", _)) => "bytes",
            _ => "ns",
        };
        assert_eq!(object["unit"], unit, "{line}");
        name
    };
    // Only a virtual machine has to boot.
    stdout.lines().map(figure).filter(|name| name != "boot").collect()
}

#[test]
fn bench_measures_the_machine() {
    let run = nub(&["bench", "--json", "--seconds", "0"]).expect(0);
    let names = figures(&run.stdout);
    let expected = [
        "exec/arithmetic",
        "exec/memory",
        "call/empty",
        "spawn",
        "call/operation",
        "call/service",
        "put/1MiB",
        "put/again",
        "compile-flat/blocks",
        "compile-pipeline/blocks",
    ];
    assert_eq!(names, expected);
    let text = nub(&["bench", "--seconds", "0"]).expect(0).stdout;
    assert!(expected.iter().all(|name| text.contains(name)), "{text}");
}

#[test]
fn bench_measures_values() {
    let run = nub(&["bench", "capabilities", "--arch", "local", "--json", "--seconds", "0"]).expect(0);
    let names = figures(&run.stdout);
    let expected = [
        "copy/4KiB",
        "copy/1MiB",
        "copy/1GiB",
        "copy/instance-1000",
        "reroot/1-of-1GiB",
        "reroot/1-of-1GiB-hashing-alone",
        "reroot/1000-of-1GiB",
        "reroot/1000-of-1GiB-hashing-alone",
    ];
    assert_eq!(names[..8], expected);
    // Only Linux says how much memory is used.
    let programs = names.iter().position(|name| name.starts_with("program/")).unwrap_or(names.len());
    let memory = &names[8..programs];
    assert!(memory.is_empty() || memory == ["instances/bytes-each", "instances/bytes-each-with-page"]);
    let expected = [
        "program/service",
        "program/call",
        "program/call-4-ephemeral",
        "program/call-4-ephemeral-written",
        "program/call-4-writable",
        "program/call-4-writable-written",
        "program/spawn-call-drop",
        "program/copy-4KiB",
        "program/copy-1MiB",
        "program/copy-1GiB",
        "program/copy-instance-1000",
        "program/copy-drop-4KiB",
        "program/copy-drop-1MiB",
        "program/copy-drop-1GiB",
        "program/copy-drop-instance-1000",
        "program/scratchpad-64MiB",
    ];
    assert_eq!(names[programs..], expected);
}

#[test]
fn bench_measures_an_image() {
    let image = guest("fib");
    let run = nub(&["bench", &image, "--endpoint", "fib", "--arg", "90", "--json", "--seconds", "0"]).expect(0);
    assert_eq!(figures(&run.stdout), ["exec/fib", "call/fib", "compile-flat/fib", "compile-pipeline/fib"]);
}

#[test]
fn bench_says_what_cannot_be_measured() {
    let image = guest("faults");
    nub(&["bench", &image, "--endpoint", "null"]).expect(2).says(&["ends with PANIC", "nub run"]);
    nub(&["bench", &guest("fib"), "--seconds", "0"]).expect(2).says(&["which endpoint?", "fib, fib_recursive"]);
    nub(&["bench", &guest("fib"), "-e", "fib"]).expect(2).says(&["0 arguments are given", "fib(n: u64)"]);
    nub(&["bench", &guest("fib"), "-e", "fib", "-a", "90", "--gas", "10"]).expect(2).says(&["ends with OUT_OF_GAS"]);
    nub(&["bench", "no/such.nub"]).expect(3).says(&["no/such.nub", "check the path"]);
    nub(&["bench", "--endpoint", "fib"]).expect(2).says(&["<IMAGE>"]);
    nub(&["bench", "--seconds", "-1"]).expect(2);
    nub(&["bench", "--seconds", "NaN"]).expect(2).says(&["from 0 to 3600"]);
}

#[test]
fn doctor_says_what_it_found() {
    let object = nub(&["doctor", "--json"]).expect(0).json();
    assert!(object["kvm"].is_boolean(), "{object}");
    assert_eq!(object["engine"], "interpreter");
    // A virtual machine has a privilege, and has to boot; this process has a reason.
    let is_local = object["arch"] == "local";
    for key in [
        "privilege",
        "why_privilege",
        "hashing",
        "boot_memory_bytes",
        "boot_ns",
        "boot_parts_ns",
        "query_ns",
        "round_trip_ns",
        "exits_per_call",
        "fault_ns",
        "exit_ns",
        "host_spin_ns",
        "guest_spin_ns",
    ] {
        assert_eq!(object.get(key).is_some(), !is_local, "{key}: {object}");
    }
    assert_eq!(object.get("why_local").is_some(), is_local, "{object}");
    let times = ["min", "p50", "p99", "p999"].map(|key| object["call_ns"][key].as_f64().expect("a number"));
    assert!(times[0] > 0.0 && times.is_sorted(), "{object}");
    assert!(object["copy_page_ns"].as_f64().is_some_and(|time| time > 0.0), "{object}");
    for key in ["boot_ns", "fault_ns", "exit_ns"] {
        assert!(is_local || object[key].as_f64().is_some_and(|time| time > 0.0), "{key}: {object}");
    }
    if !is_local {
        let times = ["min", "p50", "p99", "p999"].map(|key| object["query_ns"][key].as_f64().expect("a number"));
        assert!(times[0] > 0.0 && times.is_sorted(), "{object}");
    }
    let text = nub(&["doctor"]).expect(0).stdout;
    for label in ["nub runs on", "KVM", "a call"] {
        assert!(text.contains(label), "{text}");
    }
    if !is_local {
        let place = |label| text.find(label).unwrap_or_else(|| panic!("{label} is not in {text}"));
        assert!(
            text[place("\nboot")..place("\nexits")].lines().count() == 3,
            "what boot went to stands below it: {text}"
        );
    }
}
